package storage_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// BenchmarkRouteFacts asks for the facts of a week among one million events, of
// 20,000 prefixes of ours and of 1,000 customers.
func BenchmarkRouteFacts(b *testing.B) {
	s := open(b, configure(b))
	w := routeWriterOf(b, s, storage.RouteWriterConfig{MaxRows: 100_000})
	c := newChurn(5, 60_000, 600*time.Millisecond)
	for i := range 20 {
		c.write(b, w, 50_000)
		peer := c.rng.IntN(len(c.peers))
		if err := w.AppendPeers([]storage.PeerEvent{
			{Kind: bgp.PeerDown, Peer: c.peers[peer], PeerAS: c.asns[peer], At: c.at},
			{Kind: bgp.PeerUp, Peer: c.peers[peer], PeerAS: c.asns[peer], At: c.at.Add(time.Duration(i) * time.Second)},
		}); err != nil {
			b.Fatal(err)
		}
	}
	flushRoutes(b, w)
	var blocks []netip.Prefix
	for len(blocks) < 20_000 {
		blocks = append(blocks, c.origins[c.rng.IntN(len(c.origins))].prefixes...)
	}
	var customers []uint32
	for range 1000 {
		customers = append(customers, c.origins[c.rng.IntN(len(c.origins))].asn)
	}
	window := rules.Window{From: c.at.Add(-7 * 24 * time.Hour), To: c.at}
	for _, bench := range []struct {
		name string
		ask  func() (int, error)
	}{
		{"announcements-ours", func() (n int, err error) {
			for _, err = range s.Announcements(b.Context(), rules.AnnouncementQuestion{Window: window, Own: []uint32{64500}, Within: blocks}) {
				n++
			}
			return n, err
		}},
		{"announcements-20", func() (n int, err error) {
			for _, err = range s.Announcements(b.Context(), rules.AnnouncementQuestion{Window: window, Own: []uint32{64500}, Within: blocks[:20]}) {
				n++
			}
			return n, err
		}},
		{"adjacencies-customers", func() (n int, err error) {
			for _, err = range s.Adjacencies(b.Context(), rules.AdjacencyQuestion{Window: window, Own: []uint32{64500}, Of: customers}) {
				n++
			}
			return n, err
		}},
		{"adjacencies-10", func() (n int, err error) {
			for _, err = range s.Adjacencies(b.Context(), rules.AdjacencyQuestion{Window: window, Own: []uint32{64500}, Of: customers[:10]}) {
				n++
			}
			return n, err
		}},
		{"coverage", func() (int, error) {
			list, err := s.RouteCoverage(b.Context(), window)
			return len(list), err
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			answers, cpu := 0, -cpuTime(b)-engineTime(b)
			for b.Loop() {
				n, err := bench.ask()
				if err != nil {
					b.Fatal(err)
				}
				answers = n
			}
			cpu += cpuTime(b) + engineTime(b)
			b.ReportMetric(float64(answers), "answers")
			b.ReportMetric(cpu.Seconds()*1000/float64(b.N), "cpu-ms")
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms")
		})
	}
}
