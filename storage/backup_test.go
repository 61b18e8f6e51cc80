package storage_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/linewarden/linewarden/storage"
)

// furnish fills every kind of column that tables have.
func furnish(t *testing.T, s *storage.Store) {
	t.Helper()
	store(t, s, traffic(5000, 1)...)
	for _, statement := range []string{
		"INSERT INTO findings (id, version, at, rule, clauses, body) SELECT toString(number), number, now64(9), 'r', ['c-1', 'c-2'], '{}' FROM numbers(100)",
		// Rows that a merge or an insert of its own would make one of.
		"INSERT INTO findings (id, version, at, rule, body) SELECT '7', 100 + number, now64(9), 'r', 'newer' FROM numbers(5)",
		"INSERT INTO flow_books (stored_at, minute, records) SELECT now(), toDateTime(0), 1 FROM numbers(3)",
		"INSERT INTO flow_books (stored_at, minute, records) SELECT now(), toDateTime(0), 2 FROM numbers(3)",
		"INSERT INTO routes (stored, at, kind, prefix, prefix_bits, origins, med) SELECT now(), now64(6), 'announce', toIPv6('2001:db8::'), 32, [64500, 64501], if(number % 2 = 0, NULL, number) FROM numbers(1000)",
		"INSERT INTO ledger_rows (import, known, ledger, sign, key, columns, fields, valid_from) SELECT generateUUIDv4(), now64(6), 'lines', 1, 'k', ['a', 'b', 'a'], ['漢', '\\n\\'\\\\'], toDate32('1901-02-03')",
		"INSERT INTO rollup_scopes (stored, scope, kind, ends) SELECT now(), 1, 'line', [(toIPv6('::1'), toIPv6('::2')), (toIPv6('::ffff:192.0.2.1'), toIPv6('::ffff:192.0.2.9'))]",
	} {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	states, err := s.Text(t.Context(), `SELECT arrayStringConcat(groupArray(concat(table, ' ', name, ' ', type)), '\n') FROM system.columns
WHERE database = currentDatabase() AND startsWith(type, 'AggregateFunction') AND NOT startsWith(table, 'held_')`)
	if err != nil || states == "" {
		t.Fatalf("no states of rollups: %v", err)
	}
	for line := range strings.Lines(states) {
		f := strings.Fields(line)
		sql := fmt.Sprintf("INSERT INTO %s (stored, bin, %s) SELECT now(), toDateTime(0), uniqCombined64State%s(number) FROM numbers(10000)",
			f[0], f[1], line[strings.Index(line, "64(")+2:strings.Index(line, ", ")])
		if err := s.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

// contents is the number of rows and their digest of every table, but those
// that a start writes.
func contents(t *testing.T, s *storage.Store) map[string]string {
	t.Helper()
	names, err := s.Text(t.Context(), "SELECT arrayStringConcat(groupArray(name), ' ') FROM (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name)")
	if err != nil {
		t.Fatal(err)
	}
	list := make(map[string]string)
	for name := range strings.FieldsSeq(names) {
		if name == "leases" {
			continue
		}
		list[name], err = s.Text(t.Context(), "SELECT concat(toString(count()), ' ', toString(sum(cityHash64(formatRow('CSV', *))))) FROM "+name)
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func TestBackupAndRestore(t *testing.T) {
	s := open(t, configure(t))
	furnish(t, s)
	// Merges add rows up, so what is compared must not be merged meanwhile.
	if err := s.Exec(t.Context(), "OPTIMIZE TABLE flow_books FINAL"); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "OPTIMIZE TABLE findings FINAL"); err != nil {
		t.Fatal(err)
	}
	want := contents(t, s)
	for _, name := range []string{"directory", "file.tar"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "deep", name)
			told := 0
			m, err := s.Backup(t.Context(), storage.BackupOptions{Path: path, Program: "test", Progress: func(storage.BackupProgress) { told++ }})
			if err != nil {
				t.Fatal(err)
			}
			if !m.OneInstant || m.Rows() < 6000 || told < 5 {
				t.Errorf("of one instant %v (%s), %d rows, progress told %d times", m.OneInstant, m.Why, m.Rows(), told)
			}
			if again, err := storage.VerifyBackup(path); err != nil || again.Rows() != m.Rows() {
				t.Errorf("a new backup does not verify: %v", err)
			}
			if _, err := s.Backup(t.Context(), storage.BackupOptions{Path: path}); !errors.Is(err, storage.ErrBackupExists) {
				t.Errorf("a backup took the place of another one: %v", err)
			}
			if _, err := s.Restore(t.Context(), storage.BackupOptions{Path: path}); !errors.Is(err, storage.ErrNotEmpty) || !strings.Contains(err.Error(), "flows (5000 rows)") {
				t.Errorf("restore over rows: %v", err)
			}
			to := reopen(t, configure(t))
			if _, err := to.Restore(t.Context(), storage.BackupOptions{Path: path}); err != nil {
				t.Fatal(err)
			}
			if err := to.Exec(t.Context(), "OPTIMIZE TABLE findings FINAL"); err != nil {
				t.Fatal(err)
			}
			compareContents(t, contents(t, to), want)
			noScratch(t, s)
			// The views are there again.
			store(t, to, traffic(10, 2)...)
			if got := contents(t, to); got["flow_hours"] == want["flow_hours"] {
				t.Error("the view of flow_hours does not run after a restore")
			}
		})
	}
	compareContents(t, contents(t, s), want)
}

// TestBackupOfMergedStates: states of some dozens of values hold them in the order
// in which they came, and a server that reads one writes it in another.
func TestBackupOfMergedStates(t *testing.T) {
	s := open(t, configure(t))
	if err := s.Exec(t.Context(), `INSERT INTO allocation_hosts (stored, bin, port, peers)
SELECT now(), toDateTime(0), n, uniqCombined64State(12)(x) FROM (SELECT arrayJoin(range(1, 300)) AS n, arrayJoin(range(toUInt64(n))) * n AS x) GROUP BY n`); err != nil {
		t.Fatal(err)
	}
	const counted = "SELECT toString(groupArray((port, n))) FROM (SELECT port, finalizeAggregation(peers) AS n FROM allocation_hosts ORDER BY port)"
	want, err := s.Text(t.Context(), counted)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "backup")
	if _, err := s.Backup(t.Context(), storage.BackupOptions{Path: path}); err != nil {
		t.Fatal(err)
	}
	to := reopen(t, configure(t))
	if _, err := to.Restore(t.Context(), storage.BackupOptions{Path: path}); err != nil {
		t.Fatal(err)
	}
	if got, err := to.Text(t.Context(), counted); err != nil || got != want {
		t.Errorf("%v: counted %s, before %s", err, got, want)
	}
}

