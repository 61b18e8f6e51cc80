package speaker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
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
	"go.uber.org/goleak"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 60 * time.Second

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

func TestExchange(t *testing.T) {
	t.Parallel()
	tb := newTable()
	s, to, _ := start(t, tb, nil, neighborAt("127.0.0.2"))
	r := establish(t, "127.0.0.2", to, nil)
	for i := range 10 {
		r.send(routes(0x100000+i*1000, 1000))
	}
	r.send(withdrawal(0x100000, 1000))
	r.send(append(header(wire.TypeUpdate, 4), 0, 0, 0, 0))
	tb.wait(t, "routes", func() bool { return len(tb.routes) == 9000 && tb.has("up 127.0.0.2", "end4 127.0.0.2") })
	p := s.Peers()[0]
	if p.State != StateEstablished || p.Messages.Messages != 12 || p.Messages.Announced != 10000 || p.RouterID != "198.51.100.1" || !p.Options.AS4 || !p.Options.Extended {
		t.Errorf("%+v", p)
	}
	r.send(append(header(wire.TypeNotification, 2), codeCease, subShutdown))
	tb.wait(t, "end", func() bool { return len(tb.routes) == 0 && tb.has("up 127.0.0.2", "end4 127.0.0.2", "down 127.0.0.2") })
	if r.ended() != "closed" {
		t.Error("a notification was answered")
	}
}

// TestIPv6 takes a session over IPv6, with IPv4 routes of an IPv6 next hop (RFC 8950).
func TestIPv6(t *testing.T) {
	t.Parallel()
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skipf("no IPv6 here: %v", err)
	} else if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	tb := newTable()
	_, to, _ := start(t, tb, func(c *Config, _ *Deps) { c.Listen = []string{"[::1]:0"} }, neighborAt("::1"))
	r := establish(t, "::1", to, nil)
	reach := append([]byte{0x80, 14, 24, 0, 1, 1, 16}, netip.MustParseAddr("2001:db8::5").AsSlice()...)
	reach = append(reach, 0, 16, 10, 1)
	attributes := append([]byte{0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9}, reach...)
	b := append([]byte{0, 0, 0, byte(len(attributes))}, attributes...)
	r.send(append(header(wire.TypeUpdate, len(b)), b...))
	tb.wait(t, "route", tb.count(1))
	tb.expect(t, "::1 10.1.0.0/16 0", "2001:db8::5 [65001] 0 0 [] []")
}

