package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestICPStaleAccess(t *testing.T) {
	fires := []string{"a.cn"}
	other := seen(t, "x.cn", farAddr, "2026-01-01", "2026-03-08") // names are observed
	withPrefix := func(p string) registry.ICPAccess {
		a := reached(t, "a.cn", "E1", "2020-01-01", "")
		a.Prefixes = append(a.Prefixes, prefix(p))
		return a
	}
	carrierRow := reached(t, "a.cn", "CT", "2020-01-01", "")
	for _, tt := range []struct {
		name         string
		access       registry.ICPAccess
		filedFrom    string
		domains      []registry.Domain
		open, ceased []string
		withheld     bool
	}{
		{name: "30 days ago", access: carrierRow, domains: []registry.Domain{other, seen(t, "a.cn", ourAddr, "2025-01-01", "2026-02-06")}, open: fires},
		{name: "29 days ago", access: carrierRow, domains: []registry.Domain{other, seen(t, "a.cn", ourAddr, "2025-01-01", "2026-02-07")}},
		{name: "a name below", access: carrierRow, domains: []registry.Domain{seen(t, "www.a.cn", ourAddr, "2025-01-01", "2026-03-08")}},
		{name: "elsewhere", access: carrierRow, domains: []registry.Domain{seen(t, "a.cn", farAddr, "2025-01-01", "2026-03-08")}, open: fires},
		{name: "never, filed long ago", access: carrierRow, domains: []registry.Domain{other}, open: fires},
		{name: "never, filed 29 days ago", access: carrierRow, filedFrom: "2026-02-07", domains: []registry.Domain{other}},
		{name: "never, filed 30 days ago", access: carrierRow, filedFrom: "2026-02-06", domains: []registry.Domain{other}, open: fires},
		{name: "never, the row is new", access: reached(t, "a.cn", "CT", "2026-03-01", ""), domains: []registry.Domain{other}},
		{name: "again inside the span", access: carrierRow, domains: []registry.Domain{other, seen(t, "a.cn", ourAddr, "2026-03-05", "2026-03-08")}, ceased: fires},
		{name: "for the first time inside the span, as all names", access: carrierRow, domains: []registry.Domain{seen(t, "a.cn", ourAddr, "2026-03-05", "2026-03-08")}},
		{name: "names somebody else", access: reached(t, "a.cn", "E2", "2020-01-01", ""), domains: []registry.Domain{other}},
		{name: "names a customer", access: reached(t, "a.cn", "E1", "2020-01-01", ""), domains: []registry.Domain{other}, open: fires},
		{name: "names a customer for our addresses", access: withPrefix("198.51.100.0/28"), domains: []registry.Domain{other}, open: fires},
		{name: "names a customer for other addresses", access: withPrefix("192.0.2.0/28"), domains: []registry.Domain{other}},
		{name: "the row is over", access: reached(t, "a.cn", "CT", "2020-01-01", "2026-02-28"), domains: []registry.Domain{other}},
		{name: "names were not observed in the span", access: carrierRow, domains: []registry.Domain{seen(t, "x.cn", farAddr, "2025-01-01", "2026-02-28")}, withheld: true},
		{name: "names are not observed at all", access: carrierRow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			l.Allocations = []registry.Allocation{alloc(t, block, "E1", "", "idc", "", "")}
			if tt.filedFrom == "" {
				tt.filedFrom = "2020-01-01"
			}
			l.ICPFilings = []registry.ICPFiling{filed(t, "a.cn", tt.filedFrom, "")}
			l.ICPAccesses, l.Domains = []registry.ICPAccess{tt.access}, tt.domains
			got := expect(t, rules.ICPStaleAccess(), l, "2026-03-01", "2026-03-08", tt.open, tt.ceased)["a.cn"]
			if tt.withheld != (got.Outcome == rules.Withheld) {
				t.Errorf("outcome %v", got.Outcome)
			}
		})
	}
}
