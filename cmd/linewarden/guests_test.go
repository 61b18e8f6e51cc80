package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
)

// importing is an import that reads a pipe, and so goes on until it is fed.
type importing struct {
	cmd    *exec.Cmd
	feed   *os.File
	stderr *bufio.Reader
}

// startImport starts an import and returns when it has its store and reads.
func startImport(t *testing.T, data string) *importing {
	t.Helper()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &importing{cmd: exec.Command(program, "--data", data, "import", "flows", "--exporter-ports", "0", pipe)}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stderr = bufio.NewReader(stderr)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() }) //nolint:errcheck // it has ended where the test passes
	if p.feed, err = os.OpenFile(pipe, os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestCommandsShareAnEngine lets the command that has started the engine finish
// before the one that came after it.
func TestCommandsShareAnEngine(t *testing.T) {
	capture, err := os.ReadFile(filepath.Join(testkit.CapturesDir(t), "netflow5/akvorado-nfv5/nfv5.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	first := startImport(t, data)
	second := startImport(t, data)
	end := func(p *importing) {
		_, err := p.feed.Write(capture)
		if cerr := p.feed.Close(); err != nil || cerr != nil {
			t.Fatal(err, cerr)
		}
	}
	end(first)
	for said := ""; !strings.Contains(said, "another command uses the engine"); {
		line, err := first.stderr.ReadString('\n')
		said += line
		if err != nil {
			t.Errorf("the first command does not wait for the second: %q, %v", said, err)
			break
		}
	}
	end(second)
	for _, p := range []*importing{second, first} {
		said, err := io.ReadAll(p.stderr)
		if werr := p.cmd.Wait(); err != nil || werr != nil {
			t.Errorf("%v, %v: %s", err, werr, said)
		}
	}
	out, err := exec.Command(program, "--data", data, "flows", "list", "--format", "jsonl").Output()
	if n := bytes.Count(out, []byte("\n")); err != nil || n == 0 || n%2 != 0 {
		t.Errorf("%d flows are stored of two imports of one capture: %v", n, err)
	}
}
