package engine_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// TestMemoryReachesTheEngine asks the engine itself what it may take, and has
// many small statements together meet the limit, which no setting of a
// statement bounds.
func TestMemoryReachesTheEngine(t *testing.T) {
	path := t.TempDir()
	cfg := enginetest.Config(t, path)
	cfg.Memory = 768 << 20
	began := time.Now()
	p, err := engine.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := p.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	c := open(t, p.Addr())
	for name, want := range map[string]uint64{
		"max_server_memory_usage": 768 << 20, "mark_cache_size": 24 << 20, "primary_index_cache_size": 24 << 20,
		"index_mark_cache_size": 6 << 20, "uncompressed_cache_size": 0,
	} {
		if got := one[uint64](t, c, "SELECT toUInt64(value) FROM system.server_settings WHERE name = '"+name+"'"); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	err = c.Exec(t.Context(), "CREATE TABLE system.none ENGINE = Memory AS SELECT groupArray(number) FROM numbers(200000000)")
	if err == nil {
		t.Error("a statement took more memory than the engine may have")
	}
	err = c.QueryRow(t.Context(), "SELECT length(groupArray(number)) FROM numbers(200000000)").Scan(new(uint64))
	if codeOf(err) != 241 || !strings.Contains(err.Error(), "total") {
		t.Errorf("got %v", err)
	}
	if got := one[uint8](t, c, "SELECT 1"); got != 1 {
		t.Errorf("got %d", got)
	}
	environment, err := os.ReadFile("/proc/" + lockHolder(t, path) + "/environ")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(environment), "JE_MALLOC_CONF=dirty_decay_ms:300,muzzy_decay_ms:0") {
		t.Error("the allocator of the engine is not told to give memory back")
	}
}

// lockHolder is the id of the process that has a data directory.
func lockHolder(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path + "/lock")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// mostStart is the longest that a start may take. The library is in the cache of
// the disk by then, as it is on a machine where the engine has run before.
const mostStart = 3 * time.Second

func TestStartTime(t *testing.T) {
	path := t.TempDir()
	least := time.Hour
	for range 5 {
		began := time.Now()
		p, err := engine.Start(t.Context(), enginetest.Config(t, path))
		if err != nil {
			t.Fatal(err)
		}
		least = min(least, time.Since(began))
		if err := p.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the quickest of 5 starts took %v", least.Round(time.Millisecond))
	if least > mostStart {
		t.Errorf("a start takes %v, %v are allowed", least, mostStart)
	}
}

// TestEngineKilledUnderAQuery has the query fail with an error, not hang, and
// the next one succeed once the engine is back.
func TestEngineKilledUnderAQuery(t *testing.T) {
	path := t.TempDir()
	s, err := engine.Supervise(t.Context(), enginetest.Config(t, path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	c := open(t, s.Addr())
	for round := range 3 {
		failed := make(chan error, 1)
		go func() {
			failed <- c.QueryRow(t.Context(), "SELECT sum(sleepEachRow(0.01)) FROM numbers(100000) SETTINGS max_block_size = 10, function_sleep_max_microseconds_per_block = 1000000000").Scan(new(uint64))
		}()
		eventually(t, "the query runs", func() bool {
			return one[uint64](t, c, "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%'") > 1
		})
		kill9(t, path)
		select {
		case err := <-failed:
			if err == nil || codeOf(err) != 0 {
				t.Errorf("got %v, want an error of the connection", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the query of a killed engine does not end")
		}
		eventually(t, "a new engine", func() bool { return s.Restarts() == round+1 })
		if got := one[uint8](t, c, "SELECT 1"); got != 1 {
			t.Errorf("got %d", got)
		}
	}
}
