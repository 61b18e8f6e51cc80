package bmp

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/internal/testkit"
)

// stream is what one router sent on one connection of a capture.
type stream struct {
	src  netip.AddrPort
	data []byte
}

// streams reads the TCP streams of a pcap file of Ethernet frames, in order of
// their first segment.
func streams(tb testing.TB, path string) []stream {
	tb.Helper()
	type segment struct {
		seq  uint32
		data []byte
	}
	file := testkit.Capture(tb, path)
	if binary.LittleEndian.Uint32(file) != 0xa1b2c3d4 || binary.LittleEndian.Uint32(file[20:]) != 1 {
		tb.Fatalf("%s: not a pcap file of Ethernet frames", path)
	}
	segments := make(map[netip.AddrPort][]segment)
	var order []netip.AddrPort
	for b := file[24:]; len(b) >= 16; {
		n := binary.LittleEndian.Uint32(b[8:])
		src, seq, data := segmentOf(b[16 : 16+n])
		b = b[16+n:]
		if len(data) == 0 {
			continue
		}
		if segments[src] == nil {
			order = append(order, src)
		}
		segments[src] = append(segments[src], segment{seq, data})
	}
	var list []stream
	for _, src := range order {
		parts := segments[src]
		start := parts[0].seq
		slices.SortStableFunc(parts, func(a, b segment) int { return cmp.Compare(int32(a.seq-start), int32(b.seq-start)) })
		s, next := stream{src: src}, parts[0].seq
		for _, p := range parts {
			if behind := int(int32(next - p.seq)); behind >= len(p.data) {
				continue
			} else if behind > 0 {
				p.data, p.seq = p.data[behind:], next
			}
			s.data = append(s.data, p.data...)
			next = p.seq + uint32(len(p.data))
		}
		list = append(list, s)
	}
	return list
}

func segmentOf(b []byte) (src netip.AddrPort, seq uint32, data []byte) {
	b = b[12:]
	for binary.BigEndian.Uint16(b) == 0x8100 {
		b = b[4:]
	}
	b = b[2:]
	var from netip.Addr
	switch {
	case b[0]>>4 == 4 && b[9] == 6:
		from = netip.AddrFrom4([4]byte(b[12:]))
		b = b[4*(b[0]&15) : binary.BigEndian.Uint16(b[2:])]
	case b[0]>>4 == 6 && b[6] == 6:
		from = netip.AddrFrom16([16]byte(b[8:]))
		b = b[40 : 40+int(binary.BigEndian.Uint16(b[4:]))]
	default:
		return src, 0, nil
	}
	return netip.AddrPortFrom(from, binary.BigEndian.Uint16(b)), binary.BigEndian.Uint32(b[4:]), b[4*(b[12]>>4):]
}

// cut returns the whole messages of a stream.
func (s stream) cut(tb testing.TB) (messages [][]byte) {
	tb.Helper()
	for b := s.data; len(b) >= headerLength; {
		n, _, err := parseHeader(b, 1<<20)
		if err != nil {
			tb.Fatalf("%v: %v behind %d messages", s.src, err, len(messages))
		}
		if n > len(b) {
			tb.Logf("%v: %d octets of a message of %d are not in the capture", s.src, len(b), n)
			return messages
		}
		messages, b = append(messages, b[:n]), b[n:]
	}
	return messages
}

// families of captures that hold BMP.
func scenarios(tb testing.TB) (list []testkit.Scenario) {
	tb.Helper()
	for _, s := range testkit.Scenarios(tb) {
		if s.Family() == "bmp" || s.Family() == "ipfix-bmp" {
			list = append(list, s)
		}
	}
	if len(list) < 8 {
		tb.Fatalf("only %d scenarios", len(list))
	}
	return list
}

