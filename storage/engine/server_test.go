package engine

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
)

// rigged is a client connection that panics when it is read.
type rigged struct{ net.Conn }

func (rigged) Read([]byte) (int, error) { panic("planted") }

// TestPanicCostsOneClient: a panic in a connection closes it and nothing else.
func TestPanicCostsOneClient(t *testing.T) {
	var log bytes.Buffer
	s := &server{log: slog.New(slog.NewTextHandler(&log, nil)), limit: 5, conns: make(map[*conn]bool), hurry: make(chan struct{})}
	ours, theirs := net.Pipe()
	c := s.admit(rigged{theirs})
	if c == nil || len(s.conns) != 1 {
		t.Fatal("it was not admitted")
	}
	s.host(c)
	if len(s.conns) != 0 || !strings.Contains(log.String(), "planted") {
		t.Errorf("%d connections, log %s", len(s.conns), &log)
	}
	if _, err := ours.Read(make([]byte, 1)); err == nil {
		t.Error("it is still open")
	}
}
