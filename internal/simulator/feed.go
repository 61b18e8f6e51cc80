package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Targets are the sockets a carrier's routers export to. An unspecified
// address means this machine.
type Targets struct {
	Netflow netip.AddrPort // NetFlow v5 and v9
	IPFIX   netip.AddrPort
	SFlow   netip.AddrPort
}

// Pace bounds how fast a carrier sends, so that loopback loses nothing.
type Pace struct {
	// RecordsPerSecond is the limit, 25,000 if zero, none if negative.
	RecordsPerSecond int
	// Wait is called about every thousand records with the number sent so far,
	// and sending goes on when it returns: a receiver that lags holds it back.
	// An error ends the feed. It may be nil.
	Wait func(ctx context.Context, sentRecords uint64) error
	// Progress is called once per five minutes of event time with the instant
	// reached and the number of records sent so far. It may be nil.
	Progress func(at time.Time, sentRecords uint64)
}

// Sent is what a feed put on the wire.
type Sent struct {
	Exporters []ExporterSent `json:"exporters"`
}

// ExporterSent is what one router put on the wire.
type ExporterSent struct {
	Exporter  netip.Addr `json:"exporter"`
	Name      string     `json:"name"`
	Protocol  string     `json:"protocol"` // netflow9, ipfix, netflow5, sflow5
	Datagrams uint64     `json:"datagrams"`
	Records   uint64     `json:"records"` // flow records, without options
	// DroppedDatagrams and DroppedRecords were numbered and never sent.
	DroppedDatagrams uint64 `json:"dropped_datagrams"`
	DroppedRecords   uint64 `json:"dropped_records"`
}

// Records returns the number of flow records of all exporters.
func (s Sent) Records() uint64 {
	var n uint64
	for _, e := range s.Exporters {
		n += e.Records
	}
	return n
}

// ErrTarget is returned for a target that cannot be sent to.
var ErrTarget = errors.New("invalid export target")

const (
	defaultRate = 25_000
	waitEvery   = 1000
	sendBuffer  = 4 << 20
	// maxBurst is how far sending may catch up after a pause.
	maxBurst = 20 * time.Millisecond
)

// Feed sends the flow export of the whole span over UDP, one socket per
// router, bound to the router's address. It returns what was sent, also when
// it ends early.
func (c *Carrier) Feed(ctx context.Context, targets Targets, pace Pace) (Sent, error) {
	f := &feed{c: c, pace: pace}
	for _, r := range c.routers {
		f.sent.Exporters = append(f.sent.Exporters, ExporterSent{Exporter: r.addr, Name: r.name, Protocol: r.proto.String()})
	}
	defer f.close()
	if err := f.open(ctx, targets); err != nil {
		return f.sent, err
	}
	f.limit = limiter{rate: pace.RecordsPerSecond}
	if f.limit.rate == 0 {
		f.limit.rate = defaultRate
	}
	err := c.play(ctx, func(router int, d datagram, dropped bool) error {
		return f.send(ctx, router, d, dropped)
	})
	if err != nil {
		return f.sent, fmt.Errorf("feed flow export: %w", err)
	}
	return f.sent, nil
}

// feed is one pass of a carrier over its sockets.
type feed struct {
	c       *Carrier
	pace    Pace
	limit   limiter
	sockets []*net.UDPConn
	targets []netip.AddrPort
	sent    Sent
	records uint64
	waited  uint64
	slot    int64
}

// open binds a socket to every router's address.
func (f *feed) open(ctx context.Context, targets Targets) error {
	for _, r := range f.c.routers {
		target, err := targets.of(r.proto)
		if err != nil {
			return err
		}
		var lc net.ListenConfig
		conn, err := lc.ListenPacket(ctx, "udp4", netip.AddrPortFrom(r.addr, 0).String())
		if err != nil {
			return fmt.Errorf("bind router %s (on systems without a whole loopback network, add %s to the loopback interface): %w", r.name, r.addr, err)
		}
		udp, ok := conn.(*net.UDPConn)
		if !ok {
			return errors.Join(fmt.Errorf("bind router %s: not a UDP socket: %T", r.name, conn), conn.Close())
		}
		f.sockets, f.targets = append(f.sockets, udp), append(f.targets, target)
		if err := udp.SetWriteBuffer(sendBuffer); err != nil {
			return fmt.Errorf("set send buffer of router %s: %w", r.name, err)
		}
	}
	return nil
}

func (t Targets) of(p protocol) (netip.AddrPort, error) {
	target := t.Netflow
	switch p {
	case ipfix:
		target = t.IPFIX
	case sflow5:
		target = t.SFlow
	case netflow9, netflow5:
	}
	addr := target.Addr().Unmap()
	if addr.IsUnspecified() {
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if !addr.Is4() || !addr.IsLoopback() || target.Port() == 0 {
		return netip.AddrPort{}, fmt.Errorf("%w: %s for %s is not a port on an IPv4 loopback address", ErrTarget, target, p)
	}
	return netip.AddrPortFrom(addr, target.Port()), nil
}

// close gives the routers' sockets back. Closing a UDP socket cannot lose what
// was sent, so its error says nothing.
func (f *feed) close() {
	for _, s := range f.sockets {
		_ = s.Close()
	}
}

// send puts one datagram on the wire at its time.
func (f *feed) send(ctx context.Context, router int, d datagram, dropped bool) error {
	account, records := &f.sent.Exporters[router], uint64(len(d.flows))
	if dropped {
		account.DroppedDatagrams++
		account.DroppedRecords += records
		return nil
	}
	if err := f.limit.wait(ctx, len(d.flows)); err != nil {
		return err
	}
	if _, err := f.sockets[router].WriteToUDPAddrPort(d.payload, f.targets[router]); err != nil {
		return fmt.Errorf("send from router %s: %w", account.Name, err)
	}
	account.Datagrams++
	account.Records += records
	f.records += records
	if f.pace.Wait != nil && f.records-f.waited >= waitEvery {
		f.waited = f.records
		if err := f.pace.Wait(ctx, f.records); err != nil {
			return fmt.Errorf("wait for the receiver: %w", err)
		}
	}
	f.progress(d)
	return nil
}

// progress reports each slot of event time once.
func (f *feed) progress(d datagram) {
	if f.pace.Progress == nil || len(d.flows) == 0 {
		return
	}
	slot := d.flows[len(d.flows)-1].end / slotLength.Milliseconds()
	if slot != f.slot {
		f.slot = slot
		f.pace.Progress(time.UnixMilli(d.flows[len(d.flows)-1].end), f.records)
	}
}

// limiter spaces out records evenly.
type limiter struct {
	rate int // records per second, no limit if negative
	next time.Time
}

// wait returns when that many records may be sent.
func (l *limiter) wait(ctx context.Context, records int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.rate < 0 {
		return nil
	}
	now := time.Now()
	if earliest := now.Add(-maxBurst); l.next.Before(earliest) {
		l.next = earliest
	}
	l.next = l.next.Add(time.Duration(max(1, records)) * time.Second / time.Duration(l.rate))
	// Short waits are left to add up: a timer is coarser than a datagram.
	if ahead := l.next.Sub(now); ahead > 2*time.Millisecond {
		timer := time.NewTimer(ahead)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	return nil
}
