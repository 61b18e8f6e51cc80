package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/bgp"
)

// attr writes one attribute.
func attr(flags, kind uint8, value ...byte) []byte {
	if len(value) > 255 {
		b := append([]byte{flags | flagExtended, kind}, 0, 0)
		binary.BigEndian.PutUint16(b[2:], uint16(len(value)))
		return append(b, value...)
	}
	return append([]byte{flags, kind, byte(len(value))}, value...)
}

// body writes the body of an UPDATE.
func body(withdrawn, announced []byte, attributes ...[]byte) []byte {
	all := slices.Concat(attributes...)
	b := binary.BigEndian.AppendUint16(nil, uint16(len(withdrawn)))
	b = append(b, withdrawn...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(all)))
	b = append(b, all...)
	return append(b, announced...)
}

var (
	igp     = attr(0x40, 1, 0)
	path2   = attr(0x40, 2, 2, 2, 0xfd, 0xe8, 0x5b, 0xa0) // 65000 23456
	path4   = attr(0x40, 2, 2, 2, 0, 0, 0xfd, 0xe8, 0, 1, 0, 0)
	hop     = attr(0x40, 3, 192, 0, 2, 1)
	ten     = []byte{8, 10}
	global  = []byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	local   = []byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}
	six     = []byte{32, 0x20, 1, 0xd, 0xb8}
	reach6  = attr(0x80, 14, slices.Concat([]byte{0, 2, 1, 16}, global, []byte{0}, six)...)
	reachLL = attr(0x80, 14, slices.Concat([]byte{0, 2, 1, 32}, global, local, []byte{0}, six)...)
	reachL0 = attr(0x80, 14, slices.Concat([]byte{0, 2, 1, 32}, make([]byte, 16), local, []byte{0}, six)...)
	evpn    = attr(0x80, 14, 0, 25, 70, 4, 192, 0, 2, 1, 0, 1, 2, 3)
)

