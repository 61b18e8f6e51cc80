package replay

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
)

// TestTcpdumpListing reads a capture as tcpdump lists it: time, source, port
// and length of each datagram.
func TestTcpdumpListing(t *testing.T) {
	const scenario = "sflow5/tcpdump-sflow-multiple-counter-30-pdus/"
	listing := string(testkit.Capture(t, scenario+"expected.tcpdump.sflow_multiple_counter_30_pdus-nv.txt"))
	list, err := readFile(t, filepath.Join(testkit.CapturesDir(t), scenario, "sflow_multiple_counter_30_pdus.pcap"), Options{AnyPort: true})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(listing) {
		want := strings.Fields(line)
		if len(want) < 9 || n >= len(list) {
			t.Fatalf("line %d of %d datagrams: %q", n+1, len(list), line)
		}
		g := list[n]
		n++
		at := strings.LastIndexByte(want[4], '.')
		source := netip.MustParseAddrPort(want[4][:at] + ":" + want[4][at+1:])
		if got := g.received.Format("2006-01-02 15:04:05.000000"); got != want[1]+" "+want[2] || g.from != source {
			t.Errorf("datagram %d: %s from %v, tcpdump has %s", n, got, g.from, line)
		}
		// Datagrams of NetFlow v5 among them are listed without their length.
		if _, length, ok := strings.Cut(line, "agent-id "); ok && !strings.HasSuffix(strings.TrimSpace(length), fmt.Sprintf("length %d", len(g.payload))) {
			t.Errorf("datagram %d: %d bytes, tcpdump has %s", n, len(g.payload), line)
		}
	}
	if n != 30 || len(list) != 30 {
		t.Errorf("%d lines, %d datagrams", n, len(list))
	}
}
