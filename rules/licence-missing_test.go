package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// licence returns a row for the service, active unless told otherwise.
func licence(t *testing.T, holder, service, status, from, to string) registry.Licence {
	t.Helper()
	return registry.Licence{No: service + "-" + from, EnterpriseID: holder, Service: service, National: true, Status: status, Valid: validity(t, from, to)}
}

func TestLicenceMissing(t *testing.T) {
	const from, to = "2026-03-01", "2026-03-08"
	tests := []struct {
		name     string
		use      string
		cloud    registry.Tri
		holder   string
		valid    [2]string
		licences []registry.Licence
		want     rules.Outcome
		ceased   bool
		missing  []string
		severity rules.Severity
	}{
		{name: "never any licence", use: "idc", want: rules.Fires, missing: []string{"B11"}, severity: rules.High},
		{name: "active", use: "idc", licences: []registry.Licence{licence(t, "E1", "B11", "active", "2020-01-01", "")}},
		{
			name: "expired long ago", use: "cdn", want: rules.Fires, missing: []string{"B12"}, severity: rules.High,
			licences: []registry.Licence{licence(t, "E1", "B12", "active", "2015-01-01", "2020-01-01")},
		},
		{
			name: "expired lately", use: "cdn", want: rules.Fires, missing: []string{"B12"}, severity: rules.Medium,
			licences: []registry.Licence{licence(t, "E1", "B12", "active", "2015-01-01", "2026-02-20")},
		},
		{
			name: "revoked", use: "isp", want: rules.Fires, missing: []string{"B14"}, severity: rules.High,
			licences: []registry.Licence{licence(t, "E1", "B14", "revoked", "2015-01-01", "")},
		},
		{
			name: "suspended while another is active", use: "isp", want: rules.Fires, missing: []string{"B14"}, severity: rules.High,
			licences: []registry.Licence{licence(t, "E1", "B14", "suspended", "2015-01-01", ""), licence(t, "E1", "B11", "active", "2015-01-01", "")},
		},
		{
			name: "another service only is licence-scope", use: "isp",
			licences: []registry.Licence{licence(t, "E1", "B11", "active", "2015-01-01", "")},
		},
		{
			name: "cloud on a B11 alone is licence-scope", use: "idc", cloud: registry.Yes,
			licences: []registry.Licence{licence(t, "E1", "B11", "active", "2015-01-01", "")},
		},
		{
			name: "cloud without anything", use: "idc", cloud: registry.Yes, want: rules.Fires, missing: []string{"B11", "B11-2"}, severity: rules.High,
		},
		{
			name: "renewed without a gap", use: "ipvpn",
			licences: []registry.Licence{licence(t, "E1", "B13", "active", "2015-01-01", "2026-03-04"), licence(t, "E1", "B13", "active", "2026-03-05", "")},
		},
		{
			name: "renewed with a gap inside the span", use: "ipvpn", want: rules.Fires, ceased: true, missing: []string{"B13"}, severity: rules.Medium,
			licences: []registry.Licence{licence(t, "E1", "B13", "active", "2015-01-01", "2026-03-03"), licence(t, "E1", "B13", "active", "2026-03-06", "")},
		},
		{name: "resource ended inside the span", use: "dns", valid: [2]string{"2020-01-01", "2026-03-04"}, want: rules.Fires, ceased: true, missing: []string{"B26-1"}, severity: rules.High},
		{name: "resource ended before the span", use: "dns", valid: [2]string{"2020-01-01", "2026-02-28"}},
		{name: "enterprise use", use: "enterprise"},
		{name: "infrastructure", use: "infrastructure"},
		{name: "subscriber pool", use: "subscriber_pool"},
		{name: "the carrier itself", use: "idc", holder: "CT"},
		{name: "a licence of the group is not the holder's", use: "idc", want: rules.Fires, missing: []string{"B11"}, severity: rules.High, licences: []registry.Licence{licence(t, "E1S", "B11", "active", "2015-01-01", "")}},
		{name: "starts in the future", use: "idc", want: rules.Fires, missing: []string{"B11"}, severity: rules.High, licences: []registry.Licence{licence(t, "E1", "B11", "active", "2026-04-01", "")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			holder := tt.holder
			if holder == "" {
				holder = "E1"
			}
			l.Licences = tt.licences
			l.Allocations = []registry.Allocation{{
				Prefix: prefix("198.51.100.0/24"), EnterpriseID: holder, Use: tt.use, Cloud: tt.cloud, Place: "330100",
				Valid: validity(t, tt.valid[0], tt.valid[1]),
			}}
			got := judge(t, rules.LicenceMissing(), l, nil, from, to)["198.51.100.0/24"]
			if got.Outcome != tt.want || got.Ceased != tt.ceased {
				t.Fatalf("outcome %v ceased %v, want %v %v: %s", got.Outcome, got.Ceased, tt.want, tt.ceased, got.Explanation.EN)
			}
			if tt.want != rules.Fires {
				return
			}
			if missing, _ := got.Facts["missing_services"].([]string); !slices.Equal(missing, tt.missing) {
				t.Errorf("missing services %v, want %v", missing, tt.missing)
			}
			if got.Severity != tt.severity || got.Confidence != 1 || got.Completeness != 1 {
				t.Errorf("severity %s confidence %v completeness %v", got.Severity, got.Confidence, got.Completeness)
			}
			if !strings.Contains(got.Explanation.ZH, "请人工核实") || got.Explanation.EN == "" || len(got.Benign) == 0 || len(got.Evidence) == 0 {
				t.Errorf("finding without words, tests or evidence: %+v", got.Judgement)
			}
		})
	}
}

