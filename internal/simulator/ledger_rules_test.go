package simulator

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// TestLedgerRulesFindTheTruth judges the ledgers by every rule that needs nothing
// else, as an audit of the whole span does and as one of the last day.
func TestLedgerRulesFindTheTruth(t *testing.T) {
	c := testCarrier(t, nil)
	dir := filepath.Join(t.TempDir(), "registry")
	if err := c.WriteLedgers(dir); err != nil {
		t.Fatal(err)
	}
	tables, _ := registry.Read(dir, nil)
	ledgers, _ := registry.Parse(tables)
	snapshot := registry.NewSnapshot(ledgers, []uint32{carrierASN})
	from, to := c.Span()
	for _, r := range rules.Catalogue() {
		if !r.Spec.Ledger || r.Spec.Routes {
			continue
		}
		t.Run(r.Spec.ID, func(t *testing.T) {
			whole := rules.NewSpan(rules.Window{From: from, To: to}, c.cfg.Location)
			last := whole
			last.Days.From, last.Exact = last.Days.To-registry.Date(r.Spec.LookbackDays)+1, rules.Window{}
			for _, span := range []rules.Span{whole, last} {
				compare(t, c, r, found(t, r, snapshot, span))
			}
		})
	}
}

// found returns the subjects a rule fires for.
func found(t *testing.T, r rules.Rule, s *registry.Snapshot, span rules.Span) []string {
	t.Helper()
	params, err := r.Spec.ParamsWith(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for fact, err := range r.Measure(t.Context(), rules.Inputs{Span: span, Ledgers: s}, params) {
		if err != nil {
			t.Fatal(err)
		}
		if subject, _, _ := fact.About(); r.Judge(fact, params).Outcome == rules.Fires {
			out = append(out, string(subject.Kind)+" "+subject.ID)
		}
	}
	return out
}

func compare(t *testing.T, c *Carrier, r rules.Rule, got []string) {
	t.Helper()
	truth := c.Truth()
	var must, may, innocent []string
	for to, rows := range map[*[]string][]TruthRow{&must: truth.Must, &may: truth.May, &innocent: c.Innocents()} {
		for _, row := range rows {
			if row.Rule == r.Spec.ID {
				*to = append(*to, row.SubjectKind+" "+row.SubjectID)
			}
		}
	}
	if len(must) == 0 || len(innocent) == 0 {
		t.Errorf("%d violators and %d innocents", len(must), len(innocent))
	}
	for _, id := range must {
		if !beyondLedgers(t, c)[r.Spec.ID+" "+id] && !slices.Contains(got, id) {
			t.Errorf("missed: %s", id)
		}
	}
	for _, id := range got {
		if !slices.Contains(must, id) && !slices.Contains(may, id) {
			t.Errorf("false: %s", id)
		}
	}
}

// beyondLedgers are violations of rules about ledgers that only routes or
// traffic show.
func beyondLedgers(t *testing.T, c *Carrier) map[string]bool {
	t.Helper()
	out := map[string]bool{evaluationMissing + " enterprise E541": true, evaluationMissing + " enterprise E542": true}
	for _, a := range readLedgers(t, c)["allocations"] {
		switch a["enterprise_id"] {
		case "E721", "E724", "E727":
			out[filingConflict+" allocation "+a["prefix"]] = true
		}
	}
	return out
}
