package storage

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/flows"
)

var update = flag.Bool("update", false, "write README.md anew")

func TestReadmeIsOfThisSchema(t *testing.T) {
	want := readme()
	if *update {
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("README.md is not of this schema, run go test ./storage -run Readme -update: %s", diff)
	}
}

// TestBatchFitsTheTable keeps the columns that are written and those that are
// read in the order and of the types of the table.
func TestBatchFitsTheTable(t *testing.T) {
	table := flowTable()
	input := newFlowBatch().input
	if len(input) != len(table.columns) {
		t.Fatalf("the batch has %d columns, the table %d", len(input), len(table.columns))
	}
	for i, c := range table.columns {
		if input[i].Name != c.name || string(input[i].Data.Type()) != c.kind {
			t.Errorf("column %d: the batch has %s %s, the table %s %s", i, input[i].Name, input[i].Data.Type(), c.name, c.kind)
		}
	}
	if reads, targets := flowReads(), new(flowRow).targets(); len(reads) != len(targets) {
		t.Errorf("%d columns are read into %d targets", len(reads), len(targets))
	}
}

func TestEveryFigureHasItsColumn(t *testing.T) {
	var c flows.Count
	names, figures := countNames(), countFigures(&c)
	if want := int(reflect.TypeFor[flows.Count]().Size() / 8); len(names) != want || len(figures) != want {
		t.Errorf("%d names and %d figures for %d figures of a count: a new one needs a migration", len(names), len(figures), want)
	}
	seen := make(map[*uint64]bool)
	for _, f := range figures {
		seen[f] = true
	}
	if len(seen) != len(figures) {
		t.Error("a figure is there twice")
	}
}

// TestEnumerationsAreComplete fails when a value was added that its column does
// not have.
func TestEnumerationsAreComplete(t *testing.T) {
	for v := flows.VersionUnknown; v <= flows.SFlow5+1; v++ {
		known := strings.Contains(kindVersion, "'"+v.String()+"' = ")
		if (v <= flows.SFlow5) != known || v > flows.SFlow5 && v.String() != "unknown" {
			if v > flows.SFlow5 && v.String() == "unknown" {
				continue
			}
			t.Errorf("version %d (%s)", v, v)
		}
	}
	for kind, last := range map[string]string{
		kindDirection: (flows.Egress + 1).String(), kindCrossing: (flows.ToCustomer + 1).String(),
	} {
		if last != "" {
			t.Errorf("%s lacks %s", kind, last)
		}
	}
	if last := (flows.SamplingLedger + 1).String(); last != "none" {
		t.Errorf("%s lacks %s", kindSampling, last)
	}
}

func TestInstants(t *testing.T) {
	for _, at := range []time.Time{
		{},
		time.Unix(0, 0), time.Unix(0, 1), time.Unix(-5, 7), time.Unix(0, firstInstant), time.Unix(0, lastInstant),
		time.Date(2026, 9, 14, 1, 2, 3, 456789123, time.FixedZone("", 3600)),
	} {
		if got := timeOf(time.Unix(0, instantOf(at))); !got.Equal(at) {
			t.Errorf("%v comes back as %v", at, got)
		}
	}
	if instantOf(time.Unix(0, firstInstant).Add(-time.Hour)) != firstInstant || instantOf(time.Unix(0, lastInstant).Add(1)) != lastInstant {
		t.Error("instants beyond the column are not bounded")
	}
}

// TestAppendAllocatesNothing fills a batch whose memory is there from before.
func TestAppendAllocatesNothing(t *testing.T) {
	b := newFlowBatch()
	records := sample(5000)
	fill := func() {
		for i := range records {
			b.add(&records[i])
		}
		b.seal(time.Now())
		b.reset()
	}
	fill()
	if n := testing.AllocsPerRun(10, fill); n > 2 { // the token
		t.Errorf("%v allocations for 5000 records", n)
	}
}
