package storage_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
	"github.com/linewarden/linewarden/rules"
)

var compareAddrs = cmpopts.EquateComparable(netip.Addr{})

// entry is what a minute of the books says.
func entry(exporter string, domain uint32, version flows.Version, minute int, c flows.Count) flows.Entry {
	return flows.Entry{
		Source: flows.Source{Exporter: netip.MustParseAddr(exporter), Domain: domain, Version: version},
		Minute: noon.Add(time.Duration(minute) * time.Minute), Count: c,
	}
}

var hour = rules.Window{From: noon, To: noon.Add(time.Hour)}

// everyFigure returns a count in which every figure is another one.
func everyFigure(tb testing.TB) flows.Count {
	tb.Helper()
	var c flows.Count
	n := uint64(0)
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for _, field := range v.Fields() {
				fill(field)
			}
		case reflect.Array:
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Uint64:
			n++
			v.SetUint(n << 40)
		default:
			tb.Fatalf("a count has a figure of kind %v", v.Kind())
		}
	}
	fill(reflect.ValueOf(&c).Elem())
	return c
}

func TestEveryFigureOfTheBooksComesBack(t *testing.T) {
	s := open(t, configure(t))
	want := []flows.Entry{
		entry("192.0.2.1", 7, flows.IPFIX, 0, everyFigure(t)),
		entry("2001:db8::1", 1<<32-1, flows.SFlow5, 1, everyFigure(t)),
		{Source: flows.Source{Version: flows.NetFlow9}, Minute: noon.Add(2 * time.Minute), Count: everyFigure(t)},
	}
	for range 2 { // they add up
		if err := s.WriteBooks(t.Context(), want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.BookEntries(t.Context(), hour)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		once := want[i].Count
		want[i].Count.Add(&once)
	}
	if diff := cmp.Diff(want, got, compareAddrs); diff != "" {
		t.Error(diff)
	}
	if err := s.WriteBooks(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestExporterBooks(t *testing.T) {
	s := open(t, configure(t))
	const a, b = "192.0.2.1", "192.0.2.2"
	write := []flows.Entry{
		entry(a, 1, flows.IPFIX, 0, flows.Count{Datagrams: 1, Records: 100, Stored: 90, SequenceGaps: 30, RecordsMissed: 30}),
		// Ten of the missing came a minute later.
		entry(a, 1, flows.IPFIX, 1, flows.Count{Datagrams: 1, Records: 110, Stored: 110, Reordered: 10}),
		// Datagrams are missing, of three records each; one of four came late.
		entry(a, 2, flows.NetFlow9, 1, flows.Count{Datagrams: 4, Records: 12, Stored: 12, SequenceGaps: 4, RecordsMissed: 12, Reordered: 1}),
		// Stored in a minute in which nothing arrived.
		entry(a, 1, flows.IPFIX, 2, flows.Count{Stored: 10}),
		// More came late than ever was missing in the span.
		entry(b, 0, flows.SFlow5, 59, flows.Count{Datagrams: 1, Records: 5, Stored: 5, SequenceGaps: 1, RecordsMissed: 5, Reordered: 7}),
		entry(b, 0, flows.SFlow5, 60, flows.Count{Datagrams: 1, Records: 1000, Stored: 1000}), // after the span
		entry(b, 0, flows.SFlow5, -1, flows.Count{Datagrams: 1, Records: 1000, Stored: 1000}), // before it
		{Minute: noon, Count: flows.Count{Datagrams: 5}},                                      // nobody's
	}
	for _, e := range write {
		if err := s.WriteBooks(t.Context(), []flows.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.ExporterBooks(t.Context(), hour)
	if err != nil {
		t.Fatal(err)
	}
	want := []rules.ExporterBooks{
		{Exporter: netip.MustParseAddr(a), Received: 222, Stored: 222, Missed: 20 + 9, Minutes: 2, Expected: 60},
		{Exporter: netip.MustParseAddr(b), Received: 5, Stored: 5, Missed: 0, Minutes: 1, Expected: 60},
	}
	if diff := cmp.Diff(want, got, compareAddrs); diff != "" {
		t.Error(diff)
	}
}

// TestBooksAreWrittenOnce offers the same entries again after an answer was
// lost, and then the same figures as new ones.
func TestBooksAreWrittenOnce(t *testing.T) {
	behind, direct, g := gated(t)
	entries := []flows.Entry{entry("192.0.2.1", 1, flows.IPFIX, 0, flows.Count{Datagrams: 1, Records: 10, Stored: 10})}
	if err := behind.WriteBooks(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	before := g.delivered()
	if err := behind.WriteBooks(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	answer := g.delivered() - before
	for last := 1; last <= 8; last *= 2 {
		g.loseAnswers(answer - last)
		if err := behind.WriteBooks(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		g.loseAnswers(-1)
	}
	// It arrives, nobody says so, and nobody answers the next tries.
	g.loseAnswersAndShut(answer - 1)
	if err := behind.WriteBooks(t.Context(), entries); err == nil {
		t.Fatal("books were written to nobody")
	} else if !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("error %q", err)
	}
	g.set(true)
	if err := behind.WriteBooks(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	got, err := direct.BookEntries(t.Context(), hour)
	if err != nil {
		t.Fatal(err)
	}
	testkit.BalanceEntries(t, got)
	if len(got) != 1 || got[0].Count.Records != 70 {
		t.Errorf("got %+v, want 7 times 10 records", got)
	}
}

// TestExporterBooksTellSilence has one exporter go on, one fall silent for some
// hours of the last day, one fall silent days before it and one join in its
// middle, each heard by templates alone in most minutes.
func TestExporterBooksTellSilence(t *testing.T) {
	s := open(t, configure(t))
	const day = 24 * 60
	var write []flows.Entry
	for m := -4 * day; m < day; m += 5 {
		hear := func(address string, heard bool) {
			if heard {
				write = append(write, entry(address, 1, flows.NetFlow9, m, flows.Count{Datagrams: 1, Templates: 1}))
			}
		}
		hear("192.0.2.1", true)
		hear("192.0.2.2", m < 6*60 || m >= 9*60)
		hear("2001:db8::3", m < -day/2)
		hear("192.0.2.4", m >= day/2)
		hear("192.0.2.5", m < -40*day) // never
	}
	if err := s.WriteBooks(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	got, err := s.ExporterBooks(t.Context(), rules.Window{From: noon, To: noon.AddDate(0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	want := []rules.ExporterBooks{
		{Exporter: netip.MustParseAddr("192.0.2.1"), Minutes: day / 5, Expected: day - 4},
		{Exporter: netip.MustParseAddr("192.0.2.2"), Minutes: day/5 - 36, Expected: day - 4, Silent: 3 * 60},
		{Exporter: netip.MustParseAddr("192.0.2.4"), Minutes: day / 10, Expected: day/2 - 4},
		{Exporter: netip.MustParseAddr("2001:db8::3"), Expected: day - 4, Silent: day - 4},
	}
	if diff := cmp.Diff(want, got, compareAddrs); diff != "" {
		t.Error(diff)
	}
}
