package rtr

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"
)

// FuzzParse reads anything as one message: no panic of the library gets out,
// and a payload that is taken is sound.
func FuzzParse(f *testing.F) {
	s := &stage{v: 1}
	for _, b := range [][]byte{
		s.response(1), s.end(1, 2), s.roa(1, "192.0.2.0/24", 24, 1), s.roa(0, "2001:db8::/32", 48, 2), message(1, 0, 1, 0, 0, 0, 1),
		message(1, 10, 2, words(0, 0)...), message(1, 10, 2, words(0xffffffff, 0)...), message(1, routerKey, 0, make([]byte, 24)...),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parse(b)
		if err != nil {
			return
		}
		if p.kind == 4 || p.kind == 6 {
			v := p.record.payload()
			if !v.Prefix.IsValid() || v.Prefix != v.Prefix.Masked() || int(v.MaxLength) < v.Prefix.Bits() || int(v.MaxLength) > v.Prefix.Addr().BitLen() {
				t.Errorf("taken: %+v", v)
			}
		}
	})
}

// FuzzLink lets a cache say anything: the connection ends, and what counts is
// the answers that came whole.
func FuzzLink(f *testing.F) {
	s := &stage{v: 1}
	f.Add(bytes.Join([][]byte{s.response(5), s.roa(1, "192.0.2.0/24", 24, 64496), s.end(5, 7), message(1, 0, 5, words(9)...)}, nil))
	f.Add(bytes.Join([][]byte{message(0, 3, 5), message(0, 7, 5, words(1)...), message(0, 8, 0)}, nil))
	f.Add(message(1, 10, 2, words(0, 0)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		config := DefaultConfig()
		config.Caches, config.MaxPayloads = []string{"cache.example:323"}, 8
		c, err := New(config, Deps{Sink: new(books), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		k := c.caches[0]
		if err := newLink(k, &heard{in: bytes.NewReader(b)}).follow(); err == nil {
			t.Error("a link ended without a reason")
		}
		if n := len(k.data); n > config.MaxPayloads {
			t.Errorf("%d payloads are held", n)
		}
	})
}

// heard is a connection on which everything was said already.
type heard struct {
	net.Conn

	in io.Reader
}

func (h *heard) Read(b []byte) (int, error)     { return h.in.Read(b) }
func (*heard) Write(b []byte) (int, error)      { return len(b), nil }
func (*heard) SetReadDeadline(time.Time) error  { return nil }
func (*heard) SetWriteDeadline(time.Time) error { return nil }
