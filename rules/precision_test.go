package rules_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/linewarden/linewarden/rules"
)

// TestWilson compares with intervals worked out by hand from Wilson's formula,
// with z = 1.959964.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		of, all   uint64
		low, high float64
	}{
		{0, 10, 0, 0.2775},
		{10, 10, 0.7225, 1},
		{5, 10, 0.2366, 0.7634},
		{81, 263, 0.2553, 0.3662}, // Newcombe 1998, table I
		{15, 148, 0.0624, 0.1605}, // Newcombe 1998, table I
		{0, 20, 0, 0.1611},        // Newcombe 1998, table I
		{1, 29, 0.0061, 0.1718},   // Newcombe 1998, table I
		{0, 0, 0, 1},
	} {
		low, high := rules.Wilson(c.of, c.all)
		if math.Abs(low-c.low) > 5e-5 || math.Abs(high-c.high) > 5e-5 {
			t.Errorf("%d of %d: [%.4f, %.4f], want [%.4f, %.4f]", c.of, c.all, low, high, c.low, c.high)
		}
	}
}

func TestPrecision(t *testing.T) {
	all := []rules.Adjudications{{Rule: "a", Confirmed: 5, Dismissed: 5}, {Rule: "b", Dismissed: 20}}
	for _, c := range []struct{ rule, text, json string }{
		{"a", "0.500 [0.237, 0.763] 5/10", `{"confirmed":5,"dismissed":5,"share":0.5,"low":0.2366,"high":0.7634}`},
		{"b", "0.000 [0.000, 0.161] 0/20", `{"confirmed":0,"dismissed":20,"share":0,"low":0,"high":0.1611}`},
		{"c", "尚无裁定 not yet adjudicated", `{"confirmed":0,"dismissed":0,"share":null,"low":null,"high":null}`},
	} {
		p := rules.PrecisionOf(all, c.rule)
		if got := p.String(); got != c.text {
			t.Errorf("%s: %q, want %q", c.rule, got, c.text)
		}
		if got, err := json.Marshal(p); err != nil || string(got) != c.json {
			t.Errorf("%s: %s (%v), want %s", c.rule, got, err, c.json)
		}
	}
}