// TestErrors proves what becomes of each kind of malformed message (RFC 7606).
func TestErrors(t *testing.T) {
	const announced = "A 10.0.0.0/8  0 [65000 65536] 0 192.0.2.1 - -  []"
	withdrawn := []string{"W 10.0.0.0/8  0"}
	for name, c := range map[string]struct {
		body                        []byte
		want                        []string
		refused, treated, discarded Reason
	}{
		"good":                 {body: body(nil, ten, igp, path4, hop), want: []string{announced}},
		"unknown optional":     {body: body(nil, ten, igp, path4, hop, attr(0xc0, 99, 1, 2)), want: []string{announced}},
		"unknown well-known":   {body: body(nil, ten, igp, path4, hop, attr(0x40, 99)), want: []string{announced}, discarded: ReasonWellKnown},
		"twice":                {body: body(nil, ten, igp, path4, hop, attr(0x40, 1, 2)), want: []string{announced}, discarded: ReasonRepeated},
		"atomic":               {body: body(nil, ten, igp, path4, hop, attr(0x40, 6, 1)), want: []string{announced}, discarded: ReasonAtomicAggregate},
		"aggregator":           {body: body(nil, ten, igp, path4, hop, attr(0xc0, 7, 1, 2, 3, 4, 5, 6)), want: []string{announced}, discarded: ReasonAggregator},
		"as4 aggregator":       {body: body(nil, ten, igp, path4, hop, attr(0xc0, 18, 1)), want: []string{announced}, discarded: ReasonAS4Aggregator},
		"as4 path":             {body: body(nil, ten, igp, path4, hop, attr(0xc0, 17, 9, 9)), want: []string{announced}, discarded: ReasonAS4Path},
		"origin length":        {body: body(nil, ten, attr(0x40, 1, 0, 0), path4, hop), want: withdrawn, treated: ReasonOrigin},
		"origin value":         {body: body(nil, ten, attr(0x40, 1, 3), path4, hop), want: withdrawn, treated: ReasonOrigin},
		"path of two octets":   {body: body(nil, ten, igp, path2, hop), want: withdrawn, treated: ReasonASPath},
		"path segment type":    {body: body(nil, ten, igp, attr(0x40, 2, 5, 1, 0, 0, 0, 1), hop), want: withdrawn, treated: ReasonASPath},
		"path segment empty":   {body: body(nil, ten, igp, attr(0x40, 2, 2, 0), hop), want: withdrawn, treated: ReasonASPath},
		"path octet left":      {body: body(nil, ten, igp, attr(0x40, 2, 2, 1, 0, 0, 0, 1, 2), hop), want: withdrawn, treated: ReasonASPath},
		"next hop":             {body: body(nil, ten, igp, path4, attr(0x40, 3, 1, 2, 3)), want: withdrawn, treated: ReasonNextHop},
		"med":                  {body: body(nil, ten, igp, path4, hop, attr(0x80, 4, 1)), want: withdrawn, treated: ReasonMED},
		"local pref":           {body: body(nil, ten, igp, path4, hop, attr(0x40, 5, 1)), want: withdrawn, treated: ReasonLocalPref},
		"communities":          {body: body(nil, ten, igp, path4, hop, attr(0xc0, 8, 1)), want: withdrawn, treated: ReasonCommunities},
		"communities empty":    {body: body(nil, ten, igp, path4, hop, attr(0xc0, 8)), want: withdrawn, treated: ReasonCommunities},
		"extended communities": {body: body(nil, ten, igp, path4, hop, attr(0xc0, 16, 1)), want: withdrawn, treated: ReasonExtendedCommunities},
		"large communities":    {body: body(nil, ten, igp, path4, hop, attr(0xc0, 32, 1)), want: withdrawn, treated: ReasonLargeCommunities},
		"originator":           {body: body(nil, ten, igp, path4, hop, attr(0x80, 9, 1)), want: withdrawn, treated: ReasonOriginatorID},
		"cluster list":         {body: body(nil, ten, igp, path4, hop, attr(0x80, 10, 1)), want: withdrawn, treated: ReasonClusterList},
		"flags":                {body: body(nil, ten, attr(0x80, 1, 0), path4, hop), want: withdrawn, treated: ReasonFlags},
		"runs over":            {body: body(nil, ten, igp, path4, hop, []byte{0xc0, 8, 8, 1}), want: withdrawn, treated: ReasonAttributeLength},
		"header runs over":     {body: body(nil, ten, igp, path4, hop, []byte{0xd0, 8, 8}), want: withdrawn, treated: ReasonAttributeLength},
		"no origin":            {body: body(nil, ten, path4, hop), want: withdrawn, treated: ReasonNoOrigin},
		"no path":              {body: body(nil, ten, igp, hop), want: withdrawn, treated: ReasonNoASPath},
		"no next hop":          {body: body(nil, ten, igp, path4), want: withdrawn, treated: ReasonNoNextHop},
		"no attributes":        {body: body(nil, ten), want: withdrawn, treated: ReasonNoOrigin},
		"reach flags":          {body: body(nil, nil, igp, path4, slices.Concat([]byte{0x40}, reach6[1:])), want: []string{"W 2001:db8::/32  0"}, treated: ReasonFlags},
		"prefix too long":      {body: body(nil, []byte{33, 1, 2, 3, 4, 5}, igp, path4, hop), refused: ReasonNLRI},
		"prefix cut":           {body: body(nil, []byte{24, 1, 2}, igp, path4, hop), refused: ReasonNLRI},
		"withdrawn too long":   {body: body([]byte{200}, nil), refused: ReasonNLRI},
		"withdrawn length":     {body: []byte{0, 9, 0, 0}, refused: ReasonLength},
		"attributes length":    {body: []byte{0, 0, 0, 9}, refused: ReasonLength},
		"reach short":          {body: body(nil, nil, attr(0x80, 14, 0, 1, 1)), refused: ReasonMPReach},
		"reach next hop":       {body: body(nil, nil, attr(0x80, 14, 0, 1, 1, 5, 1, 2, 3, 4, 5, 0)), refused: ReasonMPReach},
		"reach next hop cut":   {body: body(nil, nil, attr(0x80, 14, 0, 1, 1, 16, 1)), refused: ReasonMPReach},
		"reach prefix":         {body: body(nil, nil, attr(0x80, 14, 0, 1, 1, 4, 1, 2, 3, 4, 0, 99)), refused: ReasonMPReach},
		"unreach short":        {body: body(nil, nil, attr(0x80, 15, 0)), refused: ReasonMPUnreach},
		"unreach prefix":       {body: body(nil, nil, attr(0x80, 15, 0, 2, 1, 129)), refused: ReasonMPUnreach},
		"vpn without rd":       {body: body(nil, nil, attr(0x80, 15, 0, 1, 128, 48, 0, 0, 1, 0, 0, 0)), refused: ReasonMPUnreach},
		"vpn without label":    {body: body(nil, nil, attr(0x80, 15, 0, 1, 128, 8, 0)), refused: ReasonMPUnreach},
		"vpn too short":        {body: body(nil, nil, attr(0x80, 15, 0, 1, 128, 80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)), refused: ReasonMPUnreach},
		"reach twice":          {body: body(nil, nil, igp, path4, reach6, reach6), refused: ReasonMPTwice},
		"evpn":                 {body: body(nil, nil, igp, path4, evpn), refused: ReasonFamily},
		"labelled":             {body: body(nil, nil, igp, path4, attr(0x80, 14, 0, 1, 4, 4, 192, 0, 2, 1, 0, 32, 0, 0, 1, 10)), refused: ReasonFamily},
		"evpn beside a route":  {body: body(nil, ten, igp, path4, hop, evpn), want: []string{announced}},
		"both lists":           {body: body(ten, ten, igp, path4, hop), want: []string{withdrawn[0], announced}},
		"ipv6":                 {body: body(nil, nil, igp, path4, reach6), want: []string{"A 2001:db8::/32  0 [65000 65536] 0 2001:db8::1 - -  []"}},
		"link local":           {body: body(nil, nil, igp, path4, reachLL), want: []string{"A 2001:db8::/32  0 [65000 65536] 0 2001:db8::1 - -  []"}},
		"link local alone":     {body: body(nil, nil, igp, path4, reachL0), want: []string{"A 2001:db8::/32  0 [65000 65536] 0 fe80::2 - -  []"}},
		"both families":        {body: body(nil, ten, igp, path4, hop, reach6), want: []string{announced, "A 2001:db8::/32  0 [65000 65536] 0 2001:db8::1 - -  []"}},
		"bits behind prefix":   {body: body([]byte{4, 0xff}, nil), want: []string{"W 240.0.0.0/4  0"}},
		"end of ipv4":          {body: body(nil, nil), want: []string{"E 1"}},
		"end of ipv6":          {body: body(nil, nil, attr(0x80, 15, 0, 2, 1)), want: []string{"E 2"}},
		"end of vpnv4":         {body: body(nil, nil, attr(0x80, 15, 0, 1, 128)), want: []string{"E 3"}},
		"end of vpnv6":         {body: body(nil, nil, attr(0x80, 15, 0, 2, 128)), want: []string{"E 4"}},
		"attributes alone":     {body: body(nil, nil, igp, path4, hop)},
		"large repeated": {
			body: body(nil, ten, igp, path4, hop, attr(0xc0, 32, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3)),
			want: []string{strings.Replace(announced, "[]", "[[1 2 3]]", 1)},
		},
	} {
		books := new(Books)
		// Twice, so that what is remembered is proven as well.
		for range 2 {
			d := NewDecoder(books, 1)
			for range 2 {
				var got []string
				err := d.Message(message(c.body), Session{AS4: true}, &bgp.Event{}, func(e *bgp.Event) { got = append(got, line(e)) })
				var refusal *Refusal
				if errors.As(err, &refusal) != (c.refused != ReasonNone) || refusal != nil && refusal.Reason != c.refused {
					t.Errorf("%s: error %v, want %v", name, err, c.refused)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%s: %q, want %q", name, got, c.want)
				}
			}
		}
		n := books.Count()
		for what, p := range map[string]struct {
			reason Reason
			m      map[Reason]uint64
		}{"refused": {c.refused, n.Refused}, "treated": {c.treated, n.Treated}, "discarded": {c.discarded, n.Discarded}} {
			want := 0
			if p.reason != ReasonNone {
				want = 1
			}
			if len(p.m) != want || p.m[p.reason] != uint64(4*want) {
				t.Errorf("%s: %s %v, want %v four times", name, what, p.m, p.reason)
			}
		}
		if n.Messages != 4 || n.Messages != n.Used+n.Other+sum(n.Refused) {
			t.Errorf("%s: books do not balance: %+v", name, n)
		}
	}
}

