package speaker

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestSetNeighbors changes neighbours under their sessions: those that stay as
// they were go on, those that are gone or differ are sent away and their routes
// are withdrawn, and a list that is bad changes nothing.
func TestSetNeighbors(t *testing.T) {
	t.Parallel()
	tb := newTable()
	s, to, _ := start(t, tb, nil, neighborAt("127.0.0.2"), neighborAt("127.0.0.3"))
	stays, goes := establish(t, "127.0.0.2", to, nil), establish(t, "127.0.0.3", to, nil)
	stays.send(routes(1<<16, 1))
	goes.send(routes(2<<16, 1))
	tb.wait(t, "routes of both", func() bool { return len(tb.routes) == 2 })

	if err := s.SetNeighbors(t.Context(), []Neighbor{neighborAt("127.0.0.2"), neighborAt("127.0.0.2"), {Address: netip.MustParseAddr("127.0.0.5")}}); err == nil {
		t.Error("a list with a neighbour twice is taken")
	}
	limited := neighborAt("127.0.0.2")
	limited.LimitIPv4 = 2
	if err := s.SetNeighbors(t.Context(), []Neighbor{limited, neighborAt("127.0.0.4")}); err != nil {
		t.Fatal(err)
	}
	if got := goes.ended(); got != "6/6" {
		t.Errorf("who is gone is told %s", got)
	}
	tb.check(t, "its routes are gone, those of the other are not", func() bool { return len(tb.routes) == 1 })
	if got := connect(t, "127.0.0.3", to).ended(); got != "6/5" {
		t.Errorf("who is gone and comes again is told %s", got)
	}
	establish(t, "127.0.0.4", to, nil)
	if p := s.Peers(); len(p) != 2 || p[0].Sessions != 1 || p[0].Neighbor.LimitIPv4 != 2 || p[1].Neighbor.Address != netip.MustParseAddr("127.0.0.4") {
		t.Errorf("the peers are %+v", p)
	}
	stays.send(routes(3<<16, 3))
	if got := stays.ended(); got != "6/1" {
		t.Errorf("beyond its new limit it is told %s", got)
	}

	other := neighborAt("127.0.0.4")
	other.ASN = remoteASN + 1
	if err := s.SetNeighbors(t.Context(), []Neighbor{other}); err != nil {
		t.Fatal(err)
	}
	establish(t, "127.0.0.4", to, func(o *openOptions) { o.asn = remoteASN + 1 })
	tb.wait(t, "the last one is up with its new number", func() bool {
		return len(tb.said) > 0 && tb.said[len(tb.said)-1] == "up 127.0.0.4" && len(tb.routes) == 0
	})
}

// TestSetNeighborsAtFirst has nothing listen while there is no neighbour.
func TestSetNeighborsAtFirst(t *testing.T) {
	t.Parallel()
	tb := newTable()
	s, _, _ := start(t, tb, nil, neighborAt("127.0.0.2"))
	if err := s.SetNeighbors(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	to := s.Addrs()[0]
	if got := connect(t, "127.0.0.2", to).ended(); got != "6/5" {
		t.Errorf("nobody may connect, and is told %s", got)
	}
	config := DefaultConfig()
	config.ASN, config.RouterID, config.Listen = localASN, netip.MustParseAddr("192.0.2.1"), []string{to.String()}
	alone, err := New(config, s.deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := alone.Start(t.Context()); err != nil || len(alone.Addrs()) > 0 {
		t.Fatalf("without neighbours %v is bound: %v", alone.Addrs(), err)
	}
	if err := alone.SetNeighbors(t.Context(), []Neighbor{neighborAt("127.0.0.3")}); err == nil {
		t.Error("an address that another has is bound")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := alone.SetNeighbors(t.Context(), []Neighbor{neighborAt("127.0.0.3")}); err != nil {
		t.Fatal(err)
	}
	establish(t, "127.0.0.3", to, nil)
	if err := alone.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := alone.SetNeighbors(t.Context(), nil); err == nil {
		t.Error("a speaker that is stopped takes neighbours")
	}
}

// TestSetPassword gives a neighbour a password while the socket listens, and
// takes it away: a connection that is not signed is not answered in between.
func TestSetPassword(t *testing.T) {
	t.Parallel()
	s, to, _ := start(t, newTable(), nil, neighborAt("127.0.0.2"))
	signed := neighborAt("127.0.0.2")
	signed.Password = "correct horse"
	if err := s.SetNeighbors(t.Context(), []Neighbor{signed}); err != nil {
		t.Skipf("the kernel has no TCP MD5: %v", err)
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: 300 * time.Millisecond}
	if conn, err := d.DialContext(t.Context(), "tcp", to.String()); err == nil {
		t.Error("a connection without the password is taken")
		_ = conn.Close()
	}
	if err := s.SetNeighbors(t.Context(), []Neighbor{neighborAt("127.0.0.2")}); err != nil {
		t.Fatal(err)
	}
	establish(t, "127.0.0.2", to, nil)
}
