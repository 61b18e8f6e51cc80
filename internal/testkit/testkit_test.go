package testkit

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// recorder is a test that may fail without failing the one that runs it.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// record runs f with a recorder and returns what it said.
func record(t *testing.T, f func(tb testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		f(r)
	}()
	return strings.Join(r.said, "\n")
}

func TestMissingCapturesNameTheVariable(t *testing.T) {
	t.Setenv(CapturesEnv, t.TempDir())
	said := record(t, func(tb testing.TB) { CapturesDir(tb) })
	if !strings.Contains(said, CapturesEnv) {
		t.Errorf("message %q does not name %s", said, CapturesEnv)
	}
}

func TestCaptureReadsPlainAndPacked(t *testing.T) {
	list := Scenarios(t)
	if len(list) < 190 {
		t.Fatalf("%d scenarios, want at least 190", len(list))
	}
	families := make(map[string]int)
	for _, s := range list {
		families[s.Family()]++
	}
	if families["sflow5"] < 30 || families["netflow9"] < 40 {
		t.Errorf("families %v lack sflow5 or netflow9", families)
	}
	said := record(t, func(tb testing.TB) { Capture(tb, "no/such/file") })
	if !strings.Contains(said, "no/such/file") {
		t.Errorf("message %q does not name the file", said)
	}
}

func TestBalanceFindsWhatIsMissing(t *testing.T) {
	books := flows.NewBooks()
	src := flows.Source{Exporter: netip.MustParseAddr("192.0.2.1"), Version: flows.SFlow5}
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	books.Account(src).Update(at, func(c *flows.Count) { c.Datagrams, c.Records = 1, 3 })
	Store(books, []flows.Record{{Source: src, Exported: at}, {Source: src, Exported: at}})
	if said := record(t, func(tb testing.TB) { Balance(tb, books) }); !strings.Contains(said, "192.0.2.1") {
		t.Errorf("books short of one record passed: %q", said)
	}
	var entries []flows.Entry
	books.Account(src).Lose(at, flows.ReasonMalformed, 1)
	if said := record(t, func(tb testing.TB) { Balance(tb, books) }); said != "" {
		t.Errorf("balanced books failed: %s", said)
	}
	books.Drain(func(s flows.Source, minute time.Time, c *flows.Count) {
		entries = append(entries, flows.Entry{Source: s, Minute: minute, Count: *c})
	})
	if said := record(t, func(tb testing.TB) { BalanceEntries(tb, entries) }); said != "" {
		t.Errorf("balanced entries failed: %s", said)
	}
	entries[0].Count.Stored--
	if said := record(t, func(tb testing.TB) { BalanceEntries(tb, entries) }); said == "" {
		t.Error("entries short of one record passed")
	}
	if sum := Sum(books); sum.Records != 3 || sum.Stored != 2 {
		t.Errorf("sum %+v, want 3 records and 2 stored", sum)
	}
}

func TestGoldenNamesTheLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "golden.txt")
	if err := os.WriteFile(path, []byte("a\nb\nc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := record(t, func(tb testing.TB) { Golden(tb, path, []byte("a\nb\nc\n")) }); said != "" {
		t.Errorf("equal text failed: %s", said)
	}
	for text, line := range map[string]string{"a\nx\nc\n": ":2 ", "a\nb\n": ":3 ", "a\nb\nc\n\n": ":5 "} {
		if said := record(t, func(tb testing.TB) { Golden(tb, path, []byte(text)) }); !strings.Contains(said, line) {
			t.Errorf("%q: message %q does not name line%s", text, said, line)
		}
	}
}
