package speaker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	packet "github.com/osrg/gobgp/v3/pkg/packet/bgp"
	"go.uber.org/goleak"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 60 * time.Second

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
			if c.cut == nil { // a router that comes back before its loss was seen is refused
				tb.wait(t, "loss", func() bool { return len(tb.said) >= 2 })
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
	c.Neighbors = []Neighbor{neighborAt("127.0.0.2")} // without whom nothing listens
	s, err := New(c, Deps{Sink: newTable(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil || len(s.Addrs()) != 0 {
		t.Errorf("%v %v", err, s.Addrs())
	}
}
