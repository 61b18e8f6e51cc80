package storage_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/storage"
)

// ledger makes a table of rows.
func ledger(name string, columns []string, rows ...[]string) registry.Table {
	t := registry.Table{Name: name, Columns: columns}
	for i, fields := range rows {
		t.Rows = append(t.Rows, registry.Row{Number: i + 2, Fields: fields})
	}
	return t
}

func lineColumns() []string {
	return []string{"line_id", "enterprise_id", "bandwidth_mbps", "valid_from", "valid_to"}
}

func importAt(tb testing.TB, s *storage.Store, at time.Time, tables ...registry.Table) {
	tb.Helper()
	if _, err := s.ImportLedgers(tb.Context(), tables, at, "test"); err != nil {
		tb.Fatal(err)
	}
}

func ledgersAt(tb testing.TB, s *storage.Store, at time.Time) []registry.Table {
	tb.Helper()
	tables, err := s.Ledgers(tb.Context(), at)
	if err != nil {
		tb.Fatal(err)
	}
	return tables
}

func TestLedgersAsKnownOnADay(t *testing.T) {
	s := open(t, configure(t))
	if got := ledgersAt(t, s, time.Time{}); got != nil {
		t.Errorf("a store without ledgers has %v", got)
	}
	enterprises := ledger("enterprises", []string{"enterprise_id", "name"}, []string{"E1", "甲公司"}, []string{"E2", "乙 'co' \\ \"x\"\n\t"})
	states := [][]registry.Table{
		{enterprises, ledger("lines", lineColumns(), []string{"L1", "E1", "100", "2026-01-01", ""}, []string{"L2", "E2", "10", "", "2026-06-30"})},
		// L1 changed, L3 is new, L2 moved in the file.
		{enterprises, ledger("lines", lineColumns(), []string{"L1", "E1", "200", "2026-01-01", ""}, []string{"L3", "E2", "5", "", ""}, []string{"L2", "E2", "10", "", "2026-06-30"})},
		// L1 is as it was at first, lines lost a column, enterprises are gone.
		{ledger("lines", []string{"line_id", "enterprise_id"}, []string{"L1", "E1"}), ledger("asns", []string{"asn"})},
		// The first state again.
		{enterprises, ledger("lines", lineColumns(), []string{"L1", "E1", "100", "2026-01-01", ""}, []string{"L2", "E2", "10", "", "2026-06-30"})},
		// Every row twice.
		{ledger("enterprises", []string{"enterprise_id", "name"}, []string{"E1", "甲公司"}, []string{"E1", "甲公司"})},
		{ledger("enterprises", []string{"enterprise_id", "name"}, []string{"E1", "甲公司"})},
	}
	known := func(i int) time.Time { return noon.AddDate(0, 0, i).Add(123456 * time.Microsecond) }
	for i, tables := range states {
		importAt(t, s, known(i), tables...)
	}
	if got := ledgersAt(t, s, known(0).Add(-time.Microsecond)); got != nil {
		t.Errorf("before the first import: %v", got)
	}
	for i, want := range states {
		for _, at := range []time.Time{known(i), known(i).Add(23 * time.Hour)} {
			got := ledgersAt(t, s, at)
			if diff := cmp.Diff(rowTexts(want), rowTexts(got)); diff != "" {
				t.Errorf("as known at %v: %s", at, diff)
			}
		}
	}
	if diff := cmp.Diff(rowTexts(states[5]), rowTexts(ledgersAt(t, s, time.Time{}))); diff != "" {
		t.Error(diff)
	}
	if n, err := s.Number(t.Context(), "SELECT count() FROM ledger_rows WHERE sign > 0 AND ledger = 'lines'"); err != nil || n != 7 {
		t.Errorf("%d rows of lines were opened, want 7: unchanged ones stay (%v)", n, err)
	}
}

// rowTexts lists tables without the places of rows in their files.
func rowTexts(tables []registry.Table) []string {
	texts := []string{}
	for _, t := range tables {
		rows := make(map[string]int)
		for _, r := range t.Rows {
			rows[fmt.Sprintf("%q", r.Fields)]++
		}
		texts = append(texts, fmt.Sprintf("%s %q %v", t.Name, t.Columns, rows))
	}
	return texts
}

func TestLedgerRowsKeepTheirOrder(t *testing.T) {
	s := open(t, configure(t))
	var rows [][]string
	for i := range 2000 {
		rows = append(rows, []string{fmt.Sprintf("L%d", 5000-i), "E1", "", "", ""})
	}
	want := []registry.Table{ledger("lines", lineColumns(), rows...)}
	importAt(t, s, noon, want...)
	if diff := cmp.Diff(want, ledgersAt(t, s, time.Time{})); diff != "" {
		t.Error(diff)
	}
}

