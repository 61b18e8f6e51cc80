package rules_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/linewarden/linewarden/rules"
)

// rederive fails when the fact's JSON does not give the same verdict again.
func rederive(t testing.TB, r rules.Rule, fact rules.Fact, p rules.Params, want rules.Judgement) {
	t.Helper()
	text, err := json.Marshal(fact)
	if err != nil {
		t.Fatalf("rule %s: fact cannot be written: %v", r.Spec.ID, err)
	}
	back, err := r.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Judge(back, p); !reflect.DeepEqual(got, want) {
		t.Errorf("rule %s: the verdict changes when the fact is read back:\n%+v\n%+v", r.Spec.ID, got, want)
	}
}

func TestCatalogueIsWhole(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range rules.Catalogue() {
		s := r.Spec
		if seen[s.ID] {
			t.Errorf("rule %s twice", s.ID)
		}
		seen[s.ID] = true
		if s.Version == "" || len(s.Clauses) == 0 || s.LookbackDays < 1 {
			t.Errorf("rule %s lacks a version, a clause or a look-back", s.ID)
		}
		for _, text := range []rules.Text{s.Title, s.Claim} {
			if text.ZH == "" || text.EN == "" {
				t.Errorf("rule %s has a text in one language only", s.ID)
			}
		}
		for _, p := range s.Params {
			if p.Default < p.Min || p.Default > p.Max || p.Unit == "" || p.Meaning.ZH == "" || p.Meaning.EN == "" {
				t.Errorf("rule %s: parameter %s is incomplete or its default is out of range", s.ID, p.Name)
			}
		}
		if r.Measure == nil || r.Judge == nil || r.Decode == nil {
			t.Errorf("rule %s lacks a function", s.ID)
		}
	}
	if len(seen) < 3 {
		t.Errorf("only %d rules", len(seen))
	}
}

func TestParamsAreChecked(t *testing.T) {
	spec := rules.IntlThirdParty().Spec
	p, err := spec.ParamsWith(map[string]float64{"min_share": 0.2})
	if err != nil || p["min_share"] != 0.2 || p["min_days"] != 2 {
		t.Errorf("got %v, %v", p, err)
	}
	if _, err := spec.ParamsWith(map[string]float64{"min_shar": 0.2}); err == nil {
		t.Error("an unknown parameter was taken")
	}
	if _, err := spec.ParamsWith(map[string]float64{"min_share": 5}); err == nil {
		t.Error("a share of 500 % was taken")
	}
	if _, err := spec.ParamsWith(map[string]float64{"min_share": math.NaN()}); err == nil {
		t.Error("a share that is no number was taken")
	}
}

func TestFindingIDIsStable(t *testing.T) {
	s := rules.Subject{Kind: rules.SubjectLine, ID: "L1"}
	id := rules.FindingID("intl-user-file", s)
	if id != rules.FindingID("intl-user-file", rules.Subject{Kind: rules.SubjectLine, ID: "L1", Name: "other"}) {
		t.Error("the name of a subject changes the id")
	}
	if id == rules.FindingID("intl-third-party", s) || id == rules.FindingID("intl-user-file", rules.Subject{Kind: rules.SubjectLine, ID: "L2"}) {
		t.Error("two findings share an id")
	}
}
