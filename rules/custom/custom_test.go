package custom_test

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/custom"
)

// monday is the first day of the span of these tests.
var monday = registry.NewDate(2026, time.March, 2)

// traffic answers from lists.
type traffic struct {
	rules.Traffic // what is not asked for panics
	books         []rules.ExporterBooks
	networks      []rules.LineNetworks
	allocations   []rules.AllocationDay
	hosts         []rules.AllocationHost
	within        []rules.AllocationID
}

func (t *traffic) ExporterBooks(context.Context, rules.Window) ([]rules.ExporterBooks, error) {
	return t.books, nil
}

func (t *traffic) LineNetworks(context.Context, rules.Window, *time.Location, ...string) iter.Seq2[rules.LineNetworks, error] {
	return each(t.networks)
}

func (t *traffic) Allocations(context.Context, rules.Window, *time.Location) iter.Seq2[rules.AllocationDay, error] {
	return each(t.allocations)
}

func (t *traffic) AllocationHosts(_ context.Context, q rules.AddressQuestion) iter.Seq2[rules.AllocationHost, error] {
	t.within = q.Within
	return each(t.hosts)
}

func each[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func ledgers() *registry.Snapshot {
	router := netip.MustParseAddr("192.0.2.1")
	return registry.NewSnapshot(&registry.Ledgers{
		Enterprises: []registry.Enterprise{{ID: "E1", Name: "甲公司", Nature: "enterprise", Place: "31"}, {ID: "E2", Name: "乙大学", Nature: "institution", Place: "11"}},
		Lines: []registry.Line{
			{ID: "L1", EnterpriseID: "E1", Scope: "international", BandwidthMbps: 100, APlace: "310115", ZCountry: "US"},
			{ID: "L2", EnterpriseID: "E2", Scope: "domestic", BandwidthMbps: 100, APlace: "11"},
		},
		Exporters:  []registry.Exporter{{Address: router}},
		Interfaces: []registry.Interface{{Exporter: router, IfIndex: 10, Role: "customer", LineID: "L1"}, {Exporter: router, IfIndex: 11, Role: "customer", LineID: "L2"}},
		Allocations: []registry.Allocation{
			{Prefix: netip.MustParsePrefix("203.0.113.0/24"), EnterpriseID: "E1", Use: "enterprise", Place: "31"},
			{Prefix: netip.MustParsePrefix("198.51.100.0/24"), EnterpriseID: "E2", Use: "subscriber_pool"},
		},
		Networks: []registry.Network{{Prefix: netip.MustParsePrefix("8.8.8.0/24"), Country: "US", Kind: "cloud"}},
	}, nil)
}

func carried(line string, day registry.Date, far string, from, samples uint64) rules.LineNetworks {
	return rules.LineNetworks{Line: line, Day: day, Near: netip.MustParsePrefix("203.0.113.0/24"), Far: netip.MustParsePrefix(far), FromCustomer: from, Samples: samples}
}

func world() *traffic {
	books := []rules.ExporterBooks{{Exporter: netip.MustParseAddr("192.0.2.1"), Received: 1000, Stored: 990, Missed: 0}}
	alloc := netip.MustParsePrefix("203.0.113.0/24")
	day := rules.AllocationDay{Allocation: alloc, Day: monday, Out: 5e9, In: 1e6, Samples: 5000}
	for h := range day.OutByHour {
		day.OutByHour[h] = 2e8
	}
	return &traffic{
		books: books,
		networks: []rules.LineNetworks{
			carried("L1", monday, "8.8.8.0/24", 3e9, 4000), carried("L1", monday, "9.9.9.0/24", 1e9, 900), carried("L1", monday+5, "8.8.8.0/24", 6e9, 5000),
			carried("L2", monday, "8.8.8.0/24", 9e9, 9000),
		},
		allocations: []rules.AllocationDay{day},
		hosts: []rules.AllocationHost{
			{Allocation: alloc, Day: monday, Address: netip.MustParseAddr("203.0.113.5"), Port: 443, Out: 5e9, Peers: 900, Networks: 300, Samples: 4000, Hours: 1<<24 - 1},
			{Allocation: alloc, Day: monday, Address: netip.MustParseAddr("203.0.113.6"), Out: 5e3, Peers: 2, Samples: 40},
		},
	}
}

// file returns a rule with some keys replaced.
func file(change map[string]string) string {
	keys := []string{"id", "version", "clauses", "title", "claim", "severity", "params", "fact", "subject", "only", "when", "confidence", "lookback_days"}
	values := map[string]string{
		"id": "custom-test", "version": `"1"`, "clauses": "[{id: N32-2.2.4, from: 2017-01-17}]", "title": "{zh: 标题, en: title}", "claim": "{zh: 主张, en: claim}",
		"params": "[{name: min_bytes, unit: bytes, default: 2e9, min: 0, max: 1e15, meaning: {zh: 字节, en: bytes}}]",
		"fact":   "line_day", "when": "row.from_customer > params.min_bytes", "severity": "high",
	}
	maps.Copy(values, change)
	var b strings.Builder
	for _, k := range keys {
		if v := values[k]; v != "" {
			b.WriteString(k + ": " + v + "\n")
		}
	}
	return b.String()
}

// judge runs a rule over the world and describes what comes out.
func judge(t *testing.T, text string, w *traffic) []string {
	t.Helper()
	r, problems := custom.Parse("rule.yaml", []byte(text))
	for _, p := range problems {
		t.Fatal(p)
	}
	p, err := r.Spec.ParamsWith(nil)
	if err != nil {
		t.Fatal(err)
	}
	span := rules.Span{Days: registry.Validity{From: monday, To: monday + 6}, Location: time.UTC}
	var out []string
	for fact, err := range r.Measure(t.Context(), rules.Inputs{Span: span, Ledgers: ledgers(), Traffic: w}, p) {
		if err != nil {
			t.Fatal(err)
		}
		j := r.Judge(fact, p)
		stored, err := json.Marshal(fact)
		if err != nil {
			t.Fatal(err)
		}
		back, err := r.Decode(stored)
		if err != nil {
			t.Fatal(err)
		}
		if again := r.Judge(back, p); !reflect.DeepEqual(again, j) {
			t.Errorf("judged otherwise when read back: %+v, %+v", again, j)
		}
		s, _, _ := fact.About()
		switch j.Outcome {
		case rules.Clear:
		case rules.Fires:
			out = append(out, strings.Join([]string{s.ID, j.FirstDay.String(), j.LastDay.String(), string(j.Severity)}, " "))
			if j.Explanation.ZH == "" || j.Explanation.EN == "" || len(j.Evidence) < 2 || j.Confidence <= 0 {
				t.Errorf("the finding says too little: %+v", j)
			}
		case rules.Withheld:
			out = append(out, s.ID+" "+j.Reason)
		}
	}
	return out
}

func TestRules(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		world  func(w *traffic)
		want   []string
	}{
		"line days":   {nil, nil, []string{"L1 2026-03-02 2026-03-07 high", "L2 2026-03-02 2026-03-02 high"}},
		"only":        {map[string]string{"only": `subject.scope == "international" && subject.place.startsWith("31")`}, nil, []string{"L1 2026-03-02 2026-03-07 high"}},
		"rest days":   {map[string]string{"when": "row.from_customer > params.min_bytes && !row.workday"}, nil, []string{"L1 2026-03-07 2026-03-07 high"}},
		"bandwidth":   {map[string]string{"when": "row.from_customer * 8.0 / 86400.0 > 0.05 * subject.bandwidth_mbps * 1e5"}, nil, []string{"L1 2026-03-07 2026-03-07 high", "L2 2026-03-02 2026-03-02 high"}},
		"never":       {map[string]string{"when": "false"}, nil, nil},
		"days":        {map[string]string{"params": "[{name: min_days, unit: days, default: 2, min: 1, max: 9, meaning: {zh: 天, en: days}}]", "when": "row.samples > 0"}, nil, []string{"L1 2026-03-02 2026-03-07 high"}},
		"networks":    {map[string]string{"fact": "line_networks", "when": `row.far_country == "US" && row.far_kind == "cloud" && row.days >= 2`}, nil, []string{"L1 2026-03-02 2026-03-07 high"}},
		"allocations": {map[string]string{"fact": "allocation_day", "when": "row.out > 100.0 * row.into && row.out_by_hour.all(h, h > 1e8)", "confidence": `"row.into > 1e5 ? 0.9 : 0.5"`}, nil, []string{"203.0.113.0/24 2026-03-02 2026-03-02 high"}},
		"hosts":       {map[string]string{"fact": "allocation_host", "when": "row.port == 443 && row.peers >= 500 && row.hours_active >= 20"}, nil, []string{"203.0.113.0/24 2026-03-02 2026-03-02 high"}},
		"incomplete":  {nil, func(w *traffic) { w.books[0].Missed = 1000 }, []string{"L1 low_completeness", "L2 low_completeness"}},
		"few samples": {nil, func(w *traffic) { w.networks = w.networks[1:2] }, []string{"L1 low_samples"}},
		"division":    {map[string]string{"when": "1 / int(row.to_customer) > 0"}, nil, []string{"L1 expression_failed", "L2 expression_failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := world()
			if c.world != nil {
				c.world(w)
			}
			if diff := cmp.Diff(c.want, judge(t, file(c.change), w)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if name == "hosts" && !slices.Equal(w.within, []rules.AllocationID{netip.MustParsePrefix("203.0.113.0/24")}) {
				t.Errorf("addresses of %v were asked for: a subscriber pool is none of them", w.within)
			}
		})
	}
}

func TestManyRows(t *testing.T) {
	w := world()
	w.networks = nil
	for i := range 3 * custom.MaxRows {
		far := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + i>>16), byte(i >> 8), byte(i), 0}), 24)
		w.networks = append(w.networks, carried("L1", monday, far.String(), uint64(1000+i), 10))
	}
	text := file(map[string]string{"fact": "line_networks", "when": "row.from_customer == 1000.0"})
	if got := judge(t, text, w); len(got) != 1 || got[0] != "L1 too_many_rows" {
		t.Errorf("the smallest row is not there, and %v", got)
	}
	text = file(map[string]string{"fact": "line_networks", "when": "row.from_customer == 13287.0"})
	if got := judge(t, text, w); len(got) != 1 || !strings.Contains(got[0], "high") {
		t.Errorf("the greatest row is there, and %v", got)
	}
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		text   string
		want   string
	}{
		"id":           {map[string]string{"id": "night"}, "", `rule.yaml:1: id: "night" must be custom- and words`},
		"unknown key":  {nil, file(nil) + "wen: true\n", `rule.yaml:10: unknown field "wen"`},
		"colon":        {map[string]string{"when": "row.samples > 1.0 ? true : false"}, "", "put an expression that holds a colon in quotes"},
		"no YAML":      {nil, "id: [", "rule.yaml:1: "},
		"empty":        {nil, "", "rule.yaml:1: the file is empty"},
		"title":        {map[string]string{"title": "{zh: 标题}"}, "", "rule.yaml:4: title: needs both languages"},
		"severity":     {map[string]string{"severity": "urgent"}, "", `severity: "urgent" is not one of low, medium, high, critical`},
		"fact":         {map[string]string{"fact": "lines"}, "", `fact: "lines" is not one of allocation_day, allocation_host, line_day, line_networks`},
		"subject":      {map[string]string{"subject": "asn"}, "", `subject: "asn" does not fit the fact line_day, whose subject is line`},
		"look-back":    {map[string]string{"lookback_days": "400"}, "", "lookback_days: 400 is not from 1 to 92"},
		"clause":       {map[string]string{"clauses": "[{id: X, from: 2017-13-01}]"}, "", `rule.yaml:3: clauses: "2017-13-01" is not a date`},
		"param":        {map[string]string{"params": "[{name: min_bytes, unit: b, default: 5, min: 9, max: 10, meaning: {zh: 字, en: b}}]"}, "", "min_bytes: the default 5 is not from min 9 to max 10"},
		"column":       {map[string]string{"when": "row.form_customer > 1"}, "", "rule.yaml:9: when: undefined field 'form_customer'; see the columns"},
		"block":        {map[string]string{"when": "|\n  row.from_customer > 1 &&\n  rom.samples > 2"}, "", "rule.yaml:11: when: undeclared reference to 'rom' (in container ''); an expression may name row, subject and params.NAME"},
		"parameter":    {map[string]string{"when": "row.samples > params.least"}, "", "undeclared reference"},
		"type":         {map[string]string{"when": "row.samples"}, "", "the expression gives double, it must give bool"},
		"int sums":     {map[string]string{"when": "row.samples * 8 > 1"}, "", "figures are doubles, write 8.0 and not 8"},
		"row in only":  {map[string]string{"only": "row.samples > 1.0"}, "", "undeclared reference to 'row'"},
		"no condition": {map[string]string{"when": "' '"}, "", "when: is missing"},
		"long":         {map[string]string{"when": strings.Repeat("true || ", 600) + "true"}, "", "the expression has 4804 bytes, at most 4096"},
		"deep":         {map[string]string{"when": strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200)}, "", "when: "},
		"costly":       {map[string]string{"fact": "allocation_day", "when": "row.out_by_hour.all(a, row.out_by_hour.all(b, row.out_by_hour.all(c, row.out_by_hour.all(d, a+b+c+d > 0.0))))"}, "", "the expression may cost"},
	} {
		t.Run(name, func(t *testing.T) {
			text := c.text
			if text == "" && name != "empty" {
				text = file(c.change)
			}
			_, problems := custom.Parse("rule.yaml", []byte(text))
			for _, p := range problems {
				if strings.Contains(p.Error(), c.want) {
					return
				}
			}
			t.Errorf("problems %v, want %q in\n%s", problems, c.want, text)
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("b.yaml", file(map[string]string{"id": "custom-b"}))
	write("a.yml", file(map[string]string{"id": "custom-c"}))
	write("notes.txt", "not a rule")
	write(".hidden.yaml", "[")
	found, problems := custom.Load(dir)
	if len(problems) > 0 || len(found) != 2 || found[0].Spec.ID != "custom-b" {
		t.Fatalf("%d rules, %v", len(found), problems)
	}
	write("d.yaml", file(map[string]string{"id": "custom-b"}))
	write("e.yaml", strings.Repeat("#", custom.MaxFileBytes+1))
	found, problems = custom.Load(dir)
	if len(found) != 2 || len(problems) != 2 || !strings.Contains(problems[0].Error(), "d.yaml:1: rule custom-b is in ") {
		t.Errorf("%d rules, %v", len(found), problems)
	}
	if _, problems := custom.Load(filepath.Join(dir, "none")); len(problems) != 1 {
		t.Errorf("a directory that is not there: %v", problems)
	}
}

func TestFields(t *testing.T) {
	for _, table := range custom.Tables() {
		if fields := custom.Fields(table); !slices.Contains(fields, "samples") {
			t.Errorf("%s has %v", table, fields)
		}
	}
	if custom.Fields("none") != nil {
		t.Error("a table that is not there has columns")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(nil))
	f.Add(file(map[string]string{"when": "|\n  row.out_by_hour.exists(h, h > 1.0)", "fact": "allocation_day"}))
	f.Add("id: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		r, problems := custom.Parse("rule.yaml", []byte(text))
		if (r.Judge == nil) != (len(problems) > 0) {
			t.Errorf("a rule: %v, problems %v", r.Judge != nil, problems)
		}
	})
}
