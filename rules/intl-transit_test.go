package rules_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// upFor is a router whose session was up for a share of the week.
func upFor(t *testing.T, share float64) []rules.RouteCoverage {
	t.Helper()
	w := rules.Window{From: day(t, "2026-02-23").Start(shanghai(t)), To: day(t, "2026-03-02").Start(shanghai(t))}
	up := rules.Window{From: w.From, To: w.From.Add(time.Duration(float64(w.To.Sub(w.From)) * share))}
	return []rules.RouteCoverage{{Router: netip.MustParseAddr("192.0.2.9"), First: w.From, Up: []rules.Window{up}}}
}

// behind is a network behind one of a customer for some hours from the first
// day of the week, learned from the customer's session.
func behind(t *testing.T, of, neighbour uint32, hours float64) rules.Adjacency {
	t.Helper()
	from := day(t, "2026-02-23").Start(shanghai(t)).Add(20 * time.Hour)
	return rules.Adjacency{
		Of: of, Neighbour: neighbour, Behind: true, Source: rules.RouteSource{PeerAS: of, First: of},
		Spans:    []rules.Window{{From: from, To: from.Add(time.Duration(hours * float64(time.Hour)))}},
		Examples: []netip.Prefix{prefix("51.9.0.0/22")}, Prefixes: 1, Path: "65010 65066", Routers: []netip.Addr{netip.MustParseAddr("192.0.2.9")},
	}
}

func transit(t *testing.T, l *registry.Ledgers, u usage, routes rules.Routes, books []rules.ExporterBooks) judged {
	t.Helper()
	if books == nil {
		books = heard(1)
	}
	r := rules.IntlTransit()
	params, err := r.Spec.ParamsWith(nil)
	if err != nil {
		t.Fatal(err)
	}
	in := rules.Inputs{
		Span:    rules.Span{Days: validity(t, "2026-02-23", "2026-03-01"), Location: shanghai(t)},
		Ledgers: registry.NewSnapshot(l, []uint32{64500}), Traffic: trafficOf{networks: u.networks(t), books: books}, Routes: routes,
	}
	var out judged
	for fact, err := range r.Measure(t.Context(), in, params) {
		if err != nil {
			t.Fatal(err)
		}
		j := r.Judge(fact, params)
		rederive(t, r, fact, params, j)
		if s, _, _ := fact.About(); s.ID == "I1" {
			out = judged{s, j}
		}
	}
	return out
}

