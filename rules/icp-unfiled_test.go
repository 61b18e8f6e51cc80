package rules_test

import (
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// seen is a name on an address on some days.
func seen(t *testing.T, domain, addr, first, last string) registry.Domain {
	t.Helper()
	return registry.Domain{Domain: domain, Address: netip.MustParseAddr(addr), FirstSeen: day(t, first), LastSeen: day(t, last)}
}

// filed is an active filing.
func filed(t *testing.T, domain, from, to string) registry.ICPFiling {
	t.Helper()
	return registry.ICPFiling{No: "F-" + domain, Domain: domain, EnterpriseID: "E2", Status: "active", Valid: validity(t, from, to)}
}

// reached is an access row.
func reached(t *testing.T, domain, provider, from, to string) registry.ICPAccess {
	t.Helper()
	return registry.ICPAccess{FilingNo: "F-" + domain, Domain: domain, Provider: provider, Valid: validity(t, from, to)}
}

const (
	ourAddr = "198.51.100.7"
	farAddr = "192.0.2.7"
)

func TestICPUnfiled(t *testing.T) {
	fires := []string{"www.a.cn"}
	cancelled := filed(t, "a.cn", "2020-01-01", "")
	cancelled.Status = "cancelled"
	for _, tt := range []struct {
		name         string
		domains      []registry.Domain
		filings      []registry.ICPFiling
		use          string
		allocFrom    string
		open, ceased []string
	}{
		{name: "unfiled", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-08")}, open: fires},
		{name: "filed", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-08")}, filings: []registry.ICPFiling{filed(t, "www.a.cn", "2020-01-01", "")}},
		{name: "filed above", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-08")}, filings: []registry.ICPFiling{filed(t, "a.cn", "2020-01-01", "")}},
		{name: "filed below only", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-08")}, filings: []registry.ICPFiling{filed(t, "x.www.a.cn", "2020-01-01", "")}, open: fires},
		{name: "a like name is filed", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-08")}, filings: []registry.ICPFiling{filed(t, "ww.a.cn", "2020-01-01", "")}, open: fires},
		{name: "cancelled", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-08")}, filings: []registry.ICPFiling{cancelled}, open: fires},
		{name: "one day", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-03-08", "2026-03-08")}},
		{name: "two days", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-03-07", "2026-03-08")}, open: fires},
		{name: "two days apart, the first before the span", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-02-10", "2026-02-10"), seen(t, "www.a.cn", ourAddr, "2026-03-08", "2026-03-08")}, open: fires},
		{name: "two rows of one day", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-03-08", "2026-03-08"), seen(t, "www.a.cn", "198.51.100.8", "2026-03-08", "2026-03-08")}},
		{name: "gone inside the span", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-03")}, ceased: fires},
		{name: "gone before the span", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-02-28")}},
		{name: "filed inside the span", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-08")}, filings: []registry.ICPFiling{filed(t, "a.cn", "2026-03-05", "")}, ceased: fires},
		{name: "one unfiled day after its filing", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-08")}, filings: []registry.ICPFiling{filed(t, "a.cn", "2020-01-01", "2026-03-07")}},
		{name: "not on us", domains: []registry.Domain{seen(t, "www.a.cn", farAddr, "2026-01-01", "2026-03-08")}},
		{name: "subscriber pool", use: "subscriber_pool", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-08")}},
		{name: "the address became ours on the last day", allocFrom: "2026-03-08", domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2026-01-01", "2026-03-08")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			if tt.use == "" {
				tt.use = "idc"
			}
			l.Allocations = []registry.Allocation{alloc(t, block, "E1", "", tt.use, tt.allocFrom, "")}
			l.Domains, l.ICPFilings = tt.domains, tt.filings
			expect(t, rules.ICPUnfiled(), l, "2026-03-01", "2026-03-08", tt.open, tt.ceased)
		})
	}
}
