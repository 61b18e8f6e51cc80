package sflow_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/sflow"
	"github.com/linewarden/linewarden/internal/testkit"
)

// readings keeps what the decoder hands on.
type readings struct {
	list      []flows.Counters
	malformed int
}

func (r *readings) TakeCounters(c flows.Counters) { r.list = append(r.list, c) }

func (r *readings) MalformedCounters(netip.Addr) { r.malformed++ }

// generic are generic interface counters of an interface whose figures are all
// different.
func generic(index uint32) []byte {
	return opaque(1, words(index, 6, 0, 1_000_000_000, 1, 3,
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 2))
}

func TestCounters(t *testing.T) {
	want := flows.Counters{
		Exporter: agent, Interface: 7, Source: flows.CountersSFlow, At: at, Uptime: 5 * time.Second, Kind: 6, Speed: 1_000_000_000,
		In:  flows.Tally{Octets: 1<<32 | 2, Unicast: 3, Multicast: 4, Broadcast: 5, Discards: 6, Errors: 7},
		Out: flows.Tally{Octets: 9<<32 | 10, Unicast: 11, Multicast: 12, Broadcast: 13, Discards: 14, Errors: 15},
	}
	host := opaque(2000, words(1, 2, 3))
	notCounted := want
	notCounted.Speed, notCounted.In.Octets, notCounted.In.Unicast = 0, flows.NoCount, flows.NoCount
	none := generic(7)
	copy(none[16:], words(1<<32-1, 1<<32-1))
	copy(none[32:], words(1<<32-1, 1<<32-1, 1<<32-1))
	for name, c := range map[string]struct {
		sample    []byte
		want      []flows.Counters
		malformed int
	}{
		"compact":     {sample: opaque(2, words(1, 7, 2), host, generic(7)), want: []flows.Counters{want}},
		"expanded":    {sample: opaque(4, words(1, 0, 7, 1), generic(7)), want: []flows.Counters{want}},
		"not counted": {sample: opaque(2, words(1, 7, 1), none), want: []flows.Counters{notCounted}},
		"host alone":  {sample: opaque(2, words(1, 7, 1), host)},
		"cut":         {sample: opaque(2, words(1, 7, 1), generic(7)[:60]), malformed: 1},
		"short":       {sample: opaque(2, words(1, 7, 1), opaque(1, words(7, 6))), malformed: 1},
		"no index":    {sample: opaque(2, words(1, 7, 1), generic(0)), malformed: 1},
		"too many":    {sample: opaque(2, words(1, 7, 1<<32-1), generic(7)), want: []flows.Counters{want}, malformed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			var got readings
			d := sflow.New(sflow.Config{Books: flows.NewBooks(), Counters: &got})
			payload := export{sequence: 1, uptime: 5000, samples: [][]byte{c.sample}}.bytes()
			d.Decode(flows.Packet{Payload: payload, From: from, Received: at}, nil)
			if diff := cmp.Diff(c.want, got.list, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})); diff != "" || got.malformed != c.malformed {
				t.Errorf("%d malformed, want %d (-want +got):\n%s", got.malformed, c.malformed, diff)
			}
		})
	}
}

// TestCountersAgainstTcpdump compares the counters of a capture of many agents
// with what tcpdump prints of them.
func TestCountersAgainstTcpdump(t *testing.T) {
	const folder = "sflow5/tcpdump-sflow-multiple-counter-30-pdus"
	var want []string
	var c string
	lines := bufio.NewScanner(bytes.NewReader(testkit.Capture(t, folder+"/expected.tcpdump.sflow_multiple_counter_30_pdus.txt")))
	for lines.Scan() {
		f := strings.FieldsFunc(lines.Text(), func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
		switch {
		case len(f) > 5 && f[0] == "ifindex":
			c = strings.Join([]string{f[1], f[3], f[5]}, " ")
		case len(f) > 10 && f[1] == "octets":
			c += fmt.Sprint(" ", strings.Join([]string{f[2], f[5], f[8], f[11], f[13]}, " "))
		case len(f) > 2 && f[0] == "In" && f[1] == "errors", len(f) > 2 && f[0] == "Out" && f[1] == "errors":
			if c += " " + f[2]; f[0] == "Out" {
				want = append(want, c)
			}
		}
	}
	var got readings
	d := sflow.New(sflow.Config{Books: flows.NewBooks(), Counters: &got})
	for _, s := range testkit.Scenarios(t) {
		if s.Name == folder {
			for _, p := range packets(t, s) {
				if isSFlow(p.Payload) {
					d.Decode(p, nil)
				}
			}
		}
	}
	if len(want) != 142 || len(got.list) != len(want) || got.malformed != 0 {
		t.Fatalf("tcpdump has %d counters, got %d and %d malformed", len(want), len(got.list), got.malformed)
	}
	for i := range want {
		text := fmt.Sprint(got.list[i].Interface, got.list[i].Kind, got.list[i].Speed)
		for _, side := range []flows.Tally{got.list[i].In, got.list[i].Out} {
			for _, n := range []uint64{side.Octets, side.Unicast, side.Multicast, side.Broadcast, side.Discards, side.Errors} {
				text += " " + printed(n)
			}
		}
		if text != want[i] {
			t.Errorf("%d: got  %s\nwant %s", i, text, want[i])
		}
	}
}

// printed is a figure as tcpdump prints it.
func printed(n uint64) string {
	if n == flows.NoCount {
		return "4294967295"
	}
	return strconv.FormatUint(n, 10)
}

// silent takes readings and keeps none.
type silent struct{ n int }

func (s *silent) TakeCounters(flows.Counters) { s.n++ }

func (s *silent) MalformedCounters(netip.Addr) {}

// TestCountersAllocateNothing holds that readings cost no memory.
func TestCountersAllocateNothing(t *testing.T) {
	var sink silent
	d := sflow.New(sflow.Config{Books: flows.NewBooks(), Counters: &sink})
	p := flows.Packet{Payload: export{samples: [][]byte{opaque(2, words(1, 7, 1), generic(7))}}.bytes(), From: from, Received: at}
	if n := testing.AllocsPerRun(100, func() { d.Decode(p, nil) }); n != 0 || sink.n == 0 {
		t.Errorf("%v allocations for a reading, %d readings", n, sink.n)
	}
}