func compareContents(t *testing.T, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d tables instead of %d", len(got), len(want))
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("table %s has %s instead of %s", name, got[name], want[name])
		}
	}
}

// noScratch checks that no database of a backup or restore is left.
func noScratch(t *testing.T, s *storage.Store) {
	t.Helper()
	n, err := s.Number(t.Context(), "SELECT count() FROM system.databases WHERE name LIKE '%\\_backup\\_%' OR name LIKE '%\\_restore\\_%'")
	if err != nil || n != 0 {
		t.Errorf("%d databases are left, %v", n, err)
	}
}

// TestBackupWhileRowsCome inserts flows and books of one number of rows each,
// one after the other: a backup of one instant never has more of one.
func TestBackupWhileRowsCome(t *testing.T) {
	s := open(t, configure(t))
	var (
		stop atomic.Bool
		wg   sync.WaitGroup
	)
	wg.Go(func() {
		for i := 0; !stop.Load(); i++ {
			for _, table := range []string{"holds (finding)", "finding_events (id)"} {
				if err := s.Exec(t.Context(), fmt.Sprintf("INSERT INTO %s SELECT toString(%d)", table, i)); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for i := range 3 {
		m, err := s.Backup(t.Context(), storage.BackupOptions{Path: filepath.Join(t.TempDir(), "b")})
		if err != nil {
			t.Fatal(err)
		}
		rows := make(map[string]uint64)
		for _, b := range m.Tables {
			rows[b.Name] = b.Rows
		}
		first, second := rows["holds"], rows["finding_events"]
		t.Logf("backup %d: %d and %d rows, one instant %v %s", i, first, second, m.OneInstant, m.Why)
		if m.OneInstant && first-second > 1 {
			t.Errorf("%d orders and %d events: they are not of one instant", first, second)
		}
	}
	stop.Store(true)
	wg.Wait()
}

func TestDamagedBackupIsRefused(t *testing.T) {
	s := open(t, configure(t))
	furnish(t, s)
	path := filepath.Join(t.TempDir(), "b")
	m, err := s.Backup(t.Context(), storage.BackupOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	file := func(table string) string { return filepath.Join(path, table+".native.zst") }
	whole := map[string][]byte{}
	for _, name := range []string{file("flows"), file("routes"), filepath.Join(path, "manifest.json")} {
		if whole[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, file string
		change     func([]byte) []byte
	}{
		{"a flipped bit", file("flows"), func(b []byte) []byte { b[len(b)/2] ^= 4; return b }},
		{"a cut file", file("flows"), func(b []byte) []byte { return b[:len(b)/2] }},
		{"bytes at the end", file("routes"), func(b []byte) []byte { return append(b, b...) }},
		{"an empty file", file("routes"), func([]byte) []byte { return nil }},
		{"a missing file", file("routes"), nil},
		{"a missing manifest", filepath.Join(path, "manifest.json"), nil},
		{"a table of another engine", filepath.Join(path, "manifest.json"), func(b []byte) []byte {
			return []byte(strings.Replace(string(b), "ENGINE = MergeTree", "ENGINE = URL('http://192.0.2.1/')", 1))
		}},
		{"a file elsewhere", filepath.Join(path, "manifest.json"), func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"routes.native.zst"`, `"../../etc/passwd"`, 1))
		}},
		{"another number of rows", filepath.Join(path, "manifest.json"), func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"rows": 5000`, `"rows": 5001`, 1))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				for name, content := range whole {
					if err := os.WriteFile(name, content, 0o600); err != nil {
						t.Error(err)
					}
				}
			}()
			if tt.change == nil {
				if err := os.Remove(tt.file); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(tt.file, tt.change(slices.Clone(whole[tt.file])), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg := configure(t)
			to := beside(t, cfg)
			if _, err := to.Restore(t.Context(), storage.BackupOptions{Path: path}); !errors.Is(err, storage.ErrBackupDamaged) {
				t.Errorf("got %v", err)
			}
			// Nothing is half there.
			n, err := s.Number(t.Context(), "SELECT count() FROM system.databases WHERE startsWith(name, '"+cfg.Database+"')")
			if err != nil || n != 0 {
				t.Errorf("%d databases are left, %v", n, err)
			}
		})
	}
	if _, err := storage.VerifyBackup(path); err != nil {
		t.Errorf("after all is mended: %v", err)
	}
	if m.Rows() == 0 {
		t.Error("the backup has no rows")
	}
}

func TestBackupOfANewerSchemaIsRefused(t *testing.T) {
	s := open(t, configure(t))
	store(t, s, traffic(1, 1)...)
	if err := s.Exec(t.Context(), "INSERT INTO schema_versions SELECT 99, 'of the future', now()"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "b")
	if _, err := s.Backup(t.Context(), storage.BackupOptions{Path: path, Program: "linewarden v99"}); err != nil {
		t.Fatal(err)
	}
	to := beside(t, configure(t))
	_, err := to.Restore(t.Context(), storage.BackupOptions{Path: path})
	if !errors.Is(err, storage.ErrNewerSchema) || !strings.Contains(err.Error(), "linewarden v99") {
		t.Errorf("got %v", err)
	}
}

// TestBackupOfNothing names the remedy.
func TestBackupOfNothing(t *testing.T) {
	s := beside(t, configure(t))
	path := filepath.Join(t.TempDir(), "b")
	if _, err := s.Backup(t.Context(), storage.BackupOptions{Path: path}); !errors.Is(err, storage.ErrDatabase) {
		t.Errorf("got %v", err)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 0 {
		t.Errorf("%v is left, %v", list, err)
	}
}

// beside returns a store whose database is not made.
func beside(t *testing.T, cfg storage.Config) *storage.Store {
	t.Helper()
	s, err := storage.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
