package simulator

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	packet "github.com/osrg/gobgp/v3/pkg/packet/bgp"
	"github.com/osrg/gobgp/v3/pkg/packet/bmp"
)

// held is how long a prefix was announced by a session, as a decoder that is not
// ours reads it.
type held struct {
	path  string
	since time.Time
	total time.Duration
}

// station reads BMP and keeps how long everything was announced.
type station struct {
	t     *testing.T
	now   time.Time
	up    map[netip.Addr]bool
	asn   map[netip.Addr]uint32
	table map[netip.Addr]map[string]*held
}

func (s *station) peer(h *bmp.BMPPeerHeader) (netip.Addr, time.Time) {
	addr, _ := netip.AddrFromSlice(h.PeerAddress.To4())
	at := time.UnixMicro(int64(h.Timestamp*1e6 + 0.5)) // the decoder keeps seconds
	if at.Before(s.now) {
		s.t.Errorf("time goes back from %s to %s", s.now, at)
	}
	s.now = at
	return addr, at
}

func (s *station) read(b []byte) {
	m, err := bmp.ParseBMPMessage(b)
	if err != nil {
		s.t.Fatal(err)
	}
	switch body := m.Body.(type) {
	case *bmp.BMPInitiation:
	case *bmp.BMPPeerUpNotification:
		p, _ := s.peer(&m.PeerHeader)
		if s.up[p] {
			s.t.Errorf("session of %s comes up twice", p)
		}
		open, ok := body.ReceivedOpenMsg.Body.(*packet.BGPOpen)
		if !ok || len(open.OptParams) != 1 {
			s.t.Fatalf("OPEN of %s is %v", p, body.ReceivedOpenMsg)
		}
		s.up[p], s.asn[p] = true, m.PeerHeader.PeerAS
	case *bmp.BMPPeerDownNotification:
		p, at := s.peer(&m.PeerHeader)
		s.up[p] = false
		for _, h := range s.table[p] {
			s.end(h, at)
		}
	case *bmp.BMPRouteMonitoring:
		p, at := s.peer(&m.PeerHeader)
		if !s.up[p] {
			s.t.Fatalf("route of %s, whose session is down", p)
		}
		s.update(p, at, body.BGPUpdate.Body.(*packet.BGPUpdate))
	default:
		s.t.Fatalf("message is %T", body)
	}
}

func (s *station) end(h *held, at time.Time) {
	if !h.since.IsZero() {
		h.total += at.Sub(h.since)
	}
	h.since = time.Time{}
}

func (s *station) update(p netip.Addr, at time.Time, u *packet.BGPUpdate) {
	path, gone, here := "", []string{}, []string{}
	for _, n := range u.WithdrawnRoutes {
		gone = append(gone, n.String())
	}
	for _, n := range u.NLRI {
		here = append(here, n.String())
	}
	for _, a := range u.PathAttributes {
		switch v := a.(type) {
		case *packet.PathAttributeAsPath:
			path = v.String()
		case *packet.PathAttributeMpReachNLRI:
			for _, n := range v.Value {
				here = append(here, n.String())
			}
		case *packet.PathAttributeMpUnreachNLRI:
			for _, n := range v.Value {
				gone = append(gone, n.String())
			}
		}
	}
	if len(gone)+len(here) != 1 {
		s.t.Fatalf("an update with %v and without %v", here, gone)
	}
	if s.table[p] == nil {
		s.table[p] = make(map[string]*held)
	}
	for _, n := range gone {
		if h := s.table[p][n]; h == nil || h.since.IsZero() {
			s.t.Errorf("%s withdraws %s, which is not there", p, n)
		} else {
			s.end(h, at)
		}
	}
	for _, n := range here {
		h := s.table[p][n]
		if h == nil {
			h = &held{path: path}
			s.table[p][n] = h
		}
		if !h.since.IsZero() || h.path != path {
			s.t.Errorf("%s announces %s again, path %s and %s", p, n, h.path, path)
		}
		h.since = at
	}
}

