package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/mrt"
	"github.com/linewarden/linewarden/bgp/rib"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/storage"
)

func newImportBGP(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "bgp FILE...",
		Short: "Import routing archives (MRT) into the history of routes",
		Long: "import bgp reads MRT files (TABLE_DUMP, TABLE_DUMP_V2, BGP4MP and BGP4MP_ET, with path\n" +
			"identifiers), plain, .gz or .bz2, in the given order, which should be that of their times.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.importBGP(cmd.Context(), args, format)
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}

// archiveRow is the account of one archive: records = used + refused.
type archiveRow struct {
	File      string            `json:"file"`
	Records   uint64            `json:"records"`
	Used      uint64            `json:"used"`
	Refused   map[string]uint64 `json:"refused"`
	Announced uint64            `json:"announced"`
	Withdrawn uint64            `json:"withdrawn"`
	// NotTaken are events that the table of routes refused.
	NotTaken uint64 `json:"not_taken"`
	Error    string `json:"error,omitempty"`
}

func (g *globals) importBGP(ctx context.Context, files []string, format string) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	log := g.logger()
	return g.withStore(ctx, cfg, func(s *opened) error {
		a, err := newArchives(cfg, s, log) //nolint:contextcheck // a writer outlives the call that opens it
		if err != nil {
			return err
		}
		show := newProgress(g.err)
		var failed []error
		for _, file := range files {
			if err := a.read(ctx, file, show); err != nil {
				failed = append(failed, err)
			}
		}
		show.end()
		a.table.Sweep()
		if err := a.history.writer.Close(context.WithoutCancel(ctx)); err != nil {
			failed = append(failed, fmt.Errorf("store the imported routes: %w", err))
		}
		if n := routesLost(a.history.writer.Books()); n > 0 {
			failed = append(failed, fmt.Errorf("%d changes of routes were not stored", n))
		}
		return errors.Join(errors.Join(failed...), g.writeArchives(a.rows, format))
	})
}

// archives is the path of imported routes: a table of their own, so that only
// what changes is kept.
type archives struct {
	table   *rib.RIB
	history *history
	rows    []archiveRow
}

func newArchives(cfg *Config, s *opened, log *slog.Logger) (*archives, error) {
	file, err := readVRPs(cfg.BGP.RPKI.File)
	if err != nil {
		return nil, err
	}
	h := &history{log: log}
	t, err := rib.New(rib.DefaultConfig(), h)
	if err != nil {
		return nil, fmt.Errorf("make the table of routes: %w", err)
	}
	if file != nil {
		vrps, err := rib.NewVRPs(file, time.Now())
		if err != nil {
			return nil, fmt.Errorf("bgp.rpki.file: %w", err)
		}
		t.SetVRPs(vrps)
	}
	return &archives{table: t, history: h}, h.open(s.Store, storage.Block)
}

// read takes one archive. A damaged one costs what is damaged.
func (a *archives) read(ctx context.Context, file string, show *progress) (err error) {
	row := archiveRow{File: file, Refused: make(map[string]uint64)}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", file, err)
			row.Error = err.Error()
		}
		a.rows = append(a.rows, row)
	}()
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := mrt.NewReader(f)
	if err != nil {
		return err
	}
	n := 0
	err = r.Each(ctx, func(e *bgp.Event) error {
		if n++; n%4096 == 0 {
			show.say("%s: %d events", file, n)
		}
		switch e.Kind {
		case bgp.Announce:
			row.Announced++
		case bgp.Withdraw:
			row.Withdrawn++
		case bgp.EndOfRIB, bgp.PeerUp, bgp.PeerDown, bgp.PeerStale:
		}
		if err := a.table.Apply(e); err != nil {
			row.NotTaken++
		}
		return nil
	})
	c := r.Count()
	row.Records, row.Used = c.Records, c.Used
	for reason, n := range c.Refused {
		row.Refused[reason.String()] = n
	}
	return err
}

func (g *globals) writeArchives(rows []archiveRow, format string) error {
	if format == "json" {
		return report.WriteJSON(g.out, rows)
	}
	t := report.NewTable("FILE", "RECORDS", "USED", "REFUSED", "ANNOUNCED", "WITHDRAWN", "NOT TAKEN")
	for _, r := range rows {
		t.AppendRow(table.Row{r.File, r.Records, r.Used, reasonsText(r.Refused), r.Announced, r.Withdrawn, r.NotTaken})
	}
	_, err := fmt.Fprintln(g.out, t.Render())
	return err
}
