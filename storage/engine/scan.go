package engine

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Limits of a block, so that a broken length is an error and not a gigabyte.
const (
	maxColumns = 10_000
	maxRows    = 200_000_000
	maxName    = 1 << 16
)

// customSerialization is the first revision in which each column has a byte
// that says whether it is laid out in a special way
// (DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION).
const customSerialization = 54454

// input gives the bytes of a block in windows.
type input interface {
	// advance drops the first n bytes of the last window and returns the
	// next one, which is not empty and is valid until the next call.
	advance(n int) ([]byte, error)
}

// chunk is an input that has all bytes at hand.
type chunk struct{ rest []byte }

func (c *chunk) advance(n int) ([]byte, error) {
	if c.rest = c.rest[n:]; len(c.rest) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return c.rest, nil
}

// buffered is an input that reads from a connection.
type buffered struct{ *bufio.Reader }

func (b buffered) advance(n int) ([]byte, error) {
	if _, err := b.Discard(n); err != nil {
		return nil, fmt.Errorf("read a block: %w", err)
	}
	if b.Buffered() == 0 {
		if _, err := b.Peek(1); err != nil {
			return nil, fmt.Errorf("read a block: %w", err)
		}
	}
	window, err := b.Peek(b.Buffered())
	if err != nil {
		return nil, fmt.Errorf("read a block: %w", err)
	}
	return window, nil
}

// scanner walks over native blocks, hands their bytes on, and adds or takes
// away what differs between the protocol and the engine's format.
type scanner struct {
	in  input
	out io.Writer
	win []byte
	pos int // what has been walked over
	run int // what has been handed on
	// mute hands nothing on: the block is walked over only.
	mute  bool
	types map[string]*datatype
	names []byte // holds names while they are read
}

func newScanner(in input, out io.Writer) *scanner {
	return &scanner{in: in, out: out, types: make(map[string]*datatype)}
}

// errBlock is wrapped by what is wrong with a block itself, as opposed to its
// connection.
var errBlock = errors.New("bad block")

// emit hands on what has been walked over.
func (s *scanner) emit() error {
	b := s.win[s.run:s.pos]
	s.run = s.pos
	if s.mute || len(b) == 0 {
		return nil
	}
	if _, err := s.out.Write(b); err != nil {
		return fmt.Errorf("hand on a block: %w", err)
	}
	return nil
}

// drop forgets what has been walked over since the last emit.
func (s *scanner) drop() { s.run = s.pos }

func (s *scanner) put(b ...byte) error {
	if err := s.emit(); err != nil || s.mute {
		return err
	}
	if _, err := s.out.Write(b); err != nil {
		return fmt.Errorf("hand on a block: %w", err)
	}
	return nil
}

func (s *scanner) refill() error {
	if err := s.emit(); err != nil {
		return err
	}
	win, err := s.in.advance(s.pos)
	if err != nil {
		s.win, s.pos, s.run = nil, 0, 0
		return err
	}
	s.win, s.pos, s.run = win, 0, 0
	return nil
}

// finish gives back to the input what was not walked over.
func (s *scanner) finish() error {
	err := s.emit()
	switch in := s.in.(type) {
	case *chunk:
		in.rest = in.rest[s.pos:]
	case buffered:
		_, derr := in.Discard(s.pos)
		err = errors.Join(err, derr)
	}
	s.win, s.pos, s.run = nil, 0, 0
	return err
}

func (s *scanner) byte() (byte, error) {
	if s.pos == len(s.win) {
		if err := s.refill(); err != nil {
			return 0, err
		}
	}
	s.pos++
	return s.win[s.pos-1], nil
}

func (s *scanner) uvarint() (uint64, error) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%w: a number does not end", errBlock)
}

func (s *scanner) uint64() (uint64, error) {
	if len(s.win)-s.pos >= 8 {
		s.pos += 8
		return binary.LittleEndian.Uint64(s.win[s.pos-8:]), nil
	}
	var v uint64
	for i := range 8 {
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b) << (8 * i)
	}
	return v, nil
}

