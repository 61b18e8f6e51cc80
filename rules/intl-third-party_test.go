package rules_test

import (
	"math"
	"net/netip"
	"slices"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// exporterOfLine is where line I1 ends in these tests.
var exporterOfLine = netip.MustParseAddr("192.0.2.1")

// lineOnPort returns an international line with declared ends on a port.
func lineOnPort(t *testing.T) *registry.Ledgers {
	t.Helper()
	l := wholeFile(t)
	l.Exporters = []registry.Exporter{{Address: exporterOfLine, Name: "hz-1"}}
	l.Interfaces = []registry.Interface{{Exporter: exporterOfLine, IfIndex: 7, Role: "customer", LineID: "I1"}}
	l.Allocations = []registry.Allocation{
		{Prefix: prefix("203.0.113.0/26"), EnterpriseID: "E1S", Use: "enterprise"},
		{Prefix: prefix("203.0.113.64/26"), EnterpriseID: "CT", Use: "infrastructure"},
		{Prefix: prefix("203.0.113.128/26"), EnterpriseID: "E2", Use: "enterprise"},
	}
	l.Broadcasts = []registry.Broadcast{{Prefix: prefix("198.51.100.0/24"), Announcer: "E2", Applicant: "E1"}}
	l.Translations = []registry.Translation{{PublicPrefix: prefix("192.0.2.200/32"), SharedBy: []string{"E2", "E1"}}}
	return l
}

// usage is a week on line I1: per day so many bytes between the declared ends
// and so many between other networks, one sample per 1,000 bytes.
type usage struct {
	near, far string
	bytes     [7]uint64 // of the other networks
	own       uint64    // per day between the declared ends
}

func (u usage) networks(t *testing.T) []rules.LineNetworks {
	t.Helper()
	var out []rules.LineNetworks
	for i, bytes := range u.bytes {
		d := day(t, "2026-02-23") + registry.Date(i)
		out = append(out,
			rules.LineNetworks{Line: "I1", Day: d, Near: prefix("10.1.0.0/16"), Far: prefix("10.2.0.0/16"), FromCustomer: u.own / 2, ToCustomer: u.own / 2, Samples: u.own / 1000})
		if bytes > 0 {
			out = append(out, rules.LineNetworks{Line: "I1", Day: d, Near: prefix(u.near), Far: prefix(u.far), FromCustomer: bytes / 4, ToCustomer: bytes - bytes/4, Samples: bytes / 1000})
		}
	}
	return out
}

// daily is the same figure on each day of the week.
func daily(n uint64) [7]uint64 { return [7]uint64{n, n, n, n, n, n, n} }

// heard are books with this share of what was expected.
func heard(share float64) []rules.ExporterBooks {
	stored := uint64(1000 * share)
	return []rules.ExporterBooks{{Exporter: exporterOfLine, Received: stored, Stored: stored, Missed: 1000 - stored, Minutes: 60}}
}

func TestIntlThirdParty(t *testing.T) {
	const own, a, z = 9_000_000, "10.1.0.0/16", "10.2.0.0/16"
	stranger := "100.64.7.0/24"
	tests := []struct {
		name   string
		usage  usage
		change func(l *registry.Ledgers)
		books  []rules.ExporterBooks
		want   rules.Outcome
		reason string
	}{
		{name: "far third party", usage: usage{a, stranger, daily(1_000_000), own}, want: rules.Fires},
		{name: "near third party", usage: usage{stranger, z, daily(1_000_000), own}, want: rules.Fires},
		{name: "both ends", usage: usage{stranger, stranger, daily(1_000_000), own}, want: rules.Fires},
		{name: "private third party", usage: usage{a, "172.16.5.0/24", daily(1_000_000), own}, want: rules.Fires},
		{name: "another enterprise's allocation", usage: usage{"203.0.113.128/26", z, daily(1_000_000), own}, want: rules.Fires},
		{name: "under the share", usage: usage{a, stranger, daily(450_000), own}},
		{name: "one day only", usage: usage{a, stranger, [7]uint64{0, 0, 9_000_000}, own}},
		{name: "two days", usage: usage{a, stranger, [7]uint64{0, 0, 5_000_000, 5_000_000}, own}, want: rules.Fires},
		{name: "sister company's allocation", usage: usage{"203.0.113.0/26", z, daily(1_000_000), own}},
		{name: "inside a declared end", usage: usage{"10.1.9.0/24", "10.2.3.0/24", daily(1_000_000), own}},
		{name: "ends seen the other way round", usage: usage{z, a, daily(1_000_000), own}},
		{name: "infrastructure", usage: usage{a, "203.0.113.64/26", daily(1_000_000), own}},
		{name: "router link address", usage: usage{a, "192.0.2.1/32", daily(1_000_000), own}},
		{name: "link local", usage: usage{"169.254.0.0/24", z, daily(1_000_000), own}},
		{name: "space announced for the holder", usage: usage{"198.51.100.0/24", z, daily(1_000_000), own}},
		{name: "translation shared by the holder", usage: usage{"192.0.2.200/32", z, daily(1_000_000), own}},
		{
			name: "block cut from the holder's", usage: usage{"203.0.113.32/28", z, daily(1_000_000), own}, want: rules.Fires,
			change: func(l *registry.Ledgers) {
				l.Allocations = append(l.Allocations, registry.Allocation{Prefix: prefix("203.0.113.32/28"), EnterpriseID: "E2", Parent: prefix("203.0.113.0/26"), Use: "enterprise"})
			},
		},
		{
			name: "another enterprise's block inside the plant", usage: usage{"203.0.113.96/28", z, daily(1_000_000), own}, want: rules.Fires,
			change: func(l *registry.Ledgers) {
				l.Allocations = append(l.Allocations, registry.Allocation{Prefix: prefix("203.0.113.96/28"), EnterpriseID: "E2", Use: "enterprise"})
			},
		},
		{
			name: "holder's block inside another's", usage: usage{"203.0.113.144/28", z, daily(1_000_000), own},
			change: func(l *registry.Ledgers) {
				l.Allocations = append(l.Allocations, registry.Allocation{Prefix: prefix("203.0.113.144/28"), EnterpriseID: "E1", Parent: prefix("203.0.113.128/26"), Use: "enterprise"})
			},
		},
		{
			name: "two holders of one block, one of them the holder", usage: usage{"203.0.113.128/26", z, daily(1_000_000), own},
			change: func(l *registry.Ledgers) {
				l.Allocations = append(l.Allocations, registry.Allocation{Prefix: prefix("203.0.113.128/26"), EnterpriseID: "E1", Use: "enterprise"})
			},
		},
		{
			name: "another's block inside space announced for the holder", usage: usage{"198.51.100.64/26", z, daily(1_000_000), own}, want: rules.Fires,
			change: func(l *registry.Ledgers) {
				l.Allocations = append(l.Allocations, registry.Allocation{Prefix: prefix("198.51.100.64/26"), EnterpriseID: "E2", Use: "enterprise"})
			},
		},
		{
			name: "far end not declared", usage: usage{a, stranger, daily(1_000_000), own},
			change: func(l *registry.Ledgers) { l.LineEndpoints = l.LineEndpoints[:1] },
		},
		{
			name: "near end not declared, far end strange", usage: usage{stranger, stranger, daily(1_000_000), own}, want: rules.Fires,
			change: func(l *registry.Ledgers) { l.LineEndpoints = l.LineEndpoints[1:] },
		},
		{name: "nothing declared", usage: usage{stranger, stranger, daily(1_000_000), own}, change: func(l *registry.Ledgers) { l.LineEndpoints = nil }},
		{name: "domestic", usage: usage{stranger, stranger, daily(1_000_000), own}, change: func(l *registry.Ledgers) { l.Lines[0].Scope = "domestic" }},
		{name: "line ended before", usage: usage{a, stranger, daily(1_000_000), own}, change: func(l *registry.Ledgers) { l.Lines[0].Valid.To = 20000 }},
		{name: "few samples", usage: usage{a, stranger, daily(40_000), 90_000}, want: rules.Withheld, reason: "low_samples"},
		{name: "few offending samples", usage: usage{a, stranger, daily(14_000), 135_000}},
		{name: "incomplete", usage: usage{a, stranger, daily(1_000_000), own}, books: heard(0.89), want: rules.Withheld, reason: "low_completeness"},
		{name: "complete enough", usage: usage{a, stranger, daily(1_000_000), own}, books: heard(0.9), want: rules.Fires},
		{name: "exporter never heard", usage: usage{a, stranger, daily(1_000_000), own}, books: []rules.ExporterBooks{}, want: rules.Withheld, reason: "low_completeness"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := lineOnPort(t)
			if tt.change != nil {
				tt.change(l)
			}
			books := tt.books
			if books == nil {
				books = heard(1)
			}
			got := judge(t, rules.IntlThirdParty(), l, trafficOf{networks: tt.usage.networks(t), books: books}, "2026-02-23", "2026-03-01")["I1"]
			if got.Outcome != tt.want || got.Reason != tt.reason {
				t.Fatalf("outcome %v %q, want %v %q: %+v", got.Outcome, got.Reason, tt.want, tt.reason, got.Facts)
			}
		})
	}
}

