package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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

// CheckReport implements console.Reports.
func (c consoleReports) CheckReport(req console.ReportRequest) error {
	q, err := quarterly.ParseQuarter(req.Quarter)
	switch {
	case err != nil:
		return fmt.Errorf("quarter: %w", err)
	case !slices.Contains(quarterly.Languages(), req.Language):
		return fmt.Errorf("language: there is no %q", req.Language)
	case req.Unmasked && req.Reason == "":
		return errors.New("reason is missing: it is recorded and printed on a report without masks")
	case !req.Unmasked && req.Reason != "":
		return errors.New("reason is given for reports without masks only")
	case time.Now().Before(q.Window(c.d.cfg.location).From):
		return fmt.Errorf("quarter %s has not begun", q)
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
