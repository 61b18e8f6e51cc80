package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/rib"
	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules/engine"
	"github.com/linewarden/linewarden/storage"
)

func newRulesTest(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "test [DIR]",
		Short: "Judge fixtures and compare what comes out with what they expect",
		Long: "test runs each case below DIR through the enrichment, the store, the roll-up and the rules of\n" +
			"the daemon, on an engine of its own that is removed at the end. Without DIR it takes the folder\n" +
			"cases of rules.dir. It exits 1 when a case does not come out as expected.\n\n" +
			"A case is a folder with case.yaml:\n\n" +
			"  rules: [intl-third-party]        # which rules judge\n" +
			"  from: 2026-03-02                 # the span, as for audit\n" +
			"  to: 2026-03-08\n" +
			"  params: {intl-third-party: {min_days: 1}}\n" +
			"  expect:                          # all that must come out, and nothing else\n" +
			"    - {subject: L1, severity: high, facts: {days: 7}}\n" +
			"    - {subject: L2, outcome: withheld, reason: low_samples}\n\n" +
			"and beside it the folder ledgers, and if need be flows.csv with the columns of flows list\n" +
			"(and repeat, every: how often the flow comes again; missed: records lost before it) and\n" +
			"routes.csv with at, kind (announce, withdraw, up, down), peer, peer_as, router, prefix, path,\n" +
			"next_hop and local_pref. More keys: timezone, carrier_asns, rules_dir, calendar.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := g.config()
			if err != nil {
				return err
			}
			dir := filepath.Join(cfg.Rules.Dir, "cases")
			switch {
			case len(args) == 1:
				dir = args[0]
			case cfg.Rules.Dir == "":
				return usagef("name the folder of the cases, or set rules.dir and put them below cases")
			}
			return g.testRules(cmd.Context(), cfg, dir, format)
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}

// caseResult is what became of one case.
type caseResult struct {
	Case string `json:"case"`
	Pass bool   `json:"pass"`
	// Differences begin with - for what was expected and + for what came out.
	Differences []string `json:"differences"`
	Error       string   `json:"error,omitempty"`
	Seconds     float64  `json:"seconds"`
}

// testRules judges every case below dir on one engine.
func (g *globals) testRules(ctx context.Context, own *Config, dir, format string) (err error) {
	cases, err := findCases(dir)
	if err != nil {
		return err
	}
	bench, err := newCaseBench(ctx, own, g.logger())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bench.close(context.WithoutCancel(ctx))) }()
	failed := 0
	results := make([]caseResult, 0, len(cases))
	for _, c := range cases {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r := bench.try(ctx, c)
		if !r.Pass {
			failed++
		}
		results = append(results, r)
		if format == "table" {
			if err := r.write(g.out); err != nil {
				return err
			}
		}
	}
	if format == "json" {
		if err := report.WriteJSON(g.out, results); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(g.err, "%d of %d cases passed\n", len(cases)-failed, len(cases))
	}
	if failed > 0 {
		return errSilent
	}
	return nil
}

func (r *caseResult) write(w io.Writer) error {
	verdict := "PASS"
	if !r.Pass {
		verdict = "FAIL"
	}
	lines := []string{fmt.Sprintf("%s  %s (%.1f s)", verdict, r.Case, r.Seconds)}
	if r.Error != "" {
		lines = append(lines, strings.Split(r.Error, "\n")...)
	}
	lines = append(lines, r.Differences...)
	if _, err := io.WriteString(w, strings.Join(lines, "\n      ")+"\n"); err != nil {
		return fmt.Errorf("write the outcome of a case: %w", err)
	}
	return nil
}

// caseBench is where cases are tried: an engine on a directory of its own, with
// a database for each case.
type caseBench struct {
	own  *Config
	dir  string
	base *opened
	addr string
	next int
	log  *slog.Logger
}

func newCaseBench(ctx context.Context, own *Config, log *slog.Logger) (*caseBench, error) {
	dir, err := os.MkdirTemp("", "linewarden-rules-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the cases: %w", err)
	}
	b := &caseBench{own: own, dir: dir, base: &opened{log: log}, log: log}
	cfg := DefaultConfig()
	cfg.Storage.Embedded.Path = filepath.Join(dir, "engine")
	if b.addr, err = b.base.embedded(ctx, &cfg, false, log); err != nil {
		return nil, errors.Join(err, b.close(context.WithoutCancel(ctx)))
	}
	return b, nil
}

// close ends the engine and removes all it wrote.
func (b *caseBench) close(ctx context.Context) error {
	return errors.Join(b.base.close(ctx), os.RemoveAll(b.dir))
}