func TestIntlTransitTraffic(t *testing.T) {
	const own = 9_800_000
	const home, abroad = "36.10.2.0/24", "51.3.0.0/24"
	tests := []struct {
		name   string
		usage  usage
		change func(l *registry.Ledgers)
		books  []rules.ExporterBooks
		want   rules.Outcome
		reason string
	}{
		{name: "another enterprise to a network abroad", usage: usage{home, abroad, daily(1_000_000), own}, want: rules.Fires},
		{name: "networks nobody knows at declared ends", usage: usage{"36.99.0.0/24", "51.99.0.0/24", daily(1_000_000), own}, want: rules.Fires},
		{name: "private networks outside the declared ends", usage: usage{"172.16.5.0/24", "192.168.7.0/24", daily(1_000_000), own}, want: rules.Fires},
		{name: "at the share", usage: usage{home, abroad, daily(200_000), own}, want: rules.Fires},
		{name: "under the share", usage: usage{home, abroad, daily(199_000), own}},
		{name: "one end at the holder", usage: usage{"10.1.0.0/16", abroad, daily(9_000_000), own}},
		{name: "the other end at the holder", usage: usage{home, "10.2.0.0/16", daily(9_000_000), own}},
		{name: "one end at a sister company", usage: usage{"203.0.113.0/26", abroad, daily(9_000_000), own}},
		{name: "one end in space announced for the holder", usage: usage{"198.51.100.0/24", abroad, daily(9_000_000), own}},
		{name: "one end of the plant", usage: usage{home, "203.0.113.64/26", daily(9_000_000), own}},
		{name: "forged martians", usage: usage{"127.0.0.0/24", abroad, daily(9_000_000), own}},
		{name: "forged reserved addresses", usage: usage{home, "245.0.0.0/24", daily(9_000_000), own}},
		{
			name: "one end declared for another line of the holder", usage: usage{"36.99.0.0/24", abroad, daily(9_000_000), own},
			change: func(l *registry.Ledgers) {
				l.Lines = append(l.Lines, registry.Line{ID: "I2", EnterpriseID: "E1", Scope: "international"})
				l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: "I2", End: "a", Prefix: prefix("36.99.0.0/24")})
			},
		},
		{
			name: "far end not declared, but known", usage: usage{home, abroad, daily(1_000_000), own}, want: rules.Fires,
			change: func(l *registry.Ledgers) { l.LineEndpoints = l.LineEndpoints[:1] },
		},
		{
			name: "far end not declared, and nobody knows it", usage: usage{home, "51.99.0.0/24", daily(1_000_000), own},
			change: func(l *registry.Ledgers) { l.LineEndpoints = l.LineEndpoints[:1] },
		},
		{
			name: "nothing declared, private addresses", usage: usage{"172.16.5.0/24", "192.168.7.0/24", daily(1_000_000), own},
			change: func(l *registry.Ledgers) { l.LineEndpoints = nil },
		},
		{
			name: "approved for the line", usage: usage{home, abroad, daily(1_000_000), own},
			change: func(l *registry.Ledgers) {
				l.Approvals = []registry.Approval{{No: "A1", EnterpriseID: "E1", Kind: "cross_border", LineID: "I1"}}
			},
		},
		{
			name: "approved for another line", usage: usage{home, abroad, daily(1_000_000), own}, want: rules.Fires,
			change: func(l *registry.Ledgers) {
				l.Approvals = []registry.Approval{{No: "A1", EnterpriseID: "E1", Kind: "cross_border", LineID: "I9"}}
			},
		},
		{
			name: "approved for another purpose", usage: usage{home, abroad, daily(1_000_000), own}, want: rules.Fires,
			change: func(l *registry.Ledgers) {
				l.Approvals = []registry.Approval{{No: "A1", EnterpriseID: "E1", Kind: "dns_root"}}
			},
		},
		{
			name: "approval that ended before", usage: usage{home, abroad, daily(1_000_000), own}, want: rules.Fires,
			change: func(l *registry.Ledgers) {
				l.Approvals = []registry.Approval{{No: "A1", EnterpriseID: "E1", Kind: "cross_border", Valid: registry.Validity{To: 20000}}}
			},
		},
		{name: "domestic", usage: usage{home, abroad, daily(1_000_000), own}, change: func(l *registry.Ledgers) { l.Lines[0].Scope = "domestic" }},
		{name: "the carrier's own", usage: usage{home, abroad, daily(1_000_000), own}, change: func(l *registry.Ledgers) { l.Lines[0].EnterpriseID = "CT" }},
		{name: "few samples", usage: usage{home, abroad, [7]uint64{499_000}, 0}, want: rules.Withheld, reason: "low_samples"},
		{name: "samples enough", usage: usage{home, abroad, [7]uint64{500_000}, 0}, want: rules.Fires},
		{name: "few samples of transit", usage: usage{home, abroad, [7]uint64{99_000}, 500_000}, want: rules.Withheld, reason: "low_samples"},
		{name: "samples of transit enough", usage: usage{home, abroad, [7]uint64{100_000}, 500_000}, want: rules.Fires},
		{name: "incomplete", usage: usage{home, abroad, daily(1_000_000), own}, books: heard(0.89), want: rules.Withheld, reason: "low_completeness"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := officeLine(t)
			if tt.change != nil {
				tt.change(l)
			}
			got := transit(t, l, tt.usage, nil, tt.books)
			if got.Outcome != tt.want || got.Reason != tt.reason {
				t.Fatalf("outcome %v %q, want %v %q: %+v", got.Outcome, got.Reason, tt.want, tt.reason, got.Facts)
			}
		})
	}
}

