package rules_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// domesticLine returns line D1 of E1 with what is filed for it: an allocation,
// a block cut from it for a customer, provider-independent space, a declared
// end, and a downstream by its ASN.
func domesticLine(t *testing.T) *registry.Ledgers {
	t.Helper()
	l := carrier(t)
	l.Enterprises = append(l.Enterprises,
		registry.Enterprise{ID: "E3", Name: "丙公司", Place: "3301"},
		registry.Enterprise{ID: "E4", Name: "丁公司", Place: "3301"},
	)
	l.ASNs = append(l.ASNs, registry.ASN{ASN: 65010, EnterpriseID: "E1"}, registry.ASN{ASN: 65020, EnterpriseID: "E3"}, registry.ASN{ASN: 65021, EnterpriseID: "E4"})
	l.Downstreams = []registry.Downstream{{UpstreamASN: 65010, DownstreamASN: 65020}, {UpstreamASN: 65020, DownstreamASN: 65021}}
	l.Lines = []registry.Line{{ID: "D1", EnterpriseID: "E1", Scope: "domestic", Technology: "dia", Use: "idc", APlace: "330100"}}
	l.Exporters = []registry.Exporter{{Address: exporterOfLine, Name: "hz-1"}}
	l.Interfaces = []registry.Interface{{Exporter: exporterOfLine, IfIndex: 7, Role: "customer", LineID: "D1"}}
	l.LineEndpoints = []registry.LineEndpoint{{LineID: "D1", End: "a", Prefix: prefix("36.20.8.0/24"), Kind: "office"}}
	l.Allocations = []registry.Allocation{
		{Prefix: prefix("36.10.0.0/22"), EnterpriseID: "E1", Use: "idc"},
		{Prefix: prefix("36.10.1.0/25"), EnterpriseID: "E2", Parent: prefix("36.10.0.0/22"), Use: "enterprise"},
		{Prefix: prefix("36.11.0.0/24"), EnterpriseID: "E1S", Use: "enterprise"},
		{Prefix: prefix("36.12.0.0/24"), EnterpriseID: "E2", Use: "idc"},
		{Prefix: prefix("36.13.0.0/24"), EnterpriseID: "E3", Use: "isp"},
		{Prefix: prefix("36.14.0.0/24"), EnterpriseID: "CT", Use: "infrastructure"},
		{Prefix: prefix("36.15.0.0/24"), EnterpriseID: "E4", Use: "enterprise"},
	}
	l.Broadcasts = []registry.Broadcast{{Prefix: prefix("36.21.0.0/24"), Announcer: "CT", Applicant: "E1"}}
	l.Networks = []registry.Network{
		{Prefix: prefix("36.22.0.0/24"), Country: "CN", Operator: "Elsewhere Telecom", Kind: "access", ASN: 65099},
		{Prefix: prefix("36.23.0.0/24"), Country: "CN", Operator: "Downstream", Kind: "access", ASN: 65020},
	}
	return l
}

// sent is a week on line D1: what the customer sent from its own block each
// day, and from another network on the days that are not zero, one sample per
// 1,000 bytes; half as much comes back unless it is one-way.
type sent struct {
	near   string
	bytes  [7]uint64
	own    uint64
	oneWay bool
}

func (s sent) networks(t *testing.T) []rules.LineNetworks {
	t.Helper()
	var out []rules.LineNetworks
	for i, bytes := range s.bytes {
		d := day(t, "2026-03-02") + registry.Date(i)
		if s.own > 0 {
			out = append(out, rules.LineNetworks{Line: "D1", Day: d, Near: prefix("36.10.0.0/24"), Far: prefix("41.1.0.0/24"), FromCustomer: s.own, ToCustomer: s.own / 4, Samples: s.own / 1000})
		}
		if bytes > 0 {
			n := rules.LineNetworks{Line: "D1", Day: d, Near: prefix(s.near), Far: prefix("41.2.0.0/24"), FromCustomer: bytes, ToCustomer: bytes / 2, Samples: bytes / 1000}
			if s.oneWay {
				n.ToCustomer = 0
			}
			out = append(out, n)
		}
	}
	return out
}

