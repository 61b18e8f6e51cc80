package replay_test

import (
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

// TestGoodAfterMalformed sends a good datagram of each protocol after each
// malformed file, through the same decoders: it gives what it gives alone.
func TestGoodAfterMalformed(t *testing.T) {
	good := []string{
		"netflow5/akvorado-nfv5", "netflow9/logstash-netflow-9-valid-01", "netflow9/akvorado-sampling-in-record", "ipfix/akvorado-mpls-in-ipv6",
		"ipfix/logstash-ipfix-openbsd-pflow", "sflow5/akvorado-extended-gateway-router-switch",
	}
	list := testkit.Scenarios(t)
	find := func(name string) testkit.Scenario {
		i := slices.IndexFunc(list, func(s testkit.Scenario) bool { return s.Name == name })
		if i < 0 {
			t.Fatalf("no scenario %s", name)
		}
		return list[i]
	}
	n := 0
	for _, bad := range list {
		if bad.Family() != "malformed" && bad.Name != "netflow5/logstash-netflow-5-invalid-01" {
			continue
		}
		n++
		for _, name := range good {
			s := find(name)
			alone := replayAll(t, s, nil)
			l := newLine(t)
			for _, file := range bad.Files {
				l.replay(t, bad, file)
			}
			if err := l.pipeline.HandOver(); err != nil {
				t.Fatal(err)
			}
			before := len(l.records)
			for _, file := range s.Files {
				l.replay(t, s, file)
			}
			after := l.end(t)
			if diff := cmp.Diff(alone.records, after.records[before:], cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" || len(alone.records) == 0 {
				t.Errorf("%s after %s (alone -, after +):\n%s", name, bad.Name, diff)
			}
		}
	}
	if n < 8 {
		t.Errorf("only %d malformed scenarios", n)
	}
}

// TestDamagedDatagrams cuts and changes real datagrams in many ways, and lets
// each exporter send all of that: no panic, and books that balance.
func TestDamagedDatagrams(t *testing.T) {
	const most = 4 // of each file
	random := rand.New(rand.NewPCG(3, 4))
	sent := 0
	for _, s := range testkit.Scenarios(t) {
		if !slices.Contains(families, s.Family()) {
			continue
		}
		l := newLine(t)
		for _, file := range s.Files {
			packets, _ := packetsOf(t, s, file)
			for _, p := range packets[:min(most, len(packets))] {
				whole := p.Payload
				for range 40 {
					p.Payload = slices.Clone(whole[:1+random.IntN(len(whole))])
					l.take(t, p)
					p.Payload = slices.Clone(whole)
					for range 1 + random.IntN(4) {
						// The version stays, or nothing would be decoded.
						if at := random.IntN(len(whole)); at > 3 {
							p.Payload[at] = byte(random.Uint32())
						}
					}
					l.take(t, p)
					sent += 2
				}
				p.Payload = whole
				l.take(t, p)
			}
		}
		sum := testkit.Sum(l.end(t).books)
		if t.Failed() {
			t.Fatalf("%s: datagrams lost %v, records lost %v", s.Name, lost(&sum.DatagramsLost), lost(&sum.Lost))
		}
	}
	if sent < 15000 {
		t.Errorf("only %d datagrams", sent)
	}
}

// counts are the numbers of a run that the independent count has as well.
type counts struct {
	datagrams, records, counters uint64
}

// countedAs matches "12 data records" and its like in the column of counts.
var countedAs = regexp.MustCompile(`(\d+) (datagrams|v1/5/7 records|data records|flow samples|expanded flow samples|counter samples|expanded counter samples)\b`)

// counted reads the column of counts.
func counted(tb testing.TB, text string) (c counts) {
	tb.Helper()
	for _, m := range countedAs.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseUint(m[1], 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		switch m[2] {
		case "datagrams":
			c.datagrams += n
		case "counter samples", "expanded counter samples":
			c.counters += n
		default:
			c.records += n
		}
	}
	return c
}

// TestScenarios replays every scenario of flow export: no panic, balanced
// books, and as many datagrams and records as the independent count.
func TestScenarios(t *testing.T) {
	n := 0
	for _, s := range testkit.Scenarios(t) {
		if !slices.Contains(families, s.Family()) {
			continue
		}
		n++
		t.Run(s.Name, func(t *testing.T) {
			r := replayAll(t, s, nil)
			sum := testkit.Sum(r.books)
			got := counts{sum.Datagrams, sum.Records, sum.Counters}
			want := counted(t, s.Counted)
			if d, ok := countDeviations[s.Name]; ok {
				if got == want {
					t.Errorf("counts do not deviate any more: %s", d.why)
				}
				want = d.counts
			}
			if got != want {
				t.Errorf("got %+v, want %+v; lost %v %v; %d packets", got, want, lost(&sum.Lost), lost(&sum.DatagramsLost), r.packets)
			}
			for _, err := range r.failures {
				if _, known := notWhole[s.Name]; !known {
					t.Error(err)
				}
			}
			if _, known := notWhole[s.Name]; known && len(r.failures) == 0 {
				t.Error("the file is whole after all")
			}
		})
	}
	if n < 129 {
		t.Errorf("only %d scenarios", n)
	}
}

func lost(l *[flows.NumReasons]uint64) map[string]uint64 {
	m := make(map[string]uint64)
	for reason, n := range l {
		if n > 0 {
			m[flows.Reason(reason).String()] = n
		}
	}
	return m
}

// countDeviation says why a run gives other counts than the independent count.
type countDeviation struct {
	counts
	why string
}

var countDeviations = map[string]countDeviation{
	"ipfix/akvorado-ipfixprobe-biflow-rfc5103": {counts{datagrams: 2, records: 6}, "two of four records are biflows and become two records each"},
	"ipfix/telegraf-ipfix-example":             {counts{datagrams: 7, records: 56}, "27 of 29 records are biflows and become two records each"},
	"ipfix/cesnet-enterprise-from-nfv9": {
		counts{datagrams: 10, records: 59},
		"the options template 260 has the lengths of NetFlow v9 in it, four and eight octets, which in IPFIX are eight scope fields of four: " +
			"it is lost as malformed, and its data as never understood",
	},
	"ipfix/graylog2-ixia-ixflow-datatemplate": {
		counts{datagrams: 2, records: 4},
		"the data set that comes before its template waits, and holds three records",
	},
	"netflow9/graylog2-fortigate-300d": {
		counts{datagrams: 10, records: 65 + 81},
		"the 81 data sets that come before their templates wait, and hold one record each",
	},
	"malformed/cesnet-missing-template-258":   {counts{datagrams: 1, records: 4 + 1}, "a data set whose template never comes is lost as at least one record"},
	"malformed/cesnet-only-data-no-templates": {counts{datagrams: 1, records: 3}, "three such data sets"},
	"malformed/exatel-malformed-1": {
		counts{datagrams: 3, records: 3 * 3},
		"a template without fields is none; the header of each datagram counts four records, of which the template is one",
	},
	"malformed/exatel-malformed-3": {counts{datagrams: 1, records: 3}, "an options template of zero octets is none; the header counts three records besides"},
	"malformed/exatel-malformed-5": {counts{datagrams: 1, records: 3}, "as in exatel-malformed-3"},
	"malformed/cesnet-bad-length-in-set": {
		counts{},
		"the message says that it has 1384 octets, the file has 1316: no datagram can be cut out of it",
	},
	"netflow-legacy/bitkeks-v1":   {counts{datagrams: 1}, "NetFlow v1 is not read"},
	"netflow-legacy/pktvisor-nf1": {counts{datagrams: 1}, "NetFlow v1 is not read"},
	"netflow-legacy/pktvisor-nf7": {counts{datagrams: 1}, "NetFlow v7 is not read"},
	"netflow5/logstash-netflow-5-invalid-01": {
		counts{datagrams: 1},
		"the header counts 55582 records, which no datagram holds, and what follows it is not believed either; logstash expects no event",
	},
}

// notWhole are scenarios with a file that is cut or damaged, and why.
var notWhole = map[string]string{
	"malformed/cesnet-bad-length-in-set": "the length of the message is that of a longer file",
}
