package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage/spool"
)

// What an entry of the spool is, and the form it has. An entry of another form
// was written by another version of the program.
const (
	spoolForm    = 1
	spooledFlows = 1
	spooledBooks = 2
)

// errForm is the error of an entry that this program cannot read.
var errForm = errors.New("the entry is not of a form that this program writes")

// spooled is an entry of the spool: a sealed batch of flows with what the books
// say of it, or books alone.
type spooled struct {
	token  string
	kind   byte
	run    uint64 // of the process that wrote it
	stored time.Time
	rows   int           // flows in it
	tally  []tallied     // of flows
	books  []flows.Entry // alone
	input  proto.Input   // nil for books
}

// tallied is how many flows of a batch belong to an account and a minute.
type tallied struct {
	tallyKey
	n uint64
}

// spooledOf returns what the spool keeps of a sealed batch. It shares the memory
// of the columns.
func spooledOf(b *flowBatch) *spooled {
	s := &spooled{token: b.token, kind: spooledFlows, stored: b.sealed, rows: b.rows, input: b.input}
	s.tally = make([]tallied, 0, len(b.tally))
	b.settle(func(key tallyKey, n uint64) { s.tally = append(s.tally, tallied{key, n}) })
	return s
}

// each yields what the entry adds to the stored books.
func (s *spooled) each(yield func(*flows.Entry) bool) {
	for i := range s.books {
		if !yield(&s.books[i]) {
			return
		}
	}
	var e flows.Entry
	for i := range s.tally {
		t := &s.tally[i]
		e.Source, e.Minute = t.source, time.Unix(t.minute*60, 0)
		e.Count.Records, e.Count.Stored = t.n, t.n
		if !yield(&e) {
			return
		}
	}
}

// appendMeta writes all but the token and the columns: all that the books need
// when the columns are lost.
func (s *spooled) appendMeta(b []byte) []byte {
	b = append(b, spoolForm, s.kind)
	b = binary.LittleEndian.AppendUint64(b, s.run)
	b = binary.AppendVarint(b, s.stored.Unix())
	b = binary.AppendUvarint(b, uint64(s.rows))
	b = binary.AppendUvarint(b, uint64(len(s.tally)))
	for i := range s.tally {
		t := &s.tally[i]
		b = appendAccount(b, t.source, t.minute)
		b = binary.AppendUvarint(b, t.n)
	}
	b = binary.AppendUvarint(b, uint64(len(s.books)))
	for i := range s.books {
		e := &s.books[i]
		b = appendAccount(b, e.Source, e.Minute.Unix()/60)
		b = appendCount(b, &e.Count)
	}
	return b
}

func appendAccount(b []byte, s flows.Source, minute int64) []byte {
	addr := s.Exporter.AsSlice()
	b = append(b, byte(len(addr)))
	b = append(b, addr...)
	b = binary.AppendUvarint(b, uint64(s.Domain))
	b = append(b, byte(s.Version))
	return binary.AppendVarint(b, minute)
}

// appendCount writes the figures that are not zero, by their place in
// countFigures, which they keep as long as reasons are only added.
func appendCount(b []byte, c *flows.Count) []byte {
	figures, used := countFigures(c), uint64(0)
	for _, f := range figures {
		if *f != 0 {
			used++
		}
	}
	b = binary.AppendUvarint(b, used)
	for i, f := range figures {
		if *f != 0 {
			b = binary.AppendUvarint(b, uint64(i))
			b = binary.AppendUvarint(b, *f)
		}
	}
	return b
}

// packed marks the length of a column that is compressed.
const packed = 1 << 63

// appendBody writes the columns: each with its name, its type, its length and
// its bytes as they are in a block of the native format. With pack these are a
// compressed block of ClickHouse behind their own length, where that is less.
func appendBody(b *proto.Buffer, input proto.Input, pack *compress.Writer) error {
	b.PutUVarInt(uint64(len(input)))
	for _, c := range input {
		b.PutString(c.Name)
		b.PutString(string(c.Data.Type()))
		if p, ok := c.Data.(proto.Preparable); ok {
			if err := p.Prepare(); err != nil {
				return fmt.Errorf("encode column %s: %w", c.Name, err)
			}
		}
		at := len(b.Buf)
		b.PutUInt64(0)
		if s, ok := c.Data.(proto.StateEncoder); ok {
			s.EncodeState(b)
		}
		c.Data.EncodeColumn(b)
		raw := b.Buf[at+8:]
		length := uint64(len(raw))
		if pack != nil {
			if err := pack.Compress(raw); err != nil {
				return fmt.Errorf("compress column %s: %w", c.Name, err)
			}
			if len(pack.Data)+8 < len(raw) {
				b.Buf = b.Buf[:at+8]
				b.PutUInt64(length)
				b.PutRaw(pack.Data)
				length = packed | uint64(len(pack.Data)+8)
			}
		}
		binary.LittleEndian.PutUint64(b.Buf[at:], length)
	}
	return nil
}