func bandwidth(t *testing.T, l *registry.Ledgers, traffic trafficOf) judged {
	t.Helper()
	if traffic.books == nil {
		traffic.books = heard(1)
	}
	return judge(t, rules.SubleaseBandwidth(), l, traffic, "2026-03-02", "2026-03-08")["D1"]
}

func TestSubleaseBandwidth(t *testing.T) {
	const own = 9_500_000
	tests := []struct {
		name   string
		sent   sent
		change func(l *registry.Ledgers)
		books  []rules.ExporterBooks
		want   rules.Outcome
		reason string
	}{
		{name: "another enterprise's block", sent: sent{near: "36.12.0.0/24", bytes: daily(1_000_000), own: own}, want: rules.Fires},
		{name: "a network of another carrier", sent: sent{near: "36.22.0.0/24", bytes: daily(1_000_000), own: own}, want: rules.Fires},
		{name: "a network nobody knows", sent: sent{near: "36.99.0.0/24", bytes: daily(1_000_000), own: own}, want: rules.Fires},
		{name: "one-way, as space announced elsewhere", sent: sent{near: "36.22.0.0/24", bytes: daily(1_000_000), own: own, oneWay: true}, want: rules.Fires},
		{name: "at the share", sent: sent{near: "36.12.0.0/24", bytes: daily(500_000), own: own}, want: rules.Fires},
		{name: "under the share", sent: sent{near: "36.12.0.0/24", bytes: daily(499_000), own: own}},
		{name: "at two days", sent: sent{near: "36.12.0.0/24", bytes: [7]uint64{0, 0, 3_000_000, 3_000_000}, own: own}, want: rules.Fires},
		{name: "protection switching of a night", sent: sent{near: "36.12.0.0/24", bytes: [7]uint64{0, 0, 9_000_000}, own: own}},
		{name: "protection switching over midnight", sent: sent{near: "36.12.0.0/24", bytes: [7]uint64{0, 0, 1_500_000, 1_500_000}, own: own}},
		{name: "provider-independent space, declared", sent: sent{near: "36.20.8.0/24", bytes: daily(2_000_000), own: own}},
		{name: "provider-independent space, broadcast", sent: sent{near: "36.21.0.0/24", bytes: daily(2_000_000), own: own}},
		{name: "sibling", sent: sent{near: "36.11.0.0/24", bytes: daily(2_000_000), own: own}},
		{name: "infrastructure", sent: sent{near: "36.14.0.0/24", bytes: daily(2_000_000), own: own}},
		{name: "block cut from the holder's", sent: sent{near: "36.10.1.0/25", bytes: daily(2_000_000), own: own}},
		{name: "filed downstream's block", sent: sent{near: "36.13.0.0/24", bytes: daily(2_000_000), own: own}},
		{name: "filed downstream of a downstream", sent: sent{near: "36.15.0.0/24", bytes: daily(2_000_000), own: own}},
		{name: "filed downstream by its ASN", sent: sent{near: "36.23.0.0/24", bytes: daily(2_000_000), own: own}},
		{
			name: "downstream filed no longer", sent: sent{near: "36.13.0.0/24", bytes: daily(2_000_000), own: own}, want: rules.Fires,
			change: func(l *registry.Ledgers) { l.Downstreams[0].Valid.To = 20000 },
		},
		{
			name: "announced by the holder for another, as filed", sent: sent{near: "36.99.0.0/24", bytes: daily(2_000_000), own: own},
			change: func(l *registry.Ledgers) {
				l.Broadcasts = append(l.Broadcasts, registry.Broadcast{Prefix: prefix("36.99.0.0/24"), Announcer: "E1", Applicant: "E2"})
			},
		},
		{
			name: "declared for another line of the holder", sent: sent{near: "36.99.0.0/24", bytes: daily(2_000_000), own: own},
			change: func(l *registry.Ledgers) {
				l.Lines = append(l.Lines, registry.Line{ID: "D2", EnterpriseID: "E1S", Scope: "domestic"})
				l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: "D2", End: "a", Prefix: prefix("36.99.0.0/23")})
			},
		},
		{
			name: "declared for a line of another", sent: sent{near: "36.99.0.0/24", bytes: daily(2_000_000), own: own}, want: rules.Fires,
			change: func(l *registry.Ledgers) {
				l.Lines = append(l.Lines, registry.Line{ID: "D2", EnterpriseID: "E2", Scope: "domestic"})
				l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: "D2", End: "a", Prefix: prefix("36.99.0.0/23")})
			},
		},
		{name: "private", sent: sent{near: "172.16.9.0/24", bytes: daily(2_000_000), own: own}},
		{name: "behind a translation", sent: sent{near: "100.64.9.0/24", bytes: daily(2_000_000), own: own}},
		{name: "martian", sent: sent{near: "127.0.0.0/24", bytes: daily(2_000_000), own: own}},
		{name: "reserved", sent: sent{near: "250.1.2.0/24", bytes: daily(2_000_000), own: own}},
		{name: "documentation", sent: sent{near: "2001:db8:77::/48", bytes: daily(2_000_000), own: own}},
		{name: "unassigned IPv6", sent: sent{near: "4000:1::/48", bytes: daily(2_000_000), own: own}},
		{name: "IPv6 of another", sent: sent{near: "2408:8000:1::/48", bytes: daily(2_000_000), own: own}, want: rules.Fires},
		{name: "international line", sent: sent{near: "36.12.0.0/24", bytes: daily(2_000_000), own: own}, change: func(l *registry.Ledgers) { l.Lines[0].Scope = "international" }},
		{name: "the carrier's own line", sent: sent{near: "36.12.0.0/24", bytes: daily(2_000_000), own: own}, change: func(l *registry.Ledgers) { l.Lines[0].EnterpriseID = "CT" }},
		{name: "499 samples", sent: sent{near: "36.12.0.0/24", bytes: [7]uint64{125_000, 124_000}, own: 0}, want: rules.Withheld, reason: "low_samples"},
		{name: "500 samples", sent: sent{near: "36.12.0.0/24", bytes: [7]uint64{250_000, 250_000}, own: 0}, want: rules.Fires},
		{name: "99 offending samples", sent: sent{near: "36.12.0.0/24", bytes: [7]uint64{50_000, 49_000}, own: 100_000}, want: rules.Withheld, reason: "low_samples"},
		{name: "100 offending samples", sent: sent{near: "36.12.0.0/24", bytes: [7]uint64{50_000, 50_000}, own: 100_000}, want: rules.Fires},
		{name: "incomplete", sent: sent{near: "36.12.0.0/24", bytes: daily(1_000_000), own: own}, books: heard(0.89), want: rules.Withheld, reason: "low_completeness"},
		{name: "complete enough", sent: sent{near: "36.12.0.0/24", bytes: daily(1_000_000), own: own}, books: heard(0.9), want: rules.Fires},
		{
			name: "nothing filed for the holder, nobody known", sent: sent{near: "36.99.0.0/24", bytes: daily(1_000_000)}, want: rules.Withheld, reason: "addresses_unknown",
			change: func(l *registry.Ledgers) { l.Allocations, l.LineEndpoints, l.Broadcasts = nil, nil, nil },
		},
		{
			name: "nothing filed for the holder, another's block", sent: sent{near: "36.12.0.0/24", bytes: daily(1_000_000)}, want: rules.Fires,
			change: func(l *registry.Ledgers) {
				l.Allocations, l.LineEndpoints, l.Broadcasts = l.Allocations[3:4], nil, nil
			},
		},
		{
			name: "holder unknown", sent: sent{near: "36.12.0.0/24", bytes: daily(1_000_000)}, want: rules.Withheld, reason: "holder_unknown",
			change: func(l *registry.Ledgers) { l.Lines[0].EnterpriseID = "" },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := domesticLine(t)
			if tt.change != nil {
				tt.change(l)
			}
			got := bandwidth(t, l, trafficOf{networks: tt.sent.networks(t), books: tt.books})
			if got.Outcome != tt.want || got.Reason != tt.reason {
				t.Fatalf("outcome %v %q, want %v %q: %+v", got.Outcome, got.Reason, tt.want, tt.reason, got.Facts)
			}
		})
	}
}

