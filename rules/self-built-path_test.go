package rules_test

import (
	"context"
	"iter"
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// entrySite returns ledgers with ports of E1's line (7), of a stranger's line
// (8), to a peer (9), in the core (10) and without a line (11).
func entrySite(t *testing.T) *registry.Ledgers {
	l := tenant(t)
	at := func(index uint32, role, line string) {
		l.Interfaces = append(l.Interfaces, registry.Interface{Exporter: exporterOfLine, IfIndex: index, Role: role, LineID: line})
	}
	at(8, "customer", "L2")
	at(9, "peer", "")
	at(10, "core", "")
	at(11, "customer", "")
	l.Lines = append(l.Lines, registry.Line{ID: "L2", EnterpriseID: "E2", Scope: "domestic", Use: "enterprise"})
	l.ASNs = append(l.ASNs, registry.ASN{ASN: 65010, EnterpriseID: "E1"}, registry.ASN{ASN: 65020, EnterpriseID: "E2"})
	return l
}

// entries is a week in which that share of 10 GB a day enters at a port.
type entries struct {
	days  int
	port  uint32
	line  string
	share float64
}

func (e entries) add(t *testing.T, f *trafficOf) {
	weekOf(t, 7, func(d registry.Date) {
		const bytes = 10_000_000_000
		f.days = append(f.days, rules.AllocationDay{Allocation: prefix(block), Day: d, Out: bytes, In: bytes, Samples: 1000, Exporters: []netip.Addr{exporterOfLine}})
		share := e.share
		if int(d-day(t, weekFrom)) >= e.days {
			share = 0
		}
		row := rules.AllocationEntry{Allocation: prefix(block), Day: d, Exporter: exporterOfLine, InIf: 7, Line: "L1", Bytes: uint64((1 - share) * bytes), Samples: uint64((1 - share) * 1000)}
		f.entries = append(f.entries, row)
		if share > 0 {
			row.InIf, row.Line, row.Bytes, row.Samples = e.port, e.line, uint64(share*bytes), uint64(share*1000)
			f.entries = append(f.entries, row)
		}
	})
}

// routesOf answers with neighbours and announcements that a test laid down.
type routesOf struct {
	near   []rules.Adjacency
	origin []rules.Announcement
}

func (r routesOf) Announcements(context.Context, rules.AnnouncementQuestion) iter.Seq2[rules.Announcement, error] {
	return each(r.origin)
}

func (r routesOf) Adjacencies(context.Context, rules.AdjacencyQuestion) iter.Seq2[rules.Adjacency, error] {
	return each(r.near)
}

func (r routesOf) RouteCoverage(context.Context, rules.Window) ([]rules.RouteCoverage, error) {
	return nil, nil
}

// judgePath judges the block with those routes, nil for none.
func judgePath(t *testing.T, l *registry.Ledgers, f trafficOf, routes rules.Routes) judged {
	t.Helper()
	r := rules.SelfBuiltPath()
	params, err := r.Spec.ParamsWith(nil)
	if err != nil {
		t.Fatal(err)
	}
	in := rules.Inputs{
		Span:    rules.Span{Days: validity(t, weekFrom, weekTo), Location: shanghai(t)},
		Ledgers: registry.NewSnapshot(l, []uint32{64500}), Traffic: f, Routes: routes,
	}
	for fact, err := range r.Measure(t.Context(), in, params) {
		if err != nil {
			t.Fatal(err)
		}
		if s, _, _ := fact.About(); s.ID == block {
			j := r.Judge(fact, params)
			rederive(t, r, fact, params, j)
			return judged{s, j}
		}
	}
	return judged{}
}

func TestSelfBuiltPath(t *testing.T) {
	stranger, peer := entries{7, 8, "L2", 0.3}, entries{7, 9, "", 0.3}
	second := func(licences ...registry.Licence) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) { l.Licences = append(l.Licences, licences...) }
	}
	near := routesOf{near: []rules.Adjacency{{Of: 65010, Neighbour: 65020}}}
	b14 := licence(t, "E2", "B14", "active", "2015-01-01", "")
	for _, tt := range []struct {
		name    string
		entries entries
		change  func(l *registry.Ledgers)
		routes  rules.Routes
		books   []rules.ExporterBooks
		want    rules.Outcome
		reason  string
	}{
		{name: "over a stranger's line", entries: stranger, want: rules.Fires},
		{name: "over a customer port without a line", entries: entries{7, 11, "", 0.3}, want: rules.Fires},
		{name: "over its own line only", entries: entries{7, 7, "L1", 0.3}},
		{name: "between routers of the carrier", entries: entries{7, 10, "", 0.3}},
		{name: "at a port in no ledger", entries: entries{7, 99, "", 0.3}},
		{name: "9.9 %", entries: entries{7, 8, "L2", 0.099}},
		{name: "10 %", entries: entries{7, 8, "L2", 0.1}, want: rules.Fires},
		{name: "failover on two days", entries: entries{2, 8, "L2", 0.9}},
		{name: "three days", entries: entries{3, 8, "L2", 0.9}, want: rules.Fires},
		{name: "a sister company's line", entries: stranger, change: func(l *registry.Ledgers) { l.Lines[1].EnterpriseID = "E1S" }},
		{name: "a second line of the holder", entries: stranger, change: func(l *registry.Ledgers) { l.Lines[1].EnterpriseID = "E1" }},
		{name: "cut from the block of the line's holder", entries: stranger, change: func(l *registry.Ledgers) {
			l.Allocations[0].Parent = prefix("198.51.0.0/16")
			l.Allocations = append(l.Allocations, alloc(t, "198.51.0.0/16", "E2", "", "idc", "2019-01-01", ""))
		}},
		{name: "declared end of the other line", entries: stranger, change: func(l *registry.Ledgers) {
			l.LineEndpoints = []registry.LineEndpoint{{LineID: "L2", End: "a", Prefix: prefix(block)}}
		}},
		{name: "filed downstream of the line's holder", entries: stranger, change: func(l *registry.Ledgers) {
			l.Downstreams = []registry.Downstream{{UpstreamASN: 65020, DownstreamASN: 65010}}
		}},
		{name: "announced by the line's holder as filed", entries: stranger, change: func(l *registry.Ledgers) {
			l.Broadcasts = []registry.Broadcast{{Prefix: prefix(block), Announcer: "E2", Applicant: "E1"}}
		}},
		{name: "shared by translation", entries: stranger, change: func(l *registry.Ledgers) {
			l.Translations = []registry.Translation{{PublicPrefix: prefix(block), SharedBy: []string{"E1", "E2"}}}
		}},
		{name: "holder without any line", entries: stranger, change: func(l *registry.Ledgers) { l.Lines[0].EnterpriseID = "P1" }, want: rules.Withheld, reason: "no_line_of_holder"},
		{name: "from a peer, routes unknown", entries: peer, want: rules.Withheld, reason: "routes_unknown"},
		{name: "from a peer, nobody in routes", entries: peer, routes: routesOf{}, want: rules.Fires},
		{name: "from a peer, unlicensed provider in routes", entries: peer, routes: near, want: rules.Fires},
		{name: "from a peer, licensed provider in routes", entries: peer, routes: near, change: second(b14)},
		{name: "from a peer, provider with a lapsed licence", entries: peer, routes: near, change: second(licence(t, "E2", "B14", "revoked", "2015-01-01", "")), want: rules.Fires},
		{name: "from a peer, provider licensed for hosting", entries: peer, routes: near, change: second(licence(t, "E2", "B11", "active", "2015-01-01", "")), want: rules.Fires},
		{name: "from a peer, licensed provider originates the block", entries: peer, routes: routesOf{origin: []rules.Announcement{{Prefix: prefix(block), Origin: 65020}}}, change: second(b14)},
		{name: "from a peer, the provider is foreign", entries: peer, routes: near, change: func(l *registry.Ledgers) {
			l.Networks = []registry.Network{{Prefix: prefix("203.0.113.0/24"), Country: "SG", ASN: 65020}}
		}},
		{name: "over the line of the licensed provider in routes", entries: stranger, routes: near, change: second(b14)},
		{name: "over a stranger's line, unlicensed provider in routes", entries: stranger, routes: near, want: rules.Fires},
		{name: "from a peer, multihoming filed", entries: peer, routes: routesOf{}, change: func(l *registry.Ledgers) {
			l.Downstreams = []registry.Downstream{{UpstreamASN: 65020, DownstreamASN: 65010}}
		}},
		{name: "from a peer, multihoming filed until before", entries: peer, routes: routesOf{}, change: func(l *registry.Ledgers) {
			l.Downstreams = []registry.Downstream{{UpstreamASN: 65020, DownstreamASN: 65010, Valid: validity(t, "2020-01-01", "2026-03-01")}}
		}, want: rules.Fires},
		{name: "subscriber pool", entries: stranger, change: func(l *registry.Ledgers) { l.Allocations[0].Use = "subscriber_pool" }},
		{name: "the carrier's", entries: stranger, change: func(l *registry.Ledgers) { l.Allocations[0].EnterpriseID = "CT" }},
		{name: "incomplete", entries: stranger, books: heard(0.89), want: rules.Withheld, reason: "low_completeness"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, f := entrySite(t), trafficOf{books: heard(1)}
			if tt.books != nil {
				f.books = tt.books
			}
			tt.entries.add(t, &f)
			if tt.change != nil {
				tt.change(l)
			}
			got := judgePath(t, l, f, tt.routes)
			if got.Outcome != tt.want || got.Reason != tt.reason {
				t.Fatalf("outcome %v %q, want %v %q: %+v", got.Outcome, got.Reason, tt.want, tt.reason, got.Facts)
			}
			if tt.want == rules.Fires {
				tells(t, got)
			}
		})
	}
}

func TestSelfBuiltPathFigures(t *testing.T) {
	f := trafficOf{books: heard(1)}
	entries{7, 8, "L2", 0.3}.add(t, &f)
	got := judgePath(t, entrySite(t), f, nil)
	if got.Facts["share_beside_lines"] != 0.3 || got.Facts["other_customers_bytes_per_day"] != uint64(3_000_000_000) || got.Facts["offending_samples"] != uint64(2100) {
		t.Errorf("figures %v", got.Facts)
	}
}
