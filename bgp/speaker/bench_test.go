package speaker

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

// counter is a sink that only counts.
type counter struct {
	want int64
	n    atomic.Int64
	done chan struct{}
	once sync.Once
}

func (c *counter) Events(_ context.Context, events []bgp.Event) error {
	if c.n.Add(int64(len(events))) >= c.want {
		c.once.Do(func() { close(c.done) })
	}
	return nil
}

// feed sends n routes of 24 bits, six to a message, each message with an AS path of its own.
func feed(conn net.Conn, n int) {
	w := bufio.NewWriterSize(conn, 1<<18)
	attributes := []byte{
		0x40, 1, 1, 0, 0x40, 2, 18, 2, 4, 0, 0, 0xfd, 0xe9, 0, 0, 0xd, 0x1c, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 3, 4, 198, 51, 100, 1,
		0xc0, 8, 12, 0xfd, 0xe9, 0, 1, 0xfd, 0xe9, 0, 2, 0xfd, 0xe9, 0, 3,
	}
	body := append([]byte{0, 0, 0, byte(len(attributes))}, attributes...)
	for i := 0; i < n; i += 6 {
		binary.BigEndian.PutUint32(body[4+4+3+2+8:], uint32(1+i/6))
		b := body
		for j := i; j < min(i+6, n); j++ {
			b = append(b, 24, byte(1+j>>16), byte(j>>8), byte(j))
		}
		_, _ = w.Write(append(header(wire.TypeUpdate, len(b)), b...))
	}
	_ = w.Flush()
}

// BenchmarkTable takes a million routes from one neighbour, and 100,000 from each of ten.
func BenchmarkTable(b *testing.B) {
	for _, c := range []struct{ peers, routes int }{{1, 1_000_000}, {10, 100_000}} {
		b.Run(fmt.Sprintf("%dx%d", c.peers, c.routes), func(b *testing.B) {
			for b.Loop() {
				sink := &counter{want: int64(c.peers*c.routes + c.peers), done: make(chan struct{})}
				var neighbors []Neighbor
				for i := range c.peers {
					neighbors = append(neighbors, neighborAt(fmt.Sprintf("127.0.1.%d", i+1)))
				}
				s, to, _ := start(b, sink, func(_ *Config, d *Deps) {
					d.Routes = func(bgp.PeerKey, bgp.Family) int { return 0 }
				}, neighbors...)
				for i := range c.peers {
					r := establish(b, neighbors[i].Address.String(), to, nil)
					go feed(r.conn, c.routes)
				}
				<-sink.done
				if err := s.Stop(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*c.peers*c.routes)/b.Elapsed().Seconds(), "routes/s")
		})
	}
}

// TestMany holds fifty sessions at once.
func TestMany(t *testing.T) {
	t.Parallel()
	const peers, each = 50, 2000
	tb := newTable()
	var neighbors []Neighbor
	for i := range peers {
		neighbors = append(neighbors, neighborAt(fmt.Sprintf("127.0.2.%d", i+1)))
	}
	s, to, _ := start(t, tb, nil, neighbors...)
	var routers []*router
	for _, n := range neighbors {
		routers = append(routers, establish(t, n.Address.String(), to, nil))
	}
	for _, r := range routers {
		for i := range each / 1000 {
			r.send(routes(0x100000+1000*i, 1000))
		}
	}
	tb.wait(t, "tables", tb.count(peers*each))
	_ = routers[7].conn.Close()
	tb.wait(t, "one down", tb.count((peers-1)*each))
	established := 0
	for _, p := range s.Peers() {
		if p.State == StateEstablished {
			established++
		}
	}
	if established != peers-1 {
		t.Errorf("%d sessions, want %d", established, peers-1)
	}
}
