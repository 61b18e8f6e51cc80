package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
)

// count is how many flows are stored.
func (d *running) count() int {
	n := 0
	for _, of := range d.flowsOf() {
		n += of
	}
	return n
}

// killMidway kills the daemon while it still has flows to store.
func (d *running) killMidway(t *testing.T) {
	t.Helper()
	d.until("flows have come", func() bool {
		return d.metric(`linewarden_flow_records_received_total{exporter="127.0.0.1",protocol_version="netflow5"}`) != "0"
	})
	if err := d.signal(syscall.SIGKILL); err == nil {
		t.Fatal("a killed daemon ended well")
	}
}

// balanced checks that the stored books have each stored flow, and each record
// as stored or lost.
func (d *running) balanced(t *testing.T, stored int) {
	t.Helper()
	cfg, err := LoadConfig(filepath.Join(d.dir, "linewarden.yaml"), filepath.Join(d.dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := openStoreOf(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	err = s.closeAfter(t.Context(), func() error {
		entries, err := s.BookEntries(t.Context(), allTime())
		if err != nil {
			return err
		}
		testkit.BalanceEntries(t, entries)
		sum := uint64(0)
		for i := range entries {
			sum += entries[i].Count.Stored
		}
		if sum != uint64(stored) {
			t.Errorf("%d flows are stored, and the books say %d", stored, sum)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// enginePID is the child process of the daemon.
func (d *running) enginePID(t *testing.T) int {
	t.Helper()
	// A child is listed with the thread that started it.
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", d.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, task := range tasks {
		more, err := os.ReadFile(task)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a thread may end meanwhile
			t.Fatal(err)
		}
		text = append(text, more...)
	}
	children := strings.Fields(string(text))
	if len(children) != 1 {
		t.Fatalf("the daemon has the children %q, want one engine", children)
	}
	child, err := strconv.Atoi(children[0])
	if err != nil {
		t.Fatal(err)
	}
	return child
}

// killEngine kills the child process of the daemon.
func (d *running) killEngine(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(d.enginePID(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
