package enrich

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
)

var (
	shanghai = time.FixedZone("Asia/Shanghai", 8*3600)
	router   = addr("192.0.2.1")
	border   = addr("192.0.2.2")
	noon     = time.Date(2026, 3, 4, 12, 0, 0, 0, shanghai)
)

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func day(s string) registry.Date {
	d, err := registry.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// carrier is a small carrier: acme has line L1 at the router (ifIndex 10) which
// also shows at the border (ifIndex 30, international); bolt has L2 at the
// router (ifIndex 20); cargo has L3 at the border only (ifIndex 31).
func carrier() *registry.Ledgers {
	return &registry.Ledgers{
		Enterprises: []registry.Enterprise{{ID: "acme"}, {ID: "bolt"}, {ID: "cargo"}, {ID: "under"}},
		Exporters: []registry.Exporter{
			{Address: router, Name: "router", Sampling: 1000},
			{Address: border, Name: "border"},
		},
		Interfaces: []registry.Interface{
			{Exporter: router, IfIndex: 10, Role: "customer", LineID: "L1"},
			{Exporter: router, IfIndex: 11, Role: "customer", LineID: "L1"},
			{Exporter: router, IfIndex: 20, Role: "customer", LineID: "L2"},
			{Exporter: router, IfIndex: 1, Role: "core"},
			{Exporter: border, IfIndex: 30, Role: "international", LineID: "L1"},
			{Exporter: border, IfIndex: 31, Role: "international", LineID: "L3"},
		},
		Lines: []registry.Line{
			{ID: "L1", EnterpriseID: "acme", Scope: "international", Valid: registry.Validity{From: day("2026-01-01"), To: day("2026-03-04")}},
			{ID: "L2", EnterpriseID: "bolt", Scope: "domestic"},
			{ID: "L3", EnterpriseID: "cargo", Scope: "international"},
		},
		LineEndpoints: []registry.LineEndpoint{
			{LineID: "L1", End: "a", Prefix: prefix("198.51.100.0/26"), Kind: "office"},
			{LineID: "L1", End: "z", Prefix: prefix("203.0.113.128/25"), Kind: "office"},
		},
		Allocations: []registry.Allocation{
			{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "acme", Use: "enterprise"},
			{Prefix: prefix("198.51.100.64/26"), EnterpriseID: "under", Parent: prefix("198.51.100.0/24"), Use: "idc"},
			{Prefix: prefix("198.18.0.0/16"), EnterpriseID: "bolt", Use: "enterprise"},
			{Prefix: prefix("2001:db8:a::/48"), EnterpriseID: "acme", Use: "enterprise"},
		},
		Networks: []registry.Network{
			{Prefix: prefix("203.0.113.0/24"), Country: "JP", Kind: "cloud", ASN: 64600},
			{Prefix: prefix("203.0.113.128/25"), Country: "JP", Kind: "cloud"},
		},
	}
}

func enricher(t testing.TB, ledgers *registry.Ledgers, routes RouteLookup) *Enricher {
	t.Helper()
	e, err := New(Config{
		Ledgers:  NewLedgers(registry.NewSnapshot(ledgers, nil)),
		Routes:   routes,
		Location: shanghai,
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// record is a flow of the exporter at noon.
func record(exporter netip.Addr, in, out uint32, src, dst string) flows.Record {
	return flows.Record{
		Source: flows.Source{Exporter: exporter, Version: flows.NetFlow9},
		Start:  noon, End: noon.Add(time.Second), Received: noon.Add(time.Minute),
		InIf: in, OutIf: out, Src: addr(src), Dst: addr(dst),
	}
}

// scatter makes ledgers and records that hit each other often.
func scatter(seed uint64, rows, records int) (*registry.Ledgers, []flows.Record) {
	r := rand.New(rand.NewPCG(seed, 1))
	l := &registry.Ledgers{}
	anyPrefix := func() netip.Prefix {
		if r.IntN(4) == 0 {
			a := addr("2001:db8::").As16()
			a[5], a[6], a[7] = byte(r.IntN(4)), byte(r.IntN(4)), byte(r.Uint32())
			return netip.PrefixFrom(netip.AddrFrom16(a), 40+r.IntN(25)).Masked()
		}
		a := [4]byte{byte(10 + r.IntN(2)), byte(r.IntN(4)), byte(r.IntN(8)), byte(r.Uint32())}
		return netip.PrefixFrom(netip.AddrFrom4(a), 14+r.IntN(19)).Masked()
	}
	validity := func() registry.Validity {
		from := day("2026-03-02") + registry.Date(r.IntN(3))
		return registry.Validity{From: from, To: from + registry.Date(r.IntN(3))}
	}
	for i := range 4 {
		l.Exporters = append(l.Exporters, registry.Exporter{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})})
	}
	filed := make(map[netip.Prefix]bool)
	for i := range rows {
		id := fmt.Sprintf("E%d", i)
		l.Enterprises = append(l.Enterprises, registry.Enterprise{ID: id})
		if p := anyPrefix(); !filed[p] {
			filed[p] = true
			l.Allocations = append(l.Allocations, registry.Allocation{Prefix: p, EnterpriseID: id, Valid: validity()})
		}
		line := fmt.Sprintf("L%d", i)
		l.Lines = append(l.Lines, registry.Line{ID: line, EnterpriseID: id, Valid: validity()})
		l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: line, End: "a", Prefix: anyPrefix()})
		l.Interfaces = append(l.Interfaces, registry.Interface{
			Exporter: l.Exporters[i%4].Address, IfIndex: uint32(i / 4),
			Role: []string{"customer", "international", "core"}[r.IntN(3)], LineID: fmt.Sprintf("L%d", r.IntN(rows)),
		})
	}
	seen := make(map[netip.Prefix]bool)
	for range rows {
		if p := anyPrefix(); !seen[p] {
			seen[p] = true
			l.Networks = append(l.Networks, registry.Network{Prefix: p, ASN: uint32(r.IntN(3) * 64500)})
		}
	}
	list := make([]flows.Record, records)
	for i := range list {
		f := &list[i]
		*f = record(l.Exporters[r.IntN(4)].Address, uint32(r.IntN(rows/4+2)), uint32(r.IntN(rows/4+2)), "::", "::")
		f.Src, f.Dst = inside(r, anyPrefix()), inside(r, anyPrefix())
		f.Start = noon.Add(time.Duration(r.IntN(96)-48) * time.Hour)
		f.SrcAS, f.DstAS = r.Uint32()%2, r.Uint32()%2
	}
	return l, list
}

func inside(r *rand.Rand, p netip.Prefix) netip.Addr {
	a := p.Addr().As16()
	a[15] |= byte(r.Uint32())
	addr := netip.AddrFrom16(a)
	if p.Addr().Is4() {
		return addr.Unmap()
	}
	return addr
}
