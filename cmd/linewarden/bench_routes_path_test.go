package main

import (
	"net/netip"
	"runtime"
	"testing"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/rib"
	"github.com/linewarden/linewarden/bgp/wire"
)

// BenchmarkRoutesPath takes the table of BenchmarkRoutes in one goroutine and
// without sockets, so that a profile says where its time goes: read alone, and
// applied to a table too.
func BenchmarkRoutesPath(b *testing.B) {
	t := newRoutesTable(b, tableIPv4, tableIPv6)
	peer := netip.MustParseAddr(routesNeighbor(0))
	from := bgp.Event{Peer: bgp.PeerKey{Router: peer, Peer: peer}, PeerAS: peerASN}
	take := func(b *testing.B, yield func(*bgp.Event)) {
		d := wire.NewDecoder(new(wire.Books), 1024)
		for _, m := range t.messages {
			if err := d.Message(m, wire.Session{AS4: true}, &from, yield); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		cpu := -threadCPU()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for b.Loop() {
			n := 0
			take(b, func(*bgp.Event) { n++ })
			if n != len(t.prefixes) {
				b.Fatalf("%d routes", n)
			}
		}
		b.ReportMetric(float64(cpu+threadCPU())/float64(b.N*len(t.prefixes)), "cpu-ns/route")
	})
	b.Run("apply", func(b *testing.B) {
		b.ReportAllocs()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cpu := -threadCPU()
		for b.Loop() {
			table, err := rib.New(rib.DefaultConfig(), nil)
			if err != nil {
				b.Fatal(err)
			}
			take(b, func(e *bgp.Event) {
				if err := table.Apply(e); err != nil {
					b.Fatal(err)
				}
			})
			if n := int(table.Stats().Routes); n != len(t.prefixes) {
				b.Fatalf("%d routes", n)
			}
		}
		b.ReportMetric(float64(cpu+threadCPU())/float64(b.N*len(t.prefixes)), "cpu-ns/route")
	})
}
