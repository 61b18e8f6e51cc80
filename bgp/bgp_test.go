package bgp

import (
	"net/netip"
	"slices"
	"testing"
)

func TestPath(t *testing.T) {
	seq := func(asns ...uint32) Segment { return Segment{SegmentSequence, asns} }
	set := func(asns ...uint32) Segment { return Segment{SegmentSet, asns} }
	confed := Segment{SegmentConfedSequence, []uint32{65001, 65002}}
	confedSet := Segment{SegmentConfedSet, []uint32{65003, 65004}}
	for _, c := range []struct {
		path     ASPath
		text     string
		folded   string
		origins  []uint32
		neighbor uint32
		known    bool
	}{
		{nil, "", "", nil, 0, false},
		{ASPath{seq(1, 2, 3)}, "1 2 3", "1 2 3", []uint32{3}, 1, true},
		{ASPath{seq(1, 2, 2, 2, 3, 2)}, "1 2 2 2 3 2", "1 2 3 2", []uint32{2}, 1, true},
		{ASPath{seq(1, 2), seq(2, 3)}, "1 2 2 3", "1 2 3", []uint32{3}, 1, true},
		{ASPath{seq(1), set(9, 7, 9)}, "1 {9,7,9}", "1 {7,9}", []uint32{7, 9}, 1, true},
		{ASPath{set(5)}, "{5}", "{5}", []uint32{5}, 5, false},
		{ASPath{confed, seq(4294967295)}, "(65001 65002) 4294967295", "4294967295", []uint32{4294967295}, 4294967295, true},
		{ASPath{confed, confedSet}, "(65001 65002) [65003,65004]", "", nil, 0, false},
		{ASPath{seq(1, 2), confed}, "1 2 (65001 65002)", "1 2", []uint32{2}, 1, true},
		{ASPath{seq(), seq(8)}, "8", "8", []uint32{8}, 8, true},
	} {
		before := c.path.String()
		if before != c.text {
			t.Errorf("String = %q, want %q", before, c.text)
		}
		if got := c.path.Origins(); !slices.Equal(got, c.origins) {
			t.Errorf("%q: Origins = %v, want %v", c.text, got, c.origins)
		}
		if got, known := c.path.Neighbor(); got != c.neighbor || known != c.known {
			t.Errorf("%q: Neighbor = %d %t, want %d %t", c.text, got, known, c.neighbor, c.known)
		}
		if got := c.path.Fold().String(); got != c.folded {
			t.Errorf("%q: Fold = %q, want %q", c.text, got, c.folded)
		}
		if after := c.path.String(); after != before {
			t.Errorf("%q was changed to %q", before, after)
		}
	}
}

func TestContains(t *testing.T) {
	path := ASPath{{SegmentSequence, []uint32{1, 2}}, {SegmentSet, []uint32{3}}}
	for asn, want := range map[uint32]bool{1: true, 2: true, 3: true, 4: false, 0: false} {
		if path.Contains(asn) != want {
			t.Errorf("Contains(%d) = %t", asn, !want)
		}
	}
}

func TestPrivateASN(t *testing.T) {
	for asn, want := range map[uint32]bool{
		64511: false, 64512: true, 65534: true, 65535: false,
		4199999999: false, 4200000000: true, 4294967294: true, 4294967295: false,
	} {
		if PrivateASN(asn) != want {
			t.Errorf("PrivateASN(%d) = %t", asn, !want)
		}
	}
}

func TestFamilyOf(t *testing.T) {
	for text, want := range map[string]Family{
		"192.0.2.1": FamilyIPv4, "2001:db8::1": FamilyIPv6, "::ffff:192.0.2.1": FamilyIPv4,
	} {
		if got := FamilyOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("FamilyOf(%s) = %d, want %d", text, got, want)
		}
	}
	if got := FamilyOf(netip.Addr{}); got != FamilyNone {
		t.Errorf("FamilyOf(zero) = %d", got)
	}
}

// TestPeerKey proves that the tables of one neighbour are told apart.
func TestPeerKey(t *testing.T) {
	base := PeerKey{Router: netip.MustParseAddr("192.0.2.1"), Peer: netip.MustParseAddr("192.0.2.2")}
	tables := map[PeerKey]int{base: 0}
	for i, view := range []View{ViewAdjInPost, ViewLocal, ViewAdjOut, ViewAdjOutPost} {
		key := base
		key.View = view
		tables[key] = i + 1
	}
	vpn := base
	vpn.Distinguisher = 1
	tables[vpn] = 5
	if len(tables) != 6 || tables[base] != 0 {
		t.Fatalf("tables are mixed up: %v", tables)
	}
}
