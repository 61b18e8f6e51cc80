package replay_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

// TestPlantedValuesAreFound puts one wrong value after another into what each
// kind of golden file says, and takes a record away: each must be found.
func TestPlantedValuesAreFound(t *testing.T) {
	files := []string{
		"netflow9/akvorado-iosxr-options-template-data/expected.akvorado.json",
		"ipfix/akvorado-physical-interfaces/expected.akvorado.json",
		"netflow9/logstash-netflow-9-ie150-ie151/expected.logstash.json",
		"netflow5/telegraf-netflow-v5-example/expected.telegraf.influx",
		"ipfix/telegraf-ipfix-example/expected.telegraf.influx",
		"ipfix/pmacct-104-ipfixv10-ipv6-cisco-sampling-option/expected.pmacct.output-flow-00.json",
		"ipfix/pmacct-100-ipfixv10-cisco/expected.netgauze.traffic-00-flow.json",
		"netflow9/pmacct-101-nfv9-cisco-cust-primitives/expected.netgauze.traffic-00-flow.json",
	}
	planted := make(map[string]bool)
	for _, s := range testkit.Scenarios(t) {
		for _, file := range s.Golden {
			if !slices.Contains(files, file) {
				continue
			}
			for _, g := range parserOf(file)(t, s, file) {
				records := replayAll(t, s, g.files).records
				plantValues(t, file, &g, records, planted)
				plantLoss(t, file, &g, records)
			}
		}
	}
	names := slices.Sorted(maps.Keys(planted))
	for _, name := range []string{
		"bytes", "packets", "sampling", "src", "dst", "src_port", "dst_port", "proto", "tos", "tcp_flags", "in_if", "out_if", "next_hop", "src_as",
		"src_vlan", "start_ms", "end_ms", "direction", "forwarding", "mpls_label", "domain", "version", "biflow", "scaled_bytes", "icmp", "exported_s",
	} {
		if !planted[name] {
			t.Errorf("nothing is planted into %s, only into %v", name, names)
		}
	}
}

func plantValues(tb testing.TB, file string, g *golden, records []flows.Record, planted map[string]bool) {
	tb.Helper()
	_, clean := compare(tb, g, records)
	for i := range g.want[:min(len(g.want), 3)] {
		for name, right := range g.want[i].fields {
			g.want[i].fields[name] = right + "1"
			_, found := compare(tb, g, records)
			g.want[i].fields[name] = right
			planted[name] = true
			named := slices.ContainsFunc(found, func(d difference) bool { return d.want == right+"1" || strings.HasPrefix(d.field, "record") })
			if len(found) <= len(clean) || !named {
				tb.Errorf("%s: a wrong %s is not found", file, name)
			}
		}
	}
}

func plantLoss(tb testing.TB, file string, g *golden, records []flows.Record) {
	tb.Helper()
	_, clean := compare(tb, g, records)
	if _, found := compare(tb, g, records[1:]); len(found) <= len(clean) {
		tb.Errorf("%s: a record that is missing is not found", file)
	}
	if g.records < 0 {
		return
	}
	other := records[0]
	other.Src = other.Dst
	if _, found := compare(tb, g, append(slices.Clone(records), other)); len(found) <= len(clean) {
		tb.Errorf("%s: a record too many is not found", file)
	}
}

// TestDeviationsAreNarrow checks that a deviation explains what it names alone.
func TestDeviationsAreNarrow(t *testing.T) {
	v := deviation{file: "netflow9/logstash-", field: "start_ms", by: 1000}
	for _, c := range []struct {
		file string
		d    difference
		is   bool
	}{
		{"netflow9/logstash-a/expected.logstash.json", difference{"event 0", "start_ms", "2000", "1000"}, true},
		{"netflow9/logstash-a/expected.logstash.json", difference{"event 0", "start_ms", "2001", "1000"}, false},
		{"netflow9/logstash-a/expected.logstash.json", difference{"event 0", "end_ms", "2000", "1000"}, false},
		{"ipfix/logstash-a/expected.logstash.json", difference{"event 0", "start_ms", "2000", "1000"}, false},
		{"netflow9/logstash-a/expected.logstash.json", difference{"event 0", "start_ms", "", "1000"}, false},
	} {
		if v.explains(c.file, &c.d) != c.is {
			t.Errorf("%s %+v: explained %t", c.file, c.d, !c.is)
		}
	}
	none := deviation{file: "a", field: "direction", want: "none"}
	if !none.explains("a", &difference{"", "direction", "", "egress"}) || none.explains("a", &difference{"", "direction", "ingress", "egress"}) {
		t.Error("none is not an empty text alone")
	}
	for _, d := range deviations {
		if d.file == "" || d.field == "" || len(d.why) < 20 {
			t.Errorf("deviation %+v is not narrow, or says no reason", d)
		}
	}
}
