package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// routesPeer is a neighbour that sends what it is told to.
type routesPeer struct {
	conn net.Conn
	over chan struct{} // closed by close
	wait sync.WaitGroup

	mu sync.Mutex // held to write
}

// dialRoutesPeer opens a session from an address of the loopback network, with
// IPv4 and IPv6 unicast and four-octet AS numbers. A daemon that is not yet
// ready is tried again until the context ends.
func dialRoutesPeer(ctx context.Context, from, to string) (*routesPeer, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := tryRoutesPeer(ctx, from, to)
		if err == nil {
			return p, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

func tryRoutesPeer(ctx context.Context, from, to string) (*routesPeer, error) {
	local := netip.MustParseAddr(from)
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0)), Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	p := &routesPeer{conn: conn, over: make(chan struct{})}
	id := local.As4()
	open := []byte{4, peerASN >> 8, peerASN & 0xff, 0, 180, id[0], id[1], id[2], id[3], 0}
	options := []byte{1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 65, 4, 0, 0, peerASN >> 8, peerASN & 0xff}
	open[9] = byte(2 + len(options))
	open = append(append(open, 2, byte(len(options))), options...)
	err = p.send(bgpMessage(1, open))
	for _, kind := range []byte{1, 4} {
		if err == nil {
			err = p.expect(kind)
		}
		if err == nil && kind == 1 {
			err = p.send(bgpMessage(4, nil))
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open a session: %w", err), conn.Close())
	}
	p.wait.Go(func() { _, _ = io.Copy(io.Discard, conn) }) // ends with the connection
	p.wait.Go(p.beat)
	return p, nil
}

// expect reads one message.
func (p *routesPeer) expect(kind byte) error {
	if err := p.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	head := make([]byte, 19)
	if _, err := io.ReadFull(p.conn, head); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, p.conn, int64(head[16])<<8+int64(head[17])-19); err != nil {
		return err
	}
	if head[18] != kind {
		return fmt.Errorf("message of type %d instead of %d", head[18], kind)
	}
	return p.conn.SetReadDeadline(time.Time{})
}

func (p *routesPeer) send(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.conn.Write(b)
	return err
}

// beat sends keepalives.
func (p *routesPeer) beat() {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if p.send(bgpMessage(4, nil)) != nil {
				return
			}
		case <-p.over:
			return
		}
	}
}

// feed sends messages, many to a write.
func (p *routesPeer) feed(messages [][]byte) error {
	buf := make([]byte, 0, 1<<17)
	for i, m := range messages {
		buf = append(buf, m...)
		if len(buf) > 1<<16 || i == len(messages)-1 {
			if err := p.send(buf); err != nil {
				return fmt.Errorf("send a table: %w", err)
			}
			buf = buf[:0]
		}
	}
	return nil
}

// close ends the session without a word.
func (p *routesPeer) close() {
	close(p.over)
	_ = p.conn.Close()
	p.wait.Wait()
}
