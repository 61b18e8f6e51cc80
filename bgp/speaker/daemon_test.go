package speaker

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// daemon is a real BGP speaker, run from a directory of its own and ended by the test.
type daemon struct {
	t       testing.TB
	dir     string
	command []string
	env     []string
	cmd     *exec.Cmd
	out     *logs
}

// installed skips the test where a program is not.
func installed(t testing.TB, programs ...string) string {
	t.Helper()
	var path string
	for i, p := range programs {
		found, err := exec.LookPath(p)
		if err != nil {
			t.Skipf("%s is not installed: %v", p, err)
		}
		if i == 0 {
			path = found
		}
	}
	return path
}

// run starts the daemon.
func (d *daemon) run() {
	d.t.Helper()
	if d.out == nil {
		d.out = new(logs)
		d.t.Cleanup(func() {
			d.kill()
			if d.t.Failed() {
				said := d.out.String()
				d.t.Logf("%s said: %s", d.command[0], said[max(0, len(said)-3000):])
			}
		})
	}
	d.cmd = exec.Command(d.command[0], d.command[1:]...)
	d.cmd.Dir, d.cmd.Stdout, d.cmd.Stderr = d.dir, d.out, d.out
	d.cmd.Env = append(os.Environ(), d.env...)
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	d.cmd.WaitDelay = time.Second
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
}

// kill ends the daemon and its children without a word to anybody.
func (d *daemon) kill() {
	if d.cmd != nil {
		_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
		_ = d.cmd.Wait()
		d.cmd = nil
	}
}

// file writes a file of the daemon's directory and returns its path.
func (d *daemon) file(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// tool runs a command that speaks to the daemon, until it succeeds.
func (d *daemon) tool(args ...string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir = d.dir
		out, err := cmd.CombinedOutput()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			d.t.Fatalf("%q: %v: %s", args, err, out)
		}
	}
}

func newDaemon(t testing.TB) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "lw") //nolint:usetesting // the names of sockets must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &daemon{t: t, dir: dir}
}

// count tells whether there are so many routes; tb.mu is held.
func (tb *table) count(want int) func() bool { return func() bool { return len(tb.routes) == want } }

// times counts an event about peers; tb.mu is held.
func (tb *table) times(text string) int {
	n := 0
	for _, s := range tb.said {
		if s == text {
			n++
		}
	}
	return n
}

// expect fails unless a route is as it should be.
func (tb *table) expect(t testing.TB, key, want string) {
	t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	r, ok := tb.routes[key]
	got := fmt.Sprintf("%v [%v] %v %v %v %v", r.NextHop, r.Path, r.Origin, r.MED, r.Communities, r.LargeCommunities)
	if !ok || got != want {
		t.Errorf("%s: %s (%t), want %s", key, got, ok, want)
	}
}
