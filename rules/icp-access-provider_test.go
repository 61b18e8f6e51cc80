package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestICPAccessProvider(t *testing.T) {
	fires := []string{"www.a.cn"}
	for _, tt := range []struct {
		name         string
		filings      []registry.ICPFiling
		access       []registry.ICPAccess
		addr         string
		open, ceased []string
	}{
		{name: "somebody else is named", access: []registry.ICPAccess{reached(t, "a.cn", "E2", "", "")}, open: fires},
		{name: "nobody is named", open: fires},
		{name: "the carrier is named", access: []registry.ICPAccess{reached(t, "www.a.cn", "CT", "", "")}},
		{name: "the carrier is named above", access: []registry.ICPAccess{reached(t, "a.cn", "CT", "", "")}},
		{name: "the holder of the address is named", access: []registry.ICPAccess{reached(t, "a.cn", "E1", "", "")}},
		{name: "the holder's group is named", access: []registry.ICPAccess{reached(t, "a.cn", "E1S", "", "")}},
		{name: "the holder of the line is named", access: []registry.ICPAccess{reached(t, "a.cn", "P1", "", "")}},
		{name: "one of several", access: []registry.ICPAccess{reached(t, "a.cn", "E2", "", ""), reached(t, "a.cn", "CT", "", "")}},
		{name: "the row ended before", access: []registry.ICPAccess{reached(t, "a.cn", "CT", "", "2026-02-28")}, open: fires},
		{name: "added inside the span", access: []registry.ICPAccess{reached(t, "a.cn", "CT", "2026-03-04", "")}, ceased: fires},
		{name: "unfiled: icp-unfiled speaks of it", filings: []registry.ICPFiling{}},
		{name: "not on us", addr: farAddr},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			l.Allocations = []registry.Allocation{alloc(t, block, "E1", "", "idc", "", "")}
			l.Lines = []registry.Line{{ID: "A1", EnterpriseID: "P1", Use: "enterprise"}}
			l.LineEndpoints = []registry.LineEndpoint{{LineID: "A1", End: "a", Prefix: prefix("198.51.100.0/29")}}
			if tt.filings == nil {
				tt.filings = []registry.ICPFiling{filed(t, "a.cn", "2020-01-01", "")}
			}
			if tt.addr == "" {
				tt.addr = "198.51.100.7"
			}
			l.ICPFilings, l.ICPAccesses = tt.filings, tt.access
			l.Domains = []registry.Domain{seen(t, "www.a.cn", tt.addr, "2026-01-01", "2026-03-08")}
			expect(t, rules.ICPAccessProvider(), l, "2026-03-01", "2026-03-08", tt.open, tt.ceased)
		})
	}
}
