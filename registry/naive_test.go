package registry_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
)

// The oracle reads every row.

func naiveCovering(l *registry.Ledgers, d registry.Date, p netip.Prefix) []string {
	type found struct {
		bits, row int
	}
	var rows []found
	for i, a := range l.Allocations {
		if a.Prefix.IsValid() && a.Valid.Contains(d) && a.Prefix.Bits() <= p.Bits() && a.Prefix.Masked().Contains(p.Addr()) {
			rows = append(rows, found{a.Prefix.Bits(), i})
		}
	}
	slices.SortStableFunc(rows, func(a, b found) int { return b.bits - a.bits })
	out := []string{}
	for _, f := range rows {
		out = append(out, l.Allocations[f.row].EnterpriseID)
	}
	return out
}

func naiveNetwork(l *registry.Ledgers, a netip.Addr) netip.Prefix {
	var best netip.Prefix
	for _, n := range l.Networks {
		if n.Prefix.Contains(a) && (!best.IsValid() || n.Prefix.Bits() > best.Bits()) {
			best = n.Prefix
		}
	}
	return best
}

func naiveNet(l *registry.Ledgers, d registry.Date, a netip.Addr) netip.Prefix {
	widest := 24
	if a.Is6() {
		widest = 48
	}
	best := netip.PrefixFrom(a, widest).Masked()
	take := func(p netip.Prefix) {
		if p.IsValid() && p.Contains(a) && p.Bits() >= max(widest, best.Bits()) {
			best = p.Masked()
		}
	}
	for _, x := range l.Allocations {
		if x.Valid.Contains(d) {
			take(x.Prefix)
		}
	}
	for _, e := range l.LineEndpoints {
		for _, line := range l.Lines {
			if line.ID == e.LineID && line.Valid.Contains(d) {
				take(e.Prefix)
			}
		}
	}
	for _, n := range l.Networks {
		take(n.Prefix)
	}
	for _, e := range l.Exporters {
		take(netip.PrefixFrom(e.Address, e.Address.BitLen()))
	}
	return best
}

// scatter makes ledgers whose prefixes enclose, equal and miss each other, with
// rows of one prefix on other days and some that are not masked.
func scatter(r *rand.Rand, rows int) *registry.Ledgers {
	l := new(registry.Ledgers)
	valid := func() registry.Validity {
		v := registry.Validity{From: registry.Date(r.IntN(5)), To: registry.Date(r.IntN(5))}
		if v.To != 0 && v.To < v.From {
			v.To += v.From
		}
		return v
	}
	for i := range rows {
		id := string(rune('A' + i%26))
		l.Allocations = append(l.Allocations, registry.Allocation{Prefix: anyPrefix(r), EnterpriseID: id, Valid: valid()})
		l.Networks = append(l.Networks, registry.Network{Prefix: anyPrefix(r).Masked()})
		l.Lines = append(l.Lines, registry.Line{ID: id, Valid: valid()})
		l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: string(rune('A' + r.IntN(30))), Prefix: anyPrefix(r).Masked()})
		l.Exporters = append(l.Exporters, registry.Exporter{Address: anyPrefix(r).Addr()})
	}
	return l
}

func anyPrefix(r *rand.Rand) netip.Prefix {
	if r.IntN(50) == 0 {
		return netip.Prefix{}
	}
	if r.IntN(3) == 0 {
		a := [16]byte{0x20, 1, 0xd, 0xb8, 0, byte(r.IntN(2)), 15: byte(r.IntN(4))}
		return netip.PrefixFrom(netip.AddrFrom16(a), []int{0, 32, 40, 47, 48, 49, 64, 126, 128}[r.IntN(9)])
	}
	a := [4]byte{10, byte(r.IntN(2)), byte(r.IntN(2)), byte(r.IntN(256))}
	return netip.PrefixFrom(netip.AddrFrom4(a), []int{0, 8, 16, 23, 24, 25, 30, 31, 32}[r.IntN(9)])
}

func TestAgainstNaive(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		l := scatter(r, 1+r.IntN(60))
		s := registry.NewSnapshot(l, nil)
		for range 300 {
			d := registry.Date(r.IntN(9))
			p := anyPrefix(r).Masked()
			if !p.IsValid() {
				continue
			}
			view, a := s.At(d), p.Addr()
			got := []string{}
			for _, x := range view.Covering(p) {
				got = append(got, x.EnterpriseID)
			}
			want := naiveCovering(l, d, p)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d day %d: allocations covering %s: %s", seed, d, p, diff)
			}
			holder, naiveHolder := "", ""
			if x := view.Allocation(a); x != nil {
				holder = x.EnterpriseID
			}
			if list := naiveCovering(l, d, netip.PrefixFrom(a, a.BitLen())); len(list) > 0 {
				naiveHolder = list[0]
			}
			if holder != naiveHolder {
				t.Fatalf("seed %d day %d: holder of %s is %q, want %q", seed, d, a, holder, naiveHolder)
			}
			if got, want := view.Claims(a), (registry.Claims{Allocation: view.Allocation(a), Network: view.Network(a), Net: view.LedgerNet(a)}); got != want {
				t.Fatalf("claims on %v are %+v, one by one %+v", a, got, want)
			}
			if got, want := view.LedgerNet(a), naiveNet(l, d, a); got != want {
				t.Fatalf("seed %d day %d: network of %s is %s, want %s", seed, d, a, got, want)
			}
			network := netip.Prefix{}
			if n := view.Network(a); n != nil {
				network = n.Prefix
			}
			if want := naiveNetwork(l, a); network != want {
				t.Fatalf("seed %d: known network of %s is %s, want %s", seed, a, network, want)
			}
		}
	}
}

func TestLookUpsAllocateNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	l := scatter(r, 60)
	l.Interfaces = []registry.Interface{{Exporter: addr("192.0.2.1"), IfIndex: 7, Role: "customer", LineID: "A"}}
	s := registry.NewSnapshot(l, nil)
	addrs := []netip.Addr{addr("10.0.0.1"), addr("10.1.1.255"), addr("2001:db8::1"), addr("9.9.9.9")}
	if n := testing.AllocsPerRun(100, func() {
		for d := range registry.Date(8) {
			view := s.At(d)
			for _, a := range addrs {
				view.Allocation(a)
				view.Network(a)
				view.LedgerNet(a)
				view.Claims(a)
				view.Exporter(a)
			}
			view.Port(addrs[0], 7)
			view.Line("A")
			view.IsCarrier("A")
			view.Siblings("A", "B")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
