package main

import (
	"path/filepath"
	"testing"
)

func TestDaemonRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if daemonRuns(dir) {
		t.Error("a daemon runs where there is no directory")
	}
	unlock, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !daemonRuns(dir) {
		t.Error("no daemon runs under its lock")
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if daemonRuns(dir) {
		t.Error("a daemon runs after its end")
	}
	// Asking leaves no lock behind.
	if unlock, err = lockData(dir); err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
}
