package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/collector/enrich"
	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage"
)

func newFlowsRelabel(g *globals) *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use: "relabel", Short: "Label stored flows by the ledgers and routes of their time",
		Long: "relabel gives stored flows the line, holder, networks and origins that the ledgers and routes say of\n" +
			"their time, as on arrival: for flows that were imported before their ledgers, or whose ledgers were\n" +
			"corrected. The hours of flows that change are rolled up again by the next audit; books and what is\n" +
			"held for findings stay as they are.\n\n" +
			"Flows are rewritten by the day (UTC) on which they were stored. Days that ended less than an hour\n" +
			"ago are left out, unless no daemon and no other command uses the embedded engine. A day takes as\n" +
			"much disk again while it is rewritten.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.relabelFlows(cmd.Context(), from, to) },
	}
	c.Flags().StringVar(&from, "from", "", "flows that began at or after this `time`")
	c.Flags().StringVar(&to, "to", "", "flows that began before the end of this `time`")
	return c
}

func (g *globals) relabelFlows(ctx context.Context, from, to string) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	span, err := parseSpan(from, to, cfg.location)
	if err != nil {
		return err
	}
	if span.From.IsZero() || span.To.IsZero() {
		return usagef("--from and --to are both needed")
	}
	return g.withStore(ctx, cfg, func(s *opened) (err error) {
		label, err := s.relabeller(ctx, cfg)
		if err != nil {
			return err
		}
		alone, err := s.aloneOnEngine()
		if err != nil {
			return err
		}
		if alone != nil {
			defer func() { err = errors.Join(err, alone.Close()) }()
		}
		r := storage.Relabelling{Span: span, Label: label, Alone: alone != nil}
		if err := s.RelabelFlows(ctx, r, g.sayRelabelled); err != nil {
			return fmt.Errorf("label flows anew: %w", err)
		}
		return nil
	})
}

// relabeller labels flows by the ledgers as they are known now. Origins that
// live routes gave stay where the store has no history of routes.
func (o *opened) relabeller(ctx context.Context, cfg *Config) (func([]flows.Record), error) {
	snapshot, err := o.snapshot(ctx, cfg, o.log)
	if err != nil {
		return nil, err
	}
	if !knowsWhose(snapshot) {
		return nil, errors.New("there are no ledgers of interfaces and allocations: import them first, see linewarden registry import")
	}
	routes, err := readOrigins(ctx, o)
	if err != nil {
		return nil, err
	}
	e, err := enrich.New(enrich.Config{Ledgers: enrich.NewLedgers(snapshot), Routes: routes, Location: cfg.location})
	if err != nil {
		return nil, fmt.Errorf("prepare enrichment: %w", err)
	}
	if routes != nil {
		return e.Enrich, nil
	}
	return func(records []flows.Record) {
		before := make([][2]uint32, len(records))
		for i := range records {
			before[i] = [2]uint32{records[i].Labels.SrcOrigin, records[i].Labels.DstOrigin}
		}
		e.Enrich(records)
		for i := range records {
			l := &records[i].Labels
			l.SrcOrigin, l.DstOrigin = cmp.Or(before[i][0], l.SrcOrigin), cmp.Or(before[i][1], l.DstOrigin)
		}
	}, nil
}

// aloneOnEngine keeps other commands off the engine of this one until the file
// is closed. It returns nil when somebody else may be writing flows.
func (o *opened) aloneOnEngine() (*os.File, error) {
	if o.shared == "" {
		return nil, nil //nolint:nilnil // the engine of a daemon, or a server
	}
	f, err := lockGuests(o.shared, syscall.LOCK_EX)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil //nolint:nilnil // another command is there
	}
	return f, err
}

// sayRelabelled writes what became of the flows of a day.
func (g *globals) sayRelabelled(d storage.RelabelledDay) error {
	day := d.Stored.Format(time.DateOnly)
	var err error
	if d.Open {
		_, err = fmt.Fprintf(g.out, "%s: 尚未结束，未改动 not over yet, left as it is\n", day)
	} else {
		_, err = fmt.Fprintf(g.out, "%s: %d 条流 flows, %d 条标注已改 labelled otherwise, %d 小时待重算 hours to roll up\n", day, d.Flows, d.Changed, d.Hours)
	}
	return err
}