func TestIntlTransitRoutes(t *testing.T) {
	quiet := usage{"10.1.0.0/16", "10.2.0.0/16", daily(0), 9_000_000}
	tests := []struct {
		name   string
		near   func(t *testing.T) rules.Adjacency
		up     float64
		change func(l *registry.Ledgers)
		books  []rules.ExporterBooks
		want   rules.Outcome
		reason string
	}{
		{name: "a network behind the holder's for a day", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 3356, 24) }, want: rules.Fires},
		{name: "less than a day", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 3356, 23.9) }},
		{name: "filed for another enterprise", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 65020, 48) }, want: rules.Fires},
		{name: "a sister company's", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 65011, 48) }},
		{name: "the carrier's own", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 64500, 48) }},
		{name: "a private number inside the enterprise", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 65534, 48) }},
		{
			name: "filed as a downstream", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 3356, 48) },
			change: func(l *registry.Ledgers) {
				l.Downstreams = []registry.Downstream{{UpstreamASN: 65010, DownstreamASN: 3356}}
			},
		},
		{
			name: "the holder also has a domestic line", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 3356, 48) },
			change: func(l *registry.Ledgers) {
				l.Lines = append(l.Lines, registry.Line{ID: "D1", EnterpriseID: "E1", Scope: "domestic"})
			},
		},
		{
			name: "a domestic line that ended before", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 3356, 48) }, want: rules.Fires,
			change: func(l *registry.Ledgers) {
				l.Lines = append(l.Lines, registry.Line{ID: "D1", EnterpriseID: "E1", Scope: "domestic", Valid: registry.Validity{To: 20000}})
			},
		},
		{
			name: "an approval", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 3356, 48) },
			change: func(l *registry.Ledgers) {
				l.Approvals = []registry.Approval{{No: "A1", EnterpriseID: "E1", Kind: "cross_border"}}
			},
		},
		{
			name: "learned from a peer", near: func(t *testing.T) rules.Adjacency {
				a := behind(t, 65010, 3356, 48)
				a.Source = rules.RouteSource{PeerAS: 174, First: 174}
				return a
			},
		},
		{
			name: "before the holder's, not behind", near: func(t *testing.T) rules.Adjacency {
				a := behind(t, 65010, 3356, 48)
				a.Behind = false
				return a
			},
		},
		{name: "behind another customer", near: func(t *testing.T) rules.Adjacency { return behind(t, 65020, 3356, 48) }},
		{name: "routes hardly seen", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 3356, 48) }, up: 0.89, want: rules.Withheld, reason: "low_completeness"},
		{name: "flows not seen", near: func(t *testing.T) rules.Adjacency { return behind(t, 65010, 3356, 48) }, books: heard(0.5), want: rules.Fires},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := officeLine(t)
			l.ASNs = append(l.ASNs, registry.ASN{ASN: 65011, EnterpriseID: "E1S"}, registry.ASN{ASN: 65020, EnterpriseID: "E2"})
			if tt.change != nil {
				tt.change(l)
			}
			up := tt.up
			if up == 0 {
				up = 1
			}
			got := transit(t, l, quiet, &toldRoutes{next: []rules.Adjacency{tt.near(t)}, coverage: upFor(t, up)}, tt.books)
			if got.Outcome != tt.want || got.Reason != tt.reason {
				t.Fatalf("outcome %v %q, want %v %q: %+v", got.Outcome, got.Reason, tt.want, tt.reason, got.Facts)
			}
		})
	}
}

func TestIntlTransitFigures(t *testing.T) {
	routes := &toldRoutes{next: []rules.Adjacency{behind(t, 65010, 3356, 100)}, coverage: upFor(t, 1)}
	got := transit(t, officeLine(t), usage{"36.10.2.0/24", "51.3.0.0/24", [7]uint64{0, 0, 0, 1_000_000}, 9_000_000}, routes, nil)
	for name, want := range map[string]any{
		"transit_share": round4(1. / 64), "days_with_transit": 1, "transit_samples": uint64(1000), "route_hours_max": 100.0, "routes_observed": true,
	} {
		if got.Facts[name] != want {
			t.Errorf("%s = %v, want %v", name, got.Facts[name], want)
		}
	}
	if asns, _ := got.Facts["asns_beyond_the_holder"].([]string); !slices.Equal(asns, []string{"3356"}) {
		t.Errorf("autonomous systems %v", asns)
	}
	// The traffic is under its share over the week: the routes alone fire.
	if got.Outcome != rules.Fires || got.FirstDay != day(t, "2026-02-23") || got.LastDay != day(t, "2026-02-27") || strings.Contains(got.Explanation.EN, "neither end") {
		t.Errorf("%v, seen %s..%s: %s", got.Outcome, got.FirstDay, got.LastDay, got.Explanation.EN)
	}
	both := transit(t, officeLine(t), usage{"36.10.2.0/24", "51.3.0.0/24", daily(4_000_000), 6_000_000}, routes, nil)
	if names, _ := both.Facts["third_party_networks"].([]string); !slices.Equal(names, []string{"36.10.2.0/24 near allocated to E2", "51.3.0.0/24 far of Main Access"}) {
		t.Errorf("networks %v", names)
	}
	if both.Severity != rules.Critical || !strings.Contains(both.Explanation.ZH, "40.0%") || !strings.Contains(both.Explanation.ZH, "AS3356") || len(both.Benign) != 5 || both.LastDay != day(t, "2026-03-01") {
		t.Errorf("%s until %s: %s, %d benign", both.Severity, both.LastDay, both.Explanation.ZH, len(both.Benign))
	}
	alone := transit(t, officeLine(t), usage{"36.10.2.0/24", "51.3.0.0/24", daily(4_000_000), 6_000_000}, nil, nil)
	if alone.Facts["routes_observed"] != false || len(alone.Benign) != 4 {
		t.Errorf("without routes: %v", alone.Facts)
	}
}
