package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestICPEmptyShell(t *testing.T) {
	fires := []string{"a.cn"}
	other := seen(t, "x.cn", farAddr, "2026-01-01", "2026-03-08") // names are observed
	live := []registry.Domain{seen(t, "a.cn", farAddr, "2025-01-01", "2026-03-08")}
	row := []registry.ICPAccess{reached(t, "a.cn", "E2", "2020-01-01", "")}
	cancelled := filed(t, "a.cn", "2020-01-01", "")
	cancelled.Status = "cancelled"
	for _, tt := range []struct {
		name         string
		filing       registry.ICPFiling
		access       []registry.ICPAccess
		domains      []registry.Domain
		open, ceased []string
		withheld     bool
	}{
		{name: "in order", filing: filed(t, "a.cn", "2020-01-01", ""), access: row, domains: live},
		{name: "no access row", filing: filed(t, "a.cn", "2020-01-01", ""), domains: live, open: fires},
		{name: "the access row is over", filing: filed(t, "a.cn", "2020-01-01", ""), access: []registry.ICPAccess{reached(t, "a.cn", "E2", "", "2026-02-28")}, domains: live, open: fires},
		{name: "access of a name below", filing: filed(t, "a.cn", "2020-01-01", ""), access: []registry.ICPAccess{reached(t, "www.a.cn", "E2", "", "")}, domains: live},
		{name: "access added inside the span", filing: filed(t, "a.cn", "2020-01-01", ""), access: []registry.ICPAccess{reached(t, "a.cn", "E2", "2026-03-03", "")}, domains: live, ceased: fires},
		{name: "unseen for 90 days", filing: filed(t, "a.cn", "2020-01-01", ""), access: row, domains: []registry.Domain{other, seen(t, "a.cn", farAddr, "2025-01-01", "2025-12-08")}, open: fires},
		{name: "unseen for 89 days", filing: filed(t, "a.cn", "2020-01-01", ""), access: row, domains: []registry.Domain{other, seen(t, "a.cn", farAddr, "2025-01-01", "2025-12-09")}},
		{name: "a name below is seen", filing: filed(t, "a.cn", "2020-01-01", ""), access: row, domains: []registry.Domain{seen(t, "m.a.cn", farAddr, "2026-02-01", "2026-03-08")}},
		{name: "never seen, filed 90 days ago", filing: filed(t, "a.cn", "2025-12-08", ""), access: row, domains: []registry.Domain{other}, open: fires},
		{name: "never seen, filed 89 days ago", filing: filed(t, "a.cn", "2025-12-09", ""), access: row, domains: []registry.Domain{other}},
		{name: "seen for the first time inside the span, as all names", filing: filed(t, "a.cn", "2020-01-01", ""), access: row, domains: []registry.Domain{seen(t, "a.cn", farAddr, "2026-03-05", "2026-03-08")}},
		{name: "cancelled", filing: cancelled, domains: []registry.Domain{other}},
		{name: "the filing is over", filing: filed(t, "a.cn", "2020-01-01", "2026-02-28"), domains: []registry.Domain{other}},
		{name: "names were not observed in the span", filing: filed(t, "a.cn", "2020-01-01", ""), domains: []registry.Domain{seen(t, "x.cn", farAddr, "2025-01-01", "2026-02-28")}, withheld: true},
		{name: "names are not observed at all", filing: filed(t, "a.cn", "2020-01-01", "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			l.ICPFilings, l.ICPAccesses, l.Domains = []registry.ICPFiling{tt.filing}, tt.access, tt.domains
			got := expect(t, rules.ICPEmptyShell(), l, "2026-03-01", "2026-03-08", tt.open, tt.ceased)["a.cn"]
			if tt.withheld != (got.Outcome == rules.Withheld) {
				t.Errorf("outcome %v", got.Outcome)
			}
		})
	}
}