// TestSubleaseBandwidthSetsForgedSourcesAside has a host behind the line send
// packets from thousands of forged networks: many bytes, but of each network a
// packet or two, and nothing ever comes back to them.
func TestSubleaseBandwidthSetsForgedSourcesAside(t *testing.T) {
	forged := func(packets uint64, answered bool) []rules.LineNetworks {
		networks := sent{own: 9_500_000}.networks(t)
		for i := range 7 * 400 {
			n := rules.LineNetworks{
				Line: "D1", Day: day(t, "2026-03-02") + registry.Date(i/400), Near: prefix(fmt.Sprintf("57.%d.%d.0/24", i/250, i%250)), Far: prefix("41.9.0.0/24"),
				FromCustomer: 1500 * 1000 * packets, Samples: packets,
			}
			if answered {
				n.ToCustomer = 60_000
			}
			networks = append(networks, n)
		}
		return networks
	}
	got := bandwidth(t, domesticLine(t), trafficOf{networks: forged(2, false)})
	if got.Outcome != rules.Clear {
		t.Errorf("forged sources: %v %v", got.Outcome, got.Facts)
	}
	if got := bandwidth(t, domesticLine(t), trafficOf{networks: forged(3, false)}); got.Outcome != rules.Fires {
		t.Errorf("three packets of each network: %v", got.Outcome)
	}
	if got := bandwidth(t, domesticLine(t), trafficOf{networks: forged(2, true)}); got.Outcome != rules.Fires {
		t.Errorf("networks that are answered over the line: %v", got.Outcome)
	}
}

