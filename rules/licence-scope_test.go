package rules_test

import (
	"slices"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// complete expects a finding to say all a person needs, in both languages.
func complete(t *testing.T, got judged) {
	t.Helper()
	if got.Outcome != rules.Fires {
		return
	}
	if got.Explanation.ZH == "" || got.Explanation.EN == "" || got.Severity == "" || len(got.Evidence) == 0 || len(got.Benign) == 0 || len(got.Facts) == 0 {
		t.Errorf("finding without words, tests, facts or evidence: %+v", got.Judgement)
	}
	for _, b := range got.Benign {
		if b.Name == "" || b.Result.ZH == "" || b.Result.EN == "" {
			t.Errorf("benign test %+v is not told in both languages", b)
		}
	}
	if got.Confidence != 1 || got.Completeness != 1 || got.FirstDay == 0 || got.LastDay < got.FirstDay {
		t.Errorf("confidence %v, completeness %v, days %v to %v", got.Confidence, got.Completeness, got.FirstDay, got.LastDay)
	}
}

// expect judges one rule and checks which subjects it fires for, and which of
// them have ceased.
func expect(t *testing.T, r rules.Rule, l *registry.Ledgers, from, to string, open, ceased []string) map[string]judged {
	t.Helper()
	got := judge(t, r, l, nil, from, to)
	var isOpen, isCeased []string
	for id, j := range got {
		complete(t, j)
		switch {
		case j.Outcome == rules.Fires && j.Ceased:
			isCeased = append(isCeased, id)
		case j.Outcome == rules.Fires:
			isOpen = append(isOpen, id)
		}
	}
	slices.Sort(isOpen)
	slices.Sort(isCeased)
	if !slices.Equal(isOpen, open) || !slices.Equal(isCeased, ceased) {
		t.Errorf("%s from %s to %s: open %v, ceased %v; want %v and %v", r.Spec.ID, from, to, isOpen, isCeased, open, ceased)
	}
	return got
}

const block = "198.51.100.0/24"

func TestLicenceScopeAndMissing(t *testing.T) {
	b11 := licence(t, "E1", "B11", "active", "2015-01-01", "")
	b11Ended := licence(t, "E1", "B11", "active", "2015-01-01", "2026-03-03")
	b14 := licence(t, "E1", "B14", "active", "2015-01-01", "")
	b14Later := licence(t, "E1", "B14", "active", "2026-03-05", "")
	b14Ended := licence(t, "E1", "B14", "active", "2015-01-01", "2026-03-04")
	tests := []struct {
		name           string
		use            string
		cloud          registry.Tri
		holder         string
		licences       []registry.Licence
		scope, missing string // "", open or ceased
	}{
		{name: "another service only", use: "idc", licences: []registry.Licence{b14}, scope: "open"},
		{name: "cloud on B11 alone", use: "idc", cloud: registry.Yes, licences: []registry.Licence{b11}, scope: "open"},
		{name: "nothing active", use: "idc", missing: "open"},
		{name: "held once, another active", use: "idc", licences: []registry.Licence{b11Ended, b14}, missing: "open"},
		{name: "one held once, one never: never both", use: "idc", cloud: registry.Yes, licences: []registry.Licence{b11Ended, b14}, missing: "open"},
		{name: "unlicensed, then licensed for another", use: "idc", licences: []registry.Licence{b14Later}, scope: "open"},
		{name: "licensed for another, then for none", use: "idc", licences: []registry.Licence{b14Ended}, missing: "open"},
		{name: "licensed", use: "idc", licences: []registry.Licence{b11}},
		{name: "a licence of the group", use: "idc", licences: []registry.Licence{licence(t, "E1S", "B11", "active", "2015-01-01", ""), b14}, scope: "open"},
		{name: "the service is licensed from inside the span", use: "isp", licences: []registry.Licence{b11, b14Later}, scope: "ceased"},
		{name: "renewed without a gap", use: "isp", licences: []registry.Licence{b14Ended, b14Later}},
		{name: "enterprise", use: "enterprise", licences: []registry.Licence{b11}},
		{name: "infrastructure", use: "infrastructure", licences: []registry.Licence{b11}},
		{name: "subscriber pool", use: "subscriber_pool", licences: []registry.Licence{b11}},
		{name: "the carrier", use: "idc", holder: "CT", licences: []registry.Licence{licence(t, "CT", "B14", "active", "2015-01-01", "")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			l.Licences = tt.licences
			if tt.holder == "" {
				tt.holder = "E1"
			}
			l.Allocations = []registry.Allocation{{Prefix: prefix(block), EnterpriseID: tt.holder, Use: tt.use, Cloud: tt.cloud, Place: "330100"}}
			for rule, want := range map[string]string{"licence-scope": tt.scope, "licence-missing": tt.missing} {
				r, _ := rules.Find(rules.Catalogue(), rule)
				var open, ceased []string
				switch want {
				case "open":
					open = []string{block}
				case "ceased":
					ceased = []string{block}
				}
				expect(t, r, l, "2026-03-01", "2026-03-08", open, ceased)
			}
		})
	}
}

func TestLicenceScopeOfCommitments(t *testing.T) {
	l := carrier(t)
	l.Licences = []registry.Licence{licence(t, "E1", "B11", "active", "2015-01-01", "")}
	l.Allocations = []registry.Allocation{{Prefix: prefix(block), EnterpriseID: "E1", Use: "cdn", Place: "330100"}}
	fires := []string{block}
	for _, tt := range []struct {
		name, service, made, due, day string
		want                          []string
	}{
		{"in its grace", "B12", "2017-03-31", "2017-12-31", "2017-12-31", nil},
		{"after its grace", "B12", "2017-03-31", "2017-12-31", "2018-01-01", fires},
		{"after its own due day", "B12", "2017-03-01", "2017-06-30", "2017-07-01", fires},
		{"made too late", "B12", "2017-04-01", "2017-12-31", "2017-12-31", fires},
		{"due too late", "B12", "2017-03-31", "2018-01-01", "2017-12-31", fires},
		{"not made yet", "B12", "2017-03-31", "2017-12-31", "2017-03-30", fires},
		{"for another service", "B14", "2017-03-31", "2017-12-31", "2017-12-31", fires},
		{"without a due day", "B12", "2017-03-31", "", "2017-12-31", fires},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.Commitments = []registry.Commitment{{EnterpriseID: "E1", Service: tt.service, MadeOn: day(t, tt.made), DueOn: day(t, tt.due)}}
			expect(t, rules.LicenceScope(), l, tt.day, tt.day, tt.want, nil)
		})
	}
}
