package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestCreditNewResource(t *testing.T) {
	row := func(holder, from, to string) registry.Allocation {
		return alloc(t, block, holder, "", "enterprise", from, to)
	}
	bad := func(credit, since string) func(*registry.Enterprise) {
		return func(e *registry.Enterprise) { e.Credit, e.CreditSince = credit, day(t, since) }
	}
	fires := []string{block}
	for _, tt := range []struct {
		name         string
		change       func(*registry.Enterprise)
		rows         []registry.Allocation
		open, ceased []string
		withheld     bool
	}{
		{name: "new", rows: []registry.Allocation{row("E1", "2026-01-01", "")}, open: fires},
		{name: "on the day of the listing", rows: []registry.Allocation{row("E1", "2025-06-01", "")}},
		{name: "the day after the listing", rows: []registry.Allocation{row("E1", "2025-06-02", "")}, open: fires},
		{name: "before the listing", rows: []registry.Allocation{row("E1", "2024-01-01", "")}},
		{name: "renewed", rows: []registry.Allocation{row("E1", "2024-01-01", "2025-12-31"), row("E1", "2026-01-01", "")}},
		{name: "renewed 30 days late", rows: []registry.Allocation{row("E1", "2024-01-01", "2025-12-01"), row("E1", "2026-01-01", "")}},
		{name: "taken again years later", rows: []registry.Allocation{row("E1", "2020-01-01", "2021-12-01"), row("E1", "2026-01-01", "")}, open: fires},
		{name: "taken over from another holder", rows: []registry.Allocation{row("E2", "2024-01-01", "2025-12-31"), row("E1", "2026-01-01", "")}, open: fires},
		{name: "unknown start", rows: []registry.Allocation{row("E1", "", "")}},
		{name: "normal credit", change: bad("normal", "2025-06-01"), rows: []registry.Allocation{row("E1", "2026-01-01", "")}},
		{name: "unknown credit", change: bad("", "2025-06-01"), rows: []registry.Allocation{row("E1", "2026-01-01", "")}},
		{name: "listed at an unknown day", change: bad("bad", ""), rows: []registry.Allocation{row("E1", "2026-01-01", "")}, withheld: true},
		{name: "ended inside the span", rows: []registry.Allocation{row("E1", "2026-01-01", "2026-03-02")}, ceased: fires},
		{name: "ended before the span", rows: []registry.Allocation{row("E1", "2026-01-01", "2026-02-28")}},
		{name: "begins after the span", rows: []registry.Allocation{row("E1", "2026-03-09", "")}},
		{name: "another holder of the group", rows: []registry.Allocation{row("E1S", "2026-01-01", "")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			if tt.change == nil {
				tt.change = bad("bad", "2025-06-01")
			}
			tt.change(&l.Enterprises[1])
			l.Allocations = tt.rows
			got := expect(t, rules.CreditNewResource(), l, "2026-03-01", "2026-03-08", tt.open, tt.ceased)[block]
			if tt.withheld != (got.Outcome == rules.Withheld) {
				t.Errorf("outcome %v", got.Outcome)
			}
		})
	}
}

func TestCreditOfLinesAndDomains(t *testing.T) {
	l := carrier(t)
	l.Enterprises[1].Credit, l.Enterprises[1].CreditSince = "bad", day(t, "2025-06-01")
	l.Lines = []registry.Line{{ID: "A1", EnterpriseID: "E1", Use: "isp", Valid: validity(t, "2026-01-01", "")}}
	filing := func(domain, holder, status, from string) registry.ICPFiling {
		return registry.ICPFiling{No: "F-" + domain, Domain: domain, EnterpriseID: holder, Status: status, Valid: validity(t, from, "")}
	}
	access := func(no, domain, from, to string) registry.ICPAccess {
		return registry.ICPAccess{FilingNo: no, Domain: domain, Provider: "CT", Valid: validity(t, from, to)}
	}
	l.ICPFilings = []registry.ICPFiling{
		filing("new.cn", "E1", "active", "2026-01-01"), filing("old.cn", "E1", "active", "2020-01-01"),
		filing("access.cn", "E1", "active", "2026-01-01"), filing("gone.cn", "E1", "cancelled", "2026-01-01"),
		filing("others.cn", "E1", "active", "2026-01-01"),
		{No: "F-before", Domain: "others.cn", EnterpriseID: "E2", Status: "active", Valid: validity(t, "2020-01-01", "2025-12-31")},
	}
	l.ICPAccesses = []registry.ICPAccess{
		access("F-new.cn", "new.cn", "2026-02-01", ""), access("F-old.cn", "old.cn", "2026-02-01", ""),
		access("F-access.cn", "access.cn", "2021-02-01", ""), access("F-before", "others.cn", "2020-01-01", "2025-12-31"),
	}
	got := expect(t, rules.CreditNewResource(), l, "2026-03-01", "2026-03-08", []string{"A1", "new.cn", "others.cn"}, nil)
	if got["A1"].Severity != rules.High || got["new.cn"].Severity != rules.Medium || got["new.cn"].Facts["began_on"] != "2026-01-01" {
		t.Errorf("severities %s and %s, facts %v", got["A1"].Severity, got["new.cn"].Severity, got["new.cn"].Facts)
	}
}