func TestSubleaseBandwidthFigures(t *testing.T) {
	networks := sent{near: "36.12.0.0/24", bytes: daily(1_000_000), own: 9_000_000}.networks(t)
	for i, near := range []string{"10.7.0.0/24", "240.1.1.0/24", "36.13.0.0/24", "36.10.1.0/25"} {
		networks = append(networks, rules.LineNetworks{Line: "D1", Day: day(t, "2026-03-03"), Near: prefix(near), Far: prefix("41.2.0.0/24"), FromCustomer: 1 << (10 + i), Samples: 2})
	}
	got := bandwidth(t, domesticLine(t), trafficOf{networks: networks, books: heard(0.95)})
	for name, want := range map[string]any{
		"foreign_source_share": 0.1, "foreign_source_samples": uint64(7_000), "days_with_foreign_source": 7, "bytes_per_day": uint64(10_001_755),
		"private_bytes": uint64(1024), "bogon_bytes": uint64(2048), "filed_downstream_bytes": uint64(4096), "cut_block_bytes": uint64(8192),
	} {
		if got.Facts[name] != want {
			t.Errorf("%s = %v, want %v", name, got.Facts[name], want)
		}
	}
	if names, _ := got.Facts["third_party_networks"].([]string); !slices.Equal(names, []string{"36.12.0.0/24 near allocated to E2"}) {
		t.Errorf("networks %v", names)
	}
	if got.Severity != rules.High || got.Confidence != 0.95 || got.FirstDay != day(t, "2026-03-02") || got.LastDay != day(t, "2026-03-08") {
		t.Errorf("severity %s confidence %v seen %s..%s", got.Severity, got.Confidence, got.FirstDay, got.LastDay)
	}
	for _, text := range []string{got.Explanation.ZH, got.Explanation.EN} {
		if !strings.Contains(text, "10.0") || !strings.Contains(text, "976.") { // percent, and KiB a day
			t.Errorf("the explanation lacks its figures: %s", text)
		}
	}
	if len(got.Benign) != 6 || len(got.Evidence) != 5 {
		t.Errorf("%d benign tests, %d pieces of evidence", len(got.Benign), len(got.Evidence))
	}
	half := bandwidth(t, domesticLine(t), trafficOf{networks: sent{near: "36.12.0.0/24", bytes: daily(5_000_000), own: 5_000_000}.networks(t)})
	if half.Severity != rules.Critical {
		t.Errorf("half of the bytes is %s", half.Severity)
	}
}

