package storage_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

func TestConfigIsChecked(t *testing.T) {
	good := storage.Config{Addr: []string{"127.0.0.1:9000"}}
	for _, tt := range []struct {
		name   string
		change func(c *storage.Config)
		want   string
	}{
		{"no address", func(c *storage.Config) { c.Addr = nil }, "addr is empty: name a ClickHouse server"},
		{"no port", func(c *storage.Config) { c.Addr = []string{"ch1"} }, `addr "ch1" is neither host:port nor unix:///path`},
		{"relative socket", func(c *storage.Config) { c.Addr = []string{"unix://engine.sock"} }, "the path of a socket is absolute"},
		{"quote in the database", func(c *storage.Config) { c.Database = "a`; DROP DATABASE b" }, "letters, digits and underscores"},
		{"digit first", func(c *storage.Config) { c.Database = "1a" }, "letters, digits and underscores"},
		{"long name", func(c *storage.Config) { c.Database = strings.Repeat("a", 64) }, "at most 63"},
		{"default database", func(c *storage.Config) { c.Database = "default" }, "name one for Linewarden alone"},
		{"system database", func(c *storage.Config) { c.Database = "System" }, "belongs to ClickHouse"},
		{"cluster", func(c *storage.Config) { c.Cluster = "a b'" }, "letters, digits, dots"},
		{"privacy of IPv4", func(c *storage.Config) { c.ThirdPartyV4 = 33 }, "third_party_prefix_v4 is 33"},
		{"privacy of IPv6", func(c *storage.Config) { c.ThirdPartyV6 = -1 }, "third_party_prefix_v6 is -1"},
		{"negative retention", func(c *storage.Config) { c.Retention.Flows = -time.Hour }, "retention of -1h0m0s"},
		{"fraction of a second", func(c *storage.Config) { c.Retention.Routes = time.Millisecond }, "retention of 1ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			_, err := storage.Open(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
}

// says checks that an error is of a kind and names things.
func says(tb testing.TB, err, kind error, words ...string) {
	tb.Helper()
	if !errors.Is(err, kind) {
		tb.Errorf("%v is not %v", err, kind)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			tb.Errorf("%q does not say %q", err, word)
		}
	}
}

func TestUnreachableStoreIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{closed, "unix://" + filepath.Join(t.TempDir(), "none")} {
		_, err := storage.Open(t.Context(), storage.Config{Addr: []string{addr}})
		says(t, err, storage.ErrUnreachable, addr, "start it or correct storage.clickhouse.addr")
	}
}

func TestSecondAddressIsTried(t *testing.T) {
	cfg := configure(t)
	cfg.Addr = append([]string{"unix://" + filepath.Join(t.TempDir(), "none")}, cfg.Addr...)
	s := open(t, cfg)
	store(t, s, traffic(10, 1)...)
	if n := count(t, s, "flows"); n != 10 {
		t.Errorf("%d flows", n)
	}
}

func TestMissingDatabaseIsNamed(t *testing.T) {
	cfg := configure(t)
	s, err := storage.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	says(t, s.Ping(t.Context()), storage.ErrDatabase, cfg.Database, "linewarden serve")
	_, err = s.Findings(t.Context(), rules.FindingFilter{})
	says(t, err, storage.ErrDatabase, cfg.Database)
}

func TestMemoryAndDiskErrorsAreNamed(t *testing.T) {
	s := open(t, configure(t))
	_, err := s.Number(t.Context(), "SELECT toUInt64(throwIf(1, 'no', 241::Int32)) SETTINGS allow_custom_error_code_in_throwif = 1")
	says(t, err, storage.ErrMemory, "shorter span")
	for _, text := range []string{
		"throwIf(1, 'Cannot reserve 1.00 MiB, not enough space')",
		"throwIf(1, 'write: No space left on device')",
		"throwIf(1, 'full', 243::Int32)",
	} {
		_, err := s.Number(t.Context(), "SELECT toUInt64("+text+") SETTINGS allow_custom_error_code_in_throwif = 1")
		says(t, err, storage.ErrDiskFull, "free space")
	}
	_, err = s.Number(t.Context(), "SELECT toUInt64(throwIf(1, 'no', 516::Int32)) SETTINGS allow_custom_error_code_in_throwif = 1")
	says(t, err, storage.ErrAccess, "password_file")
	_, err = s.Number(t.Context(), "SELECT nothing")
	if err == nil || errors.Is(err, storage.ErrUnreachable) {
		t.Errorf("a wrong statement gives %v", err)
	}
}

func TestEndedContextIsNoFault(t *testing.T) {
	s := open(t, configure(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.ExporterBooks(ctx, hour)
	if !errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

// TestErrorsReachTheCaller runs every question against a store that is gone.
func TestErrorsReachTheCaller(t *testing.T) {
	s, _, g := gated(t)
	g.set(false)
	ctx := t.Context()
	flowsOf := func() error {
		for _, err := range s.Flows(ctx, storage.FlowFilter{}) {
			return err
		}
		return nil
	}
	networksOf := func() error {
		for _, err := range s.LineNetworks(ctx, hour, time.UTC) {
			return err
		}
		return nil
	}
	for name, ask := range map[string]func() error{
		"flows": flowsOf, "networks": networksOf,
		"ping":     func() error { return s.Ping(ctx) },
		"migrate":  func() error { return s.Migrate(ctx) },
		"books":    func() error { _, err := s.ExporterBooks(ctx, hour); return err },
		"entries":  func() error { _, err := s.BookEntries(ctx, hour); return err },
		"findings": func() error { _, err := s.Findings(ctx, rules.FindingFilter{}); return err },
		"finding":  func() error { _, _, err := s.Finding(ctx, "a"); return err },
		"events":   func() error { _, err := s.Events(ctx, "a"); return err },
		"save":     func() error { return s.SaveFindings(ctx, []rules.Finding{finding("a", "b")}, nil) },
		"stats":    func() error { _, err := s.Stats(ctx); return err },
	} {
		t.Run(name, func(t *testing.T) { says(t, ask(), storage.ErrUnreachable, g.addr()) })
	}
}