func TestMergePaths(t *testing.T) {
	seq := func(asns ...uint32) bgp.Segment { return bgp.Segment{Type: bgp.SegmentSequence, ASNs: asns} }
	set := func(asns ...uint32) bgp.Segment { return bgp.Segment{Type: bgp.SegmentSet, ASNs: asns} }
	confed := func(asns ...uint32) bgp.Segment {
		return bgp.Segment{Type: bgp.SegmentConfedSequence, ASNs: asns}
	}
	for _, c := range []struct {
		path, four bgp.ASPath
		want       string
	}{
		{bgp.ASPath{seq(1, 23456, 23456)}, bgp.ASPath{seq(70000, 80000)}, "1 70000 80000"},
		{bgp.ASPath{seq(23456)}, bgp.ASPath{seq(70000)}, "70000"},
		{bgp.ASPath{seq(1)}, bgp.ASPath{seq(70000, 80000)}, "1"}, // too long: stale
		{bgp.ASPath{seq(1, 2, 23456), set(23456, 9)}, bgp.ASPath{seq(70000), set(80000, 9)}, "1 2 70000 {80000,9}"},
		{bgp.ASPath{seq(1, 2), set(3, 4), seq(23456)}, bgp.ASPath{seq(70000)}, "1 2 {3,4} 70000"},
		{bgp.ASPath{confed(65001), seq(1, 23456)}, bgp.ASPath{seq(70000)}, "(65001) 1 70000"},
		{bgp.ASPath{confed(65001), seq(23456)}, bgp.ASPath{seq(70000)}, "(65001) 70000"},
		{bgp.ASPath{seq(1, 23456)}, bgp.ASPath{confed(65001), seq(70000)}, "1 70000"},
		{bgp.ASPath{seq(1, 2)}, bgp.ASPath{confed(65001)}, "1 2"},
		{nil, bgp.ASPath{seq(70000)}, ""},
	} {
		before := c.path.String()
		if got := mergePaths(c.path, c.four).String(); got != c.want {
			t.Errorf("%v with %v: %q, want %q", c.path, c.four, got, c.want)
		}
		if c.path.String() != before {
			t.Errorf("%s was changed to %v", before, c.path)
		}
	}
}

