package wire

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	packet "github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/internal/testkit"
)

// oracle reads an UPDATE with gobgp's packet library. ok is false for messages
// it refuses, or reads otherwise than RFC 7606 asks for.
func oracle(b []byte, s Session) (list []string, ok bool) {
	defer func() {
		if recover() != nil {
			list, ok = nil, false
		}
	}()
	options := &packet.MarshallingOption{AddPath: make(map[packet.RouteFamily]packet.BGPAddPathMode)}
	for _, f := range []packet.RouteFamily{
		packet.RF_IPv4_UC, packet.RF_IPv6_UC, packet.RF_IPv4_MPLS, packet.RF_IPv6_MPLS, packet.RF_IPv4_VPN, packet.RF_IPv6_VPN,
	} {
		if s.AddPath&tablesOfFamily(f) != 0 {
			options.AddPath[f] = packet.BGP_ADD_PATH_BOTH
		}
	}
	m, err := packet.ParseBGPMessage(b, options)
	if err != nil {
		return nil, false
	}
	u := m.Body.(*packet.BGPUpdate)
	put := func(r *bgp.Route, p packet.AddrPrefixInterface) {
		var bits int
		var ip []byte
		r.Distinguisher = 0
		vpn := func(d packet.RouteDistinguisherInterface, labels packet.MPLSLabelStack, length uint8, addr []byte) {
			raw, _ := d.Serialize()
			if raw[0] != 0 || raw[1] > 2 {
				panic("gobgp loses distinguishers of types it does not know")
			}
			for _, o := range raw {
				r.Distinguisher = r.Distinguisher<<8 | uint64(o)
			}
			bits, ip = int(length)-8*(d.Len()+labels.Len()), addr
		}
		switch p := p.(type) {
		case *packet.IPAddrPrefix:
			bits, ip = int(p.Length), p.Prefix.To4()
		case *packet.IPv6AddrPrefix:
			bits, ip = int(p.Length), p.Prefix.To16()
		case *packet.LabeledVPNIPAddrPrefix:
			vpn(p.RD, p.Labels, p.Length, p.Prefix.To4())
		case *packet.LabeledVPNIPv6AddrPrefix:
			vpn(p.RD, p.Labels, p.Length, p.Prefix.To16())
		case *packet.LabeledIPAddrPrefix:
			bits, ip = int(p.Length)-8*p.Labels.Len(), p.Prefix.To4()
		case *packet.LabeledIPv6AddrPrefix:
			bits, ip = int(p.Length)-8*p.Labels.Len(), p.Prefix.To16()
		default:
			panic(p)
		}
		addr, _ := netip.AddrFromSlice(ip)
		r.Prefix, r.PathID = netip.PrefixFrom(addr, bits).Masked(), p.PathIdentifier()
	}
	read := func(afi uint16, safi uint8) (Table, bool) { return s.tableFor(afi, safi) }
	withdraw := bgp.Event{Kind: bgp.Withdraw}
	for _, p := range u.WithdrawnRoutes {
		put(&withdraw.Route, p)
		list = append(list, line(&withdraw))
	}
	e := bgp.Event{Kind: bgp.Announce}
	r := &e.Route
	var reach *packet.PathAttributeMpReachNLRI
	var four bgp.ASPath
	for _, a := range u.PathAttributes {
		switch a := a.(type) {
		case *packet.PathAttributeMpUnreachNLRI:
			if t, known := read(a.AFI, a.SAFI); known {
				for _, p := range a.Value {
					put(&withdraw.Route, p)
					list = append(list, line(&withdraw))
				}
				if len(a.Value) == 0 && len(u.PathAttributes) == 1 && len(u.NLRI)+len(u.WithdrawnRoutes) == 0 {
					f := family(t)
					if t.vpn() {
						f = vpnFamily(t)
					}
					list = append(list, line(&bgp.Event{Kind: bgp.EndOfRIB, Family: f}))
				}
			}
		case *packet.PathAttributeMpReachNLRI:
			if _, known := read(a.AFI, a.SAFI); known {
				reach = a
			}
		case *packet.PathAttributeOrigin:
			r.Origin = bgp.Origin(a.Value)
		case *packet.PathAttributeNextHop:
			r.NextHop, _ = netip.AddrFromSlice(a.Value.To4())
		case *packet.PathAttributeMultiExitDisc:
			r.MED, r.HasMED = a.Value, true
		case *packet.PathAttributeLocalPref:
			r.LocalPref, r.HasLocalPref = a.Value, true
		case *packet.PathAttributeCommunities:
			r.Communities = a.Value
		case *packet.PathAttributeLargeCommunities:
			for _, c := range a.Values {
				// gobgp does not remove repeated values (RFC 8092 section 2).
				if v := [3]uint32{c.ASN, c.LocalData1, c.LocalData2}; !slices.Contains(r.LargeCommunities, v) {
					r.LargeCommunities = append(r.LargeCommunities, v)
				}
			}
		case *packet.PathAttributeAsPath:
			for _, p := range a.Value {
				r.Path = append(r.Path, bgp.Segment{Type: bgp.SegmentType(p.GetType()), ASNs: p.GetAS()})
			}
		case *packet.PathAttributeAs4Path:
			for _, p := range a.Value {
				four = append(four, bgp.Segment{Type: bgp.SegmentType(p.Type), ASNs: p.AS})
			}
		}
	}
	if four != nil && !s.AS4 {
		r.Path = mergePaths(r.Path, four)
	}
	if len(u.NLRI)+len(u.WithdrawnRoutes)+len(u.PathAttributes) == 0 {
		list = append(list, line(&bgp.Event{Kind: bgp.EndOfRIB, Family: bgp.FamilyIPv4}))
	}
	for _, p := range u.NLRI {
		put(r, p)
		list = append(list, line(&e))
	}
	if reach != nil {
		// gobgp does not tell an IPv4 next hop from a mapped one.
		r.NextHop, _ = netip.AddrFromSlice(reach.Nexthop.To16())
		if reach.AFI == afiIPv4 {
			r.NextHop = r.NextHop.Unmap()
		}
		for _, p := range reach.Value {
			put(r, p)
			list = append(list, line(&e))
		}
	}
	return list, true
}