func (s *scanner) skip(n uint64) error {
	for {
		here := uint64(len(s.win) - s.pos)
		if n <= here {
			s.pos += int(n)
			return nil
		}
		n -= here
		s.pos = len(s.win)
		if err := s.refill(); err != nil {
			return err
		}
	}
}

// name reads a short string; the bytes are valid until the next call.
func (s *scanner) name() ([]byte, error) {
	n, err := s.uvarint()
	if err != nil {
		return nil, err
	}
	if n > maxName {
		return nil, fmt.Errorf("%w: a name of %d bytes", errBlock, n)
	}
	s.names = s.names[:0]
	for range n {
		b, err := s.byte()
		if err != nil {
			return nil, err
		}
		s.names = append(s.names, b)
	}
	return s.names, nil
}

// fromClient hands on a block of the protocol at a revision as the engine
// reads it. A block of no rows is not handed on; one of no columns ends the
// data.
func (s *scanner) fromClient(revision int) (columns, rows uint64, err error) {
	mute := s.mute
	defer func() { s.mute = mute }()
	// Nothing is handed on before it is known that there are rows.
	s.mute = true
	if err = s.info(); err == nil {
		columns, rows, err = s.size()
	}
	s.drop()
	if err == nil && rows > 0 {
		s.mute = mute
		err = s.put(binary.AppendUvarint(binary.AppendUvarint(nil, columns), rows)...)
	}
	if err == nil {
		err = s.columns(columns, rows, func() error { return s.custom(revision) })
	}
	return columns, rows, errors.Join(err, s.finish())
}

// custom takes the byte away that says how a column is laid out.
func (s *scanner) custom(revision int) error {
	if revision < customSerialization {
		return nil
	}
	if err := s.emit(); err != nil {
		return err
	}
	custom, err := s.byte()
	s.drop()
	if err == nil && custom != 0 {
		return fmt.Errorf("%w: a column is laid out in a special way", errBlock)
	}
	return err
}

// fromEngine hands on a block of the engine as the protocol has it at a
// revision, behind the packet's own header.
func (s *scanner) fromEngine(revision int) (columns, rows uint64, err error) {
	columns, rows, err = s.size()
	if err == nil {
		err = s.columns(columns, rows, func() error {
			if revision < customSerialization {
				return nil
			}
			return s.put(0)
		})
	}
	return columns, rows, errors.Join(err, s.finish())
}

// info walks over the fields that precede a block in the protocol.
func (s *scanner) info() error {
	for {
		field, err := s.uvarint()
		if err != nil || field == 0 {
			return err
		}
		switch field {
		case 1: // is_overflows
			err = s.skip(1)
		case 2: // bucket_num
			err = s.skip(4)
		default:
			err = fmt.Errorf("%w: field %d", errBlock, field)
		}
		if err != nil {
			return err
		}
	}
}

func (s *scanner) size() (columns, rows uint64, err error) {
	if columns, err = s.uvarint(); err != nil {
		return 0, 0, err
	}
	if rows, err = s.uvarint(); err != nil {
		return 0, 0, err
	}
	if columns > maxColumns || rows > maxRows {
		return 0, 0, fmt.Errorf("%w: %d columns and %d rows", errBlock, columns, rows)
	}
	return columns, rows, nil
}

// columns walks over the columns of a block; custom is called between the type
// and the values of each.
func (s *scanner) columns(columns, rows uint64, custom func() error) error {
	for range columns {
		if _, err := s.name(); err != nil {
			return err
		}
		name, err := s.name()
		if err != nil {
			return err
		}
		t, err := s.typeOf(name)
		if err != nil {
			return err
		}
		if err := custom(); err != nil {
			return err
		}
		if rows == 0 {
			continue
		}
		if err := s.prefix(t); err != nil {
			return err
		}
		if err := s.values(t, rows); err != nil {
			return err
		}
	}
	return nil
}

