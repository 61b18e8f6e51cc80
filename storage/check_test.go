package storage_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/storage"
)

// TestFreshSchemaHasNoDifferences also holds each definition to what the server
// makes of it.
func TestFreshSchemaHasNoDifferences(t *testing.T) {
	s := open(t, configure(t))
	found, err := s.CheckSchema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range found {
		t.Errorf("%s (want %q, got %q)", d, d.Want, d.Got)
	}
	applied, newest, err := s.SchemaVersion(t.Context())
	if err != nil || applied != newest {
		t.Errorf("schema %d of %d, %v", applied, newest, err)
	}
}

func TestDifferencesAreNamed(t *testing.T) {
	s := open(t, configure(t))
	for _, statement := range []string{
		"ALTER TABLE flows DROP COLUMN tos",
		"ALTER TABLE flows MODIFY COLUMN src_as CODEC(NONE)",
		"ALTER TABLE audit_runs MODIFY COLUMN subjects UInt32",
		"ALTER TABLE audit_runs ADD COLUMN mine String",
		"DROP VIEW findings_from_events",
		"DROP TABLE route_peers",
		"DROP TABLE networks_of_mine",
	} {
		if err := s.Exec(t.Context(), statement); err != nil && !strings.Contains(statement, "of_mine") {
			t.Fatal(err)
		}
	}
	if err := s.Exec(t.Context(), "DROP TABLE ledger_versions SYNC"); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "CREATE TABLE ledger_versions (import UUID, after UUID, known DateTime64(6, 'UTC'), source String, hash String, tables String, opened UInt32, closed UInt32) ENGINE = ReplacingMergeTree PARTITION BY source ORDER BY import"); err != nil {
		t.Fatal(err)
	}
	found, err := s.CheckSchema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	breaks := 0
	for _, d := range found {
		got = append(got, d.String())
		if d.Breaks {
			breaks++
		}
	}
	for _, want := range []string{
		"flows.tos is missing",
		"the codec of flows.src_as is CODEC(NONE) instead of ZSTD(1)",
		"audit_runs.subjects is UInt32 instead of UInt64",
		"audit_runs.mine is not of this program",
		"findings_from_events is missing",
		"route_peers is missing",
		"the engine of ledger_versions is ReplacingMergeTree instead of MergeTree",
		"the order of ledger_versions is import instead of known",
		"the partition of ledger_versions is source instead of none",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	if breaks != 5 {
		t.Errorf("%d of %q break, want 5", breaks, got)
	}
}

// TestHarmlessDifferencesAreLogged starts with a column that somebody has added
// and another codec.
func TestHarmlessDifferencesAreLogged(t *testing.T) {
	cfg := configure(t)
	s := open(t, cfg)
	for _, statement := range []string{"ALTER TABLE flows ADD COLUMN mine String", "ALTER TABLE flows MODIFY COLUMN src_as CODEC(NONE)"} {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	again, err := storage.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"flows.mine is not of this program"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, log.String())
		}
	}
	store(t, again, traffic(5, 1)...)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
