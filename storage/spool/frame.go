package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"golang.org/x/sys/unix"
)

const (
	headSize   = 48
	windowSize = 64 << 10
	blockSize  = 4096 // what is skipped where the disk cannot be read
)

// castagnoli is the polynomial processors have an instruction for.
var castagnoli = [1]*crc32.Table{crc32.MakeTable(crc32.Castagnoli)}

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli[0]) }

// head is the fixed part of a frame; doc.go has its layout.
type head struct {
	seq               uint64
	at                int64
	token, meta, body uint32
	labelSum, bodySum uint32
}

// size is that of the whole frame.
func (h *head) size() int64 { return headSize + h.labelSize() + int64(h.body) }

// labelSize is that of token and meta.
func (h *head) labelSize() int64 { return int64(h.token) + int64(h.meta) }

// put writes the head to the first headSize bytes of b.
func (h *head) put(b []byte, marker uint64) {
	le := binary.LittleEndian
	le.PutUint64(b[0:], marker)
	le.PutUint64(b[8:], h.seq)
	le.PutUint64(b[16:], uint64(h.at))
	le.PutUint32(b[24:], h.token) // below 1<<16, so the two bytes after it are zero
	le.PutUint32(b[28:], h.meta)
	le.PutUint32(b[32:], h.body)
	le.PutUint32(b[36:], h.labelSum)
	le.PutUint32(b[40:], h.bodySum)
	le.PutUint32(b[44:], checksum(b[:44]))
}

// parse reads the head of a frame, and tells whether there is one.
func (h *head) parse(b []byte, marker uint64) bool {
	le := binary.LittleEndian
	if len(b) < headSize || le.Uint64(b) != marker || le.Uint32(b[44:]) != checksum(b[:44]) {
		return false
	}
	*h = head{
		seq: le.Uint64(b[8:]), at: int64(le.Uint64(b[16:])),
		token: le.Uint32(b[24:]), meta: le.Uint32(b[28:]), body: le.Uint32(b[32:]),
		labelSum: le.Uint32(b[36:]), bodySum: le.Uint32(b[40:]),
	}
	return h.token <= MaxToken && h.meta <= MaxMeta && h.body <= MaxBody
}

// scanner finds the frames of one segment, over damage.
type scanner struct {
	file   io.ReaderAt
	marker uint64
	at     int64 // where the next frame should begin
	low    int64 // behind the last head found: from here on it is looked for if it does not
	window []byte
}

// find returns the first frame from here on with a number from lo to below hi,
// and where it begins, and moves behind it. The frame may reach beyond end, if
// its rest is missing. It returns io.EOF when there is none before end.
func (s *scanner) find(lo, hi uint64, end int64) (h head, off int64, err error) {
	for s.at != end {
		found, err := s.headAt(&h, end)
		if err != nil {
			return h, 0, err
		}
		if !found {
			if err := s.search(&h, lo, hi, end); err != nil {
				return h, 0, err
			}
		}
		off = s.at
		s.low, s.at = off+headSize, off+h.size()
		if h.seq >= hi {
			s.low, s.at = end, end // taken back; nothing behind it counts
			break
		}
		if h.seq >= lo {
			return h, off, nil
		}
	}
	return h, 0, io.EOF
}

// retry makes find look behind the head it found last: its frame is damaged, so
// its length may not be true.
func (s *scanner) retry() { s.at = s.low }

// headAt reads the head where the next frame should be.
func (s *scanner) headAt(h *head, end int64) (bool, error) {
	if s.at+headSize > end {
		return false, nil
	}
	b := s.buffer()[:headSize]
	n, err := s.file.ReadAt(b, s.at)
	if err != nil && !errors.Is(err, io.EOF) && !unreadable(err) {
		return false, err
	}
	return h.parse(b[:n], s.marker), nil
}

// search moves to the next head with a number from lo to below hi.
func (s *scanner) search(h *head, lo, hi uint64, end int64) error {
	mark := binary.LittleEndian.AppendUint64(make([]byte, 0, 8), s.marker)
	for s.low+headSize <= end {
		w := s.buffer()
		w = w[:min(int64(len(w)), end-s.low)]
		n, err := s.file.ReadAt(w, s.low)
		if err != nil && !errors.Is(err, io.EOF) && !unreadable(err) {
			return err
		}
		w = w[:n]
		for i := 0; i+headSize <= n; i++ {
			j := bytes.Index(w[i:], mark)
			if j < 0 {
				break
			}
			i += j
			if h.parse(w[i:], s.marker) && h.seq >= lo && h.seq < hi {
				s.at = s.low + int64(i)
				return nil
			}
		}
		switch {
		case n >= headSize:
			s.low += int64(n) - headSize + 1
		case unreadable(err):
			s.low = (s.low/blockSize + 1) * blockSize
		default: // the file is shorter than it was
			s.low = end
		}
	}
	s.low, s.at = end, end
	return io.EOF
}

func (s *scanner) buffer() []byte {
	if s.window == nil {
		s.window = make([]byte, windowSize)
	}
	return s.window
}

// unreadable tells whether the disk has lost what was to be read, which is
// damage like any other. Other errors may pass.
func unreadable(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EBADMSG) || errors.Is(err, unix.EUCLEAN) || errors.Is(err, unix.ENODATA)
}

// content is the variable part of a frame. Its memory is used again.
type content struct {
	buf      []byte
	labelled bool // token and meta are whole
	whole    bool // and the body too, if it was asked for
}

// read reads what follows the head of a frame that begins at off, up to end at
// most; without the body if only the label is wanted.
func (c *content) read(file io.ReaderAt, h *head, off, end int64, body bool) error {
	c.labelled, c.whole = false, false
	size := h.labelSize()
	if body {
		size += int64(h.body)
	}
	size = max(0, min(size, end-off-headSize))
	if int64(cap(c.buf)) < size {
		c.buf = make([]byte, size)
	}
	c.buf = c.buf[:size]
	n, err := file.ReadAt(c.buf, off+headSize)
	if err != nil && !errors.Is(err, io.EOF) && !unreadable(err) {
		return err
	}
	if int64(n) >= h.labelSize() {
		c.labelled = checksum(c.buf[:h.labelSize()]) == h.labelSum
	}
	if body && int64(n) == h.labelSize()+int64(h.body) {
		c.whole = c.labelled && checksum(c.buf[h.labelSize():]) == h.bodySum
	}
	return nil
}

// parts cuts what was read. They are only of use as far as it is whole.
func (c *content) parts(h *head) (token string, meta, body []byte) {
	t, m := int64(h.token), h.labelSize()
	return string(c.buf[:t]), c.buf[t:m:m], c.buf[m:]
}
