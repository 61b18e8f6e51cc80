package simulator

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// RouteTargets are the sockets that routers report routes to. An unspecified
// address means this machine.
type RouteTargets struct {
	BMP netip.AddrPort // station of the monitored routers
	BGP netip.AddrPort // listener for the session of the route reflector
}

// RoutesSent is what a routing feed put on the wire.
type RoutesSent struct {
	Routers   int    `json:"routers"`  // monitored
	Peers     int    `json:"peers"`    // sessions of those
	Messages  uint64 `json:"messages"` // of BMP
	Announced uint64 `json:"announced"`
	Withdrawn uint64 `json:"withdrawn"`
	Lost      uint64 `json:"lost"`  // sessions that went down
	Table     int    `json:"table"` // routes of the route reflector's session
}

// Reflector is the address and ASN of the route reflector that opens a BGP
// session: who listens has to know it as a neighbour.
func Reflector() (netip.Addr, uint32) {
	return netip.AddrFrom4([4]byte{127, 0, 0, 21}), carrierASN
}

// RouteFeed is a routing feed whose connections are held open, as routers do.
type RouteFeed struct {
	sent  RoutesSent
	conns []net.Conn
	stop  context.CancelFunc
	done  sync.WaitGroup
}

const (
	holdSeconds    = 90
	keepaliveEvery = holdSeconds / 3 * time.Second
	writeTimeout   = 10 * time.Second
)

// FeedRoutes sends the routes of the span: their history by BMP from every
// monitored router, with the times at which things happened, and what is there
// at its end by a BGP session. It returns when all is written. The connections
// stay until Close.
func (c *Carrier) FeedRoutes(ctx context.Context, targets RouteTargets) (*RouteFeed, error) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	f := &RouteFeed{stop: stop}
	err := f.monitor(ctx, c, targets.BMP)
	if err == nil {
		err = f.reflect(ctx, running, c, targets.BGP)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("feed routes: %w", err), f.Close())
	}
	return f, nil
}

// Sent returns what was put on the wire.
func (f *RouteFeed) Sent() RoutesSent { return f.sent }

// Close ends the connections.
func (f *RouteFeed) Close() error {
	f.stop()
	var err error
	for _, conn := range f.conns {
		err = errors.Join(err, conn.Close())
	}
	f.done.Wait()
	return err
}

// dial connects from an address of a router.
func (f *RouteFeed) dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	target, err := Targets{Netflow: to}.of(netflow9)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: writeTimeout}
	conn, err := d.DialContext(ctx, "tcp4", target.String())
	if err != nil {
		return nil, fmt.Errorf("connect from %s: %w", from, err)
	}
	f.conns = append(f.conns, conn)
	return conn, nil
}

// monitor sends the history of every router that has sessions.
func (f *RouteFeed) monitor(ctx context.Context, c *Carrier, to netip.AddrPort) error {
	for i := range c.routers {
		said := c.sayings(i)
		if len(said) == 0 {
			continue
		}
		conn, err := f.dial(ctx, c.routers[i].addr, to)
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(conn, 64<<10)
		messages := [][]byte{bmpHello(c.routers[i].name)}
		for n := range said {
			messages = append(messages, said[n].bmp(c.routers[i].addr))
			f.count(&said[n])
		}
		f.sent.Routers++
		f.sent.Messages += uint64(len(messages))
		if err := write(w, messages); err != nil {
			return fmt.Errorf("monitor %s: %w", c.routers[i].name, err)
		}
	}
	f.sent.Peers = len(c.sessions)
	return nil
}

func (f *RouteFeed) count(s *saying) {
	switch s.kind {
	case announced:
		f.sent.Announced++
	case withdrawn:
		f.sent.Withdrawn++
	case sessionLost:
		f.sent.Lost++
	}
}

func write(w *bufio.Writer, messages [][]byte) error {
	for _, m := range messages {
		if _, err := w.Write(m); err != nil {
			return err
		}
	}
	return w.Flush()
}

// reflect opens the BGP session of the route reflector, sends its table, and
// keeps it up.
func (f *RouteFeed) reflect(ctx, running context.Context, c *Carrier, to netip.AddrPort) error {
	from, asn := Reflector()
	conn, err := f.dial(ctx, from, to)
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("bound the opening of the BGP session: %w", err)
	}
	in, w := bufio.NewReader(conn), bufio.NewWriterSize(conn, 64<<10)
	if err := write(w, [][]byte{openMessage(asn, holdSeconds, from)}); err != nil {
		return fmt.Errorf("open the BGP session: %w", err)
	}
	if kind, err := readMessage(in); err != nil || kind != bgpOpen {
		return fmt.Errorf("open the BGP session: the answer is of type %d: %w", kind, errors.Join(ErrTarget, err))
	}
	messages := [][]byte{bgpMessage(bgpKeepalive, nil)}
	nextHop := [2]netip.Addr{netip.AddrFrom4([4]byte{33, 79, 255, 21}), netip.MustParseAddr("2e10:0:ffff::21")}
	table := c.table()
	for i := range table {
		messages = append(messages, updateMessage(&table[i], nextHop, true))
	}
	f.sent.Table = len(table)
	if err := write(w, append(messages, endOfRIBMessages()...)); err != nil {
		return fmt.Errorf("send the table: %w", err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("hold the BGP session: %w", err)
	}
	f.done.Go(func() { // ends when Close closes the connection
		_, _ = io.Copy(io.Discard, in)
	})
	f.done.Go(func() { keepAlive(running, conn) })
	return nil
}

// keepAlive says that the session is up until its context ends or nobody
// listens.
func keepAlive(ctx context.Context, conn net.Conn) {
	tick := time.NewTicker(keepaliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := conn.Write(bgpMessage(bgpKeepalive, nil)); err != nil {
				return
			}
		}
	}
}

// readMessage reads one BGP message and returns its type.
func readMessage(r io.Reader) (byte, error) {
	var head [19]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, err
	}
	body := int64(binary.BigEndian.Uint16(head[16:])) - int64(len(head))
	if _, err := io.CopyN(io.Discard, r, max(0, body)); err != nil {
		return 0, err
	}
	return head[18], nil
}
