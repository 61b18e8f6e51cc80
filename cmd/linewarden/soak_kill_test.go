package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

// TestSoakKills sends load without pause while the engine or the daemon is
// killed at random moments. What the daemon had taken and was killed with is not
// stored, and neither are its books: rows and books agree after any kill, and
// nothing is stored twice.
func TestSoakKills(t *testing.T) {
	span, _ := soakSpan(t, 4*time.Second, 0.25)
	dir := t.TempDir()
	if err := writeLoadLedgers(filepath.Join(dir, "data", "registry")); err != nil {
		t.Fatal(err)
	}
	to, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	config := strings.Replace(soakConfig, `netflow: {listen: ["127.0.0.1:0"]}`, fmt.Sprintf("netflow: {listen: [%q]}", to), 1)
	d := startServeWith(t, dir, config)
	load := aimLoad(t, to)
	began := time.Now()
	done := make(chan error, 1)
	var sent sentLoad
	go func() { // received below
		var err error
		sent, err = load.send(soakRate, int(soakRate*span.Seconds()))
		done <- err
	}()
	engines, daemons := 0, 0
	const mean = 3 * time.Second // between two kills
	for next := time.After(span / 4); next != nil; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			next = nil
		case <-next:
			if daemons < engines {
				if err := d.signal(syscall.SIGKILL); err == nil {
					t.Fatal("a killed daemon ended well")
				}
				daemons++
				d = startServeWith(t, dir, config)
			} else {
				d.killEngine(t)
				engines++
			}
			next = time.After(mean/2 + rand.N(mean))
		}
	}
	d.untilWithin(5*time.Minute, "the spool is empty", func() bool { return d.metric("linewarden_spool_entries") == "0" })
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	d = startServeWith(t, dir, config)
	rows, books := storedBooks(t, dir)
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if rows != books.Stored || books.Stored > sent.records || engines == 0 || rows == 0 {
		t.Errorf("%d rows, the books have %d stored, %d were sent, the engine was killed %d times", rows, books.Stored, sent.records, engines)
	}
	keepSoak(t, "kills", time.Since(began), map[string]float64{
		"engine_kills": float64(engines), "daemon_kills": float64(daemons), "sent": float64(sent.records),
		"stored": float64(books.Stored), "rows": float64(rows), "lost": float64(books.TotalLost()), "missed": float64(books.RecordsMissed),
	})
}

// storedBooks returns how many flows the store of a running daemon has, and its
// books, which balance.
func storedBooks(t *testing.T, dir string) (rows uint64, sum flows.Count) {
	t.Helper()
	err := withStore(t.Context(), filepath.Join(dir, "linewarden.yaml"), filepath.Join(dir, "data"), func(s *opened) error {
		stats, err := s.Stats(t.Context())
		if err != nil {
			return err
		}
		for _, table := range stats.Tables {
			if table.Name == "flows" {
				rows = table.Rows
			}
		}
		entries, err := s.BookEntries(t.Context(), allTime())
		if err != nil {
			return err
		}
		testkit.BalanceEntries(t, entries)
		for i := range entries {
			sum.Add(&entries[i].Count)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, sum
}

// soakDisk is the size of the file system that is filled: enough for an engine
// that does little.
const soakDisk = 192 << 20

// TestSoakDisk fills the disk under a daemon that receives, and makes room again.
func TestSoakDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted here: %v: %s", err, strings.TrimSpace(string(out)))
	}
	began := time.Now()
	// The directory is another inside the daemon's mount namespace.
	mount := fmt.Sprintf(`mount -t tmpfs -o size=%d tmpfs "$1" && cd "$1" && shift && mkdir data && cat > linewarden.yaml && exec "$@" </dev/null`, soakDisk)
	d := startServeBy(t, dir, strings.Replace(soakConfig, "collector:", "collector:\n  spool: {max_bytes: 64MiB}", 1), "unshare", "-rm", "sh", "-c", mount, "sh", dir)
	inside := filepath.Join("/proc", fmt.Sprint(d.cmd.Process.Pid), "root", dir)
	s := &soaked{running: d, load: aimLoad(t, d.netflow)}
	first, got := s.send(soakRate, time.Second)

	ballast := filepath.Join(inside, "ballast")
	if err := fillDisk(ballast); err != nil {
		t.Fatal(err)
	}
	before := d.sums()
	second, err := s.load.send(soakRate, 2*soakRate)
	if err != nil {
		t.Fatal(err)
	}
	d.until("records arrive on a full disk", func() bool { return d.sums().minus(before).received == second.records })
	d.until("the spool says so", func() bool { return d.metric(`linewarden_spool_state{state="disk_full"}`) == "1" })
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	d.until("the spool is open again", func() bool { return d.metric(`linewarden_spool_state{state="open"}`) == "1" })
	full := s.settle(before, second.records)
	third, after := s.send(soakRate, time.Second)
	if got.lost > 0 || after.lost > 0 {
		t.Errorf("with room %d and %d records are lost", got.lost, after.lost)
	}
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	keepSoak(t, "disk", time.Since(began), map[string]float64{
		"sent": float64(first.records + second.records + third.records), "stored": float64(got.stored + full.stored + after.stored),
		"lost": float64(full.lost),
	})
}

// fillDisk writes a file until there is no room.
func fillDisk(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	for size := 1 << 20; size >= 512; size /= 2 {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		err = nil
	}
	return f.Close()
}
