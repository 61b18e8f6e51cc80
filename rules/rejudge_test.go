package rules_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// stored returns a finding of intl-third-party as it comes back from a store.
func stored(t *testing.T) *rules.Finding {
	t.Helper()
	r := rules.IntlThirdParty()
	day := registry.NewDate(2026, time.March, 2)
	fact := rules.ThirdPartyFact{
		LineFact: rules.LineFact{
			Subject: rules.Subject{Kind: rules.SubjectLine, ID: "L1", Name: "甲"},
			Holders: []rules.Holder{{EnterpriseID: "E1", Name: "甲", Province: "31"}}, EndA: []netip.Prefix{prefix("198.51.100.0/24")},
			LastDay: day + 1, Completeness: 1, Exporters: []string{"192.0.2.1"},
		},
		Days: []rules.LineDay{
			{Day: day, Holder: "E1", Bytes: 1 << 40, Samples: 90000, OffendingBytes: 1 << 39, OffendingSamples: 45000},
			{Day: day + 1, Holder: "E1", Bytes: 1 << 40, Samples: 90000, OffendingBytes: 1 << 38, OffendingSamples: 22000},
		},
	}
	params, err := r.Spec.ParamsWith(nil)
	if err != nil {
		t.Fatal(err)
	}
	j := r.Judge(fact, params)
	if j.Outcome != rules.Fires {
		t.Fatalf("the fact is %v: %s", j.Outcome, j.Reason)
	}
	f := rules.Finding{
		ID: rules.FindingID(r.Spec.ID, fact.Subject), Rule: r.Spec.ID, RuleVersion: r.Spec.Version, Subject: fact.Subject, EnterpriseID: "E1", Province: "31",
		Severity: j.Severity, Confidence: j.Confidence, FirstSeen: j.FirstDay.Start(time.UTC), LastSeen: (j.LastDay + 1).Start(time.UTC),
		Facts: j.Facts, Completeness: j.Completeness, Title: r.Spec.Title, Explanation: j.Explanation, Evidence: j.Evidence, Benign: j.Benign,
	}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back rules.Finding
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.Basis, err = rules.NewBasis(fact, params, registry.Version{ID: "v1"}); err != nil {
		t.Fatal(err)
	}
	return &back
}

func TestRejudge(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *rules.Finding)
		differ []string
	}{
		"as it was":            {func(*rules.Finding) {}, nil},
		"widened by merging":   {func(f *rules.Finding) { f.FirstSeen = f.FirstSeen.AddDate(0, 0, -9) }, nil},
		"moved to a state":     {func(f *rules.Finding) { f.State = rules.Confirmed }, nil},
		"a share was changed":  {func(f *rules.Finding) { f.Facts["third_party_share"] = 0.9 }, []string{"facts"}},
		"confidence, severity": {func(f *rules.Finding) { f.Confidence, f.Severity = 0.25, rules.Low }, []string{"severity", "confidence"}},
		"words were changed":   {func(f *rules.Finding) { f.Explanation.ZH += "。" }, []string{"explanation"}},
		"evidence is gone":     {func(f *rules.Finding) { f.Evidence = nil }, []string{"evidence"}},
		"seen for too short":   {func(f *rules.Finding) { f.LastSeen = f.FirstSeen }, []string{"last_seen"}},
		"another version":      {func(f *rules.Finding) { f.RuleVersion = "0" }, []string{"rule_version"}},
		"another parameter":    {func(f *rules.Finding) { f.Basis.Params["min_share"] = 0.99 }, []string{"outcome"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := stored(t)
			c.change(f)
			got, err := rules.Rejudge(rules.IntlThirdParty(), f, time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			var fields []string
			for _, d := range got.Differences {
				fields = append(fields, d.Field)
			}
			if strings.Join(fields, " ") != strings.Join(c.differ, " ") || got.Identical != (len(c.differ) == 0) {
				t.Errorf("identical: %v, differences %s, want %v", got.Identical, got.Differences, c.differ)
			}
		})
	}
}

func TestRejudgeWithoutBasis(t *testing.T) {
	f := stored(t)
	if _, err := rules.Rejudge(rules.LicenceMissing(), f, time.UTC); err == nil {
		t.Error("judged by another rule")
	}
	for _, b := range []*rules.Basis{nil, {}, {Fact: json.RawMessage("null")}} {
		f.Basis = b
		if _, err := rules.Rejudge(rules.IntlThirdParty(), f, time.UTC); !errors.Is(err, rules.ErrNoBasis) {
			t.Errorf("basis %v: %v", b, err)
		}
	}
	f.Basis = &rules.Basis{Fact: json.RawMessage("[]")}
	if _, err := rules.Rejudge(rules.IntlThirdParty(), f, time.UTC); err == nil {
		t.Error("a damaged fact was judged")
	}
}

// largeFact is larger than what is kept.
type largeFact struct{ rules.ThirdPartyFact }

func (largeFact) MarshalJSON() ([]byte, error) {
	return json.Marshal(strings.Repeat("x", rules.MaxFactBytes))
}

func TestBasisIsBounded(t *testing.T) {
	b, err := rules.NewBasis(largeFact{}, nil, registry.Version{})
	if err != nil || string(b.Fact) != "null" {
		t.Errorf("kept %d bytes, %v", len(b.Fact), err)
	}
}
