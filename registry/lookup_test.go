package registry_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
)

func TestLookUpsOfRules(t *testing.T) {
	s := orderlySnapshot(t)
	now, early := s.At(day(t, "2026-01-01")), s.At(day(t, "2009-12-31"))
	covering := func(p string) (holders []string) {
		s.EachCovering(prefix(p), func(a *registry.Allocation) { holders = append(holders, a.EnterpriseID) })
		return holders
	}
	for name, c := range map[string]struct{ got, want any }{
		"commitments":               {now.Commitments("E1")[0].Service, "B12"},
		"no commitments":            {len(now.Commitments("E2")), 0},
		"evaluations":               {len(now.Evaluations("E1")), 2},
		"gateway":                   {now.Gateway("GW1").Status, "live"},
		"gateway before it began":   {early.Gateway("GW1") == nil, true},
		"gateway at any day":        {len(early.GatewayHistory("GW1")), 1},
		"no gateway":                {now.Gateway("GW9") == nil, true},
		"carrier group":             {[]bool{now.CarrierGroup("CT"), now.CarrierGroup("E1"), now.CarrierGroup("")}, []bool{true, true, false}}, // E2 has a carrier's ASN
		"the carrier":               {now.Carrier(), "CT"},
		"filing of a name below":    {now.Filings("a.www.example.cn")[0].No, "浙ICP备1号-1"},
		"no filing of a name above": {len(now.Filings("cn")), 0},
		"no filing of a like name":  {len(now.Filings("notexample.cn")), 0},
		"access":                    {now.Accesses("www.example.cn")[0].Provider, "CT"},
		"access before it began":    {len(early.Accesses("www.example.cn")), 0},
		"access at any day":         {len(early.AccessHistory("example.cn")), 1},
		"access of exactly a name":  {len(now.AccessHistory("www.example.cn")), 0},
		"allocations of a prefix":   {now.AllocationsOf(prefix("198.51.100.0/25"))[0].EnterpriseID, "E1"},
		"not of a narrower one":     {len(now.AllocationsOf(prefix("198.51.100.0/27"))), 0},
		"not of another day":        {len(early.AllocationsOf(prefix("198.51.100.0/25"))), 0},
		"lines of an end":           {now.EndpointLines(addr("198.51.100.1"))[0].ID, "L2"},
		"no lines of that day":      {len(early.EndpointLines(addr("198.51.100.1"))), 0},
		"no lines of no address":    {len(now.EndpointLines(netip.Addr{})), 0},
		"covering at any day":       {covering("198.51.100.0/27"), []string{"E2", "E1"}},
		"sources cover":             {[]bool{now.Sources().Cover(prefix("198.51.100.0/25")), now.Sources().Cover(prefix("198.51.101.0/25")), now.Sources().Cover(netip.Prefix{})}, []bool{true, false, false}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestSourcesJoin asks for prefixes that only several blocks cover together.
func TestSourcesJoin(t *testing.T) {
	l := &registry.Ledgers{}
	for _, p := range []string{"10.0.1.0/24", "10.0.0.0/24", "10.0.0.128/25", "10.0.3.0/24", "255.255.255.0/24", "::/64", "0:0:0:1::/64"} {
		l.Sources = append(l.Sources, registry.SourceBlock{Prefix: prefix(p)})
	}
	l.Sources = append(l.Sources, registry.SourceBlock{Prefix: prefix("10.0.2.0/24"), ObtainedOn: 100}, registry.SourceBlock{})
	s := registry.NewSnapshot(l, nil)
	for p, want := range map[string][2]bool{ // on the day before and on the day the last block was obtained
		"10.0.0.0/23": {true, true}, "10.0.0.0/22": {false, true}, "10.0.0.0/21": {}, "10.0.2.7/32": {false, true}, "9.255.255.0/24": {},
		"255.255.255.255/32": {true, true}, "::/63": {true, true}, "::/62": {}, "0.0.0.0/0": {}, "::a00:0/120": {true, true},
	} {
		for i, d := range []registry.Date{99, 100} {
			if got := s.At(d).Sources().Cover(prefix(p)); got != want[i] {
				t.Errorf("day %d: sources cover %s: %v", d, p, got)
			}
		}
	}
	if !registry.NewSnapshot(&registry.Ledgers{}, nil).At(1).Sources().IsEmpty() {
		t.Error("no sources hold addresses")
	}
}
