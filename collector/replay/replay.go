package replay

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// The kinds of failure. The text of the error names the file, the packet and
// byte, and what to do.
var (
	// ErrNotExport is a file that is neither a capture nor IPFIX messages.
	ErrNotExport = errors.New("not recorded flow export")
	// ErrDamaged is a file that ends early or contradicts its own format. What
	// stood before the damage has been handed out.
	ErrDamaged = errors.New("damaged")
	// ErrIncomplete is a capture that was read to its end and lacks part of
	// what it recorded: cut packets, missing fragments, unread link types, or
	// nothing for the ports asked for.
	ErrIncomplete = errors.New("incomplete")
)

// Options say how files are read.
type Options struct {
	// Ports are the UDP destination ports that carry flow export. They count
	// for captures only.
	Ports []uint16
	// AnyPort takes every UDP datagram of a capture instead.
	AnyPort bool
	// Raw takes each file as one UDP payload.
	Raw bool
	// Exporter is the source address of payloads and messages that come
	// without one.
	Exporter netip.Addr
}

// source is a file format below Reader. next returns io.EOF at the end.
type source interface {
	next() (flows.Packet, error)
}

// Reader hands out the export datagrams of one file. It is not safe for
// concurrent use.
type Reader struct {
	file   *os.File
	source source
	failed error
}

// bufferSize is how much of a file is read at a time.
const bufferSize = 256 << 10

// Open opens a file and tells its format. The error of a file that cannot be
// read wraps ErrNotExport, ErrDamaged or the error of the file system.
func Open(file string, o Options) (*Reader, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open recorded export: %w; name a pcap, pcapng or .ipfix file", err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, errors.Join(fmt.Errorf("%s is a directory; name the files in it", file), f.Close())
	}
	s, err := open(file, f, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Reader{file: f, source: s}, nil
}

// Next returns the next datagram, io.EOF when the file was whole and is read,
// or the error that ended it; every later call returns the same error. The
// Payload of a Packet is valid until the next call.
func (r *Reader) Next() (flows.Packet, error) {
	if r.failed != nil {
		return flows.Packet{}, r.failed
	}
	p, err := r.source.next()
	if err != nil {
		r.failed = err
		return flows.Packet{}, err
	}
	return p, nil
}

// Close closes the file.
func (r *Reader) Close() error {
	if err := r.file.Close(); err != nil {
		return fmt.Errorf("close recorded export: %w", err)
	}
	return nil
}

// open tells the format of what in holds.
func open(name string, in io.Reader, o Options) (source, error) {
	s := &stream{name: name, in: bufio.NewReaderSize(in, bufferSize)}
	start, err := s.peek()
	if err != nil {
		return nil, err
	}
	if hasMagic(start, 0x1f8b) {
		z, err := gzip.NewReader(s.in)
		if err != nil {
			return nil, s.damaged("is not gzip after all (%v): fetch it again", err)
		}
		s.unpacked, s.in = true, bufio.NewReaderSize(z, bufferSize)
		if start, err = s.peek(); err != nil {
			return nil, err
		}
	}
	plain := strings.TrimSuffix(strings.ToLower(name), ".gz")
	switch kind := identify(start); {
	case o.Raw && (kind == kindPcap || kind == kindPcapng):
		return nil, fmt.Errorf("%s: %w: it is a capture, not one UDP payload: leave out --raw", name, ErrNotExport)
	case o.Raw:
		return newPayload(s, o)
	case kind == kindPcap || kind == kindPcapng:
		return newCapture(s, kind, o)
	case strings.HasSuffix(plain, ".ipfix"):
		return newMessages(s, o), nil
	default:
		return nil, fmt.Errorf("%s: %w: it looks like %s", name, ErrNotExport, kind)
	}
}

// stream is the contents of a file, with the place that is read.
type stream struct {
	name     string
	in       *bufio.Reader
	unpacked bool
	at       int64 // bytes read, of the unpacked contents

	// The thing that is read: where it begins, what it is and its number, 0
	// for one that has none.
	start  int64
	what   string
	number int

	scratch [24]byte // for headers, so that they cost no memory
}

// begin notes that a new thing begins here.
func (s *stream) begin(what string, number int) {
	s.start, s.what, s.number = s.at, what, number
}

// peek returns the first bytes, fewer than identifySize in a short file.
func (s *stream) peek() ([]byte, error) {
	s.begin("the first bytes", 0)
	start, err := s.in.Peek(identifySize)
	if len(start) == 0 {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: %w: it is empty", s.name, ErrNotExport)
		}
		return nil, s.failure(err)
	}
	return start, nil
}

// full fills b. It returns io.EOF at the end of the file, and an error that
// wraps ErrDamaged when the file ends inside of b.
func (s *stream) full(b []byte) error {
	n, err := io.ReadFull(s.in, b)
	s.at += int64(n)
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) && n == 0 {
		return io.EOF
	}
	return s.failure(err)
}

// rest is full for bytes that must follow.
func (s *stream) rest(b []byte) error {
	err := s.full(b)
	if errors.Is(err, io.EOF) {
		return s.failure(io.ErrUnexpectedEOF)
	}
	return err
}

// skip passes over n bytes that must follow.
func (s *stream) skip(n int64) error {
	for n > 0 {
		done, err := s.in.Discard(int(min(n, 1<<30)))
		s.at += int64(done)
		n -= int64(done)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return s.failure(err)
		}
	}
	return nil
}

// failure is the error of a read that ended early.
func (s *stream) failure(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return s.damaged("%s ends early, at byte %d: the recording or its copy was cut short; "+
			"all before it has been read, fetch the file again for the rest", s.thing(), s.at)
	}
	if s.unpacked {
		return s.damaged("%s cannot be unpacked (%v): fetch the file again", s.thing(), err)
	}
	return fmt.Errorf("%s: read %s at byte %d: %w", s.name, s.thing(), s.start, err)
}

// thing names what is read.
func (s *stream) thing() string {
	if s.number == 0 {
		return s.what
	}
	return fmt.Sprintf("%s %d", s.what, s.number)
}

// damaged is an error at the start of what is read.
func (s *stream) damaged(format string, args ...any) error {
	of := ""
	if s.unpacked {
		of = " of the unpacked contents"
	}
	return fmt.Errorf("%s: %w at byte %d%s: %s", s.name, ErrDamaged, s.start, of, fmt.Sprintf(format, args...))
}

// latest is the last second of a packet that later arithmetic in nanoseconds
// can bear, in the year 2242.
const latest = 1 << 33

// arrival returns an arrival time, the zero time where it cannot be one.
func arrival(seconds, nanoseconds int64) time.Time {
	if seconds <= 0 || seconds >= latest {
		return time.Time{}
	}
	return time.Unix(seconds, nanoseconds).UTC()
}