// TestOldSpeakers reads what two-octet speakers pass on (RFC 6793 section 4.2.3).
func TestOldSpeakers(t *testing.T) {
	four := attr(0xc0, 17, 2, 1, 0, 1, 0, 0)
	for name, c := range map[string]struct {
		extra []byte
		want  string
	}{
		"none":                {nil, "65000 23456"},
		"as4 path":            {four, "65000 65536"},
		"aggregated by trans": {slices.Concat(four, attr(0xc0, 7, 0x5b, 0xa0, 1, 2, 3, 4)), "65000 65536"},
		"aggregated by other": {slices.Concat(four, attr(0xc0, 7, 0, 9, 1, 2, 3, 4)), "65000 23456"},
	} {
		var got string
		err := NewDecoder(new(Books), 0).Update(body(nil, ten, igp, path2, hop, c.extra), Session{}, &bgp.Event{}, func(e *bgp.Event) { got = e.Route.Path.String() })
		if err != nil || got != c.want {
			t.Errorf("%s: %q %v, want %q", name, got, err, c.want)
		}
	}
}

// TestRemembering proves that what is remembered is bounded and told apart by the kind of session.
func TestRemembering(t *testing.T) {
	d := NewDecoder(new(Books), 10)
	for i := range 1000 {
		_ = d.Update(body(nil, ten, igp, attr(0x40, 2, 2, 1, 0, 0, byte(i>>8), byte(i)), hop), Session{AS4: true}, &bgp.Event{}, func(*bgp.Event) {})
		if len(d.now) > 10 || len(d.before) > 10 {
			t.Fatalf("%d and %d sets of attributes remembered", len(d.now), len(d.before))
		}
	}
	var got []string
	for _, s := range []Session{{AS4: true}, {}} {
		_ = d.Update(body(nil, ten, igp, attr(0x40, 2, 2, 2, 0, 1, 0, 2, 2, 1, 0, 3), hop), s, &bgp.Event{}, func(e *bgp.Event) { got = append(got, line(e)) })
	}
	if got[0] == got[1] {
		t.Errorf("sessions of two and four octets give the same: %q", got)
	}
}

