package storage

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/bgp"
)

// TestRouteBatchFitsTheTables keeps the columns that are written of the types of
// the tables.
func TestRouteBatchFitsTheTables(t *testing.T) {
	b := newRouteBatch()
	for _, part := range []struct {
		table *table
		block *routeBlock
	}{{routeTable(), &b.routes}, {routePeerTable(), &b.peers}} {
		kinds := make(map[string]string)
		for _, c := range part.table.columns {
			kinds[c.name] = c.kind
		}
		if len(part.block.input) != len(kinds) {
			t.Errorf("%s: the batch has %d columns, the table %d", part.table.name, len(part.block.input), len(kinds))
		}
		for _, c := range part.block.input {
			if kind := string(c.Data.Type()); kind != kinds[c.Name] {
				t.Errorf("%s: column %s is %s in the batch, %s in the table", part.table.name, c.Name, kind, kinds[c.Name])
			}
		}
	}
}

// TestAppendRoutesAllocatesNothing fills a batch whose memory is there from before.
func TestAppendRoutesAllocatesNothing(t *testing.T) {
	e := RouteEvent{At: time.Unix(1, 0), PeerAS: 1, Route: bgp.Route{
		Prefix: netip.MustParsePrefix("10.0.0.0/8"), Communities: []uint32{1, 2}, LargeCommunities: [][3]uint32{{1, 2, 3}}, HasMED: true,
		Path: bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: []uint32{1, 2, 3}}},
	}}
	b := newRouteBatch()
	fill := func() {
		for range 1000 {
			b.addRoute(&e)
		}
		b.reset()
	}
	fill()
	if n := testing.AllocsPerRun(10, fill); n > 0 {
		t.Errorf("%v allocations for 1000 events", n)
	}
}

func TestPathsComeBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var path bgp.ASPath
		for range rng.IntN(5) {
			s := bgp.Segment{Type: bgp.SegmentType(rng.IntN(6))} // some are none
			for range rng.IntN(4) {
				s.ASNs = append(s.ASNs, rng.Uint32()>>rng.IntN(32))
			}
			path = append(path, s)
		}
		text := string(appendPath(nil, path))
		if want := path.String(); text != want {
			t.Fatalf("%v is written %q, want %q", []bgp.Segment(path), text, want)
		}
		got, err := parsePath(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if again := got.String(); again != text {
			t.Fatalf("%q comes back as %q", text, again)
		}
		for i := range got {
			if i > 0 && got[i].Type == bgp.SegmentSequence && got[i-1].Type == bgp.SegmentSequence {
				t.Errorf("%q has sequences side by side", text)
			}
		}
		if diff := cmp.Diff(path.Origins(), got.Origins()); diff != "" {
			t.Errorf("%q: origins %s", text, diff)
		}
		if own := appendOrigins(nil, path, 0); !cmp.Equal(own, path.Origins()) {
			t.Errorf("%q: origins %v", text, own)
		}
	}
	for _, text := range []string{"a", "1 x", "{1", "{1}}", "(1,2)", "4294967296", "{}", "1  2", "-1", "[1"} {
		if path, err := parsePath(text); err == nil {
			t.Errorf("%q is read as %v", text, path)
		}
	}
}

// TestRouteEnumerationsAreComplete fails when a value was added that its column
// does not have.
func TestRouteEnumerationsAreComplete(t *testing.T) {
	for k := RouteAnnounced; k <= RouteStaleOver; k++ {
		if endOf(k) == RouteHeld {
			t.Errorf("kind %d ends nothing", k)
		}
	}
	if (RouteEndStaleOver+1).String() != "unknown" || (RouteInvalid+1).String() != "unknown" || NumRouteLosses.String() != "unknown" {
		t.Error("a value has no limit")
	}
	for l := range NumRouteLosses {
		if l.String() == "unknown" {
			t.Errorf("loss %d has no name", l)
		}
	}
}
