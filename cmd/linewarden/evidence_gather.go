package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// maxEvidenceRows bounds each table of a package.
const maxEvidenceRows = 100_000

// gatherEvidence reads all that a package of a finding holds.
func gatherEvidence(ctx context.Context, cfg *Config, s *storage.Store, id string) (*evidence.Material, error) {
	f, ok, err := s.Finding(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read finding: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("there is no finding %q, see linewarden findings list", id)
	}
	if f.Basis == nil {
		return nil, fmt.Errorf("evidence of %s: %w; it gets them when the rule next sees the signal", id, rules.ErrNoBasis)
	}
	set, err := cfg.ruleset()
	if err != nil {
		return nil, err
	}
	rule, known := rules.Find(set.catalogue, f.Rule)
	if !known {
		return nil, fmt.Errorf("evidence of %s: rule %s is not one of this program any more", id, f.Rule)
	}
	m := &evidence.Material{Carrier: cfg.Carrier.Name, Finding: f, Rule: rule.Spec, Location: cfg.location}
	if m.Events, err = s.Events(ctx, id); err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	if m.Tables, err = gatherTables(ctx, cfg, s, &f); err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", id, err)
	}
	return m, addFrozen(ctx, s, m)
}

// gatherTables reads the tables of a package as the store has them now.
func gatherTables(ctx context.Context, cfg *Config, s *storage.Store, f *rules.Finding) (tables []evidence.Table, err error) {
	for _, gather := range []func(context.Context, *storage.Store, *rules.Finding) ([]evidence.Table, error){
		ledgerTables, seriesIn(cfg.location), routeTables, bookTables,
	} {
		more, err := gather(ctx, s, f)
		if err != nil {
			return nil, err
		}
		tables = append(tables, more...)
	}
	return tables, nil
}

// ledgerTables are the rows the finding names, one table for each ledger, as
// they were known when it was judged.
func ledgerTables(ctx context.Context, s *storage.Store, f *rules.Finding) ([]evidence.Table, error) {
	var tables []evidence.Table
	for _, e := range f.Evidence {
		rows, err := s.LedgerRows(ctx, e.Ref, f.Basis.Ledgers.Known)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			tables = addLedgerRow(tables, &rows[i])
		}
	}
	return tables, nil
}

func addLedgerRow(tables []evidence.Table, row *storage.LedgerRow) []evidence.Table {
	name := "ledgers/" + row.Ledger
	columns := append([]string{"import", "known_from", "closed_at"}, row.Columns...)
	i := slices.IndexFunc(tables, func(t evidence.Table) bool { return t.Name == name && slices.Equal(t.Columns, columns) })
	if i < 0 {
		n := 0
		for _, t := range tables {
			if t.Name == name || strings.HasPrefix(t.Name, name+"-") {
				n++
			}
		}
		if n > 0 { // the columns changed between two imports
			name += "-" + strconv.Itoa(n+1)
		}
		tables = append(tables, evidence.Table{Name: name, Columns: columns})
		i = len(tables) - 1
	}
	cells := append([]string{row.Import.String(), instantText(row.Known), instantText(row.Closed)}, row.Fields...)
	if !slices.ContainsFunc(tables[i].Rows, func(r []string) bool { return slices.Equal(r, cells) }) {
		tables[i].Rows = append(tables[i].Rows, cells)
	}
	return tables
}

// instantText is an instant in a table; empty for none.
func instantText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func number[T ~uint64 | ~uint32 | ~uint16 | ~int](n T) string { return strconv.FormatInt(int64(n), 10) }

// relativeError is the 95 % half-width of a volume estimated from that many
// packet samples, as a share of it: 1.96/√samples.
func relativeError(samples uint64) string {
	return strconv.FormatFloat(rules.HalfWidth(0.5, samples)*2, 'f', 4, 64)
}