func TestIntlThirdPartyFigures(t *testing.T) {
	u := usage{"10.1.0.0/16", "100.64.7.0/24", daily(1_000_000), 9_000_000}
	got := judge(t, rules.IntlThirdParty(), lineOnPort(t), trafficOf{networks: u.networks(t), books: heard(0.95)}, "2026-02-23", "2026-03-01")["I1"]
	if got.Facts["third_party_share"] != 0.1 {
		t.Errorf("share %v, want 0.1", got.Facts["third_party_share"])
	}
	if got.Facts["bytes_per_day"] != uint64(10_000_000) || got.Facts["samples"] != uint64(70_000) || got.Facts["third_party_samples"] != uint64(7_000) {
		t.Errorf("figures %v", got.Facts)
	}
	// 1.96·√(0.1·0.9/70000)
	if hw, _ := got.Facts["third_party_share_half_width"].(float64); math.Abs(hw-0.0022) > 0.00005 {
		t.Errorf("half-width %v, want 0.0022", hw)
	}
	if got.Completeness != 0.95 || got.Confidence != 0.95 {
		t.Errorf("completeness %v confidence %v", got.Completeness, got.Confidence)
	}
	if networks, _ := got.Facts["third_party_networks"].([]string); len(networks) != 1 || networks[0] != "100.64.7.0/24 far" {
		t.Errorf("networks %v", networks)
	}
	if got.FirstDay != day(t, "2026-02-23") || got.LastDay != day(t, "2026-03-01") {
		t.Errorf("seen %s..%s", got.FirstDay, got.LastDay)
	}
}

