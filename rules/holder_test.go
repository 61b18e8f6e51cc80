package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// TestFindingsAreAboutWhoHeldIt has a resource change hands inside the span:
// who followed is not blamed for what was before.
func TestFindingsAreAboutWhoHeldIt(t *testing.T) {
	e1 := &rules.Holder{EnterpriseID: "E1", Name: "甲公司", Province: "33"}
	t.Run("licence-missing", func(t *testing.T) {
		l := carrier(t)
		l.Licences = []registry.Licence{licence(t, "E2", "B11", "active", "2015-01-01", "")}
		l.Allocations = []registry.Allocation{
			{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "E1", Use: "idc", Valid: validity(t, "2020-01-01", "2026-03-03")},
			{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "E2", Use: "idc", Valid: validity(t, "2026-03-04", "")},
		}
		got := judge(t, rules.LicenceMissing(), l, nil, "2026-03-01", "2026-03-08")["198.51.100.0/24"]
		blames(t, got, e1)
	})
	t.Run("intl-user-file", func(t *testing.T) {
		l := wholeFile(t)
		l.Lines = append(l.Lines, l.Lines[0])
		l.Lines[0].Valid.To = day(t, "2026-02-25")
		l.Lines[1].EnterpriseID, l.Lines[1].APlace, l.Lines[1].Valid.From, l.Lines[1].UserFile = "E2", "440300", day(t, "2026-02-26"), "F2"
		l.UserFiles = append(l.UserFiles, l.UserFiles[0])
		l.UserFiles[1].ID, l.UserFiles[1].EnterpriseID, l.UserFiles[1].LineID = "F2", "E2", ""
		if got := judge(t, rules.IntlUserFile(), l, nil, "2026-02-23", "2026-03-01")["I1"]; got.Outcome != rules.Clear {
			t.Fatalf("both holders have their file: %s", got.Explanation.EN)
		}
		l.UserFiles[0].Purpose = ""
		blames(t, judge(t, rules.IntlUserFile(), l, nil, "2026-02-23", "2026-03-01")["I1"], e1)
		l.UserFiles[0].Purpose, l.UserFiles[1].Purpose = "办公", ""
		blames(t, judge(t, rules.IntlUserFile(), l, nil, "2026-02-23", "2026-03-01")["I1"], nil)
		// The file of who was before is none of who follows.
		l.UserFiles = l.UserFiles[:1]
		got := judge(t, rules.IntlUserFile(), l, nil, "2026-02-23", "2026-03-01")["I1"]
		if deficits, _ := got.Facts["deficits"].([]string); !slices.Equal(deficits, []string{"no_user_file"}) || got.Holder != nil {
			t.Errorf("deficits %v of %+v", deficits, got.Holder)
		}
	})
	t.Run("intl-third-party", func(t *testing.T) {
		l := lineOnPort(t)
		l.Lines = append(l.Lines, l.Lines[0])
		l.Lines[0].Valid.To = day(t, "2026-02-26")
		l.Lines[1].EnterpriseID, l.Lines[1].APlace, l.Lines[1].Valid.From = "E2", "440300", day(t, "2026-02-27")
		before := usage{"10.1.0.0/16", "100.64.7.0/24", [7]uint64{1e6, 1e6, 1e6, 1e6}, 9e6}
		got := judge(t, rules.IntlThirdParty(), l, trafficOf{networks: before.networks(t), books: heard(1)}, "2026-02-23", "2026-03-01")["I1"]
		blames(t, got, e1)
		if got.LastDay != day(t, "2026-02-26") || got.Facts["days"] != 4 || got.Facts["third_party_share"] != 0.1 {
			t.Errorf("judged by days of another holder: %v", got.Facts)
		}
		after := usage{"10.1.0.0/16", "100.64.8.0/24", [7]uint64{4: 1e6, 5: 1e6, 6: 1e6}, 9e6}
		traffic := trafficOf{networks: append(before.networks(t), after.networks(t)...), books: heard(1)}
		got = judge(t, rules.IntlThirdParty(), l, traffic, "2026-02-23", "2026-03-01")["I1"]
		blames(t, got, nil)
		if names, _ := got.Facts["third_party_networks"].([]string); !slices.Equal(names, []string{"100.64.8.0/24 far"}) {
			t.Errorf("networks of another holder: %v", names)
		}
	})
}

