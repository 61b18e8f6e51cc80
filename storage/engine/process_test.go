package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// pidOf is the process that has a data directory open.
func pidOf(tb testing.TB, path string) int {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(path, "lock"))
	if err != nil {
		tb.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		tb.Fatal(err)
	}
	return pid
}

// kill9 ends the engine of a directory at once.
func kill9(tb testing.TB, path string) {
	tb.Helper()
	if err := syscall.Kill(pidOf(tb, path), syscall.SIGKILL); err != nil {
		tb.Fatal(err)
	}
}

// TestKillKeepsRows kills the engine under several writers, twice. What was
// acknowledged is there afterwards, whole batches, and nothing twice.
func TestKillKeepsRows(t *testing.T) {
	const writers, batchRows = 3, 500
	path := t.TempDir()
	var acked [writers]atomic.Uint64 // batches of each writer
	var sent [writers]uint64
	for round := range 2 {
		p := enginetest.Start(t, path)
		c := open(t, p.Addr())
		run(t, c, "CREATE DATABASE IF NOT EXISTS d ENGINE = Atomic",
			"CREATE TABLE IF NOT EXISTS d.t (w UInt8, b UInt64, n UInt64) ENGINE = MergeTree ORDER BY (w, b)")
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for {
					sent[w]++
					if err := sendBatch(t.Context(), p.Addr(), uint8(w), sent[w], batchRows); err != nil {
						return
					}
					acked[w].Store(sent[w])
				}
			})
		}
		start := acked[0].Load()
		eventually(t, "some batches", func() bool { return acked[0].Load() > start+20 })
		kill9(t, path)
		wg.Wait()
		<-p.Done()
		if err := p.Err(); !errors.Is(err, engine.ErrExited) {
			t.Errorf("round %d: %v", round, err)
		}
	}
	p := enginetest.Start(t, path)
	c := open(t, p.Addr())
	rows, err := c.Query(t.Context(), "SELECT w, b, count(), sum(n) FROM d.t GROUP BY w, b")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[[2]uint64]bool)
	for rows.Next() {
		var w uint8
		var b, n, sum uint64
		if err := rows.Scan(&w, &b, &n, &sum); err != nil {
			t.Fatal(err)
		}
		if n != batchRows || sum != batchRows*(batchRows-1)/2 {
			t.Errorf("batch %d of writer %d has %d rows", b, w, n)
		}
		found[[2]uint64{uint64(w), b}] = true
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for w := range writers {
		for b := uint64(1); b <= acked[w].Load(); b++ {
			// The batch in flight at the first kill was not acknowledged, and
			// its number was used once only.
			if !found[[2]uint64{uint64(w), b}] {
				lost++
			}
		}
	}
	if lost > writers { // one for each writer was in flight at the first kill
		t.Errorf("%d acknowledged batches are lost", lost)
	}
}

// sendBatch writes one block over a connection of its own.
func sendBatch(ctx context.Context, addr string, w uint8, b uint64, rows int) error {
	n, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	c, err := ch.Connect(ctx, n, ch.Options{})
	if err != nil {
		return errors.Join(err, n.Close())
	}
	defer func() { _ = c.Close() }()
	var ws proto.ColUInt8
	var bs, ns proto.ColUInt64
	for i := range rows {
		ws.Append(w)
		bs.Append(b)
		ns.Append(uint64(i))
	}
	return c.Do(ctx, ch.Query{
		Body:  "INSERT INTO d.t (w, b, n) VALUES",
		Input: proto.Input{{Name: "w", Data: &ws}, {Name: "b", Data: &bs}, {Name: "n", Data: &ns}},
	})
}

func TestSecondProcessIsToldOfTheFirst(t *testing.T) {
	path := t.TempDir()
	p := enginetest.Start(t, path)
	_, err := engine.Start(t.Context(), enginetest.Config(t, path))
	if !errors.Is(err, engine.ErrLocked) || !strings.Contains(fmt.Sprint(err), fmt.Sprintf("process %d", pidOf(t, path))) {
		t.Errorf("got %v", err)
	}
	if got := one[uint8](t, open(t, p.Addr()), "SELECT 1"); got != 1 {
		t.Errorf("the first one answers %d", got)
	}
}

// TestLockOfTheLibrary: a directory that another program holds by the
// engine's own lock is told from a broken one.
func TestLockOfTheLibrary(t *testing.T) {
	path := t.TempDir()
	enginetest.Start(t, path)
	other := t.TempDir()
	if err := os.Symlink(filepath.Join(path, "data"), filepath.Join(other, "data")); err != nil {
		t.Fatal(err)
	}
	_, err := engine.Start(t.Context(), enginetest.Config(t, other))
	if err == nil || !strings.Contains(err.Error(), "Cannot lock file") {
		t.Errorf("got %v", err)
	}
}