func TestIntlThirdPartyKeepsUnscaledApart(t *testing.T) {
	traffic := trafficOf{networks: []rules.LineNetworks{{
		Line: "I1", Day: day(t, "2026-02-24"), Near: prefix("10.1.0.0/16"), Far: prefix("100.64.7.0/24"), Unscaled: 1 << 30,
	}}, books: heard(1)}
	got := judge(t, rules.IntlThirdParty(), lineOnPort(t), traffic, "2026-02-23", "2026-03-01")["I1"]
	if got.Outcome != rules.Withheld || got.Reason != "sampling_unknown" {
		t.Errorf("got %v %q", got.Outcome, got.Reason)
	}
}

// TestIntlThirdPartyWithheldWhenMostIsUnscaled has some traffic with a sampling
// rate beside more without one.
func TestIntlThirdPartyWithheldWhenMostIsUnscaled(t *testing.T) {
	networks := usage{"10.1.0.0/16", "100.64.7.0/24", daily(1_000_000), 9_000_000}.networks(t)
	for unscaled, want := range map[uint64]rules.Outcome{70_000_000: rules.Fires, 70_000_001: rules.Withheld} {
		traffic := trafficOf{networks: append(slices.Clone(networks), rules.LineNetworks{Line: "I1", Day: day(t, "2026-02-24"), Near: prefix("10.1.0.0/16"), Far: prefix("10.2.0.0/16"), Unscaled: unscaled}), books: heard(1)}
		if got := judge(t, rules.IntlThirdParty(), lineOnPort(t), traffic, "2026-02-23", "2026-03-01")["I1"]; got.Outcome != want {
			t.Errorf("%d bytes unscaled: %v, want %v", unscaled, got.Outcome, want)
		}
	}
}

// TestIntlThirdPartyRepeatsExactly measures the same again and again: one
// network at both ends must not change places.
func TestIntlThirdPartyRepeatsExactly(t *testing.T) {
	networks := usage{"100.64.7.0/24", "100.64.7.0/24", daily(1_000_000), 9_000_000}.networks(t)
	for range 50 {
		got := judge(t, rules.IntlThirdParty(), lineOnPort(t), trafficOf{networks: networks, books: heard(1)}, "2026-02-23", "2026-03-01")["I1"]
		if names, _ := got.Facts["third_party_networks"].([]string); !slices.Equal(names, []string{"100.64.7.0/24 far", "100.64.7.0/24 near"}) {
			t.Fatalf("networks %v", names)
		}
	}
}

func TestBooksAreNeverMoreThanComplete(t *testing.T) {
	if got := (rules.ExporterBooks{Received: 10, Stored: 20}).Completeness(); got != 1 {
		t.Errorf("completeness %v", got)
	}
	if got := (rules.ExporterBooks{}).Completeness(); got != 0 {
		t.Errorf("completeness of silence %v", got)
	}
}

func TestConfidence(t *testing.T) {
	tests := []struct {
		p, limit     float64
		samples      uint64
		completeness float64
		min, max     float64
	}{
		{0.05, 0.05, 1000, 1, 0.49, 0.51},
		{0.08, 0.05, 1000, 1, 0.99, 1},
		{0.06, 0.05, 100, 1, 0.6, 0.72},
		{1, 0.05, 1000, 0.9, 0.89, 0.9},
		{0.5, 0.05, 0, 1, 0, 0},
	}
	for _, tt := range tests {
		if got := rules.ConfidenceAbove(tt.p, tt.limit, tt.samples, tt.completeness); got < tt.min || got > tt.max {
			t.Errorf("ConfidenceAbove(%v, %v, %d, %v) = %v, want %v..%v", tt.p, tt.limit, tt.samples, tt.completeness, got, tt.min, tt.max)
		}
	}
	// DETECTION: 1,000 of 2,500 samples stand for 381k to 419k of a million.
	if hw := rules.HalfWidth(0.4, 2500); math.Abs(hw-0.0192) > 0.0001 {
		t.Errorf("half-width %v", hw)
	}
}