// listen reads all of the BMP that one carrier sends, until its feed is closed.
func listen(t *testing.T, c *Carrier) (*station, RoutesSent) {
	t.Helper()
	s := &station{t: t, up: make(map[netip.Addr]bool), asn: make(map[netip.Addr]uint32), table: make(map[netip.Addr]map[string]*held)}
	monitored, reflected := listener(t), listener(t)
	streams := make(chan []byte, len(c.routers))
	go func() {
		defer close(streams)
		for {
			conn, err := monitored.Accept()
			if err != nil {
				return
			}
			b, err := io.ReadAll(conn) // one after the other: each ends when the feed is closed
			if err != nil {
				return
			}
			streams <- b
		}
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		answer(t, reflected, c)
	}()
	f, err := c.FeedRoutes(t.Context(), RouteTargets{BMP: addrOf(monitored), BGP: addrOf(reflected)})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	<-done
	for range f.Sent().Routers {
		b := <-streams
		s.now = time.Time{}
		for len(b) > 0 {
			n := int(b[1])<<24 | int(b[2])<<16 | int(b[3])<<8 | int(b[4])
			s.read(b[:n])
			b = b[n:]
		}
	}
	return s, f.Sent()
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func addrOf(l net.Listener) netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

// answer takes the session of the reflector and counts its routes.
func answer(t *testing.T, l net.Listener, c *Carrier) {
	conn, err := l.Accept()
	if err != nil {
		t.Error(err)
		return
	}
	open, err := packet.NewBGPOpenMessage(carrierASN, 90, "192.0.2.1", nil).Serialize()
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := conn.Write(open); err != nil {
		t.Error(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil {
		t.Error(err)
	}
	routes, ends := 0, 0
	for kinds := []uint8{bgpOpen, bgpKeepalive}; len(b) > 0; b = b[int(b[16])<<8|int(b[17]):] {
		m, err := packet.ParseBGPMessage(b[:int(b[16])<<8|int(b[17])])
		if err != nil {
			t.Error(err)
			return
		}
		if len(kinds) > 0 {
			if m.Header.Type != kinds[0] {
				t.Errorf("message is of type %d, want %d", m.Header.Type, kinds[0])
			}
			kinds = kinds[1:]
			continue
		}
		if end, _ := m.Body.(*packet.BGPUpdate).IsEndOfRib(); end {
			ends++
		} else {
			routes++
		}
	}
	if routes != len(c.table()) || ends != 2 {
		t.Errorf("%d routes and %d ends of tables, want %d and 2", routes, ends, len(c.table()))
	}
}

// TestRoutesAsAnotherDecoderReadsThem plays the routes into gobgp's decoder and
// compares how long each was there with what the cast says.
func TestRoutesAsAnotherDecoderReadsThem(t *testing.T) {
	c := testCarrier(t, nil)
	s, sent := listen(t, c)
	_, end := c.Span()
	routes := 0
	for _, session := range c.sessions {
		if s.asn[session.peer] != session.asn || !s.up[session.peer] {
			t.Errorf("session with %d: up %t, ASN %d", session.asn, s.up[session.peer], s.asn[session.peer])
		}
		for _, r := range session.routes {
			routes++
			h := s.table[session.peer][r.prefix.String()]
			if h == nil {
				t.Errorf("%s never came", r.prefix)
				continue
			}
			got := h.total
			if !h.since.IsZero() {
				got += end.Sub(h.since)
			}
			if want := session.there(&r, end); (got - want).Abs() > time.Minute {
				t.Errorf("%s %s was there for %s, want %s", r.prefix, h.path, got, want)
			}
		}
	}
	if sent.Peers != len(c.sessions) || sent.Announced < uint64(routes) || sent.Withdrawn == 0 || sent.Lost != 2 || routes < 150 {
		t.Errorf("%d routes, sent %+v", routes, sent)
	}
}

// there is how long a route was there until an end, minute by minute.
func (s *session) there(r *announcement, end time.Time) (sum time.Duration) {
	for at := r.during[0].from; at.Before(end); at = at.Add(time.Minute) {
		if !s.isDown(at) && slices.ContainsFunc(r.during, func(d interval) bool { return d.has(at) }) {
			sum += time.Minute
		}
	}
	return sum
}

func TestRoutesRefuseTargetsElsewhere(t *testing.T) {
	c := testCarrier(t, nil)
	to := netip.MustParseAddrPort("192.0.2.1:1791")
	if f, err := c.FeedRoutes(t.Context(), RouteTargets{BMP: to, BGP: to}); err == nil {
		t.Errorf("routes were sent to %s (%v)", to, f.Close())
	}
	// Nobody answers at the BGP port.
	l := listener(t)
	gone := listener(t)
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err := c.FeedRoutes(t.Context(), RouteTargets{BMP: addrOf(l), BGP: addrOf(gone)}); err == nil {
		t.Errorf("routes were sent to nobody (%v)", f.Close())
	}
}
