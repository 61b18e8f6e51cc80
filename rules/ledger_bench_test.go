package rules_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// BenchmarkLedgerRules judges one day of a carrier with 1,000,000 allocations
// held by a tenth as many enterprises, every twentieth cut from the one before
// it and used as a data centre.
func BenchmarkLedgerRules(b *testing.B) {
	const n = 1_000_000
	l := carrier(b)
	l.Sources = []registry.SourceBlock{{Prefix: prefix("10.0.0.0/7")}}
	for i := range n {
		a := 0x0b000000 + uint32(i/2)<<4
		row := registry.Allocation{
			Prefix:       netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}), 28+i%2),
			EnterpriseID: fmt.Sprintf("B%d", i/10), Use: "enterprise", Place: "330100", Valid: validity(b, "2020-01-01", ""),
		}
		if i%20 == 1 {
			row.Use, row.Parent = "idc", l.Allocations[i-1].Prefix
		}
		l.Allocations = append(l.Allocations, row)
	}
	for i := range n / 10 {
		l.Enterprises = append(l.Enterprises, registry.Enterprise{ID: fmt.Sprintf("B%d", i), Name: "公司", Place: "330100"})
	}
	in := rules.Inputs{
		Span:    rules.Span{Days: validity(b, "2026-03-08", "2026-03-08"), Location: shanghai(b)},
		Ledgers: registry.NewSnapshot(l, []uint32{64500}),
	}
	for _, r := range rules.Catalogue() {
		if !r.Spec.Ledger {
			continue
		}
		b.Run(r.Spec.ID, func(b *testing.B) {
			params, err := r.Spec.ParamsWith(nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				for f, err := range r.Measure(b.Context(), in, params) {
					if err != nil {
						b.Fatal(err)
					}
					r.Judge(f, params)
				}
			}
		})
	}
}
