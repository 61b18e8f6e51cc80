package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// manager is the end of a service manager.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func newManager(t *testing.T) (*manager, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "lw") //nolint:usetesting // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return &manager{t, conn}, path
}

// hear returns the next state.
func (m *manager) hear() string {
	m.t.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		m.t.Fatal(err)
	}
	b := make([]byte, 256)
	n, err := m.conn.Read(b)
	if err != nil {
		m.t.Fatalf("the manager hears nothing: %v", err)
	}
	return string(b[:n])
}

// TestNotifyDaemon runs a daemon under a manager with a watchdog.
func TestNotifyDaemon(t *testing.T) {
	m, path := newManager(t)
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "400000")
	d := startServe(t, t.TempDir())
	for _, want := range []string{stateReady, stateAlive, stateAlive} {
		if got := m.hear(); got != want {
			t.Fatalf("the manager heard %q, want %q", got, want)
		}
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for {
		got := m.hear()
		if got == stateStopping {
			break
		}
		if got != stateAlive {
			t.Fatalf("the manager heard %q", got)
		}
	}
	if err := <-d.done; err != nil {
		t.Errorf("the daemon ended with %v", err)
	}
}

// TestNotifyStuck proves that a daemon that is stuck gives no sign of life.
func TestNotifyStuck(t *testing.T) {
	m, path := newManager(t)
	s := &supervisor{socket: path, watchdog: 2 * time.Millisecond, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	stuck, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(stuck) })
	go func() {
		defer close(done)
		s.watch(ctx, func() {
			once()
			<-release
		})
	}()
	if got := m.hear(); got != stateReady {
		t.Fatalf("the manager heard %q", got)
	}
	<-stuck
	if err := m.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := m.conn.Read(make([]byte, 256)); err == nil {
		t.Errorf("a stuck daemon gave a sign of life of %d bytes", n)
	}
	cancel()
	close(release)
	<-done
}

// TestNotifyEnvironment reads the variables of sd_watchdog_enabled(3).
func TestNotifyEnvironment(t *testing.T) {
	pid := os.Getpid()
	for _, c := range []struct {
		env  map[string]string
		want time.Duration
		err  bool
	}{
		{nil, 0, false},
		{map[string]string{"WATCHDOG_USEC": "1000000"}, 0, false},
		{map[string]string{"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000000"}, time.Second, false},
		{map[string]string{"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": strconv.Itoa(pid)}, time.Second, false},
		{map[string]string{"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}, 0, false},
		{map[string]string{"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "soon"}, 0, true},
		{map[string]string{"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "-5"}, 0, true},
	} {
		s, err := newSupervisor(func(name string) string { return c.env[name] }, pid, slog.New(slog.DiscardHandler))
		if (err != nil) != c.err || err == nil && s.watchdog != c.want {
			t.Errorf("%v gives %+v, %v", c.env, s, err)
		}
		if err != nil && !strings.Contains(err.Error(), "WATCHDOG_USEC") {
			t.Errorf("the error is %v", err)
		}
	}
	// A socket that is gone must not hurt.
	(&supervisor{socket: filepath.Join(t.TempDir(), "none"), log: slog.New(slog.DiscardHandler)}).say(t.Context(), stateReady)
}
