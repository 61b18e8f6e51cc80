package storage_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage"
)

// injections are values that would change a statement they were pasted into.
func injections() []string {
	return []string{
		`' OR 1 = 1 --`, `'; DROP TABLE flows; --`, `\`, `\'`, `\\'`, `"`, "`", `{line:String}`, `%s`, "a\tb\nc\r\x00d", `'||'`, "线路\u2028", `$1`, `?`, `@line`, `)`, `/*`,
	}
}

func TestFlowFilters(t *testing.T) {
	s := open(t, configure(t))
	addr := netip.MustParseAddr
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	of := func(minute int, exporter, src, dst, line, peer string) flows.Record {
		return flows.Record{
			Start: at(minute), Bytes: uint64(minute), Source: flows.Source{Exporter: addr(exporter)},
			Src: addr(src), Dst: addr(dst), Labels: flows.Labels{Line: line, PeerLine: peer},
		}
	}
	store(
		t, s,
		of(6, "192.0.2.1", "10.0.0.1", "203.0.113.1", "L1", ""),
		of(1, "192.0.2.1", "10.0.0.255", "203.0.113.1", "L2", "L1"),
		of(2, "192.0.2.2", "10.0.1.0", "10.0.0.0", "L2", ""),
		of(3, "2001:db8::1", "2001:db8::1", "::", "L3", ""),
		of(4, "::ffff:192.0.2.1", "::ffff:10.0.0.1", "2001:db8:ffff::", "", ""),
		of(5, "192.0.2.3", "0.0.0.0", "255.255.255.255", "", ""),
		flows.Record{Start: at(7), Bytes: 7}, // without addresses
	)
	tests := []struct {
		name   string
		filter storage.FlowFilter
		want   []uint64
	}{
		{"all in order", storage.FlowFilter{}, []uint64{1, 2, 3, 4, 5, 6, 7}},
		{"limit", storage.FlowFilter{Limit: 2}, []uint64{1, 2}},
		{"from", storage.FlowFilter{From: at(6)}, []uint64{6, 7}},
		{"from just after", storage.FlowFilter{From: at(6).Add(1)}, []uint64{7}},
		{"to", storage.FlowFilter{To: at(2)}, []uint64{1}},
		{"to just after", storage.FlowFilter{To: at(2).Add(1)}, []uint64{1, 2}},
		{"exporter", storage.FlowFilter{Exporter: addr("192.0.2.1")}, []uint64{1, 6}},
		{"exporter of IPv6", storage.FlowFilter{Exporter: addr("2001:db8::1")}, []uint64{3}},
		{"line and peer line", storage.FlowFilter{Line: "L1"}, []uint64{1, 6}},
		{"no such line", storage.FlowFilter{Line: "L"}, nil},
		{"prefix", storage.FlowFilter{Prefix: netip.MustParsePrefix("10.0.0.0/24")}, []uint64{1, 2, 6}},
		{"prefix not masked", storage.FlowFilter{Prefix: netip.MustParsePrefix("10.0.0.77/24")}, []uint64{1, 2, 6}},
		{"half of it", storage.FlowFilter{Prefix: netip.MustParsePrefix("10.0.0.128/25")}, []uint64{1}},
		{"host", storage.FlowFilter{Prefix: netip.MustParsePrefix("10.0.0.1/32")}, []uint64{6}},
		{"every IPv4", storage.FlowFilter{Prefix: netip.MustParsePrefix("0.0.0.0/0")}, []uint64{1, 2, 5, 6}},
		{"every IPv6", storage.FlowFilter{Prefix: netip.MustParsePrefix("::/0")}, []uint64{3, 4}},
		{"the unspecified address", storage.FlowFilter{Prefix: netip.MustParsePrefix("::/128")}, []uint64{3}},
		{"prefix of IPv6", storage.FlowFilter{Prefix: netip.MustParsePrefix("2001:db8::/33")}, []uint64{3}},
		{"all at once", storage.FlowFilter{
			From: at(0), To: at(9), Exporter: addr("192.0.2.1"), Line: "L1", Prefix: netip.MustParsePrefix("203.0.113.0/24"), Limit: 1,
		}, []uint64{1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []uint64
			for _, r := range list(t, s, tt.filter) {
				got = append(got, r.Bytes)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got flows %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFlowsMayBeLeftEarly(t *testing.T) {
	s := open(t, configure(t))
	store(t, s, traffic(5000, 1)...)
	for range 40 { // more often than there are connections
		n := 0
		for _, err := range s.Flows(t.Context(), storage.FlowFilter{}) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 3 {
				break
			}
		}
	}
}

func TestLineNamesAreValues(t *testing.T) {
	s := open(t, configure(t))
	var records []flows.Record
	for i, text := range injections() {
		records = append(records, flows.Record{Start: noon, Bytes: uint64(i), Labels: flows.Labels{Line: text, Holder: text}})
	}
	store(t, s, records...)
	for i, text := range injections() {
		got := list(t, s, storage.FlowFilter{Line: text})
		if len(got) != 1 || got[0].Bytes != uint64(i) || got[0].Labels.Holder != text {
			t.Errorf("line %q gives %v", text, got)
		}
	}
}

// TestLeavingEarlyIsCheap reads three of many records: the others must not be
// sent for nothing.
func TestLeavingEarlyIsCheap(t *testing.T) {
	behind, direct, g := gated(t)
	store(t, direct, traffic(200_000, 1)...)
	before := g.delivered()
	n := 0
	for _, err := range behind.Flows(t.Context(), storage.FlowFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	if sent := g.delivered() - before; sent > 30<<20 {
		t.Errorf("%d bytes were sent for three records", sent)
	}
}