// unpack is the inverse for the bytes of one column.
func unpack(b []byte) ([]byte, error) {
	r := &reader{rest: b}
	length := r.fixed()
	// The block has its own idea of the length behind a sum of 16 bytes, the
	// method and its size. LZ4 makes at most 255 bytes of one.
	const at = 21
	if r.short || len(r.rest) < at+4 || length > 255*uint64(len(r.rest)) || uint64(binary.LittleEndian.Uint32(r.rest[at:])) != length {
		return nil, errForm
	}
	raw := make([]byte, length)
	if _, err := io.ReadFull(compress.NewReader(bytes.NewReader(r.rest)), raw); err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	return raw, nil
}

// rawColumn is a column whose bytes are passed on as they are.
type rawColumn struct {
	kind proto.ColumnType
	rows int
	data []byte
}

var _ proto.ColInput = (*rawColumn)(nil)

// Type implements proto.ColInput.
func (c *rawColumn) Type() proto.ColumnType { return c.kind }

// Rows implements proto.ColInput.
func (c *rawColumn) Rows() int { return c.rows }

// EncodeColumn implements proto.ColInput.
func (c *rawColumn) EncodeColumn(b *proto.Buffer) { b.PutRaw(c.data) }

// WriteColumn implements proto.ColInput.
func (c *rawColumn) WriteColumn(w *proto.Writer) { w.ChainWrite(c.data) }

// spooledFrom reads an entry. Its columns share the memory of the entry.
func spooledFrom(e *spool.Entry) (*spooled, error) {
	s, err := readMeta(e.Meta)
	if err != nil {
		return nil, err
	}
	s.token = e.Token
	if s.kind == spooledBooks {
		return s, nil
	}
	r := &reader{rest: e.Body}
	for range r.many() {
		name, kind := string(r.text()), string(r.text())
		length := r.fixed()
		data := r.take(length &^ packed)
		if length&packed != 0 && !r.short {
			if data, err = unpack(data); err != nil {
				return nil, err
			}
		}
		if retired(name) {
			continue
		}
		s.input = append(s.input, proto.InputColumn{
			Name: name, Data: &rawColumn{kind: proto.ColumnType(kind), rows: s.rows, data: data},
		})
	}
	if r.short || len(r.rest) > 0 || len(s.input) == 0 {
		return nil, errForm
	}
	return s, nil
}

// retired tells of a column that older programs stored and that is computed
// now: their entries still have it.
func retired(column string) bool {
	return slices.ContainsFunc(flowTable().aliases, func(a alias) bool { return a.name == column })
}

// readMeta reads what the books need.
func readMeta(meta []byte) (*spooled, error) {
	r := &reader{rest: meta}
	head := r.take(2)
	if r.short || head[0] != spoolForm || head[1] != spooledFlows && head[1] != spooledBooks {
		return nil, errForm
	}
	s := &spooled{kind: head[1], run: r.fixed(), stored: time.Unix(r.signed(), 0).UTC(), rows: int(r.unsigned())}
	for range r.many() {
		var t tallied
		t.source, t.minute = r.account()
		t.n = r.unsigned()
		if r.short {
			return nil, errForm
		}
		s.tally = append(s.tally, t)
	}
	for range r.many() {
		var e flows.Entry
		var minute int64
		e.Source, minute = r.account()
		e.Minute = time.Unix(minute*60, 0).UTC()
		r.count(&e.Count)
		if r.short {
			return nil, errForm
		}
		s.books = append(s.books, e)
	}
	if r.short || len(r.rest) > 0 || s.rows < 0 {
		return nil, errForm
	}
	return s, nil
}

// reader reads what was appended. When something is missing it is short, and
// gives zeros from then on.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n uint64) []byte {
	if r.short || n > uint64(len(r.rest)) {
		r.short, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) fixed() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) unsigned() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.take(uint64(n)) // a negative one is too many
	if r.short || n <= 0 {
		r.short = true
		return 0
	}
	return v
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.rest)
	r.take(uint64(n))
	if r.short || n <= 0 {
		r.short = true
		return 0
	}
	return v
}

// many reads how many things follow: none has less than a byte.
func (r *reader) many() uint64 {
	n := r.unsigned()
	if n > uint64(len(r.rest)) {
		r.short = true
		return 0
	}
	return n
}

func (r *reader) text() []byte { return r.take(r.unsigned()) }

func (r *reader) account() (s flows.Source, minute int64) {
	if n := r.take(1); n != nil && n[0] > 0 {
		addr, ok := netip.AddrFromSlice(r.take(uint64(n[0])))
		if !ok {
			r.short = true
		}
		s.Exporter = addr
	}
	s.Domain = uint32(r.unsigned())
	if v := r.take(1); v != nil {
		s.Version = flows.Version(v[0])
	}
	return s, r.signed()
}

func (r *reader) count(c *flows.Count) {
	figures := countFigures(c)
	for range r.many() {
		i, n := r.unsigned(), r.unsigned()
		if i >= uint64(len(figures)) {
			r.short = true
			return
		}
		*figures[i] = n
	}
}