func TestAttach(t *testing.T) {
	path := t.TempDir()
	if addr, ok := engine.Attach(path); ok {
		t.Errorf("found %s where none was", addr)
	}
	p := enginetest.Start(t, path)
	addr, ok := engine.Attach(path)
	if !ok || addr != p.Addr() {
		t.Errorf("found %s, %v instead of %s", addr, ok, p.Addr())
	}
	kill9(t, path)
	<-p.Done()
	if addr, ok := engine.Attach(path); ok {
		t.Errorf("found %s of a killed engine", addr)
	}
	// What it has left does not stand in the way.
	if got := one[uint8](t, open(t, enginetest.Start(t, path).Addr()), "SELECT 1"); got != 1 {
		t.Errorf("got %d", got)
	}
	if addr, ok := engine.Attach(path); !ok {
		t.Errorf("found %s, %v", addr, ok)
	}
}

func TestLongPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("a long name ", 12), strings.Repeat("x", 60))
	p := enginetest.Start(t, path)
	socket := strings.TrimPrefix(p.Addr(), "unix://")
	t.Cleanup(func() {
		if err := os.RemoveAll(filepath.Dir(socket)); err != nil {
			t.Error(err)
		}
	})
	if len(socket) > 107 {
		t.Errorf("socket %s", socket)
	}
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if addr, ok := engine.Attach(path); !ok || addr != p.Addr() {
		t.Errorf("found %s, %v", addr, ok)
	}
	if got := one[uint8](t, open(t, p.Addr()), "SELECT 1"); got != 1 {
		t.Errorf("got %d", got)
	}
}

func TestStartTellsWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("this is not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := enginetest.Config(t, t.TempDir())
	for name, try := range map[string]struct {
		change func(*engine.ProcessConfig)
		kind   error
		text   string
	}{
		"missing library": {func(c *engine.ProcessConfig) { c.Library = "/nowhere/libchdb.so" }, engine.ErrNoLibrary, "make engine"},
		"bad library":     {func(c *engine.ProcessConfig) { c.Library = file }, nil, file},
		"path is a file":  {func(c *engine.ProcessConfig) { c.Path = file }, engine.ErrPath, "storage.embedded.path"},
		"relative path":   {func(c *engine.ProcessConfig) { c.Path = "data" }, engine.ErrPath, "absolute"},
		"missing binary":  {func(c *engine.ProcessConfig) { c.Binary = "/nowhere/linewarden" }, engine.ErrStart, "/nowhere/linewarden"},
		"silent binary":   {func(c *engine.ProcessConfig) { c.Binary = "/bin/false" }, engine.ErrStart, "exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			try.change(&c)
			_, err := engine.Start(t.Context(), c)
			if err == nil || try.kind != nil && !errors.Is(err, try.kind) || !strings.Contains(err.Error(), try.text) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("environment", func(t *testing.T) {
		t.Setenv("LINEWARDEN_ENGINE_LIB", "/nowhere/else.so")
		if _, err := engine.Start(t.Context(), good); !errors.Is(err, engine.ErrNoLibrary) || !strings.Contains(err.Error(), "LINEWARDEN_ENGINE_LIB names /nowhere/else.so") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nothing found", func(t *testing.T) {
		t.Setenv("LINEWARDEN_ENGINE_LIB", "")
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		if _, err := engine.Start(t.Context(), good); !errors.Is(err, engine.ErrNoLibrary) || !strings.Contains(err.Error(), "make engine") {
			t.Errorf("got %v", err)
		}
	})
	// None of these tries has left anything that stands in the way.
	t.Run("good", func(t *testing.T) { enginetest.Start(t, good.Path) })
}

// byHand runs the engine as a person would: without a parent that watches.
func byHand(t *testing.T, path, listen string, more ...string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	cmd := exec.Command(enginetest.Config(t, path).Binary, append([]string{"engine", "--path", path, "--listen", listen}, more...)...)
	var output strings.Builder
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}
	})
	return cmd, &output
}

