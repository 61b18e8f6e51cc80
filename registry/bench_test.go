package registry_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
)

// manyAllocations is the text of that many allocations, of /24s to /32s that
// enclose each other, held by a tenth as many enterprises.
func manyAllocations(n int) map[string]string {
	var enterprises, allocations strings.Builder
	enterprises.WriteString("enterprise_id,name,place\n")
	for i := range n/10 + 1 {
		fmt.Fprintf(&enterprises, "E%d,公司%d,330100\n", i, i)
	}
	allocations.WriteString("prefix,enterprise_id,parent,use,cloud,place,filing_no,valid_from,valid_to\n")
	for i := range n {
		a := 0x0a000000 + uint32(i/2)<<6
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}), 26+i%2)
		fmt.Fprintf(&allocations, "%s,E%d,,enterprise,no,330100,F-%d,2020-01-01,\n", p, i/10, i)
	}
	return map[string]string{"enterprises.csv": enterprises.String(), "allocations.csv": allocations.String()}
}

func load(tb testing.TB, dir string) *registry.Snapshot {
	tb.Helper()
	tables, problems := registry.Read(dir, nil)
	ledgers, more := registry.Parse(tables)
	if len(problems)+len(more) > 0 {
		tb.Fatal(problems, more[0])
	}
	return registry.NewSnapshot(ledgers, nil)
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		dir := folder(b, manyAllocations(n))
		tables, _ := registry.Read(dir, nil)
		ledgers, problems := registry.Parse(tables)
		if len(problems) > 0 {
			b.Fatal(problems[0])
		}
		for name, run := range map[string]func(){
			"read":     func() { registry.Read(dir, nil) },
			"parse":    func() { registry.Parse(tables) },
			"snapshot": func() { registry.NewSnapshot(ledgers, nil) },
			"diff":     func() { registry.Diff(tables, tables) },
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					run()
				}
			})
		}
	}
}

func BenchmarkLookUp(b *testing.B) {
	s := load(b, folder(b, manyAllocations(100_000)))
	day := day(b, "2026-01-01")
	addrs := make([]netip.Addr, 4096)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{10, byte(i % 64), byte(i * 7), byte(i * 13)})
	}
	for name, run := range map[string]func(v *registry.View, a netip.Addr){
		"allocation": func(v *registry.View, a netip.Addr) { v.Allocation(a) },
		"net":        func(v *registry.View, a netip.Addr) { v.LedgerNet(a) },
		"network":    func(v *registry.View, a netip.Addr) { v.Network(a) },
		"day":        func(*registry.View, netip.Addr) { s.At(day) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			v := s.At(day)
			for i := 0; b.Loop(); i++ {
				run(v, addrs[i%len(addrs)])
			}
		})
	}
}
