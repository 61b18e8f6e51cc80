package rib

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// judged is a sink that keeps the validity each path was told with last.
type judged struct {
	last  map[netip.Prefix]Validity
	turns int // changes by payloads alone
}

func (j *judged) Change(c *Change) {
	if c.Reason == Revalidated {
		j.turns++
		if c.Old != c.New || c.New == nil || j.last[c.Prefix] == c.Validity {
			panic(fmt.Sprintf("told %+v after %v", c, j.last[c.Prefix]))
		}
	}
	if c.New == nil {
		delete(j.last, c.Prefix)
		return
	}
	j.last[c.Prefix] = c.Validity
}

func (*judged) PeerChange(*PeerChange) {}

func payloads(t testing.TB, list ...string) *VRPs {
	t.Helper()
	var all []VRP
	for _, text := range list {
		var prefix string
		v := VRP{}
		if _, err := fmt.Sscanf(text, "%s %d %d", &prefix, &v.MaxLength, &v.ASN); err != nil {
			t.Fatal(err)
		}
		v.Prefix = netip.MustParsePrefix(prefix)
		all = append(all, v)
	}
	vrps, err := NewVRPs(all, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return vrps
}

// TestRevalidate tells the sink of the paths whose validity is another, once
// each, in every table, and of no dead one.
func TestRevalidate(t *testing.T) {
	j := &judged{last: make(map[netip.Prefix]Validity)}
	r := newRIB(t, j)
	one := func(prefix string, origin uint32, distinguisher uint64) {
		e := announce(peerKey(1), prefix, 1)
		e.Route.Distinguisher = distinguisher
		e.Route.Path = bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: []uint32{65001, origin}}}
		apply(t, r, e, nil)
	}
	for _, p := range []string{"192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32", "0.0.0.0/0"} {
		one(p, 64496, 0)
	}
	one("10.0.0.0/8", 64496, 7)
	apply(t, r, announce(peerKey(2), "203.0.113.0/24", 1), nil)
	apply(t, r, &bgp.Event{Kind: bgp.PeerDown, Peer: peerKey(2)}, nil)

	step := func(v *VRPs, turns int, want string) {
		t.Helper()
		before := j.turns
		r.Revalidate(v, time.Unix(1, 0))
		var got []string
		for p, validity := range j.last {
			if p.String() != "203.0.113.0/24" {
				got = append(got, fmt.Sprintf("%v %v", p, validity))
			}
		}
		slices.Sort(got)
		if fmt.Sprint(got) != want || j.turns-before != turns {
			t.Errorf("told %v by %d changes, want %s by %d", got, j.turns-before, want, turns)
		}
		if a, ok := r.Lookup(Query{Addr: netip.MustParseAddr("192.0.2.1")}); !ok || a.Validity != j.last[netip.MustParsePrefix("192.0.2.0/24")] {
			t.Errorf("the lookup says %v", a.Validity)
		}
	}
	first := payloads(t, "192.0.2.0/24 24 64496", "198.51.100.0/24 24 1", "2001:db8::/32 32 64496", "10.0.0.0/8 8 64496")
	step(first, 5, "[0.0.0.0/0 NotFound 10.0.0.0/8 Valid 192.0.2.0/24 Valid 198.51.100.0/24 Invalid 2001:db8::/32 Valid]")
	step(first, 0, "[0.0.0.0/0 NotFound 10.0.0.0/8 Valid 192.0.2.0/24 Valid 198.51.100.0/24 Invalid 2001:db8::/32 Valid]")
	step(payloads(t, "192.0.2.0/24 24 1", "198.51.100.0/24 24 1", "2001:db8::/32 32 64496", "10.0.0.0/8 8 64496"), 1,
		"[0.0.0.0/0 NotFound 10.0.0.0/8 Valid 192.0.2.0/24 Invalid 198.51.100.0/24 Invalid 2001:db8::/32 Valid]")
	one("192.0.2.0/24", 1, 0) // an announcement is told with its validity
	step(nil, 5, "[0.0.0.0/0 NotChecked 10.0.0.0/8 NotChecked 192.0.2.0/24 NotChecked 198.51.100.0/24 NotChecked 2001:db8::/32 NotChecked]")
}

// TestRevalidateBeside announces and withdraws while payloads change: in the
// end every path was told with the validity that it has.
func TestRevalidateBeside(t *testing.T) {
	w := newWorld(4000, 500)
	j := &told{last: make(map[netip.Prefix]Validity)}
	r := newRIB(t, j)
	fill(t, r, w, 0)
	var list [2][]VRP
	for i, p := range w.v4 {
		list[i%2] = append(list[i%2], VRP{Prefix: p, MaxLength: uint8(p.Bits()), ASN: uint32(i)})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 6 {
			v, err := NewVRPs(list[i%2], time.Now())
			if err != nil {
				t.Error(err)
				return
			}
			r.Revalidate(v, time.Now())
		}
	}()
	for round := uint64(1); ; round++ {
		w.each(0, round, func(e *bgp.Event) { apply(t, r, e, nil) })
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	n := 0
	for e := range r.All(0, bgp.FamilyIPv4) {
		n++
		if want := r.vrps.Load().Route(e.Prefix, e.Attributes, e.PeerAS); j.last[e.Prefix] != want {
			t.Fatalf("%v was told %v, is %v", e.Prefix, j.last[e.Prefix], want)
		}
	}
	if n < 3000 {
		t.Errorf("%d routes", n)
	}
}

// told keeps the last validities of one family of the global instance, whose
// lock it relies on.
type told struct {
	last map[netip.Prefix]Validity
}

func (j *told) Change(c *Change) {
	if c.Prefix.Addr().Is4() && c.New != nil {
		j.last[c.Prefix] = c.Validity
	}
}

func (*told) PeerChange(*PeerChange) {}

// BenchmarkRevalidate changes the payloads of two full tables.
func BenchmarkRevalidate(b *testing.B) {
	w := newWorld(1_000_000, 200_000)
	r := newRIB(b, nil)
	fill(b, r, w, 0)
	fill(b, r, w, 1)
	var list []VRP
	for i, p := range w.v4 {
		if i%2 == 0 {
			list = append(list, VRP{Prefix: p, MaxLength: uint8(p.Bits()), ASN: uint32(i)})
		}
	}
	one, err := NewVRPs(list, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	two, err := NewVRPs(list[1:], time.Now())
	if err != nil {
		b.Fatal(err)
	}
	r.SetVRPs(one)
	runtime.GC()
	for i := range b.N {
		r.Revalidate([]*VRPs{two, one}[i%2], time.Time{})
	}
}