// try judges one case.
func (b *caseBench) try(ctx context.Context, dir string) (r caseResult) {
	r = caseResult{Case: dir, Differences: []string{}}
	began := time.Now()
	c, err := readCase(dir)
	var got []outcome
	if err == nil {
		got, err = b.run(ctx, dir, c)
	}
	r.Seconds = time.Since(began).Seconds()
	if err != nil {
		r.Error = err.Error()
		return r
	}
	if lines := difference(c.Expect, got); len(lines) > 0 {
		r.Differences = lines
	}
	r.Pass = len(r.Differences) == 0
	return r
}

// run stores the traffic and routes of a case and judges it.
func (b *caseBench) run(ctx context.Context, dir string, c *caseFile) (_ []outcome, err error) {
	cfg, err := c.config(dir, b.own)
	if err != nil {
		return nil, err
	}
	b.next++
	cfg.Storage.ClickHouse.Addr = []string{b.addr}
	cfg.Storage.ClickHouse.Database = fmt.Sprintf("case_%d", b.next)
	set, err := cfg.ruleset()
	if err != nil {
		return nil, err
	}
	span, err := c.span(cfg.location)
	if err != nil {
		return nil, err
	}
	s, err := openOwnStore(ctx, cfg, b.log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close(context.WithoutCancel(ctx))) }()
	snapshot, err := s.snapshot(ctx, cfg, b.log)
	if err != nil {
		return nil, err
	}
	records, err := readCaseFlows(filepath.Join(dir, "flows.csv"), cfg.location)
	if err != nil {
		return nil, err
	}
	routes, err := readCaseRoutes(filepath.Join(dir, "routes.csv"), span.From, cfg.location)
	if err != nil {
		return nil, err
	}
	h := &history{log: b.log}
	table, err := rib.New(rib.DefaultConfig(), h)
	if err != nil {
		return nil, fmt.Errorf("make the table of routes: %w", err)
	}
	p, err := newPath(cfg, snapshot, table, true)
	if err != nil {
		return nil, err
	}
	feed := &caseFeed{path: p, table: table, history: h}
	if err := feed.run(ctx, s, records, routes); err != nil {
		return nil, err
	}
	var all []outcome
	for _, id := range c.Rules {
		result, err := set.audit(ctx, s, snapshot, engine.Request{Span: span, Rule: id})
		if err != nil {
			return nil, err
		}
		all = append(all, outcomes(result)...)
	}
	return all, nil
}

// caseFeed takes the flows and routes of a case to the store by the way of
// live ones.
type caseFeed struct {
	path    *path
	table   *rib.RIB
	history *history
}

// run plays routes and flows in the order of time, so that each flow is
// enriched by the routes of its moment.
func (f *caseFeed) run(ctx context.Context, s *opened, records []caseFlow, routes []bgp.Event) error {
	if len(routes) > 0 {
		if err := f.history.open(s.Store, storage.Block); err != nil { //nolint:contextcheck // a writer outlives the call that opens it
			return err
		}
	}
	sink, err := f.path.newSink(s.Store, nil) //nolint:contextcheck // as above
	if err != nil {
		return err
	}
	batch := make([]flows.Record, 1)
	for i := range records {
		for len(routes) > 0 && !routes[0].Time.After(records[i].Start) {
			if err := f.table.Apply(&routes[0]); err != nil {
				return errors.Join(fmt.Errorf("routes.csv: %w", err), sink.Close(ctx))
			}
			routes = routes[1:]
		}
		batch[0] = records[i].Record
		f.count(&records[i])
		f.path.enricher.Enrich(batch)
		if err := sink.Append(batch); err != nil {
			return errors.Join(fmt.Errorf("store a flow: %w", err), sink.Close(ctx))
		}
	}
	for i := range routes {
		if err := f.table.Apply(&routes[i]); err != nil {
			return errors.Join(fmt.Errorf("routes.csv: %w", err), sink.Close(ctx))
		}
	}
	if err := sink.Close(ctx); err != nil {
		return fmt.Errorf("store the flows: %w", err)
	}
	if f.history.writer != nil {
		if err := f.history.writer.Close(ctx); err != nil {
			return fmt.Errorf("store the routes: %w", err)
		}
	}
	return f.writeBooks(ctx, s)
}

// count enters a record into the books, as a decoder does.
func (f *caseFeed) count(r *caseFlow) {
	f.path.books.Account(r.Source).Update(r.Exported, func(c *flows.Count) {
		c.Datagrams++
		c.Records++
		c.SequenceGaps += r.missed
		c.RecordsMissed += r.missed
		if r.SamplingRate == 0 {
			c.Unscaled++
		}
	})
}

func (f *caseFeed) writeBooks(ctx context.Context, s *opened) error {
	var entries []flows.Entry
	f.path.books.Drain(func(src flows.Source, minute time.Time, c *flows.Count) {
		entries = append(entries, flows.Entry{Source: src, Minute: minute, Count: *c})
	})
	if len(entries) == 0 {
		return nil
	}
	if err := s.WriteBooks(ctx, entries); err != nil {
		return fmt.Errorf("store the books: %w", err)
	}
	return nil
}
