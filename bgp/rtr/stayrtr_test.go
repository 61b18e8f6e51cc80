package rtr

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience bounds the wait for another program.
const patience = 20 * time.Second

// TestStayRTR takes payloads from a real cache in each version it speaks, their
// changes, and its restart as another session.
func TestStayRTR(t *testing.T) {
	server, err := exec.LookPath("stayrtr")
	if err != nil {
		t.Skip("stayrtr is not installed: the test runs a real RPKI cache, Debian's package stayrtr")
	}
	for protocol := range 3 {
		t.Run(fmt.Sprintf("protocol %d", protocol), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "vrps.json")
			write(t, file, `{"prefix":"192.0.2.0/24","maxLength":24,"asn":"AS64496"},{"prefix":"2001:db8::/32","maxLength":48,"asn":"AS64497"}`)
			address := freePort(t)
			stop := launch(t, server, "-bind", address, "-cache", file, "-checktime=false", "-refresh", "1",
				"-metrics.addr", "", "-protocol", fmt.Sprint(protocol))
			sink := new(books)
			config := DefaultConfig()
			config.Caches = []string{address}
			c, err := New(config, Deps{Sink: sink, Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))})
			if err != nil {
				t.Fatal(err)
			}
			c.Start(t.Context())
			defer func() {
				if err := c.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			until(t, sink, served)
			if got, want := c.Status()[0].Version, uint8(min(protocol, latest)); got != want {
				t.Errorf("version %d is spoken, want %d", got, want)
			}
			// The cache notifies of news, so that this does not wait for the refresh.
			write(t, file, `{"prefix":"192.0.2.0/24","maxLength":25,"asn":"AS64496"},{"prefix":"2001:db8::/32","maxLength":48,"asn":"AS64497"}`)
			until(t, sink, strings.Replace(served, "24-24", "24-25", 1))
			stop()
			write(t, file, `{"prefix":"203.0.113.0/24","maxLength":24,"asn":"AS64499"}`)
			defer launch(t, server, "-bind", address, "-cache", file, "-checktime=false", "-metrics.addr", "", "-protocol", fmt.Sprint(protocol))()
			until(t, sink, "1: 203.0.113.0/24-24 AS64499")
		})
	}
}

func write(t *testing.T, file, roas string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(`{"metadata":{},"roas":[`+roas+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// freePort returns an address that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// launch runs a program until the returned function is called.
func launch(t *testing.T, name string, args ...string) (stop func()) {
	t.Helper()
	c := exec.Command(name, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
	}
}

// until waits until the sink was told what is wanted.
func until(t *testing.T, sink *books, want string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); sink.said() != want; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the sink was told %q, want %q", sink.said(), want)
		}
	}
}
