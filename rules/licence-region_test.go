package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestLicenceRegion(t *testing.T) {
	for _, tt := range []struct {
		name, place string
		coverage    []registry.Place
		national    bool
		status      string
		use         string
		want        rules.Outcome
	}{
		{name: "another province", place: "440300", coverage: []registry.Place{"31", "32"}, want: rules.Fires},
		{name: "another city of the province", place: "430100", coverage: []registry.Place{"430200"}, want: rules.Fires},
		{name: "the province covers its city", place: "440300", coverage: []registry.Place{"31", "44"}},
		{name: "six digits of a province", place: "440300", coverage: []registry.Place{"440000"}},
		{name: "the city itself", place: "440300", coverage: []registry.Place{"440300"}},
		{name: "a city covers its county", place: "440305", coverage: []registry.Place{"440300"}},
		{name: "the country", place: "440300", national: true},
		{name: "the country besides places", place: "440300", national: true, coverage: []registry.Place{"31"}},
		{name: "Hong Kong", place: "81", coverage: []registry.Place{"44"}, want: rules.Fires},
		{name: "unknown coverage", place: "440300", want: rules.Withheld},
		{name: "unknown place, the holder is registered elsewhere", coverage: []registry.Place{"31"}, want: rules.Withheld},
		{name: "a place less exact than the licence", place: "44", coverage: []registry.Place{"440300"}, want: rules.Withheld},
		{name: "revoked: licence-missing speaks of it", place: "440300", coverage: []registry.Place{"31"}, status: "revoked"},
		{name: "exempt use", place: "440300", coverage: []registry.Place{"31"}, use: "enterprise"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			if tt.status == "" {
				tt.status = "active"
			}
			if tt.use == "" {
				tt.use = "idc"
			}
			l.Licences = []registry.Licence{{No: "L1", EnterpriseID: "E1", Service: "B11", Coverage: tt.coverage, National: tt.national, Status: tt.status}}
			l.Allocations = []registry.Allocation{{Prefix: prefix(block), EnterpriseID: "E1", Use: tt.use, Place: registry.Place(tt.place)}}
			got := judge(t, rules.LicenceRegion(), l, nil, "2026-03-01", "2026-03-08")[block]
			if complete(t, got); got.Outcome != tt.want {
				t.Errorf("outcome %v, want %v: %s", got.Outcome, tt.want, got.Explanation.EN)
			}
		})
	}
}

func TestLicenceRegionOverDays(t *testing.T) {
	l := carrier(t)
	area := func(no, from, to string, places ...registry.Place) registry.Licence {
		return registry.Licence{No: no, EnterpriseID: "E1", Service: "B14", Coverage: places, Valid: validity(t, from, to), Status: "active"}
	}
	l.Lines = []registry.Line{{ID: "A1", EnterpriseID: "E1", Use: "isp", APlace: "330100"}}
	l.Licences = []registry.Licence{area("L1", "2020-01-01", "", "31"), area("L2", "2026-03-05", "", "33")}
	got := expect(t, rules.LicenceRegion(), l, "2026-03-01", "2026-03-08", nil, []string{"A1"})["A1"]
	if got.LastDay != day(t, "2026-03-04") || got.Facts["place"] != "330100" {
		t.Errorf("last day %s, facts %v", got.LastDay, got.Facts)
	}
	expect(t, rules.LicenceRegion(), l, "2026-03-05", "2026-03-08", nil, nil)
	l.Lines[0].Valid.To = day(t, "2026-02-28")
	expect(t, rules.LicenceRegion(), l, "2026-03-01", "2026-03-08", nil, nil)
}
