package replay_test

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

// fields are values of a record by name, as text that is the same for equal
// values. The names are those of valuesOf.
type fields map[string]string

// want is what a golden file says of one record.
type want struct {
	index int // of the record in the order of decoding, -1 for any place
	fields
	line string // where it stands in the golden file
}

// golden is what a golden file says of a run.
type golden struct {
	want []want
	// files are what is replayed for it, those of the scenario if nil.
	files []string
	// records is how many records the run gives, -1 where the file does not say.
	records int
	// templates is how many templates are learned, 0 where the file does not say.
	templates int
	// view makes of the records what the golden lists, nil for each of them.
	view func(tb testing.TB, records []flows.Record, w []want) []fields
}

// parsers are the kinds of golden files, by how their name starts.
var parsers = []struct {
	prefix string
	parse  func(tb testing.TB, s testkit.Scenario, file string) []golden
}{
	{"expected.akvorado.", akvorado},
	{"expected.logstash.", logstash},
	{"expected.telegraf.", telegraf},
	{"expected.pmacct.", pmacct},
	{"expected.netgauze.", netgauze},
}

// parserOf returns how a golden file is read, nil for one that says nothing of
// flow records.
func parserOf(file string) func(testing.TB, testkit.Scenario, string) []golden {
	base := path.Base(file)
	for _, part := range []string{"-bgp", "-bmp", ".tcpdump."} {
		if strings.Contains(base, part) && !strings.Contains(base, "flow") {
			return nil
		}
	}
	for _, p := range parsers {
		if strings.HasPrefix(base, p.prefix) {
			return p.parse
		}
	}
	return nil
}

// valuesOf returns all that can be compared of a record. Beside the fields of
// flows.Record stand the roundings and products that golden files have.
func valuesOf(r *flows.Record) fields {
	f := fields{
		"exporter": address(r.Source.Exporter), "domain": num(r.Source.Domain), "version": r.Source.Version.String(),
		"exported_s": num(r.Exported.Unix()),
		"start":      instant(r.Start), "end": instant(r.End), "start_ms": num(r.Start.UnixMilli()), "end_ms": num(r.End.UnixMilli()),
		"start_s": num(r.Start.Unix()), "end_s": num(r.End.Unix()), "duration_ms": num(r.End.Sub(r.Start).Milliseconds()),
		"src": address(r.Src), "dst": address(r.Dst), "next_hop": hop(r.NextHop),
		"bytes": num(r.Bytes), "packets": num(r.Packets), "sampling": num(r.SamplingRate), "sampling_source": r.SamplingSource.String(),
		"in_if": num(r.InIf), "out_if": num(r.OutIf), "src_as": num(r.SrcAS), "dst_as": num(r.DstAS), "mpls_label": num(r.MPLSLabel),
		"src_port": num(r.SrcPort), "dst_port": num(r.DstPort), "src_vlan": num(r.SrcVLAN), "dst_vlan": num(r.DstVLAN),
		"icmp": num(r.ICMP), "tcp_flags": num(r.TCPFlags), "proto": num(r.Proto), "tos": num(r.ToS),
		"forwarding": num(r.ForwardingStatus), "direction": r.Direction.String(), "biflow": strconv.FormatBool(r.Biflow),
	}
	return f
}

func num[N ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int](n N) string { return fmt.Sprint(n) }

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().String()
}

// hop is an address of which the unspecified one says nothing.
func hop(a netip.Addr) string {
	if a.Unmap().IsUnspecified() {
		return ""
	}
	return address(a)
}

// icmpOfPorts sets what a record says of ICMP where the golden has ports. A
// record has no ports then, as the protocol has none; exporters put type and
// code into that of the destination, or the type alone, which is told by its
// size: there is no type 0 with a code.
func (f fields) icmpOfPorts(tb testing.TB) {
	tb.Helper()
	if f["proto"] != "1" && f["proto"] != "58" || f["dst_port"] == "" {
		return
	}
	v := hex(tb, f["dst_port"])
	if v < 256 {
		v <<= 8
	}
	if f["icmp"] == "" || f["icmp"] == "0" {
		f["icmp"] = num(v)
	}
	f["src_port"], f["dst_port"] = "0", "0"
}

// parseAddress reads an address of a golden file; a valid one only.
func parseAddress(tb testing.TB, text string) netip.Addr {
	tb.Helper()
	a, err := netip.ParseAddr(text)
	if err != nil {
		tb.Fatalf("golden: %v", err)
	}
	return a
}