// TestGuessPaths proves when path identifiers are guessed.
func TestGuessPaths(t *testing.T) {
	for name, c := range map[string]struct {
		announced []byte
		guess     bool
		want      string
	}{
		"small identifier":         {[]byte{0, 0, 0, 1, 24, 10, 0, 0}, true, "10.0.0.0/24 1"},
		"not to be guessed":        {[]byte{0, 0, 0, 1, 24, 10, 0, 0}, false, "0.0.0.0/0 0, 0.0.0.0/0 0, 0.0.0.0/0 0, 0.0.0.0/1 0, 0.0.0.0/10 0"},
		"malformed without":        {[]byte{1, 2, 99, 4, 8, 10}, true, "10.0.0.0/8 16933636"},
		"well-formed without":      {[]byte{8, 10, 8, 11}, true, "10.0.0.0/8 0, 11.0.0.0/8 0"},
		"default route and more":   {[]byte{0, 8, 10}, true, "0.0.0.0/0 0, 10.0.0.0/8 0"},
		"malformed either way":     {[]byte{0, 0, 0, 1, 99, 10}, true, "nlri"},
		"default route identified": {[]byte{0, 0, 0, 9, 0}, true, "0.0.0.0/0 9"},
	} {
		var got []string
		err := NewDecoder(new(Books), 0).Update(body(nil, c.announced, igp, path4, hop), Session{AS4: true, GuessPaths: c.guess}, &bgp.Event{}, func(e *bgp.Event) {
			got = append(got, fmt.Sprintf("%v %d", e.Route.Prefix, e.Route.PathID))
		})
		if err != nil {
			got = append(got, strings.TrimPrefix(err.Error(), "refuse message: "))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %s", name, got, c.want)
		}
	}
}

func TestOpen(t *testing.T) {
	b := append(marker[:], 0, 0, TypeOpen, 4, 0x5b, 0xa0, 0, 90, 192, 0, 2, 9, 0)
	for _, c := range [][]byte{
		{1, 4, 0, 1, 0, 1},
		{1, 4, 0, 2, 0, 1},
		{1, 4, 0, 25, 0, 70},
		{2, 0},
		{6, 0},
		{5, 6, 0, 1, 0, 1, 0, 2},
		{8, 8, 0, 1, 4, 2, 0, 2, 4, 1},
		{64, 10, 0x80, 120, 0, 1, 1, 0x80, 0, 2, 1, 0},
		{65, 4, 0, 1, 0, 0},
		{69, 8, 0, 1, 1, 3, 0, 2, 1, 1},
		{99, 1, 7},
	} {
		b = append(b, 2, byte(len(c)))
		b = append(b, c...)
	}
	b[28] = byte(len(b) - 29)
	binary.BigEndian.PutUint16(b[16:], uint16(len(b)))
	o, err := ParseOpen(b)
	if err != nil {
		t.Fatal(err)
	}
	if o.AS != 65536 || o.HoldTime.Seconds() != 90 || o.RouterID.String() != "192.0.2.9" || !o.AS4 || !o.Extended || !o.Refresh ||
		o.Tables != TablesOf(IPv4Unicast, IPv6Unicast) || o.AddReceive != TablesOf(IPv4Unicast, IPv6Unicast) || o.AddSend != TablesOf(IPv4Unicast) ||
		o.MultiLabel != TablesOf(IPv4Labelled) || o.NextHopIPv6 != TablesOf(IPv4Unicast) ||
		!o.Graceful || !o.Restarting || o.RestartTime.Seconds() != 120 || o.Restarts != TablesOf(IPv4Unicast, IPv6Unicast) || o.Preserved != TablesOf(IPv4Unicast) {
		t.Errorf("%+v", o)
	}
	s := Negotiate(o, Open{AS4: true, Tables: AllTables, AddReceive: AllTables})
	if !s.AS4 || s.Extended || s.AddPath != TablesOf(IPv4Unicast) || s.Labelled != 0 {
		t.Errorf("%+v", s)
	}
	for n := range len(b) {
		_, _ = ParseOpen(b[:n])
		short := slices.Clone(b[:n])
		if n >= HeaderLength {
			binary.BigEndian.PutUint16(short[16:], uint16(n))
			if _, err := ParseOpen(short); err == nil {
				t.Errorf("cut to %d octets it is read", n)
			}
		}
	}
}

