package mrt

import (
	"bufio"
	"compress/bzip2"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

// MaxRecord is the greatest length of a record that is read, in octets. The
// longest there can sensibly be is a prefix with a path from each of some
// hundred peers, well under 1 MiB.
const MaxRecord = 16 << 20

const (
	headerLength = 12
	// remember bounds the sets of attributes that are remembered. Tables list the
	// paths of each peer over and over.
	remember = 1 << 14
	buffer   = 1 << 16
)

// ErrTruncated is what a *TruncatedError is.
var ErrTruncated = errors.New("truncated")

// TruncatedError says that a file ends inside a record. What is whole was read.
type TruncatedError struct {
	Records uint64 // whole records before it
	Offset  int64  // of the record that is not whole, in octets of the unpacked data
	Have    int    // octets of it that are there
	Want    int    // octets it says it has, with its header; 0 = its header is not whole
	Err     error  // what the unpacking said, nil for a plain end
}

// Error says what is missing and what to do.
func (e *TruncatedError) Error() string {
	want := "more"
	if e.Want > 0 {
		want = fmt.Sprint(e.Want)
	}
	text := fmt.Sprintf("record %d at byte %d has %d bytes of %s: the file is cut short, fetch it again; the %d records before were read",
		e.Records+1, e.Offset, e.Have, want, e.Records)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap makes it ErrTruncated and what the unpacking said.
func (e *TruncatedError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrTruncated}
	}
	return []error{ErrTruncated, e.Err}
}

// Reader reads one archive. It belongs to one goroutine.
type Reader struct {
	in      io.Reader
	offset  int64 // of the next octet of the unpacked data
	buf     []byte
	peers   []peer
	dump    *dump // nil when no table of TABLE_DUMP_V2 is being read
	decoder *wire.Decoder
	books   wire.Books
	count   Count
	refused [reasons]uint64

	event bgp.Event
	yield func(*bgp.Event) error
	err   error // of yield
}

// NewReader returns a reader of an archive, plain or packed. The error is that
// of reading its first octets.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{count: Count{Kinds: make(map[Kind]uint64), EntriesRefused: make(map[wire.Reason]uint64)}}
	r.decoder = wire.NewDecoder(&r.books, remember)
	b := bufio.NewReaderSize(in, buffer)
	magic, err := b.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	switch {
	case len(magic) >= 2 && magic[0] == 0x1f && magic[1] == 0x8b:
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("unpack gzip: %w", err)
		}
		r.in = bufio.NewReaderSize(z, buffer)
	case string(magic) == "BZh":
		r.in = bufio.NewReaderSize(bzip2.NewReader(b), buffer)
	default:
		r.in = b
	}
	return r, nil
}

// Each reads the whole archive and hands its events to yield, in order. An
// event is valid until yield returns; the slices of its route stay. It returns
// the error of yield or ctx, a *TruncatedError, or nil at the end.
func (r *Reader) Each(ctx context.Context, yield func(*bgp.Event) error) error {
	r.yield, r.err = yield, nil
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		h, body, err := r.next()
		if err != nil {
			if errors.Is(err, io.EOF) && !errors.Is(err, ErrTruncated) {
				r.endDump()
				return r.err
			}
			return err
		}
		reason, ok := ReasonTooLong, false
		if body != nil {
			reason, ok = r.record(h, body)
		}
		if ok {
			r.count.Used++
		} else {
			r.refused[reason]++
		}
		if r.err != nil {
			return r.err
		}
	}
}

// header is that of a record (RFC 6396 section 2).
type header struct {
	time time.Time
	kind Kind
}

// next reads one record. body is valid until the next call, and nil for a
// record longer than MaxRecord, which is skipped.
func (r *Reader) next() (h header, body []byte, err error) {
	var head [headerLength]byte
	start := r.offset
	n, err := io.ReadFull(r.in, head[:])
	r.offset += int64(n)
	if n == 0 && err != nil {
		if errors.Is(err, io.EOF) {
			return h, nil, io.EOF
		}
		return h, nil, r.truncated(start, 0, 0, err)
	}
	if err != nil {
		return h, nil, r.truncated(start, n, 0, err)
	}
	h.time = time.Unix(int64(binary.BigEndian.Uint32(head[:])), 0).UTC()
	h.kind = Kind{binary.BigEndian.Uint16(head[4:]), binary.BigEndian.Uint16(head[6:])}
	size := int64(binary.BigEndian.Uint32(head[8:]))
	got, err := r.body(size)
	r.offset += got
	if err != nil {
		return h, nil, r.truncated(start, headerLength+int(got), headerLength+int(size), err)
	}
	r.count.Records++
	if r.count.Kinds[h.kind] > 0 || len(r.count.Kinds) < 256 { // what a hostile file invents is not remembered
		r.count.Kinds[h.kind]++
	}
	if size > MaxRecord {
		return h, nil, nil
	}
	return h, r.buf[:size], nil
}

// body reads size octets into r.buf. The buffer grows with what is there, not
// with what the record says.
func (r *Reader) body(size int64) (int64, error) {
	if size > MaxRecord {
		n, err := io.CopyN(io.Discard, r.in, size)
		if err != nil {
			return n, fmt.Errorf("skip record: %w", err)
		}
		return n, nil
	}
	for have := 0; have < int(size); {
		if have == len(r.buf) {
			r.buf = append(r.buf, make([]byte, max(buffer, len(r.buf)))...)
		}
		n, err := io.ReadFull(r.in, r.buf[have:min(int(size), len(r.buf))])
		have += n
		if err != nil {
			return int64(have), fmt.Errorf("read record: %w", err)
		}
	}
	return size, nil
}

func (r *Reader) truncated(start int64, have, want int, err error) error {
	e := &TruncatedError{Records: r.count.Records, Offset: start, Have: have, Want: want}
	// An end is an end: of the plain file, or unexpected by the record alone.
	if root := rootOf(err); root != io.EOF && root != io.ErrUnexpectedEOF { //nolint:errorlint // the root itself is meant
		e.Err = err
	}
	return fmt.Errorf("read archive: %w", e)
}

func rootOf(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// send hands an event on, unless yield has failed.
func (r *Reader) send(e *bgp.Event) {
	if r.err == nil {
		r.err = r.yield(e)
	}
}
