package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOutputKeepsWhatIsNoFile writes to a pipe, a link and a directory.
func TestOutputKeepsWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe, link, target := filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "target")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target, []byte("old and longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, file := range []string{pipe, link} {
		if err := writeFileWhole(file, []byte("new")); err != nil {
			t.Error(err)
		}
	}
	if got, err := io.ReadAll(reader); err != nil || string(got) != "new" {
		t.Errorf("the pipe gives %q, %v", got, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "new" {
		t.Errorf("behind the link is %q, %v", got, err)
	}
	if err := writeFileWhole(dir, []byte("new")); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory is written to: %v", err)
	}
}
