package speaker

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	packet "github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

// table is a sink that keeps routes as a RIB does, and every event about peers.
type table struct {
	mu      sync.Mutex
	changed chan struct{} // closed at each change
	routes  map[string]bgp.Route
	stale   map[string]bool
	said    []string // events about peers and ends of RIBs, in order
	events  int
	block   chan struct{} // when not nil, Events waits for it
	fail    error
}

func newTable() *table {
	return &table{changed: make(chan struct{}), routes: make(map[string]bgp.Route), stale: make(map[string]bool)}
}

var _ Sink = (*table)(nil)

func (tb *table) Events(ctx context.Context, events []bgp.Event) error {
	tb.mu.Lock()
	block, fail := tb.block, tb.fail
	tb.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for i := range events {
		tb.put(&events[i])
	}
	close(tb.changed)
	tb.changed = make(chan struct{})
	return fail
}

func (tb *table) put(e *bgp.Event) {
	tb.events++
	peer := e.Peer.Peer.String()
	key := fmt.Sprintf("%s %v %d", peer, e.Route.Prefix, e.Route.PathID)
	drop := func(which func(key string) bool) {
		maps.DeleteFunc(tb.routes, func(k string, _ bgp.Route) bool { return strings.HasPrefix(k, peer+" ") && which(k) })
	}
	say := func(text string) { tb.said = append(tb.said, text+" "+peer) }
	switch e.Kind {
	case bgp.Announce:
		tb.routes[key] = e.Route
		delete(tb.stale, key)
	case bgp.Withdraw:
		delete(tb.routes, key)
	case bgp.EndOfRIB:
		say(fmt.Sprintf("end%d", 2+2*e.Family))
		drop(func(k string) bool { return tb.stale[k] && strings.Contains(k, ":") == (e.Family == bgp.FamilyIPv6) })
	case bgp.PeerUp:
		say("up")
	case bgp.PeerDown:
		say("down")
		drop(func(string) bool { return true })
	case bgp.PeerStale:
		say("stale")
		for k := range tb.routes {
			tb.stale[k] = true
		}
	}
	if e.Time.IsZero() || e.Peer.Router != e.Peer.Peer {
		say("bad event")
	}
}

// wait waits until the table is as ok wants it.
func (tb *table) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	began, deadline := time.Now(), time.After(patience)
	for {
		tb.mu.Lock()
		changed := tb.changed
		done := ok()
		tb.mu.Unlock()
		if done {
			t.Logf("%s: after %v", what, time.Since(began).Round(10*time.Millisecond))
			return
		}
		select {
		case <-changed:
		case <-deadline:
			tb.mu.Lock()
			defer tb.mu.Unlock()
			t.Fatalf("%s: waited in vain; said %q, routes %v", what, tb.said, slices.Sorted(maps.Keys(tb.routes)))
		}
	}
}

// check fails unless the table is as ok wants it now.
func (tb *table) check(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if !ok() {
		t.Errorf("%s: no; said %q, %d routes, %d events", what, tb.said, len(tb.routes), tb.events)
	}
}

// has tells whether the events about peers are these; tb.mu is held.
func (tb *table) has(said ...string) bool { return slices.Equal(tb.said, said) }

// logs is a log for tests to look into.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	localASN  = 64500
	remoteASN = 65001
)

// start runs a speaker on a free port of the loopback interface.
func start(t testing.TB, sink Sink, change func(*Config, *Deps), neighbors ...Neighbor) (*Speaker, netip.AddrPort, *logs) {
	t.Helper()
	config := DefaultConfig()
	config.Listen = []string{"127.0.0.1:0"}
	config.ASN, config.RouterID, config.Neighbors = localASN, netip.MustParseAddr("192.0.2.1"), neighbors
	log := new(logs)
	deps := Deps{Sink: sink, Logger: slog.New(slog.NewTextHandler(log, nil))}
	if change != nil {
		change(&config, &deps)
	}
	s, err := New(config, deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(log)
		}
	})
	return s, s.Addrs()[0], log
}

