package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// smallDisk mounts a file system of so many bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	path := t.TempDir()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small disk needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return path
}

// TestDiskFull fills the disk: inserts are refused with the right code and
// leave nothing, and go on when there is room again.
func TestDiskFull(t *testing.T) {
	path := smallDisk(t, "150m")
	ballast := filepath.Join(path, "ballast")
	p := enginetest.Start(t, path)
	c := open(t, p.Addr())
	run(t, c, "CREATE DATABASE d ENGINE = Atomic", "CREATE TABLE d.t (s String CODEC(NONE)) ENGINE = MergeTree ORDER BY tuple()")
	rows := uint64(0)
	write := func() error {
		err := insert(t.Context(), c, "INSERT INTO d.t", func(b driver.Batch) error {
			for range 50_000 {
				if err := b.Append("this text takes some room on the disk, because it is not made smaller before it is written there"); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			rows += 50_000
		}
		return err
	}
	if err := os.WriteFile(ballast, make([]byte, 60<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	for range 100 {
		if err = write(); err != nil {
			break
		}
	}
	if code := codeOf(err); code != 243 && code != 75 && code != 1001 {
		t.Errorf("the disk is full: %v", err)
	} else {
		t.Logf("the disk is full: %v", err)
	}
	if got := one[uint64](t, c, "SELECT count() FROM d.t"); got != rows {
		t.Errorf("%d rows are there, %d were acknowledged", got, rows)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	if got := one[uint64](t, c, "SELECT count() FROM d.t"); got != rows {
		t.Errorf("%d rows are there, %d were acknowledged", got, rows)
	}
}

func TestStartOnFullDisk(t *testing.T) {
	path := smallDisk(t, "16m")
	if _, err := engine.Start(t.Context(), enginetest.Config(t, path)); !errors.Is(err, engine.ErrDiskFull) {
		t.Errorf("got %v", err)
	}
}

// TestUnwritable starts as a user who may not write.
func TestUnwritable(t *testing.T) {
	path := smallDisk(t, "64m")
	if err := syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=64m"); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Start(t.Context(), enginetest.Config(t, path)); !errors.Is(err, engine.ErrPath) {
		t.Errorf("got %v", err)
	}
}

// TestMemoryLimit: a statement that asks for too much is refused, and the
// engine lives.
func TestMemoryLimit(t *testing.T) {
	c := open(t, enginetest.Addr(t), single)
	ctx := clickhouse.Context(context.WithoutCancel(t.Context()), clickhouse.WithSettings(clickhouse.Settings{"max_memory_usage": 50_000_000}))
	if err := c.Exec(ctx, "SELECT count() FROM (SELECT number FROM numbers(100000000) GROUP BY number)"); codeOf(err) != 241 {
		t.Errorf("got %v", err)
	}
	if got := one[uint8](t, c, "SELECT 1"); got != 1 {
		t.Errorf("got %d", got)
	}
}
