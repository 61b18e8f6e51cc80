package rules

import (
	"math"
	"net/netip"
	"testing"
)

// counted is an interface that carried packets of 1,000 octets for an hour,
// metered at a rate of 1 in 1,000, with counters of them.
func counted(packets float64) CountedInterface {
	m := Measured{
		FlowBytes: 1000 * packets, FlowPackets: packets, Samples: packets / 1000, Variance: packets / 1000 * 1000 * 999 * 1000 * 1000,
		Octets: 1018 * packets, Packets: packets, Covered: 3600,
	}
	return CountedInterface{Exporter: netip.MustParseAddr("192.0.2.1"), Interface: 1, Kind: 6, Hours: 1, In: m, Out: m}
}

// scaled is an interface whose flows say that many times what they should.
func scaled(packets, factor float64) CountedInterface {
	c := counted(packets)
	for _, m := range []*Measured{&c.In, &c.Out} {
		m.FlowBytes *= factor
		m.FlowPackets *= factor
		m.Variance *= factor
	}
	return c
}

func TestCompareCounters(t *testing.T) {
	const many = 10_000_000 // 10,000 samples, ±2 %
	change := func(edit func(m *Measured)) CountedInterface {
		c := counted(many)
		edit(&c.In)
		return c
	}
	for name, c := range map[string]struct {
		CountedInterface
		state CounterState
		cause CounterCause
		seen  float64
	}{
		"agree":           {counted(many), CountersAgree, "", 1},
		"within the band": {change(func(m *Measured) { m.Octets *= 1.04 }), CountersAgree, "", 1},
		"half of it":      {scaled(many, 0.5), CountersDisagree, CauseNotSeen, 0.55},
		"twice as much":   {scaled(many, 2), CountersDisagree, CauseOver, 0.54},
		"no flows": {
			change(func(m *Measured) { m.FlowBytes, m.FlowPackets, m.Variance = 0, 0, 0 }), CountersDisagree, CauseNotMetered, 0,
		},
		"unscaled": {
			change(func(m *Measured) { m.Unscaled, m.FlowBytes, m.FlowPackets, m.Variance = 1e6, 0, 0, 0 }), CountersDisagree, CauseUnscaled, 0,
		},
		"metered twice": {
			change(func(m *Measured) {
				m.Egress = m.FlowBytes
				m.FlowBytes *= 2
				m.FlowPackets *= 2
			}), CountersDisagree, CauseTwice, 0.55,
		},
		"few samples":              {counted(50_000), CountersUnsure, "", 1},
		"few samples, but far off": {scaled(200_000, 0.1), CountersDisagree, CauseNotSeen, 0.17},
		"no counters":              {change(func(m *Measured) { m.Covered = 0 }), CountersAbsent, "", 1},
		"keepalives": {
			change(func(m *Measured) { *m = Measured{Octets: 3e6, Covered: 3600} }), CountersUnsure, "", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.Compare(&c.In)
			if a.State != c.state || a.Cause != c.cause || math.Abs(a.Seen()-c.seen) > 0.1 {
				t.Errorf("got %+v, seen %.2f; want %s %s, %.2f", a, a.Seen(), c.state, c.cause, c.seen)
			}
		})
	}
}

// TestCountersLowerCompleteness holds that flows which the counters contradict
// are no longer taken for complete, that others are, and that a sum of exporters
// has the comparisons of all.
func TestCountersLowerCompleteness(t *testing.T) {
	const many = 10_000_000
	books := ExporterBooks{Received: 100, Stored: 100, Counted: []CountedInterface{counted(many)}}
	if got := books.Completeness(); got != 1 {
		t.Errorf("%v where they agree", got)
	}
	wrong := ExporterBooks{Received: 100, Stored: 100, Counted: []CountedInterface{scaled(many, 0.5)}}
	if got := wrong.Completeness(); got > 0.6 {
		t.Errorf("%v where half is missing", got)
	}
	books.Add(wrong)
	if got := books.Completeness(); len(books.Counted) != 2 || got < 0.7 || got > 0.85 {
		t.Errorf("%v of both, %d compared", got, len(books.Counted))
	}
	facts := new(CounterAccount).into(FactSet{})
	if (*CounterAccount)(nil).into(FactSet{})["counters"] != nil || len(facts) == 0 {
		t.Errorf("facts %v", facts)
	}
}

func TestAccountCounters(t *testing.T) {
	const many = 10_000_000
	silent := counted(many)
	for _, m := range []*Measured{&silent.In, &silent.Out} {
		m.FlowBytes, m.FlowPackets, m.Variance, m.Samples = 0, 0, 0, 0
	}
	unknown := counted(many)
	unknown.In.Covered, unknown.Out.Covered = 0, 0
	for name, c := range map[string]struct {
		list     []CountedInterface
		state    CounterState
		cause    CounterCause
		factor   float64
		reliable float64
	}{
		"nothing":                 {nil, CountersAbsent, "", 0, 1},
		"no counters":             {[]CountedInterface{unknown}, CountersAbsent, "", 0, 1},
		"agree":                   {[]CountedInterface{counted(many), counted(2 * many)}, CountersAgree, "", 0, 1},
		"a rate off by ten":       {[]CountedInterface{scaled(many, 10), scaled(2*many, 10.4)}, CountersDisagree, CauseSampling, 10, 0.1},
		"a rate of a half":        {[]CountedInterface{scaled(many, 0.5), counted(100)}, CountersDisagree, CauseSampling, 0.5, 0.54},
		"off both ways":           {[]CountedInterface{scaled(many, 1.5), scaled(many, 0.5)}, CountersDisagree, CauseNotSeen, 0, 0.63},
		"one is not metered":      {[]CountedInterface{counted(many), silent}, CountersAgree, CauseNotMetered, 0, 1},
		"none is metered":         {[]CountedInterface{silent}, CountersAbsent, CauseNotMetered, 0, 1},
		"indices that have moved": {[]CountedInterface{counted(many), silent, unknown}, CountersAgree, CauseRenumbered, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := AccountCounters(c.list)
			if a.State != c.state || a.Cause != c.cause || math.Abs(a.Factor-c.factor) > 0.05*c.factor || math.Abs(a.Reliable-c.reliable) > 0.05 {
				t.Errorf("got %+v", a)
			}
			if n := a.Agree + a.Disagree + a.Unsure + a.Absent; n != 2*len(c.list) {
				t.Errorf("%d directions of %d", n, 2*len(c.list))
			}
		})
	}
}