// blames expects a finding about that holder, nil for whom the fact is about.
func blames(t *testing.T, got judged, want *rules.Holder) {
	t.Helper()
	if got.Outcome != rules.Fires {
		t.Fatalf("outcome %v", got.Outcome)
	}
	name := "乙公司"
	if want != nil {
		name = want.Name
	}
	switch {
	case (got.Holder == nil) != (want == nil) || want != nil && *got.Holder != *want:
		t.Errorf("blames %+v, want %+v", got.Holder, want)
	case !strings.Contains(got.Explanation.ZH, name) || !strings.Contains(got.Explanation.EN, name):
		t.Errorf("the explanation does not name %s: %s", name, got.Explanation.EN)
	}
}

func TestLicenceMissingWithTwoHoldersAtOnce(t *testing.T) {
	l := carrier(t)
	l.Licences = []registry.Licence{licence(t, "E2", "B11", "active", "2015-01-01", "")}
	block := func(holder, from string) registry.Allocation {
		return registry.Allocation{Prefix: prefix("198.51.100.0/24"), EnterpriseID: holder, Use: "idc", Place: "330100", Valid: validity(t, from, "")}
	}
	for name, rows := range map[string][]registry.Allocation{
		"licensed one first": {block("E2", "2020-01-01"), block("E1", "2021-01-01")},
		"licensed one last":  {block("E1", "2020-01-01"), block("E2", "2021-01-01")},
		"on one day":         {block("E2", "2020-01-01"), block("E1", "2020-01-01")},
	} {
		l.Allocations = rows
		got := judge(t, rules.LicenceMissing(), l, nil, "2026-03-01", "2026-03-01")["198.51.100.0/24"]
		if got.Outcome != rules.Fires || got.Facts["holder"] != "E1" {
			t.Errorf("%s: outcome %v about %v", name, got.Outcome, got.Facts["holder"])
		}
	}
}

func TestLicenceMissingSeverityFollowsTheNewestRow(t *testing.T) {
	tests := []struct {
		name     string
		cloud    registry.Tri
		licences []registry.Licence
		want     rules.Severity
		words    string
	}{
		{"renewed before, expired lately", registry.No, []registry.Licence{
			licence(t, "E1", "B11", "active", "2015-01-01", "2020-01-01"), licence(t, "E1", "B11", "active", "2020-01-02", "2026-02-20"),
		}, rules.Medium, "is filed as active, valid to 2026-02-20"},
		{"revoked before, expired lately", registry.No, []registry.Licence{
			licence(t, "E1", "B11", "revoked", "2015-01-01", "2020-01-01"), licence(t, "E1", "B11", "active", "2020-01-02", "2026-02-20"),
		}, rules.Medium, ""},
		{"expired before, revoked lately", registry.No, []registry.Licence{
			licence(t, "E1", "B11", "revoked", "2020-01-02", "2026-02-20"), licence(t, "E1", "B11", "active", "2015-01-01", "2020-01-01"),
		}, rules.High, "is filed as revoked"},
		{"the next one begins later", registry.No, []registry.Licence{
			licence(t, "E1", "B11", "active", "2026-04-01", ""), licence(t, "E1", "B11", "", "2020-01-02", "2026-02-20"),
		}, rules.Medium, "is filed as of unknown status"},
		{"another service was never held", registry.Yes, []registry.Licence{licence(t, "E1", "B11", "active", "2020-01-02", "2026-02-20")}, rules.High, "B11, B11-2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			l.Licences = tt.licences
			l.Allocations = []registry.Allocation{{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "E1", Use: "idc", Cloud: tt.cloud}}
			got := judge(t, rules.LicenceMissing(), l, nil, "2026-03-01", "2026-03-01")["198.51.100.0/24"]
			if got.Outcome != rules.Fires || got.Severity != tt.want || !strings.Contains(got.Explanation.EN, tt.words) {
				t.Errorf("severity %s, want %s: %s", got.Severity, tt.want, got.Explanation.EN)
			}
			if strings.Contains(got.Explanation.EN, "2026-04-01") || strings.Contains(got.Explanation.EN, "open end") {
				t.Errorf("a licence that has not begun is called lapsed: %s", got.Explanation.EN)
			}
		})
	}
}