func TestLicenceMissingOnLines(t *testing.T) {
	l := carrier(t)
	l.Lines = []registry.Line{{ID: "L1", EnterpriseID: "E2", Use: "isp", Scope: "domestic", APlace: "440300"}}
	got := judge(t, rules.LicenceMissing(), l, nil, "2026-03-01", "2026-03-01")
	if got["L1"].Outcome != rules.Fires || got["L1"].subject.Kind != rules.SubjectLine {
		t.Errorf("got %+v", got["L1"])
	}
}

func TestLicenceMissingFollowsSuccessiveHolders(t *testing.T) {
	l := carrier(t)
	l.Licences = []registry.Licence{licence(t, "E2", "B11", "active", "2015-01-01", "")}
	l.Allocations = []registry.Allocation{
		{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "E1", Use: "idc", Valid: validity(t, "2020-01-01", "2026-03-03")},
		{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "E2", Use: "idc", Valid: validity(t, "2026-03-04", "")},
	}
	got := judge(t, rules.LicenceMissing(), l, nil, "2026-03-01", "2026-03-08")["198.51.100.0/24"]
	if got.Outcome != rules.Fires || !got.Ceased || got.LastDay != day(t, "2026-03-03") {
		t.Errorf("got %+v", got)
	}
	if got := judge(t, rules.LicenceMissing(), l, nil, "2026-03-04", "2026-03-08")["198.51.100.0/24"]; got.Outcome != rules.Clear {
		t.Errorf("the licensed successor is blamed: %+v", got)
	}
}

func TestIndividualsAreNeverNamed(t *testing.T) {
	l := carrier(t)
	l.Allocations = []registry.Allocation{{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "P1", Use: "idc"}}
	got := judge(t, rules.LicenceMissing(), l, nil, "2026-03-01", "2026-03-01")["198.51.100.0/24"]
	if got.Outcome != rules.Fires {
		t.Fatalf("outcome %v", got.Outcome)
	}
	for _, text := range []string{got.subject.Name, got.Explanation.ZH, got.Explanation.EN} {
		if strings.Contains(text, "张三") {
			t.Errorf("%q names an individual", text)
		}
	}
}
