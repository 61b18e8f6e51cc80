package rtr

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// books is a sink that remembers what it was told last.
type books struct {
	mu     sync.Mutex // guards all below
	caches int
	list   string
	calls  int
}

var _ Sink = (*books)(nil)

func (b *books) Payloads(caches int, all iter.Seq[Payload]) {
	var list []string
	for p := range all {
		list = append(list, fmt.Sprintf("%v-%d AS%d", p.Prefix, p.MaxLength, p.ASN))
	}
	slices.Sort(list)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.caches, b.list, b.calls = caches, strings.Join(slices.Compact(list), ", "), b.calls+1
}

// said is the number of current caches and the payloads.
func (b *books) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%d: %s", b.caches, b.list)
}

// stage is a client and the cache that a test plays, inside a bubble of its own time.
type stage struct {
	t      *testing.T
	client *Client
	sink   *books
	conns  chan net.Conn
	conn   net.Conn
	v      uint8
}

// play runs a test against a client whose connections the test answers.
func play(t *testing.T, change func(*Config), act func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, sink: new(books), conns: make(chan net.Conn), v: 1}
		config := DefaultConfig()
		config.Caches = []string{"cache.example:323"}
		if change != nil {
			change(&config)
		}
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			select {
			case s.conns <- theirs:
				return ours, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		var err error
		s.client, err = New(config, Deps{Sink: s.sink, Logger: slog.New(slog.DiscardHandler), Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		s.client.Start(t.Context())
		defer func() {
			if err := s.client.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if s.conn != nil {
				_ = s.conn.Close()
			}
		}()
		act(s)
	})
}

// accept waits for a connection.
func (s *stage) accept() {
	s.t.Helper()
	s.conn = <-s.conns
}

// hear reads one message and compares it, in hexadecimal.
func (s *stage) hear(want string) {
	s.t.Helper()
	if got := s.read(); got != strings.ReplaceAll(want, " ", "") {
		s.t.Fatalf("heard %s, want %s", got, want)
	}
}

func (s *stage) read() string {
	s.t.Helper()
	head := make([]byte, 8)
	if _, err := io.ReadFull(s.conn, head); err != nil {
		s.t.Fatalf("read a header: %v", err)
	}
	rest := make([]byte, binary.BigEndian.Uint32(head[4:])-8)
	if _, err := io.ReadFull(s.conn, rest); err != nil {
		s.t.Fatalf("read a message: %v", err)
	}
	return fmt.Sprintf("%x", append(head, rest...))
}

// hearReport reads an error report with a code, and the end of the connection.
func (s *stage) hearReport(code byte) {
	s.t.Helper()
	if got := s.read(); !strings.HasPrefix(got, fmt.Sprintf("%02x0a00%02x", s.v, code)) {
		s.t.Fatalf("heard %s, want an error report of code %d", got, code)
	}
	if _, err := s.conn.Read(make([]byte, 1)); err == nil {
		s.t.Fatal("the connection goes on after an error report")
	}
}

func (s *stage) say(messages ...[]byte) {
	s.t.Helper()
	if _, err := s.conn.Write(bytes.Join(messages, nil)); err != nil {
		s.t.Fatalf("write: %v", err)
	}
}

// expect compares what the sink was told last.
func (s *stage) expect(want string) {
	s.t.Helper()
	synctest.Wait()
	if got := s.sink.said(); got != want {
		s.t.Fatalf("the sink was told %q, want %q", got, want)
	}
}

// The messages of a cache, written from RFC 8210 section 5 without the library.

func message(v, kind byte, field uint16, body ...byte) []byte {
	b := []byte{v, kind}
	b = binary.BigEndian.AppendUint16(b, field)
	b = binary.BigEndian.AppendUint32(b, uint32(8+len(body)))
	return append(b, body...)
}

func words(list ...uint32) (b []byte) {
	for _, w := range list {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

func (s *stage) response(session uint16) []byte { return message(s.v, 3, session) }

func (s *stage) end(session uint16, serial uint32) []byte {
	if s.v == 0 {
		return message(0, 7, session, words(serial)...)
	}
	return message(s.v, 7, session, words(serial, 1800, 300, 7200)...)
}

// roa is a payload, announced or withdrawn.
func (s *stage) roa(flags byte, prefix string, most byte, asn uint32) []byte {
	p := netip.MustParsePrefix(prefix)
	kind := byte(4)
	if p.Addr().Is6() {
		kind = 6
	}
	body := append([]byte{flags, byte(p.Bits()), most, 0}, p.Addr().AsSlice()...)
	return message(s.v, kind, 0, append(body, words(asn)...)...)
}

// The questions of a client.
const (
	askAll     = "01020000 00000008"
	askAllV0   = "00020000 00000008"
	askSerial7 = "01010005 0000000c 00000007" // of session 5
)

// serve gives all payloads, in session 5 with serial 7.
func (s *stage) serve() {
	s.t.Helper()
	s.accept()
	s.hear(askAll)
	s.say(s.response(5), s.roa(1, "192.0.2.0/24", 24, 64496), s.roa(1, "2001:db8::/32", 48, 64497), s.end(5, 7))
	s.expect(served)
}

const served = "1: 192.0.2.0/24-24 AS64496, 2001:db8::/32-48 AS64497"