// difference is one field that is not as a golden says.
type difference struct {
	line, field, want, got string
}

// compare holds records against a golden and returns how many fields it
// compared and which differ.
func compare(tb testing.TB, g *golden, records []flows.Record) (compared int, found []difference) {
	tb.Helper()
	have := make([]fields, len(records))
	if g.view != nil {
		have = g.view(tb, records, g.want)
	} else {
		for i := range records {
			have[i] = valuesOf(&records[i])
		}
	}
	if g.records >= 0 {
		compared++
		if g.records != len(have) {
			found = append(found, difference{"all", "records", num(g.records), num(len(have))})
		}
	}
	for i, at := range match(g.want, have) {
		w := &g.want[i]
		if at < 0 {
			found = append(found, difference{w.line, "record", "present", "missing"})
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(w.fields)) {
			compared++
			if got, known := have[at][name]; !known || got != w.fields[name] {
				found = append(found, difference{w.line, name, w.fields[name], have[at][name]})
			}
		}
	}
	return compared, found
}

// match finds the record of each want: the one at its index, or for one that
// may stand anywhere a record that no other has and that differs least. Wants
// that a record fulfils wholly come first.
func match(wants []want, have []fields) []int {
	at := make([]int, len(wants))
	taken := make([]bool, len(have))
	for allowed := range 64 {
		left := false
		for i := range wants {
			w := &wants[i]
			if allowed == 0 {
				at[i] = -1
				if w.index >= 0 && w.index < len(have) {
					at[i] = w.index
				}
			}
			if at[i] >= 0 || w.index >= 0 {
				continue
			}
			at[i] = slices.IndexFunc(have, func(f fields) bool { return differences(w.fields, f) <= allowed })
			for at[i] >= 0 && taken[at[i]] {
				next := slices.IndexFunc(have[at[i]+1:], func(f fields) bool { return differences(w.fields, f) <= allowed })
				if next < 0 {
					at[i] = -1
					break
				}
				at[i] += 1 + next
			}
			if at[i] >= 0 {
				taken[at[i]] = true
			}
			left = left || at[i] < 0
		}
		if !left {
			break
		}
	}
	return at
}

func differences(want, have fields) (n int) {
	for name, v := range want {
		if have[name] != v {
			n++
		}
	}
	return n
}

// TestGoldens compares every scenario of flow export with every golden file it
// has. What differs stands in deviations, with the reason; what stands there
// and does not differ is an error as well.
func TestGoldens(t *testing.T) {
	used := make([]int, len(deviations))
	var scenarios, files, total int
	for _, s := range testkit.Scenarios(t) {
		if !slices.Contains(families, s.Family()) || len(s.Golden) == 0 {
			continue
		}
		scenarios++
		for _, file := range s.Golden {
			parse := parserOf(file)
			if parse == nil {
				continue
			}
			files++
			t.Run(file, func(t *testing.T) {
				compared := 0
				for _, g := range parse(t, s, file) {
					r := replayAll(t, s, g.files)
					c, found := compare(t, &g, r.records)
					compared += c
					if g.templates > 0 {
						compared++
						if n := testkit.Sum(r.books).Templates; n != uint64(g.templates) {
							t.Errorf("%d templates learned, want %d", n, g.templates)
						}
					}
					report(t, file, found, used)
				}
				total += compared
				if least, known := leastCompared[file]; !known || compared < least {
					t.Errorf("compared %d fields, want at least %d", compared, least)
				}
			})
		}
	}
	t.Logf("%d scenarios with golden files, %d of these compared, %d fields", scenarios, files, total)
	for i, n := range used {
		t.Logf("%d differences: %s %s", n, deviations[i].file, deviations[i].field)
		if n == 0 && !testing.Short() && total > 0 {
			t.Errorf("deviation %+v does not occur any more", deviations[i])
		}
	}
}

// report fails for each difference that is not a known deviation.
func report(tb testing.TB, file string, found []difference, used []int) {
	tb.Helper()
	shown := 0
	for _, d := range found {
		if i := slices.IndexFunc(deviations, func(v deviation) bool { return v.explains(file, &d) }); i >= 0 {
			used[i]++
			continue
		}
		if shown++; shown <= 40 {
			tb.Errorf("%s: %s is %q, want %q", d.line, d.field, d.got, d.want)
		}
	}
	if shown > 40 {
		tb.Errorf("and %d more", shown-40)
	}
}