// TestVPNNextHops reads the next hops that VPN routes of both families may have
// (RFC 4364 section 4.3.2, RFC 4659 section 3.2.1, RFC 8950 section 3), and those
// of RFC 5549, which had no distinguisher.
func TestVPNNextHops(t *testing.T) {
	rd := make([]byte, 8)
	hop4 := []byte{192, 0, 2, 1}
	target := []byte{0, 1, 0x11, 0, 0, 0xfd, 0xe8, 0, 0, 0, 7} // label 17, 65000:7
	nlri := map[uint16][]byte{
		1: slices.Concat([]byte{24 + 64 + 8}, target, []byte{10}),
		2: slices.Concat([]byte{24 + 64 + 32}, target, []byte{0x20, 1, 0xd, 0xb8}),
	}
	prefix := map[uint16]string{1: "10.0.0.0/8", 2: "2001:db8::/32"}
	for name, c := range map[string]struct {
		hop  []byte
		want string // empty = refused
	}{
		"IPv4":                     {slices.Concat(rd, hop4), "192.0.2.1"},
		"IPv6":                     {slices.Concat(rd, global), "2001:db8::1"},
		"IPv6 and local":           {slices.Concat(rd, global, rd, local), "2001:db8::1"},
		"local alone":              {slices.Concat(rd, make([]byte, 16), rd, local), "fe80::2"},
		"RFC 5549":                 {global, "2001:db8::1"},
		"RFC 5549 and local":       {slices.Concat(global, local), "2001:db8::1"},
		"IPv4 without anything":    {hop4, ""},
		"cut":                      {slices.Concat(rd, global)[:23], ""},
		"one distinguisher in two": {slices.Concat(rd, global, local), ""},
		"none":                     {nil, ""},
	} {
		for afi := range nlri {
			t.Run(fmt.Sprintf("%s of VPNv%d", name, 2+2*afi), func(t *testing.T) {
				value := slices.Concat([]byte{0, byte(afi), 128, byte(len(c.hop))}, c.hop, []byte{0}, nlri[afi])
				var books Books
				var got []string
				d := NewDecoder(&books, 8)
				err := d.Update(body(nil, nil, igp, path4, attr(0x80, 14, value...)), Session{AS4: true}, new(bgp.Event), func(e *bgp.Event) {
					got = append(got, fmt.Sprintf("%v %x %v", e.Route.Prefix, e.Route.Distinguisher, e.Route.NextHop))
				})
				if c.want == "" {
					var refusal *Refusal
					if !errors.As(err, &refusal) || refusal.Reason != ReasonMPReach || len(got) > 0 {
						t.Errorf("taken: %v, %v", got, err)
					}
					return
				}
				if want := fmt.Sprintf("%s fde800000007 %s", prefix[afi], c.want); err != nil || len(got) != 1 || got[0] != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
			})
		}
	}
}