// TestSubleaseBandwidthIsAboutWhoHeldTheLine has the line change hands in the
// span: the days of one holder say nothing about the other.
func TestSubleaseBandwidthIsAboutWhoHeldTheLine(t *testing.T) {
	l := domesticLine(t)
	next := l.Lines[0]
	l.Lines[0].Valid.To = day(t, "2026-03-05")
	next.EnterpriseID, next.Valid.From = "E2", day(t, "2026-03-06")
	l.Lines = append(l.Lines, next)
	networks := sent{near: "36.12.0.0/24", bytes: [7]uint64{1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000}}.networks(t)
	for i := range 4 {
		networks = append(networks, rules.LineNetworks{Line: "D1", Day: day(t, "2026-03-02") + registry.Date(i), Near: prefix("36.10.0.0/24"), Far: prefix("41.1.0.0/24"), FromCustomer: 1_000_000, Samples: 1000})
	}
	got := bandwidth(t, l, trafficOf{networks: networks})
	if got.Outcome != rules.Fires || got.Holder == nil || got.Holder.EnterpriseID != "E1" || got.LastDay != day(t, "2026-03-05") || got.Facts["foreign_source_share"] != 0.5 {
		t.Errorf("got %v about %+v until %s: %v", got.Outcome, got.Holder, got.LastDay, got.Facts)
	}
}

func TestSubleaseBandwidthWithheldWhenMostIsUnscaled(t *testing.T) {
	networks := sent{near: "36.12.0.0/24", bytes: daily(1_000_000), own: 9_000_000}.networks(t)
	var scaled uint64
	for _, n := range networks {
		scaled += n.FromCustomer + n.ToCustomer
	}
	for unscaled, want := range map[uint64]rules.Outcome{scaled: rules.Fires, scaled + 1: rules.Withheld} {
		with := append(slices.Clone(networks), rules.LineNetworks{Line: "D1", Day: day(t, "2026-03-04"), Near: prefix("36.10.0.0/24"), Far: prefix("41.1.0.0/24"), Unscaled: unscaled})
		if got := bandwidth(t, domesticLine(t), trafficOf{networks: with}); got.Outcome != want {
			t.Errorf("%d bytes unscaled: %v, want %v", unscaled, got.Outcome, want)
		}
	}
}