// TestRefused proves how connections and OPENs that are not acceptable are answered.
func TestRefused(t *testing.T) {
	t.Parallel()
	tb := newTable()
	s, to, log := start(t, tb, nil, neighborAt("127.0.0.2"))
	if got := connect(t, "127.0.0.9", to).ended(); got != "6/5" {
		t.Errorf("unknown neighbour: %s", got)
	}
	if !strings.Contains(log.String(), "unknown neighbor") || !strings.Contains(log.String(), "127.0.0.9") {
		t.Errorf("log %s", log)
	}
	for want, bytes := range map[string][]byte{
		"2/2": openOptions{asn: 65002, hold: 90, id: "1.2.3.4"}.message(t),
		"2/6": openOptions{asn: remoteASN, hold: 2, id: "1.2.3.4"}.message(t),
		"2/3": openOptions{asn: remoteASN, hold: 90, id: "0.0.0.0"}.message(t),
		"2/1": append(header(wire.TypeOpen, 10), 3, 0, 1, 0, 90, 1, 2, 3, 4, 0),
		"5/0": header(wire.TypeKeepalive, 0),
		"1/2": make([]byte, 19),
	} {
		r := connect(t, "127.0.0.2", to)
		r.send(bytes)
		if got := r.ended(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	r := establish(t, "127.0.0.2", to, nil)
	tb.wait(t, "up", func() bool { return tb.has("up 127.0.0.2") })
	second := connect(t, "127.0.0.2", to)
	second.send(openOptions{asn: remoteASN, hold: 90, id: "1.2.3.4"}.message(t))
	second.send(header(wire.TypeKeepalive, 0))
	if got := second.ended(); got != "6/7" {
		t.Errorf("second session: %s", got)
	}
	r.send(append(header(wire.TypeUpdate, 6), 0, 1, 99, 0, 0, 0))
	if got := r.ended(); got != "3/10" {
		t.Errorf("malformed prefix: %s", got)
	}
	tb.wait(t, "down", func() bool { return tb.has("up 127.0.0.2", "down 127.0.0.2") })
	if err := s.Stop(t.Context()); err != nil { // so that everything is counted
		t.Error(err)
	}
	m := s.Refused()
	if m[RefusedUnknown] != 1 || m[RefusedOpen] != 6 || m[RefusedBusy] != 1 {
		t.Errorf("refused %v", m)
	}
}

// TestTreatAsWithdraw proves that a malformed attribute costs its routes, not the session.
func TestTreatAsWithdraw(t *testing.T) {
	t.Parallel()
	tb := newTable()
	s, to, _ := start(t, tb, nil, neighborAt("127.0.0.2"))
	r := establish(t, "127.0.0.2", to, nil)
	r.send(routes(0x100000, 10))
	bad := routes(0x100000, 5)
	bad[wire.HeaderLength+4+3] = 9 // ORIGIN
	r.send(bad)
	r.send(routes(0x200000, 1))
	tb.wait(t, "routes", func() bool { return len(tb.routes) == 6 })
	if p := s.Peers()[0]; p.Messages.Treated[wire.ReasonOrigin] != 5 || p.State != StateEstablished {
		t.Errorf("%+v", p)
	}
}

// TestLimit proves that a neighbour with too many routes is cut off and kept away, whoever counts.
func TestLimit(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{true, false} {
		tb := newTable()
		n := neighborAt("127.0.0.2")
		n.LimitIPv4 = 3000
		s, to, log := start(t, tb, func(_ *Config, d *Deps) {
			if !own {
				d.Routes = func(bgp.PeerKey, bgp.Family) int {
					tb.mu.Lock()
					defer tb.mu.Unlock()
					return len(tb.routes)
				}
			}
		}, n)
		r := establish(t, "127.0.0.2", to, nil)
		// The same routes again and again pass no limit.
		for range 20 {
			r.send(routes(0x100000, 1000))
		}
		r.send(routes(0x110000, 1000))
		tb.wait(t, "routes", func() bool { return len(tb.routes) == 2000 && tb.events > 21000 })
		if s.Peers()[0].State != StateEstablished {
			t.Fatalf("own %t: %+v", own, s.Peers()[0])
		}
		go func() { // until we are cut off
			for i := range 10000 {
				if _, err := r.conn.Write(routes(0x200000+i*1000, 1000)); err != nil {
					return
				}
			}
		}()
		tb.wait(t, "cut off", func() bool { return len(tb.routes) == 0 && tb.has("up 127.0.0.2", "down 127.0.0.2") })
		tb.check(t, "few events reach the sink", func() bool { return tb.events < 21000+1000+3000+4*DefaultConfig().Queue })
		if got := r.ended(); got != "6/1" && got != "closed" { // the kernel may drop it if we write on
			t.Errorf("own %t: %s", own, got)
		}
		if got := connect(t, "127.0.0.2", to).ended(); got != "6/5" {
			t.Errorf("own %t: let in again: %s", own, got)
		}
		if p := s.Peers()[0]; p.State != StateHeld || !strings.Contains(p.LastEnd, "limit 3000") {
			t.Errorf("own %t: %+v", own, p)
		}
		if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "limit passed") {
			t.Errorf("own %t: %s", own, log)
		}
		if s.Refused()[RefusedHeld] != 1 {
			t.Errorf("own %t: %v", own, s.Refused())
		}
	}
}

// TestBackpressure proves that a sink that takes nothing makes the neighbour wait, drops nothing, and ends no session.
func TestBackpressure(t *testing.T) {
	t.Parallel()
	tb := newTable()
	tb.block = make(chan struct{})
	s, to, _ := start(t, tb, func(c *Config, _ *Deps) { c.HoldTime = 3 * time.Second }, neighborAt("127.0.0.2"))
	r := establish(t, "127.0.0.2", to, nil)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range 500 {
			if _, err := r.conn.Write(routes(0x100000+i*1000, 1000)); err != nil {
				return
			}
		}
	}()
	// Keepalives come, though nothing of ours is taken for longer than the hold time.
	for range 4 {
		if kind, _ := r.next(); kind != wire.TypeKeepalive {
			t.Fatalf("message of type %d", kind)
		}
	}
	if p := s.Peers()[0]; p.Queued > int64(DefaultConfig().Queue)+3*batchSize || p.State != StateEstablished {
		t.Errorf("%+v", p)
	}
	tb.mu.Lock()
	close(tb.block)
	tb.block = nil
	tb.mu.Unlock()
	tb.wait(t, "routes", func() bool { return len(tb.routes) == 500_000 })
	<-sent
}

// TestSinkFails proves that a sink that fails ends the session.
func TestSinkFails(t *testing.T) {
	t.Parallel()
	tb := newTable()
	tb.fail = errors.New("table is full")
	s, to, _ := start(t, tb, nil, neighborAt("127.0.0.2"))
	r := establish(t, "127.0.0.2", to, nil)
	if got := r.ended(); got != "6/8" {
		t.Errorf("%s", got)
	}
	tb.wait(t, "down", func() bool { return tb.has("up 127.0.0.2", "down 127.0.0.2") })
	if p := s.Peers()[0]; !strings.Contains(p.LastEnd, "table is full") && p.LastEnd != "" {
		t.Errorf("%+v", p)
	}
}

// TestHoldTime proves that a silent neighbour is given up, and is no graceful restart.
func TestHoldTime(t *testing.T) {
	t.Parallel()
	tb := newTable()
	_, to, _ := start(t, tb, func(c *Config, _ *Deps) { c.HoldTime = 3 * time.Second }, neighborAt("127.0.0.2"))
	r := establish(t, "127.0.0.2", to, func(o *openOptions) { o.graceful = restarts(30, true) })
	if got := r.ended(); got != "4/0" {
		t.Errorf("%s", got)
	}
	tb.wait(t, "down", func() bool { return tb.has("up 127.0.0.2", "down 127.0.0.2") })
}