func TestLedgerVersions(t *testing.T) {
	s := open(t, configure(t))
	if hash, err := s.LedgerSource(t.Context(), "dir"); hash != "" || err != nil {
		t.Errorf("before any import: %q, %v", hash, err)
	}
	one := []registry.Table{ledger("lines", lineColumns(), []string{"L1", "E1", "", "", ""})}
	for i, source := range []string{"dir", "hand", "dir"} {
		hash := fmt.Sprintf("h%d", i)
		if _, err := s.ImportLedgersAs(t.Context(), one, noon.Add(time.Duration(i)*time.Second), source, hash); err != nil {
			t.Fatal(err)
		}
	}
	for source, want := range map[string]string{"dir": "h2", "hand": "h1", "dir' OR '1": ""} {
		if hash, err := s.LedgerSource(t.Context(), source); hash != want || err != nil {
			t.Errorf("%s: %q, %v", source, hash, err)
		}
	}
	versions, err := s.LedgerVersions(t.Context())
	if err != nil || len(versions) != 3 {
		t.Fatal(versions, err)
	}
	if v := versions[0]; v.Opened != 1 || v.Closed != 0 || !v.Known.Equal(noon) || v.Source != "dir" {
		t.Errorf("first %+v", v)
	}
	if v := versions[2]; v.Opened != 0 || v.Closed != 0 {
		t.Errorf("an import that changes nothing: %+v", v)
	}
}

func TestImportIsAllOrNothing(t *testing.T) {
	s := open(t, configure(t))
	first := []registry.Table{ledger("lines", lineColumns(), []string{"L1", "E1", "", "", ""})}
	second := []registry.Table{ledger("lines", lineColumns(), []string{"L2", "E1", "", "", ""})}
	importAt(t, s, noon, first...)
	// The rows arrive, the version that makes them visible does not.
	if err := s.Exec(t.Context(), "ALTER TABLE ledger_versions ADD CONSTRAINT never CHECK known < '2000-01-01 00:00:00'"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ImportLedgers(t.Context(), second, noon.Add(time.Hour), "test"); err == nil {
		t.Fatal("the import was taken")
	}
	if n := count(t, s, "ledger_rows"); n != 3 {
		t.Fatalf("%d rows, want 3: the test does not test what it says", n)
	}
	if diff := cmp.Diff(first, ledgersAt(t, s, time.Time{})); diff != "" {
		t.Errorf("half an import is visible: %s", diff)
	}
	if err := s.Exec(t.Context(), "ALTER TABLE ledger_versions DROP CONSTRAINT never"); err != nil {
		t.Fatal(err)
	}
	third := []registry.Table{ledger("lines", lineColumns(), []string{"L1", "E1", "", "", ""}, []string{"L3", "E1", "", "", ""})}
	importAt(t, s, noon.Add(2*time.Hour), third...)
	if diff := cmp.Diff(third, ledgersAt(t, s, time.Time{})); diff != "" {
		t.Errorf("what failed before shows after the next import: %s", diff)
	}
}

func TestImportRefusesTheClockGoingBack(t *testing.T) {
	s := open(t, configure(t))
	one := []registry.Table{ledger("lines", lineColumns(), []string{"L1", "E1", "", "", ""})}
	importAt(t, s, noon, one...)
	for _, at := range []time.Time{noon, noon.Add(-time.Hour)} {
		if _, err := s.ImportLedgers(t.Context(), nil, at, "test"); err == nil {
			t.Errorf("an import known at %v was taken after one known at %v", at, noon)
		}
	}
	if diff := cmp.Diff(one, ledgersAt(t, s, time.Time{})); diff != "" {
		t.Error(diff)
	}
}

// TestImportsTogether lets several processes import at once: one wins, the
// others are told, and the ledgers are those of one of them.
func TestImportsTogether(t *testing.T) {
	cfg := configure(t)
	first := open(t, cfg)
	importAt(t, first, noon, ledger("lines", lineColumns(), []string{"L0", "E1", "", "", ""}))
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		won  []string
		lost int
	)
	for i := range 4 {
		wg.Go(func() {
			s, err := storage.Open(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			name := fmt.Sprintf("L%d", i+1)
			_, err = s.ImportLedgers(t.Context(), []registry.Table{ledger("lines", lineColumns(), []string{name, "E1", "", "", ""})}, noon.Add(time.Duration(i+1)*time.Hour), name)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = append(won, name)
			case errors.Is(err, storage.ErrConflict):
				lost++
			default:
				lost++ // the other one was done before: the clock goes back
			}
		})
	}
	wg.Wait()
	versions, err := first.LedgerVersions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(won)+lost != 4 || len(won) == 0 || len(versions) != 1+len(won) {
		t.Errorf("won %v, lost %d, versions %d", won, lost, len(versions))
	}
	got := ledgersAt(t, first, time.Time{})
	if len(got) != 1 || len(got[0].Rows) != 1 || got[0].Rows[0].Fields[0] != versions[len(versions)-1].Source {
		t.Errorf("ledgers %v after %v", got, versions)
	}
}

func TestLedgerErrorsReachTheCaller(t *testing.T) {
	s, _, g := gated(t)
	g.set(false)
	for name, ask := range map[string]func() error{
		"ledgers": func() error { _, err := s.Ledgers(t.Context(), time.Time{}); return err },
		"import":  func() error { _, err := s.ImportLedgers(t.Context(), []registry.Table{}, noon, ""); return err },
		"source":  func() error { _, err := s.LedgerSource(t.Context(), ""); return err },
	} {
		t.Run(name, func(t *testing.T) { says(t, ask(), storage.ErrUnreachable, g.addr()) })
	}
}
