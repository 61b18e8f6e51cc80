package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linewarden/linewarden/rules"
)

// TestCounterGauges holds that the gauges show the accounts of the last time
// alone, and the states of exporters from the start.
func TestCounterGauges(t *testing.T) {
	g := newCounterGauges()
	if n := testutil.CollectAndCount(g.exporters); n != 4 {
		t.Errorf("%d states at the start", n)
	}
	off := rules.CounterAccount{Agreement: rules.Agreement{State: rules.CountersDisagree, Ratio: 2, Low: 1.8, High: 2.2}, Disagree: 3}
	g.show(map[netip.Addr]rules.CounterAccount{netip.MustParseAddr("192.0.2.1"): off})
	want := `# HELP linewarden_counters_exporters Exporters with counters, by how their flows and counters go together over a day.
# TYPE linewarden_counters_exporters gauge
linewarden_counters_exporters{state="absent"} 0
linewarden_counters_exporters{state="agree"} 0
linewarden_counters_exporters{state="disagree"} 1
linewarden_counters_exporters{state="unsure"} 0
`
	if err := testutil.CollectAndCompare(g.exporters, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	if got := testutil.ToFloat64(g.ratio.WithLabelValues("192.0.2.1", "low")); got != 1.8 {
		t.Errorf("low %v", got)
	}
	g.show(nil)
	if n := testutil.CollectAndCount(g.ratio) + testutil.CollectAndCount(g.directions); n != 0 {
		t.Errorf("%d series of exporters that are gone", n)
	}
}

// TestDoctorOfCounters has each cause say what mends it, and grades what rules
// can no longer rely on as a failure.
func TestDoctorOfCounters(t *testing.T) {
	said := make(map[string]rules.CounterCause)
	for _, cause := range []rules.CounterCause{
		rules.CauseSampling, rules.CauseTwice, rules.CauseUnscaled, rules.CauseRenumbered, rules.CauseNotMetered, rules.CauseOver, rules.CauseNotSeen,
	} {
		for state, grade := range map[rules.CounterState]string{rules.CountersDisagree: gradeFail, rules.CountersAgree: gradeWarn} {
			var d doctor
			d.judgeCounters("192.0.2.1", rules.CounterAccount{Agreement: rules.Agreement{State: state, Cause: cause}, Disagree: 1, Factor: 10})
			x := d.list[0]
			if x.Status != grade || x.trouble != troubleCounters || x.Remedy.ZH == "" {
				t.Errorf("%s %s: %+v", cause, state, x)
			}
			if other, there := said[x.Remedy.EN]; there && other != cause {
				t.Errorf("%s and %s have one remedy", cause, other)
			}
			said[x.Remedy.EN] = cause
		}
	}
	var d doctor
	d.judgeCounters("192.0.2.1", rules.CounterAccount{Agreement: rules.Agreement{State: rules.CountersAgree}, Agree: 2})
	if d.list[0].Status != gradeOK {
		t.Errorf("agreement: %+v", d.list[0])
	}
}