// seriesIn returns what reads the traffic of the subject over the window, by
// hours or by days of a zone, with what its figures were estimated from.
func seriesIn(loc *time.Location) func(context.Context, *storage.Store, *rules.Finding) ([]evidence.Table, error) {
	return func(ctx context.Context, s *storage.Store, f *rules.Finding) ([]evidence.Table, error) {
		switch f.Subject.Kind {
		case rules.SubjectLine:
			return lineSeries(ctx, s, f)
		case rules.SubjectAllocation:
			return allocationSeries(ctx, s, f, loc)
		case rules.SubjectPrefix, rules.SubjectASN, rules.SubjectEnterprise, rules.SubjectInterface, rules.SubjectDomain:
		}
		return nil, nil
	}
}

func lineSeries(ctx context.Context, s *storage.Store, f *rules.Finding) ([]evidence.Table, error) {
	t := evidence.Table{Name: "traffic/line_hours", Columns: []string{
		"hour_utc", "from_customer_bytes", "to_customer_bytes", "samples", "relative_error_95",
		"p95_from_customer_bps", "p95_to_customer_bps", "peak_from_customer_bps", "peak_to_customer_bps",
	}}
	for h, err := range s.LineHoursOf(ctx, f.Subject.ID, f.Window) {
		if err != nil {
			return nil, err
		}
		if len(t.Rows) == maxEvidenceRows {
			break
		}
		t.Rows = append(t.Rows, []string{
			instantText(h.Hour), number(h.FromCustomer), number(h.ToCustomer), number(h.Samples), relativeError(h.Samples),
			number(h.P95FromCustomer), number(h.P95ToCustomer), number(h.PeakFromCustomer), number(h.PeakToCustomer),
		})
	}
	if len(t.Rows) == 0 {
		return nil, nil
	}
	return samplingBeside(ctx, s, t, storage.FlowFilter{From: f.Window.From, To: f.Window.To, Line: f.Subject.ID}, nil)
}

// samplingBeside puts the rates that figures were estimated by beside them, of
// these exporters; nil is all.
func samplingBeside(ctx context.Context, s *storage.Store, figures evidence.Table, of storage.FlowFilter, exporters []netip.Addr) ([]evidence.Table, error) {
	used, err := s.Sampling(ctx, of)
	if err != nil {
		return nil, err
	}
	t := evidence.Table{Name: "traffic/sampling", Columns: []string{"exporter", "sampling_rate", "source", "records", "first", "last"}}
	for _, u := range used {
		if exporters == nil || slices.Contains(exporters, u.Exporter) {
			t.Rows = append(t.Rows, []string{u.Exporter.String(), number(u.Rate), u.Source.String(), number(u.Records), instantText(u.First), instantText(u.Last)})
		}
	}
	if len(t.Rows) == 0 {
		return []evidence.Table{figures}, nil // the records are gone
	}
	return []evidence.Table{figures, t}, nil
}

func allocationSeries(ctx context.Context, s *storage.Store, f *rules.Finding, loc *time.Location) ([]evidence.Table, error) {
	t := evidence.Table{Name: "traffic/allocation_days", Columns: []string{
		"day", "out_bytes", "in_bytes", "samples", "relative_error_95", "web_out_bytes",
		"served_networks", "served_asns", "filled_networks", "filled_asns", "unscaled_bytes",
	}}
	exporters := []netip.Addr{}
	for d, err := range s.Allocations(ctx, f.Window, loc) {
		if err != nil {
			return nil, err
		}
		if d.Allocation.String() != f.Subject.ID || len(t.Rows) == maxEvidenceRows {
			continue
		}
		t.Rows = append(t.Rows, []string{
			d.Day.String(), number(d.Out), number(d.In), number(d.Samples), relativeError(d.Samples), number(d.WebOut),
			number(d.ServedNetworks), number(d.ServedASNs), number(d.FilledNetworks), number(d.FilledASNs), number(d.Unscaled),
		})
		exporters = append(exporters, d.Exporters...)
	}
	if len(t.Rows) == 0 {
		return nil, nil
	}
	return samplingBeside(ctx, s, t, storage.FlowFilter{From: f.Window.From, To: f.Window.To}, exporters)
}