// deviations are the captures whose messages are not read as gobgp reads them.
var deviations = map[string]string{
	"bgp/tcpdump-bgp-addpath/bgp-addpath.pcap": "two MP_REACH_NLRI and two MP_UNREACH_NLRI in one message: tcpdump lists all, " +
		"RFC 7606 section 3 refuses the message (mp_twice), and gobgp refuses it too",
}

// TestSessions reads every capture of sessions: the messages are those that the
// scenarios count, and each UPDATE is read as gobgp reads it.
func TestSessions(t *testing.T) {
	compared := 0
	for _, sc := range testkit.Scenarios(t) {
		if sc.Family() != "bgp" && sc.Family() != "ipfix-bgp" || strings.HasPrefix(sc.Name, "bgp/exabgp") {
			continue
		}
		for _, file := range sc.Files {
			// These two have no OPEN in them that says so.
			old := strings.Contains(file, "16-bit") || strings.Contains(file, "soft-reset")
			list := streams(t, file)
			sessions := sessionsOf(t, list, Session{AS4: !old})
			books := new(Books)
			d := NewDecoder(books, 4)
			var messages [][]byte
			for i, s := range list {
				if strings.Contains(file, "bgplu") || strings.Contains(file, "bgp-lu") {
					sessions[i].Labelled = AllTables
				}
				messages = append(messages, s.cut()...)
				for _, m := range s.cut() {
					if m[18] == TypeUpdate && check(t, file, d, m, sessions[i]) {
						compared++
					}
				}
			}
			checkCounted(t, file, sc.Counted, messages, books.Count())
		}
	}
	if compared < 800 {
		t.Errorf("%d updates compared, want at least 800", compared)
	}
}

// check holds one UPDATE against gobgp, and tells whether there was anything to compare.
func check(t *testing.T, file string, d *Decoder, m []byte, s Session) bool {
	t.Helper()
	got := lines(d, [][]byte{m}, s)
	want, ok := oracle(m, s)
	switch {
	case deviations[file] != "":
		return false
	case !ok:
		t.Errorf("%s: gobgp refuses %x: %q", file, m, got)
	case len(want) == 0 && len(got) == 1 && strings.HasSuffix(got[0], "family"):
		return false
	}
	if missing, extra := difference(want, got); len(missing)+len(extra) > 0 {
		t.Errorf("%s: %x\n gobgp %q\n ours  %q", file, m, want, got)
	}
	return true
}

// checkCounted compares with the count of an independent parser, and checks the books.
func checkCounted(t *testing.T, file, column string, messages [][]byte, c Count) {
	t.Helper()
	for part := range strings.SplitSeq(column, ";") {
		if !strings.Contains(part, "bgp ") {
			continue // of flow records in the same capture
		}
		if strings.Contains(part, ".pcap") && !strings.Contains(part, file[strings.LastIndex(file, "/")+1:]) {
			continue
		}
		for word := range strings.FieldsSeq(part) {
			name, number, ok := strings.Cut(word, "=")
			if ok && fmt.Sprint(counted(messages)[name]) != number {
				t.Errorf("%s: %v, want %s", file, counted(messages), part)
			}
		}
	}
	if c.Messages != c.Used+c.Other+sum(c.Refused) {
		t.Errorf("%s: books do not balance: %+v", file, c)
	}
	t.Logf("%s: %+v", file, c)
}