func neighborAt(address string) Neighbor {
	return Neighbor{Address: netip.MustParseAddr(address), ASN: remoteASN}
}

// router is a neighbour made by hand.
type router struct {
	t    testing.TB
	conn *net.TCPConn
}

type openOptions struct {
	asn      uint32
	hold     uint16
	id       string
	graceful packet.ParameterCapabilityInterface
	paths    bool
}

// connect opens a connection from an address.
func connect(t testing.TB, from string, to netip.AddrPort) *router {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IP(netip.MustParseAddr(from).AsSlice())}}
	conn, err := d.DialContext(t.Context(), "tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	r := &router{t, conn.(*net.TCPConn)}
	t.Cleanup(func() { _ = r.conn.Close() })
	return r
}

func (r *router) send(b []byte) {
	r.t.Helper()
	if _, err := r.conn.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

// next returns the type and body of the next message, 0 at the end.
func (r *router) next() (uint8, []byte) {
	r.t.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(patience))
	head := make([]byte, wire.HeaderLength)
	if _, err := io.ReadFull(r.conn, head); err != nil {
		return 0, nil
	}
	body := make([]byte, int(binary.BigEndian.Uint16(head[16:]))-wire.HeaderLength)
	if _, err := io.ReadFull(r.conn, body); err != nil {
		return 0, nil
	}
	return head[18], body
}

// ended returns the notification with which we are sent away.
func (r *router) ended() string {
	r.t.Helper()
	for {
		switch kind, body := r.next(); kind {
		case wire.TypeNotification:
			return fmt.Sprintf("%d/%d", body[0], body[1])
		case 0:
			return "closed"
		}
	}
}

func (o openOptions) message(t testing.TB) []byte {
	t.Helper()
	capabilities := []packet.ParameterCapabilityInterface{
		packet.NewCapMultiProtocol(packet.RF_IPv4_UC), packet.NewCapMultiProtocol(packet.RF_IPv6_UC), packet.NewCapFourOctetASNumber(o.asn),
		packet.NewCapUnknown(capExtendedMessage, nil),
	}
	if o.graceful != nil {
		capabilities = append(capabilities, o.graceful)
	}
	if o.paths {
		capabilities = append(capabilities, packet.NewCapAddPath([]*packet.CapAddPathTuple{packet.NewCapAddPathTuple(packet.RF_IPv4_UC, packet.BGP_ADD_PATH_SEND)}))
	}
	b, err := packet.NewBGPOpenMessage(asTrans, o.hold, o.id, []packet.OptionParameterInterface{packet.NewOptionParameterCapability(capabilities)}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// establish makes a session.
func establish(t testing.TB, from string, to netip.AddrPort, change func(*openOptions)) *router {
	t.Helper()
	o := openOptions{asn: remoteASN, hold: 90, id: "198.51.100.1"}
	if change != nil {
		change(&o)
	}
	r := connect(t, from, to)
	r.send(o.message(t))
	if kind, _ := r.next(); kind != wire.TypeOpen {
		t.Fatalf("message of type %d, want OPEN", kind)
	}
	r.send(header(wire.TypeKeepalive, 0))
	if kind, _ := r.next(); kind != wire.TypeKeepalive {
		t.Fatalf("message of type %d, want KEEPALIVE", kind)
	}
	return r
}

// routes returns an UPDATE that announces n prefixes of 24 bits from number first on.
func routes(first, n int) []byte {
	attributes := []byte{0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9, 0x40, 3, 4, 198, 51, 100, 1}
	b := append([]byte{0, 0, 0, byte(len(attributes))}, attributes...)
	for i := first; i < first+n; i++ {
		b = append(b, 24, byte(i>>16), byte(i>>8), byte(i))
	}
	return append(header(wire.TypeUpdate, len(b)), b...)
}

func withdrawal(first, n int) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(4*n))
	for i := first; i < first+n; i++ {
		b = append(b, 24, byte(i>>16), byte(i>>8), byte(i))
	}
	b = append(b, 0, 0)
	return append(header(wire.TypeUpdate, len(b)), b...)
}
