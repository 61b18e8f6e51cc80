package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
)

// offlinePath is the path of imported files: the same pipeline as for live
// sockets, with a decoder state of its own and a writer that waits for the
// store.
type offlinePath struct {
	path
	pipeline *collector.Pipeline
	sink     collector.FlowSink
	store    *opened
}

func newOfflinePath(ctx context.Context, cfg *Config, s *opened, snapshot *registry.Snapshot) (*offlinePath, error) {
	routes, err := readOrigins(ctx, s)
	if err != nil {
		return nil, err
	}
	common, err := newPath(cfg, snapshot, routes, true) // a capture is as old as it is
	if err != nil {
		return nil, err
	}
	p := &offlinePath{path: *common, store: s}
	p.keepCounters(s.Store, s.log)
	if p.sink, err = p.newSink(s.Store, nil); err != nil { //nolint:contextcheck // a writer outlives the call that opens it
		return nil, err
	}
	p.pipeline, err = collector.NewPipeline(p.pipelineConfig(p.sink))
	return p, err
}

// importRow is the account of one exporter and domain.
type importRow struct {
	Exporter        string            `json:"exporter"`
	Domain          uint32            `json:"domain"`
	ProtocolVersion string            `json:"protocol_version"`
	Datagrams       uint64            `json:"datagrams"`
	Records         uint64            `json:"records"`
	Stored          uint64            `json:"stored"`
	Lost            map[string]uint64 `json:"lost"`
	DatagramsLost   map[string]uint64 `json:"datagrams_lost"`
	SequenceGaps    uint64            `json:"sequence_gaps"`
	Reordered       uint64            `json:"reordered"`
	Templates       uint64            `json:"templates"`
	Sampling        []uint64          `json:"sampling"`
	ClockSkewed     uint64            `json:"clock_skewed"`
	Unscaled        uint64            `json:"unscaled"`
	Counters        uint64            `json:"counter_samples"`
}

// finish counts what still waits, waits for the store and writes the books.
func (p *offlinePath) finish(ctx context.Context) ([]importRow, error) {
	// What still waits when the files end waits for ever: it is lost for want of
	// its template, not because somebody stopped.
	err := p.pipeline.Expire(time.Unix(1<<40, 0))
	err = errors.Join(err, p.pipeline.Flush(), p.sink.Close(ctx), p.counters.End(ctx))
	rows := p.account()
	var entries []flows.Entry
	p.books.Drain(func(s flows.Source, minute time.Time, c *flows.Count) {
		entries = append(entries, flows.Entry{Source: s, Minute: minute, Count: *c})
	})
	if len(entries) > 0 {
		err = errors.Join(err, p.store.WriteBooks(ctx, entries))
	}
	if err != nil {
		return rows, fmt.Errorf("store imported flows: %w", err)
	}
	return rows, nil
}

// account returns the books per exporter and domain.
func (p *offlinePath) account() []importRow {
	sampling := p.sampling()
	var rows []importRow
	p.books.Totals(func(s flows.Source, c flows.Count) {
		row := importRow{
			Domain: s.Domain, ProtocolVersion: s.Version.String(), Datagrams: c.Datagrams, Records: c.Records, Stored: c.Stored,
			Lost: byReason(&c.Lost), DatagramsLost: byReason(&c.DatagramsLost), SequenceGaps: c.SequenceGaps - min(c.SequenceGaps, c.Reordered),
			Reordered: c.Reordered, Templates: c.Templates, Sampling: sampling[s], ClockSkewed: c.ClockSkewed, Unscaled: c.Unscaled, Counters: c.Counters,
		}
		if s.Exporter.IsValid() {
			row.Exporter = s.Exporter.String()
		}
		if row.Sampling == nil {
			row.Sampling = []uint64{}
		}
		rows = append(rows, row)
	})
	slices.SortFunc(rows, func(a, b importRow) int {
		return cmp.Or(strings.Compare(a.Exporter, b.Exporter), cmp.Compare(a.Domain, b.Domain), strings.Compare(a.ProtocolVersion, b.ProtocolVersion))
	})
	return rows
}

func byReason(lost *[flows.NumReasons]uint64) map[string]uint64 {
	m := make(map[string]uint64)
	for r, n := range lost {
		if n > 0 {
			m[flows.Reason(r).String()] = n
		}
	}
	return m
}

func writeImport(g *globals, rows []importRow, format string) error {
	if format == "json" {
		return report.WriteJSON(g.out, rows)
	}
	t := report.NewTable("EXPORTER", "DOMAIN", "PROTOCOL", "DATAGRAMS", "RECORDS", "STORED", "LOST", "SEQUENCE GAPS", "TEMPLATES", "SAMPLING")
	for _, r := range rows {
		t.AppendRow(table.Row{
			r.Exporter, r.Domain, r.ProtocolVersion, r.Datagrams, r.Records, r.Stored, lostText(r), r.SequenceGaps, r.Templates, joinNumbers(r.Sampling),
		})
	}
	_, err := fmt.Fprintln(g.out, t.Render())
	return err
}

// lostText names what was lost and why.
func lostText(r importRow) string {
	records, datagrams := reasonsText(r.Lost), reasonsText(r.DatagramsLost)
	if datagrams == "0" {
		return records
	}
	return records + "\n" + strings.ReplaceAll(datagrams, " ", " datagrams ")
}

// reasonsText lists counts by reason, one a line.
func reasonsText(counts map[string]uint64) string {
	if len(counts) == 0 {
		return "0"
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[reason], reason))
	}
	return strings.Join(parts, "\n")
}

func joinNumbers(list []uint64) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = fmt.Sprint(n)
	}
	return strings.Join(parts, " ")
}
