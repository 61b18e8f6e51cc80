package listen_test

import (
	"log/slog"
	"net"
	"testing"

	"github.com/linewarden/linewarden/bgp/listen"
)

func TestSockets(t *testing.T) {
	s, err := listen.Open(t.Context(), "test", []string{"127.0.0.1:0", "[::1]:0"}, net.ListenConfig{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan string)
	s.Serve(func(conn net.Conn) {
		taken <- conn.LocalAddr().String()
		_ = conn.Close()
	})
	for _, address := range s.Addrs() {
		conn, err := net.Dial("tcp", address.String())
		if err != nil {
			t.Fatal(err)
		}
		if got := <-taken; got != address.String() {
			t.Errorf("a connection to %v was taken at %s", address, got)
		}
		_ = conn.Close()
	}
	if n := len(s.Addrs()); n != 2 {
		t.Fatalf("%d sockets", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", s.Addrs()[0].String()); err == nil {
		_ = conn.Close()
		t.Error("still listening after Close")
	}
}

// When one address cannot be bound, none is.
func TestAllOrNone(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close() //nolint:errcheck // nothing was written
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = listen.Open(t.Context(), "test", []string{address, busy.Addr().String()}, net.ListenConfig{}, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("a busy address was bound")
	}
	again, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the first address stayed bound: %v", err)
	}
	_ = again.Close()
}

// What never listened can be closed.
func TestZero(t *testing.T) {
	var s listen.Sockets
	if err := s.Close(); err != nil || len(s.Addrs()) != 0 {
		t.Fatal(err)
	}
}
