package console_test

import (
	"cmp"
	"context"
	"io"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func among(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }

// selected are the findings of a query in the order of ids, as the store has it.
func (m *memory) selected(q *console.FindingQuery) []rules.Finding {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.query, m.asked = *q, q.Filter
	var list []rules.Finding
	for i := range m.findings {
		f := &m.findings[i]
		if q.Filter.Match(f) && among(q.Rules, f.Rule) && among(q.Provinces, f.Province) && among(q.States, string(f.State)) &&
			among(q.Severities, string(f.Severity)) && (q.SubjectKind == "" || q.SubjectKind == string(f.Subject.Kind)) &&
			(q.Subject == "" || q.Subject == f.Subject.ID) && strings.Contains(f.ID+f.Subject.Name+f.Title.EN, q.Text) {
			list = append(list, *f)
		}
	}
	slices.SortFunc(list, func(a, b rules.Finding) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (m *memory) FindingPage(_ context.Context, q console.FindingQuery) ([]rules.Finding, error) {
	list := m.selected(&q)
	if q.After != nil {
		i := slices.IndexFunc(list, func(f rules.Finding) bool { return f.ID == q.After.ID })
		list = list[i+1:]
	}
	if q.Limit > 0 && len(list) > q.Limit {
		list = list[:q.Limit]
	}
	return list, m.err
}

func (m *memory) FindingPlace(_ console.FindingQuery, f *rules.Finding) console.FindingPlace {
	return console.FindingPlace{ID: f.ID}
}

func (m *memory) EachFinding(_ context.Context, q console.FindingQuery) iter.Seq2[rules.Finding, error] {
	return func(yield func(rules.Finding, error) bool) {
		for _, f := range m.selected(&q) {
			if !yield(f, nil) {
				return
			}
		}
		if m.broken {
			yield(rules.Finding{}, errDown)
		}
	}
}

func (m *memory) CountFindings(_ context.Context, q console.FindingQuery) ([]console.FindingCount, error) {
	var list []console.FindingCount
	for _, f := range m.selected(&q) {
		list = append(list, console.FindingCount{
			Rule: f.Rule, Severity: string(f.Severity), State: string(f.State), Province: f.Province, Clauses: f.Clauses, Count: 1,
		})
	}
	return list, m.err
}

func (m *memory) FindingTurns(_ context.Context, _ console.FindingQuery, since time.Time) ([]console.FindingTurn, error) {
	return []console.FindingTurn{{Day: registry.DateOf(since), Opened: 2, Closed: 1}, {Day: registry.DateOf(since) + 400}}, m.err
}

func (m *memory) RecentEvents(_ context.Context, q console.FindingQuery, _ time.Time, _ int) ([]console.RecentEvent, error) {
	var list []console.RecentEvent
	for _, f := range m.selected(&q) {
		for _, e := range m.events {
			if e.Finding == f.ID {
				list = append(list, console.RecentEvent{Event: e, Finding: f})
			}
		}
	}
	return list, m.err
}

func (m *memory) CountEvents(context.Context, console.FindingQuery, time.Time) (map[string]uint64, error) {
	return map[string]uint64{"new": 2}, m.err
}

// LineNetworks has a declared end, an address of a third party and one of
// another holder.
func (m *memory) LineNetworks(_ context.Context, w rules.Window, loc *time.Location, lines ...string) iter.Seq2[rules.LineNetworks, error] {
	return func(yield func(rules.LineNetworks, error) bool) {
		day := registry.DateOf(w.From.In(loc))
		for _, near := range []string{"198.51.100.0/28", "203.0.113.77/32"} {
			n := rules.LineNetworks{
				Line: lines[0], Day: day, Near: netip.MustParsePrefix(near), Far: netip.MustParsePrefix("192.0.2.128/25"),
				FromCustomer: 1000, ToCustomer: 500, Samples: 100,
			}
			for range 2 { // days
				if !yield(n, m.err) {
					return
				}
			}
		}
	}
}

func (m *memory) Allocations(_ context.Context, w rules.Window, loc *time.Location) iter.Seq2[rules.AllocationDay, error] {
	return func(yield func(rules.AllocationDay, error) bool) {
		yield(rules.AllocationDay{Allocation: netip.MustParsePrefix("198.51.100.0/24"), Day: registry.DateOf(w.From.In(loc)), Out: 9, Samples: 4}, m.err)
	}
}

func (m *memory) RoutesWithin(ctx context.Context, prefix netip.Prefix, _ rules.Window, _ int) ([]console.Route, error) {
	return m.RoutesAt(ctx, prefix, time.Time{}, time.Time{})
}

func (m *memory) OriginsWithin(_ context.Context, prefix netip.Prefix, w rules.Window) ([]console.Origin, error) {
	return []console.Origin{{Prefix: prefix.String(), Origin: 64500, Seconds: 60, Spans: []rules.Window{w}}}, m.err
}

func (m *memory) LedgerRowsOf(_ context.Context, ref string, known time.Time) ([]console.LedgerRow, error) {
	return []console.LedgerRow{{Ledger: "lines", Columns: []string{"line_id"}, Fields: []string{ref}, Import: "v1", Known: known, Closed: &known}}, m.err
}

// tables are ledgers as text; the first names places and the second does not.
func tables() []registry.Table {
	return []registry.Table{
		{Name: "enterprises", Columns: []string{"enterprise_id", "name", "place"}, Rows: []registry.Row{
			{Number: 2, Fields: []string{"E1", "甲公司", "310000"}}, {Number: 3, Fields: []string{"E2", "乙公司", "110000"}},
		}},
		{Name: "asns", Columns: []string{"asn", "enterprise_id"}, Rows: []registry.Row{{Number: 2, Fields: []string{"64500", "E1"}}}},
	}
}

func (m *memory) LedgerTables(context.Context, time.Time, ...string) ([]registry.Table, error) {
	return tables(), m.err
}

func (m *memory) ReadLedgers(dir string) ([]registry.Table, []registry.Problem) {
	return registry.Read(dir, nil)
}

func (m *memory) ImportLedgers(_ context.Context, tables []registry.Table, base, source string) (console.LedgerImport, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if base != "v1" || m.imported != nil {
		return console.LedgerImport{}, console.ErrImported
	}
	m.imported = tables
	return console.LedgerImport{ID: "v2", Source: source}, m.err
}

func (m *memory) CheckQuarter(quarter string) error {
	if quarter != "2026Q1" {
		return console.ErrQuarter
	}
	return nil
}

func (m *memory) MakeReport(ctx context.Context, req console.ReportRequest, progress func(share float64, step string)) (map[string][]byte, error) {
	progress(0.5, "findings")
	if m.hold != nil {
		select {
		case <-m.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return map[string][]byte{"report.pdf": []byte("%PDF " + req.Language), "manifest.json": []byte("{}")}, m.err
}

func (m *memory) System(context.Context) console.System {
	at := time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
	return console.System{
		Version: "1.2.3", Started: at, SpoolOldest: &at, Tables: []console.TableSize{{Name: "flows", Rows: 1}},
		Jobs: []console.Job{{ID: "audit", Kind: "audit", Began: at, Ended: &at}},
	}
}

func (m *memory) Peers() []console.Peer {
	at := time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
	return []console.Peer{{Kind: "bgp", Address: "192.0.2.1", Since: &at}}
}

func (m *memory) evidence(_ context.Context, req console.EvidenceRequest, to io.Writer) error {
	_, err := io.WriteString(to, "PK "+req.Finding+" "+req.By+" "+req.Reason+" "+req.Recipient)
	return err
}

func (m *memory) adjudications(_ context.Context, provinces ...string) ([]rules.Adjudications, error) {
	if len(provinces) > 0 {
		return []rules.Adjudications{{Rule: "intl-third-party", Confirmed: 2}}, m.err
	}
	return []rules.Adjudications{{Rule: "intl-third-party", Confirmed: 12, Dismissed: 1}}, m.err
}

// backtest raises what there is of the rule, and one more; it waits as reports do.
func (m *memory) backtest(ctx context.Context, b console.Backtest, progress func(share float64, step string)) (console.Judged, error) {
	progress(0.3, "judge")
	if m.hold != nil {
		select {
		case <-m.hold:
		case <-ctx.Done():
			return console.Judged{}, ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return console.Judged{}, m.err
	}
	m.judged = b
	one, other := m.findings[0], m.findings[0]
	one.Case, other.Case, other.ID, other.Subject.ID = nil, nil, "cccc", "L7"
	return console.Judged{Subjects: 7, Findings: []rules.Finding{one, other}, Withheld: map[string]uint64{"incomplete": 3}}, nil
}