func TestLoopback(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	cmd, _ := byHand(t, path, addr)
	eventually(t, "the start", func() bool { _, ok := engine.Attach(path); return ok })
	for _, password := range []string{"", "wrong"} {
		c := open(t, addr, func(o *clickhouse.Options) { o.Auth.Password = password })
		if err := c.Ping(t.Context()); codeOf(err) != 516 {
			t.Errorf("password %q: %v", password, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(path, "password"))
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, addr, func(o *clickhouse.Options) { o.Auth.Password = strings.TrimSpace(string(text)) })
	if got := one[uint8](t, c, "SELECT 1"); got != 1 {
		t.Errorf("got %d", got)
	}
	// The private socket is there as well, without a password.
	private, _ := engine.Attach(path)
	if got := one[uint8](t, open(t, private), "SELECT 1"); got != 1 {
		t.Errorf("got %d", got)
	}
	second, output := byHand(t, t.TempDir(), addr)
	if err := second.Wait(); err == nil || !strings.Contains(output.String(), "cannot listen on "+addr) {
		t.Errorf("%v: %s", err, output)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if _, ok := engine.Attach(path); ok {
		t.Error("it is still found")
	}
}

func TestTooManyClients(t *testing.T) {
	path := t.TempDir()
	addr := "unix://" + filepath.Join(path, "engine.sock")
	byHand(t, path, addr, "--connections", "2")
	eventually(t, "the start", func() bool { _, ok := engine.Attach(path); return ok })
	a, b := client(t, addr, ch.CompressionDisabled), client(t, addr, ch.CompressionDisabled)
	c := open(t, addr)
	if err := c.Ping(t.Context()); codeOf(err) != 202 {
		t.Errorf("the third client: %v", err)
	}
	if err := errors.Join(a.Close(), b.Ping(t.Context())); err != nil {
		t.Error(err)
	}
	eventually(t, "a free place", func() bool { return c.Ping(t.Context()) == nil })
}

func TestListenRefused(t *testing.T) {
	for listen, text := range map[string]string{
		"0.0.0.0:19000":                       "this machine only",
		":19000":                              "this machine only",
		"example.org:1":                       "this machine only",
		"19000":                               "neither unix:///path nor host:port",
		"unix://x":                            "absolute",
		"unix:///" + strings.Repeat("x", 120): "at most 107 bytes",
		"unix://" + os.TempDir():              "not a socket",
		"unix:///nowhere/at/all/linewarden/e.sock": "no such file",
	} {
		cmd, output := byHand(t, t.TempDir(), listen)
		if err := cmd.Wait(); err == nil || !strings.Contains(output.String(), text) {
			t.Errorf("%s: %v: %s", listen, err, output)
		}
	}
}

// TestChildEndsWithItsParent kills a parent without warning.
func TestChildEndsWithItsParent(t *testing.T) {
	path := t.TempDir()
	parent := exec.Command(enginetest.Config(t, path).Binary, "parent", path)
	parent.Stderr = t.Output()
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = parent.Wait() }()
	eventually(t, "the start", func() bool { _, ok := engine.Attach(path); return ok })
	child := pidOf(t, path)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the child", func() bool { return errors.Is(syscall.Kill(child, 0), syscall.ESRCH) || zombie(child) })
}

// zombie tells whether a process has ended and nobody has asked for it.
func zombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return strings.HasPrefix(rest, "Z")
}

// TestStopUnderLoad stops an engine that reads and writes.
func TestStopUnderLoad(t *testing.T) {
	path := t.TempDir()
	p, err := engine.Start(t.Context(), enginetest.Config(t, path))
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, p.Addr())

	run(t, c, "CREATE DATABASE d ENGINE = Atomic")
	run(t, c, "CREATE TABLE d.t (w UInt8, b UInt64, n UInt64) ENGINE = MergeTree ORDER BY (w, b)")
	var wg sync.WaitGroup
	var acked atomic.Uint64
	wg.Go(func() {
		for b := uint64(1); sendBatch(t.Context(), p.Addr(), 0, b, 1000) == nil; b++ {
			acked.Store(b)
		}
	})
	wg.Go(func() { _ = c.Exec(t.Context(), "SELECT count() FROM system.numbers WHERE NOT ignore('load')") })
	other := open(t, p.Addr())
	eventually(t, "the load", func() bool { return running(t, other, "load") == 1 && acked.Load() > 5 })
	began := time.Now()
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if p.Err() != nil {
		t.Errorf("got %v", p.Err())
	}
	again := open(t, enginetest.Start(t, path).Addr())
	if got := one[uint64](t, again, "SELECT count() FROM d.t WHERE b <= {b:UInt64}", clickhouse.Named("b", acked.Load())); got != 1000*acked.Load() {
		t.Errorf("%d rows of %d batches", got, acked.Load())
	}
}

// TestSupervisor: an engine that dies comes back at the same address.
func TestSupervisor(t *testing.T) {
	path := t.TempDir()
	s, err := engine.Supervise(t.Context(), enginetest.Config(t, path))
	if err != nil {
		t.Fatal(err)
	}
	addr := s.Addr()
	run(t, open(t, addr), "CREATE DATABASE d ENGINE = Atomic")
	for i := range 2 {
		kill9(t, path)
		eventually(t, "a new engine", func() bool { return s.Restarts() == i+1 })
		if s.Addr() != addr {
			t.Errorf("it moved to %s", s.Addr())
		}
		if got := one[uint64](t, open(t, addr), "SELECT count() FROM system.databases WHERE name = 'd'"); got != 1 {
			t.Errorf("got %d", got)
		}
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := engine.Attach(path); ok {
		t.Error("it runs on after Stop")
	}
}