// TestSubleaseBandwidthKnowsRoutesOfDownstreams has a filed downstream announce
// space that no ledger knows, behind the holder, and somebody else announce some.
func TestSubleaseBandwidthKnowsRoutesOfDownstreams(t *testing.T) {
	r := rules.SubleaseBandwidth()
	params, err := r.Spec.ParamsWith(nil)
	if err != nil {
		t.Fatal(err)
	}
	source := rules.RouteSource{PeerAS: 65010, First: 65010}
	week := rules.Window{From: day(t, "2026-03-02").Start(shanghai(t)), To: day(t, "2026-03-09").Start(shanghai(t))}
	for origin, want := range map[uint32]rules.Outcome{65020: rules.Clear, 65021: rules.Clear, 65077: rules.Fires} {
		in := rules.Inputs{
			Span: rules.Span{Days: validity(t, "2026-03-02", "2026-03-08"), Location: shanghai(t)}, Ledgers: registry.NewSnapshot(domesticLine(t), []uint32{64500}),
			Traffic: trafficOf{networks: sent{near: "36.99.4.0/24", bytes: daily(2_000_000), own: 9_500_000}.networks(t), books: heard(1)},
			Routes: &toldRoutes{announced: []rules.Announcement{
				announced("0.0.0.0/0", 65020, source, week), announced("36.99.0.0/20", origin, source, week),
			}},
		}
		for fact, err := range r.Measure(t.Context(), in, params) {
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Judge(fact, params); got.Outcome != want {
				t.Errorf("announced by AS%d: %v, want %v", origin, got.Outcome, want)
			}
		}
	}
}

// hoursOf answers for single hours with what was sent in them alone.
type hoursOf struct {
	trafficOf
	from, to time.Time // of the other network's bytes
}

func (h hoursOf) LineNetworks(ctx context.Context, w rules.Window, loc *time.Location, lines ...string) iter.Seq2[rules.LineNetworks, error] {
	if w.To.Sub(w.From) > time.Hour {
		return h.trafficOf.LineNetworks(ctx, w, loc, lines...)
	}
	return func(yield func(rules.LineNetworks, error) bool) {
		for _, n := range h.networks {
			other := n.Far == prefix("41.2.0.0/24")
			if n.Day != registry.DateOf(w.From.In(loc)) || other && (!w.From.Before(h.to) || !w.To.After(h.from)) {
				continue
			}
			if !yield(n, nil) {
				return
			}
		}
	}
}

// TestSubleaseBandwidthOverMidnight has the addresses of others on two local
// days, by less or more than a day.
func TestSubleaseBandwidthOverMidnight(t *testing.T) {
	for _, tt := range []struct {
		name     string
		days     [7]uint64
		from, to string
		want     rules.Outcome
	}{
		{name: "a night", days: [7]uint64{0, 1_000_000, 1_000_000}, from: "2026-03-03T20:00:00+08:00", to: "2026-03-04T06:00:00+08:00"},
		{name: "almost a day", days: [7]uint64{0, 1_000_000, 1_000_000}, from: "2026-03-03T10:00:00+08:00", to: "2026-03-04T09:40:00+08:00"},
		{name: "more than a day", days: [7]uint64{0, 1_000_000, 1_000_000}, from: "2026-03-03T10:00:00+08:00", to: "2026-03-04T11:00:00+08:00", want: rules.Fires},
		{name: "two nights", days: [7]uint64{0, 1_000_000, 1_000_000, 1_000_000}, from: "2026-03-03T20:00:00+08:00", to: "2026-03-05T06:00:00+08:00", want: rules.Fires},
		{name: "two days apart", days: [7]uint64{0, 1_000_000, 0, 1_000_000}, from: "2026-03-03T20:00:00+08:00", to: "2026-03-05T06:00:00+08:00", want: rules.Fires},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from, err := time.Parse(time.RFC3339, tt.from)
			if err != nil {
				t.Fatal(err)
			}
			to, err := time.Parse(time.RFC3339, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			s := sent{near: "36.12.0.0/24", bytes: tt.days, own: 2_000_000}
			traffic := hoursOf{trafficOf{networks: s.networks(t), books: heard(1)}, from, to}
			got := judge(t, rules.SubleaseBandwidth(), domesticLine(t), traffic, "2026-03-02", "2026-03-08")["D1"]
			if got.Outcome != tt.want {
				t.Errorf("outcome %v %q, want %v: %+v", got.Outcome, got.Reason, tt.want, got.Facts)
			}
		})
	}
}
