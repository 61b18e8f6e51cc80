package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/report/quarterly"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

// consoleReports makes the reports that the console is asked for. It implements
// console.Reports.
type consoleReports struct{ d *daemon }

var _ console.Reports = consoleReports{}

// CheckQuarter implements console.Reports.
func (c consoleReports) CheckQuarter(quarter string) error {
	q, err := quarterly.ParseQuarter(quarter)
	if err != nil {
		return console.ErrQuarter
	}
	if time.Now().Before(q.Window(c.d.cfg.location).From) {
		return fmt.Errorf("%s: %w", q, console.ErrNotBegun)
	}
	return nil
}

// MakeReport implements console.Reports.
func (c consoleReports) MakeReport(ctx context.Context, req console.ReportRequest, progress func(share float64, step string)) (map[string][]byte, error) {
	cfg := c.d.cfg
	q, err := quarterly.ParseQuarter(req.Quarter)
	if err != nil {
		return nil, fmt.Errorf("quarter: %w", err)
	}
	f := handlingFlags{recipient: req.Recipient, purpose: req.Purpose, usual: rules.Text{ZH: "季度自查报告", EN: "quarterly self-inspection"}}
	f.unmasked, f.reason = req.Unmasked, req.Reason
	in := &quarterly.Input{
		Carrier: cfg.Carrier.Name, Quarter: q, Location: cfg.location, Language: req.Language,
		Unfinished: time.Now().Before(q.Window(cfg.location).To),
	}
	if in.Privacy, err = f.privacy(cfg, req.Language, q.Days().To); err != nil {
		return nil, err
	}
	if req.Unmasked {
		in.Privacy.By = req.By
	}
	key, err := signed.OpenKey(keyDir(cfg))
	if err != nil {
		return nil, err
	}
	progress(0.1, "gather")
	if err := c.d.store.gatherQuarter(ctx, cfg, in, &globals{streams: streams{out: io.Discard, err: io.Discard}}); err != nil {
		return nil, err
	}
	progress(0.6, "typeset")
	return quarterly.Make(in, key)
}
