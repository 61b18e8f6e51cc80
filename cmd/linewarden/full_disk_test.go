package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
)

// TestFullDisk imports into a file system of a few megabytes that is nearly
// full, in a mount namespace of the test's own.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted here: %v: %s", err, bytes.TrimSpace(out))
	}
	capture := filepath.Join(testkit.CapturesDir(t), "netflow5/akvorado-nfv5/nfv5.pcap")
	script := `mount -t tmpfs -o size=8m tmpfs "$1" && shift && exec "$@"`
	c := exec.Command("unshare", "-rm", "sh", "-c", script, "sh", dir, program,
		"--data", filepath.Join(dir, "data"), "import", "flows", "--exporter-ports", "0", capture)
	c.Env = os.Environ()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if err == nil || c.ProcessState.ExitCode() != 1 {
		t.Fatalf("a full disk ends in %v\n%s%s", err, stdout.String(), stderr.String())
	}
	said := strings.ToLower(stderr.String())
	if !strings.Contains(said, "disk") && !strings.Contains(said, "space") {
		t.Errorf("a full disk is not named:\n%s", stderr.String())
	}
	if strings.Contains(said, "panic") || strings.Contains(said, "goroutine") {
		t.Errorf("a full disk is a crash:\n%s", stderr.String())
	}
}