// TestScenarios reads every capture, compares the numbers of messages with the
// independent count, and balances the books.
func TestScenarios(t *testing.T) {
	for _, sc := range scenarios(t) {
		t.Run(sc.Name, func(t *testing.T) {
			parsers := make(map[netip.Addr]*Parser)
			kinds := make(map[string]map[string]int)
			seen := newTables()
			for _, file := range sc.Files {
				name := filepath.Base(file)
				kinds[name] = make(map[string]int)
				for _, s := range streams(t, file) {
					if len(s.data) < headerLength || s.data[0] != version {
						continue // another protocol
					}
					p := parsers[s.src.Addr()]
					if p == nil {
						p = NewParser(s.src.Addr(), 1000, new(Books))
						parsers[s.src.Addr()] = p
					}
					for _, m := range s.cut(t) {
						kinds[name][countedName(Type(m[5]))]++
						if err := p.Message(m, time.Now(), seen.take); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			checkCounted(t, sc, kinds)
			for addr, p := range parsers {
				c := p.books.Count()
				balance(t, c)
				delete(c.Refused, knownBad(sc.Name, addr, c))
				for _, r := range []Reason{ReasonPanic, ReasonMalformed, ReasonUpdate, ReasonPeer, ReasonType, ReasonPeers, ReasonOpen} {
					if n := c.Refused[r]; n > 0 {
						t.Errorf("%v: %d messages refused: %v (%v)", addr, n, r, c.Updates.Refused)
					}
				}
				t.Logf("%v: %d messages, applied %v, refused %v, peers %d, updates %+v", addr, c.Messages, c.Applied, c.Refused, p.Peers(), c.Updates)
			}
			if len(seen.bad) > 0 {
				t.Errorf("%d events out of order, the first: %s", len(seen.bad), seen.bad[0])
			}
		})
	}
}

// knownBad names a fault of a router in the captures: an IPv6 next hop of VPN
// routes of IPv4 without the distinguisher that RFC 8950 section 3 asks for.
func knownBad(scenario string, router netip.Addr, c Count) Reason {
	if strings.HasSuffix(scenario, "mem-leak-test") && router == netip.MustParseAddr("203.0.113.19") && c.Refused[ReasonUpdate] <= 38 {
		return ReasonUpdate
	}
	return reasons
}

func countedName(t Type) string {
	return map[Type]string{StatisticsReport: "stats"}[t] + map[bool]string{true: "", false: t.String()}[t == StatisticsReport]
}

// checkCounted compares with a column like "a.pcap bmp peer_up=4 stats=3 peers 4 types [0]; b.pcap …".
func checkCounted(t *testing.T, sc testkit.Scenario, kinds map[string]map[string]int) {
	t.Helper()
	compared := 0
	for part := range strings.SplitSeq(sc.Counted, ";") {
		words := strings.Fields(part)
		name := filepath.Base(sc.Files[0])
		if len(words) > 0 && strings.HasSuffix(words[0], ".pcap") {
			name, words = words[0], words[1:]
		}
		if len(words) == 0 || words[0] != "bmp" {
			continue
		}
		for _, w := range words[1:] {
			kind, count, ok := strings.Cut(w, "=")
			if !ok {
				continue
			}
			compared++
			if got := fmt.Sprint(kinds[name][kind]); got != count {
				t.Errorf("%s: %s %s, the independent count is %s", name, got, kind, count)
			}
		}
	}
	if compared == 0 {
		t.Errorf("nothing to compare with in %q", sc.Counted)
	}
}

func balance(tb testing.TB, c Count) {
	tb.Helper()
	sum := uint64(0)
	for _, n := range c.Applied {
		sum += n
	}
	for _, n := range c.Refused {
		sum += n
	}
	if sum != c.Messages {
		tb.Errorf("%d messages, but applied and refused are %d: %+v", c.Messages, sum, c)
	}
}

// tables applies events the way a table does, and notes those that make no
// sense: routes of a view that is not up.
type tables struct {
	up     map[bgp.PeerKey]bool
	routes map[bgp.PeerKey]map[string]bgp.Event
	bad    []string
}

func newTables() *tables {
	return &tables{up: map[bgp.PeerKey]bool{}, routes: map[bgp.PeerKey]map[string]bgp.Event{}}
}

func (t *tables) take(e *bgp.Event) {
	k := fmt.Sprint(e.Route.Prefix, e.Route.Distinguisher, e.Route.PathID)
	if e.Kind != bgp.PeerUp && !t.up[e.Peer] {
		t.bad = append(t.bad, fmt.Sprintf("%+v", *e))
	}
	if e.Time.IsZero() || e.Time.Location() != time.UTC || e.Kind == bgp.EndOfRIB && e.Family == bgp.FamilyNone {
		t.bad = append(t.bad, fmt.Sprintf("%+v", *e))
	}
	switch e.Kind {
	case bgp.PeerUp:
		t.up[e.Peer], t.routes[e.Peer] = true, map[string]bgp.Event{}
	case bgp.PeerDown, bgp.PeerStale:
		delete(t.up, e.Peer)
		delete(t.routes, e.Peer)
	case bgp.Announce:
		t.routes[e.Peer][k] = *e
	case bgp.Withdraw:
		delete(t.routes[e.Peer], k)
	case bgp.EndOfRIB:
	}
}

// TestAkvorado replays the Juniper session in the orders of akvorado's test, and
// compares messages, peers and tables. Of its tables EVPN routes are left out,
// which are not read here, and the views are put together.
func TestAkvorado(t *testing.T) {
	const dir = "bmp/akvorado-juniper-vmx-session/"
	var golden struct {
		Tests map[string][]struct {
			Pcap    string
			Metrics map[string]string   `json:"expectedMetrics"`
			RIB     map[string][]string `json:"expectedRIB"`
		}
	}
	if err := json.Unmarshal(testkit.Capture(t, dir+"expected.akvorado.json"), &golden); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for name, steps := range golden.Tests {
		if strings.Contains(name, "only accept") || strings.Contains(name, "reject") {
			continue // filters of akvorado
		}
		t.Run(name, func(t *testing.T) {
			p := NewParser(netip.MustParseAddr("127.0.0.1"), 100, new(Books))
			seen := newTables()
			for _, step := range steps {
				if step.Pcap != "" {
					for _, s := range streams(t, dir+step.Pcap) {
						for _, m := range s.cut(t) {
							if err := p.Message(m, time.Now(), seen.take); err != nil {
								t.Fatal(err)
							}
						}
					}
				}
				compared += compareMetrics(t, p, step.Metrics)
				if step.RIB != nil {
					compared++
					compareTables(t, seen, step.RIB)
				}
			}
		})
	}
	if compared < 30 {
		t.Errorf("compared only %d values", compared)
	}
}

func compareMetrics(t *testing.T, p *Parser, metrics map[string]string) (compared int) {
	t.Helper()
	c := p.books.Count()
	types := map[string]Type{
		"initiation": Initiation, "termination": Termination, "peer-up-notification": PeerUp, "peer-down-notification": PeerDown,
		"route-monitoring": RouteMonitoring, "route-mirroring": RouteMirroring, "statistics-report": StatisticsReport,
	}
	for key, want := range metrics {
		if name, ok := strings.CutPrefix(key, `peers{`); ok && name != "" {
			compared++
			// The connection ends with a termination.
			if got := fmt.Sprint(p.Peers()); got != want {
				t.Errorf("%s = %s, want %s", key, got, want)
			}
		}
		_, name, ok := strings.Cut(key, `type="`)
		kind, known := types[strings.TrimSuffix(name, `"}`)]
		if !ok || !known {
			continue
		}
		compared++
		got := c.Applied[kind]
		if kind == RouteMonitoring {
			got += c.Refused[ReasonFamily]
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s = %d, want %s (refused %v)", key, got, want, c.Refused)
		}
	}
	return compared
}

func compareTables(t *testing.T, seen *tables, want map[string][]string) {
	t.Helper()
	got, wanted := map[string]bool{}, map[string]bool{}
	for key, routes := range seen.routes {
		for _, e := range routes {
			got[key.Peer.String()+" "+akvoradoText(&e)] = true
		}
	}
	for peer, lines := range want {
		for _, line := range lines {
			if !strings.HasPrefix(line, "[l2vpn-evpn]") {
				wanted[peer+" "+line] = true
			}
		}
	}
	for line := range wanted {
		if !got[line] {
			t.Errorf("missing: %s", line)
		}
	}
	for line := range got {
		if !wanted[line] {
			t.Errorf("too much: %s", line)
		}
	}
}

// akvoradoText writes a route as akvorado's test does.
func akvoradoText(e *bgp.Event) string {
	r := &e.Route
	family := "ipv4-unicast"
	if r.Prefix.Addr().Is6() {
		family = "ipv6-unicast"
	}
	if r.Distinguisher != 0 {
		family = "l3vpn-" + family
	}
	var asns []uint32
	for _, s := range r.Path {
		asns = append(asns, s.ASNs...)
	}
	origin := e.PeerAS // of an empty path
	if o := r.Path.Origins(); len(o) > 0 {
		origin = o[0]
	}
	large := []string{}
	for _, l := range r.LargeCommunities {
		large = append(large, fmt.Sprintf("{%d %d %d}", l[0], l[1], l[2]))
	}
	// A distinguisher of type 0: two octets of AS number, four of its choice.
	return fmt.Sprintf("[%s] %v via %v %d:%d/%d %d %v %v %v", family, r.Prefix, r.NextHop,
		uint16(r.Distinguisher>>32), uint32(r.Distinguisher), r.PathID, origin, asns, r.Communities, large)
}

// lines returns the lines of a golden file.
func lines(tb testing.TB, path string) (list []string) {
	tb.Helper()
	in := bufio.NewScanner(bytes.NewReader(testkit.Capture(tb, path)))
	in.Buffer(nil, 4<<20)
	for in.Scan() {
		list = append(list, in.Text())
	}
	return list
}
