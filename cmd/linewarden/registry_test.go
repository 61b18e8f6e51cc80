package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fullDisk is an output that takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestCheckOnFullDisk wants a check whose warnings are not written to fail.
func TestCheckOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "other.csv"), []byte("a,b\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer
	if code := run(t.Context(), []string{"registry", "check", dir}, streams{out: &out, err: &said}); code != exitDone || !strings.Contains(out.String(), "warning") {
		t.Fatalf("code %d: %s%s", code, out.String(), said.String())
	}
	said.Reset()
	code := run(t.Context(), []string{"registry", "check", dir}, streams{out: fullDisk{}, err: &said})
	if code != exitFailed || !strings.Contains(said.String(), syscall.ENOSPC.Error()) {
		t.Errorf("code %d: %s", code, said.String())
	}
}
