package storage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/linewarden/linewarden/storage"
)

// TestOlderSchemas brings the database of each older program up to date, as
// testdata has it, with rows in it and by several processes at once: nothing is
// lost, and what a step copies is there once.
func TestOlderSchemas(t *testing.T) {
	dumps, err := filepath.Glob("testdata/schema-*.sql")
	if want := storage.NewestSchema() - 1; err != nil || len(dumps) != want {
		t.Fatalf("%d dumps of %d older schemas, %v", len(dumps), want, err)
	}
	for _, dump := range dumps {
		t.Run(filepath.Base(dump), func(t *testing.T) {
			cfg := configure(t)
			s := loadDump(t, cfg, dump)
			for _, statement := range []string{
				`INSERT INTO flows (stored, received, exported, start, end, families, src, dst, src_net_bits, dst_net_bits, src_allocation_bits, dst_allocation_bits, line, line_direction, sampling_rate, bytes, packets)
WITH toDateTime64(toStartOfHour(now('UTC')) - 300, 9, 'UTC') AS seen -- within one hour, whatever the time is
SELECT now(), now64(9, 'UTC'), now64(9, 'UTC'), seen - toIntervalSecond(number), seen, 21, toIPv6('198.51.100.77'), toIPv6('203.0.113.5'), 255, 255, 255, 255, 'line-a', 'from_customer', 1, 100, 1 FROM numbers(1000)`,
				"INSERT INTO flow_books (stored_at, records, minute, stored) SELECT now(), 1000, now(), 1000",
				"INSERT INTO finding_events (id, version, at, body) SELECT toString(number), 1, now64(9), '{}' FROM numbers(20)",
				"INSERT INTO routes (stored, at, kind, prefix, prefix_bits) SELECT now(), now64(6), 'announce', toIPv6('2001:db8::'), 32 FROM numbers(30)",
			} {
				if err := s.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			carried, err := s.Number(t.Context(), "SELECT sum(bytes) FROM line_networks")
			// Since schema 3 no view fills it.
			if viewed := strings.HasSuffix(dump, "schema-1.sql") || strings.HasSuffix(dump, "schema-2.sql"); err != nil || (carried > 0) != viewed {
				t.Fatalf("the old views have filled %d bytes, %v", carried, err)
			}
			migrateTogether(t, cfg, 3)
			for table, want := range map[string]uint64{"flows": 1000, "flow_books": 1, "finding_events": 20, "findings": 20, "routes": 30} {
				if n := count(t, s, table); n != want {
					t.Errorf("%d rows are left in %s of %d", n, table, want)
				}
			}
			if n, err := s.Number(t.Context(), "SELECT sum(bytes) FROM line_networks"); err != nil || n != carried {
				t.Errorf("%d bytes are left in line_networks of %d, %v", n, carried, err)
			}
			// A flow is counted once in each hour that it touches.
			if n, err := s.Number(t.Context(), "SELECT toUInt64(sum(rows)) FROM flow_hours"); err != nil || n != 1000 {
				t.Errorf("%d rows are counted in flow_hours for 1000 flows, %v", n, err)
			}
			_, newest, err := s.SchemaVersion(t.Context())
			if n := count(t, s, "schema_versions"); err != nil || n != uint64(newest) {
				t.Errorf("%d steps are noted, want %d, %v", n, newest, err)
			}
			found, err := s.CheckSchema(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				if d.What != "codec" {
					t.Errorf("after all steps %s", d)
				}
			}
			store(t, s, traffic(10, 1)...)
		})
	}
}

// loadDump makes a database of statements in a file.
func loadDump(t *testing.T, cfg storage.Config, file string) *storage.Store {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := reopen(t, cfg)
	// A connection needs a database that is there.
	if err := s.CreateDatabase(t.Context()); err != nil {
		t.Fatal(err)
	}
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if statement = strings.TrimSpace(statement); statement == "" {
			continue
		}
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", file, err))
		}
	}
	return s
}

// migrateTogether has several stores, as of several processes, migrate one
// database at once.
func migrateTogether(t *testing.T, cfg storage.Config, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		s := twin(t, cfg)
		wg.Go(func() {
			if err := s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