func restarts(seconds uint16, preserved bool) packet.ParameterCapabilityInterface {
	return packet.NewCapGracefulRestart(preserved, false, seconds, []*packet.CapGracefulRestartTuple{packet.NewCapGracefulRestartTuple(packet.RF_IPv4_UC, preserved)})
}

// TestGraceful proves what becomes of the routes of a neighbour that restarts (RFC 4724 section 4.2).
func TestGraceful(t *testing.T) {
	graceful := func(seconds uint16, preserved bool) func(*openOptions) {
		return func(o *openOptions) { o.graceful = restarts(seconds, preserved) }
	}
	eor := append(header(wire.TypeUpdate, 4), 0, 0, 0, 0)
	for name, c := range map[string]struct {
		first, second func(*openOptions) // nil = does not come back
		cut           func(r *router)
		want          []string
		routes        int // after the second end of RIB
	}{
		"kept":           {graceful(30, false), graceful(30, true), nil, []string{"up", "stale", "end6", "up", "end4"}, 5},
		"not kept":       {graceful(30, false), graceful(30, false), nil, []string{"up", "stale", "end6", "down", "up", "end4"}, 5},
		"no longer able": {graceful(30, false), func(*openOptions) {}, nil, []string{"up", "stale", "end6", "down", "up", "end4"}, 5},
		"too late":       {graceful(1, false), nil, nil, []string{"up", "stale", "end6", "down"}, 0},
		"no time":        {graceful(0, false), nil, nil, []string{"up", "down"}, 0},
		"not graceful":   {nil, nil, nil, []string{"up", "down"}, 0},
		"said so": {graceful(30, false), nil, func(r *router) {
			r.send(append(header(wire.TypeNotification, 2), codeCease, subReset))
		}, []string{"up", "down"}, 0},
		"a second connection": {graceful(30, true), graceful(30, true), func(*router) {}, []string{"up", "stale", "end6", "up", "end4"}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tb := newTable()
			_, to, _ := start(t, tb, nil, neighborAt("127.0.0.2"))
			r := establish(t, "127.0.0.2", to, c.first)
			r.send(routes(0x100000, 10))
			tb.wait(t, "routes", func() bool { return len(tb.routes) == 10 })
			if c.cut != nil {
				c.cut(r)
			} else {
				_ = r.conn.Close()
			}
			for i := range c.want {
				c.want[i] += " 127.0.0.2"
			}
			if c.second != nil {
				r = establish(t, "127.0.0.2", to, c.second)
				r.send(routes(0x100000, 5))
				r.send(eor)
			}
			tb.wait(t, "end", func() bool { return tb.has(c.want...) })
			tb.check(t, "routes", tb.count(c.routes))
		})
	}
}

// TestStop proves that neighbours are told, that the sink hears of the end, and that a sink that hangs is given up.
func TestStop(t *testing.T) {
	t.Parallel()
	tb := newTable()
	s, to, _ := start(t, tb, nil, neighborAt("127.0.0.2"), neighborAt("127.0.0.3"))
	r := establish(t, "127.0.0.2", to, nil)
	half := connect(t, "127.0.0.3", to)
	if kind, _ := half.next(); kind != wire.TypeOpen {
		t.Fatalf("message of type %d", kind)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if got := r.ended(); got != "6/2" {
		t.Errorf("%s", got)
	}
	if got := half.ended(); got != "6/5" {
		t.Errorf("%s", got)
	}
	if !tb.has("up 127.0.0.2", "down 127.0.0.2") {
		t.Errorf("%q", tb.said)
	}
	hung := newTable()
	hung.block = make(chan struct{})
	s, to, _ = start(t, hung, nil, neighborAt("127.0.0.2"))
	establish(t, "127.0.0.2", to, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestConfig(t *testing.T) {
	c := DefaultConfig()
	c.HoldTime, c.OpenTimeout, c.LimitIPv4, c.Queue = time.Second, 0, 0, 1
	c.Neighbors = []Neighbor{
		{},
		{Address: netip.MustParseAddr("192.0.2.7"), ASN: 1, Password: strings.Repeat("x", 81), LimitIPv6: -1},
		{Address: netip.MustParseAddr("::ffff:192.0.2.7"), ASN: 1},
	}
	err := c.Validate()
	for _, key := range []string{"asn", "router_id", "hold_time", "open_timeout", "limit", "queue", "neighbors[0].address", "neighbors[0].asn", "neighbors[1].password", "neighbors[1].limit", "neighbors[2].address"} {
		if err == nil || !strings.Contains(err.Error(), key+":") {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := New(c, Deps{}); err == nil {
		t.Error("no error")
	}
	// A busy port is an error, and takes nothing.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c = DefaultConfig()
	c.ASN, c.RouterID, c.Listen = 1, netip.MustParseAddr("192.0.2.1"), []string{"127.0.0.1:0", l.Addr().String()}
	s, err := New(c, Deps{Sink: newTable(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil || len(s.Addrs()) != 0 {
		t.Errorf("%v %v", err, s.Addrs())
	}
}
