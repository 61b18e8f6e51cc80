package storage_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/linewarden/linewarden/storage"
)

// configure returns a configuration for a database of the test's own.
func configure(tb testing.TB) storage.Config {
	tb.Helper()
	cfg := storage.Config{
		Addr:      []string{engineAddr(tb)},
		Database:  "test_" + strings.ReplaceAll(uuid.NewString(), "-", ""),
		Username:  os.Getenv("LINEWARDEN_TEST_CLICKHOUSE_USER"),
		Password:  os.Getenv("LINEWARDEN_TEST_CLICKHOUSE_PASSWORD"),
		Retention: storage.Retention{Flows: 7 * 24 * time.Hour, Rollups: 400 * 24 * time.Hour, Routes: 400 * 24 * time.Hour, Findings: 3650 * 24 * time.Hour},
		Location:  shanghai(tb),
		Logger:    slog.New(slog.NewTextHandler(tb.Output(), nil)),
	}
	if onShards() {
		cfg.PutOnShards()
	}
	return cfg
}

// open returns a migrated store that is dropped with the test.
func open(tb testing.TB, cfg storage.Config) *storage.Store {
	tb.Helper()
	s := reopen(tb, cfg)
	if err := s.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

// reopen returns a store as it is.
func reopen(tb testing.TB, cfg storage.Config) *storage.Store {
	tb.Helper()
	s, err := storage.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.DropDatabase(context.Background()); err != nil {
			tb.Errorf("drop the database of the test: %v", err)
		}
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func shanghai(tb testing.TB) *time.Location {
	tb.Helper()
	return zone(tb, "Asia/Shanghai")
}

func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return loc
}