// maxTypes bounds the types a scanner remembers.
const maxTypes = 4096

func (s *scanner) typeOf(name []byte) (*datatype, error) {
	if t, ok := s.types[string(name)]; ok {
		return t, nil
	}
	t, err := parseType(string(name))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBlock, err)
	}
	if len(s.types) >= maxTypes {
		clear(s.types)
	}
	s.types[string(name)] = t
	return t, nil
}

// prefix walks over the versions that stand before the values of a column.
func (s *scanner) prefix(t *datatype) error {
	if !t.prefixed {
		return nil
	}
	switch t.shape {
	case shapeLow:
		return s.skip(8)
	case shapeJSON:
		version, err := s.uint64()
		if err == nil && version != 1 {
			err = fmt.Errorf("%w: JSON must be sent as text (version 1, not %d)", errBlock, version)
		}
		return err
	case shapeFixed, shapeString, shapeNullable, shapeArray, shapeTuple:
	}
	for _, part := range t.parts {
		if err := s.prefix(part); err != nil {
			return err
		}
	}
	return nil
}

// values walks over so many values.
func (s *scanner) values(t *datatype, rows uint64) error {
	if rows == 0 {
		return nil
	}
	switch t.shape {
	case shapeFixed:
		if rows > math.MaxUint64/t.width {
			return fmt.Errorf("%w: %d values", errBlock, rows)
		}
		return s.skip(rows * t.width)
	case shapeString, shapeJSON:
		return s.strings(rows)
	case shapeNullable:
		if err := s.skip(rows); err != nil {
			return err
		}
	case shapeArray:
		if rows > math.MaxUint64/8 {
			return fmt.Errorf("%w: %d arrays", errBlock, rows)
		}
		if err := s.skip((rows - 1) * 8); err != nil {
			return err
		}
		var err error
		if rows, err = s.uint64(); err != nil {
			return err
		}
	case shapeTuple:
	case shapeLow:
		return s.low(t.parts[0], rows)
	}
	for _, part := range t.parts {
		if err := s.values(part, rows); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) strings(rows uint64) error {
	for range rows {
		// Most strings are short and lie in the window.
		if s.pos < len(s.win) && s.win[s.pos] < 0x80 {
			if end := s.pos + 1 + int(s.win[s.pos]); end <= len(s.win) {
				s.pos = end
				continue
			}
		}
		n, err := s.uvarint()
		if err != nil {
			return err
		}
		if err := s.skip(n); err != nil {
			return err
		}
	}
	return nil
}

// Flags of a LowCardinality column (SerializationLowCardinality).
const (
	lowWidth      = 0xff
	lowGlobal     = 1 << 8
	lowAdditional = 1 << 9
)

// low walks over a LowCardinality column, which may come in pieces.
func (s *scanner) low(part *datatype, rows uint64) error {
	for rows > 0 {
		flags, err := s.uint64()
		if err != nil {
			return err
		}
		if flags&lowGlobal != 0 || flags&lowWidth > 3 {
			return fmt.Errorf("%w: LowCardinality with flags %#x", errBlock, flags)
		}
		if flags&lowAdditional != 0 {
			keys, err := s.uint64()
			if err != nil {
				return err
			}
			if err := s.values(part, keys); err != nil {
				return err
			}
		}
		n, err := s.uint64()
		if err != nil {
			return err
		}
		if n == 0 || n > rows {
			return fmt.Errorf("%w: LowCardinality of %d values, %d are left", errBlock, n, rows)
		}
		if n > math.MaxUint64>>(flags&lowWidth) {
			return fmt.Errorf("%w: %d values", errBlock, n)
		}
		if err := s.skip(n << (flags & lowWidth)); err != nil {
			return err
		}
		rows -= n
	}
	return nil
}