// routedPrefixes are the prefixes whose routes a finding rests on: those it is
// about, names as evidence, gives as examples, or declares as ends of its line.
func routedPrefixes(f *rules.Finding) []netip.Prefix {
	named := []string{f.Subject.ID}
	for _, e := range f.Evidence {
		if ref, ok := strings.CutPrefix(e.Ref, "routes/"); ok {
			named = append(named, ref)
		}
	}
	for _, fact := range []string{"prefixes", "declared_a_prefixes", "declared_z_prefixes", "end_a_prefixes", "end_z_prefixes"} {
		switch v := f.Facts[fact].(type) {
		case []string:
			named = append(named, v...)
		case []any: // read back from JSON
			for _, text := range v {
				named = append(named, fmt.Sprint(text))
			}
		}
	}
	var list []netip.Prefix
	for _, text := range named {
		if p, err := netip.ParsePrefix(text); err == nil && !slices.Contains(list, p.Masked()) {
			list = append(list, p.Masked())
		}
	}
	return list
}

// routeTables are the paths to the addresses of a finding over the window, with
// the peers that told them and the times.
func routeTables(ctx context.Context, s *storage.Store, f *rules.Finding) ([]evidence.Table, error) {
	t := evidence.Table{Name: "routes/intervals", Columns: []string{
		"prefix", "router", "peer", "peer_as", "view", "as_path", "origins", "next_hop", "validity", "from", "to", "end",
	}}
	seen := make(map[string]bool) // one route may be among those of two prefixes
	for _, prefix := range routedPrefixes(f) {
		for r, err := range s.RoutesWithin(ctx, prefix, f.Window) {
			if err != nil {
				return nil, err
			}
			if len(t.Rows) == maxEvidenceRows {
				break
			}
			row := []string{
				r.Route.Prefix.String(), addressText(r.Peer.Router), addressText(r.Peer.Peer), number(r.PeerAS), viewName(r.Peer.View), r.Route.Path.String(),
				strings.Trim(fmt.Sprint(r.Origins), "[]"), addressText(r.Route.NextHop), r.Validity.String(), instantText(r.From), instantText(r.To), r.End.String(),
			}
			if key := strings.Join(row, "\x00"); !seen[key] {
				seen[key] = true
				t.Rows = append(t.Rows, row)
			}
		}
	}
	if len(t.Rows) == 0 {
		return nil, nil
	}
	return []evidence.Table{t}, nil
}

// bookTables say how complete the data of the window is, by exporter: of those the
// finding rests on, where it names them.
func bookTables(ctx context.Context, s *storage.Store, f *rules.Finding) ([]evidence.Table, error) {
	books, err := s.ExporterBooks(ctx, f.Window)
	if err != nil {
		return nil, err
	}
	t := evidence.Table{Name: "completeness", Columns: []string{
		"exporter", "records_received", "records_stored", "records_missed_by_sequence", "minutes_heard", "minutes_expected", "minutes_silent", "completeness",
	}}
	var named []string
	for _, e := range f.Evidence {
		if exporter, ok := strings.CutPrefix(e.Ref, "flow_books/"); ok {
			named = append(named, exporter)
		}
	}
	for _, b := range books {
		if len(named) > 0 && !slices.Contains(named, b.Exporter.String()) {
			continue
		}
		t.Rows = append(t.Rows, []string{
			b.Exporter.String(), number(b.Received), number(b.Stored), number(b.Missed), number(b.Minutes), number(b.Expected), number(b.Silent),
			strconv.FormatFloat(b.Completeness(), 'f', 4, 64),
		})
	}
	if len(t.Rows) == 0 {
		return nil, nil
	}
	return []evidence.Table{t}, nil
}
