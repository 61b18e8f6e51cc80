package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// cursor is where the reader is. The one whose turn it is to read owns it.
type cursor struct {
	segment *segment
	file    *os.File
	scanner scanner
	content content
	entry   Entry // given by Next and not acknowledged, if its ID is not zero
}

// open moves to a segment, unless it is there already.
func (c *cursor) open(seg *segment) error {
	if c.segment == seg {
		return nil
	}
	if err := c.close(); err != nil {
		return err
	}
	file, err := os.Open(seg.path)
	if err != nil {
		return err
	}
	c.segment, c.file = seg, file
	c.scanner = scanner{file: file, marker: seg.marker, at: segmentHead, low: segmentHead, window: c.scanner.window}
	return nil
}

func (c *cursor) close() error {
	file := c.file
	c.segment, c.file = nil, nil
	if file == nil {
		return nil
	}
	return file.Close()
}

// Next returns the oldest entry that is not acknowledged, and waits for one if
// need be. Until Ack is called for it, it returns the same one again. Meta and
// Body belong to the spool and stay as they are until then; they must not be
// changed. An error other than that of the context and ErrClosed may pass.
func (s *Spool) Next(ctx context.Context) (Entry, error) {
	for {
		if err := s.enter(ctx, s.reading); err != nil {
			return Entry{}, fmt.Errorf("read the spool: %w", err)
		}
		s.mu.Lock()
		news := s.news
		s.mu.Unlock()
		e, err := s.take()
		s.reading.done()
		if err != nil {
			return Entry{}, fmt.Errorf("read the spool %s: %w", s.cfg.Dir, err)
		}
		if e.ID != 0 {
			return e, nil
		}
		select {
		case <-news:
		case <-s.closed:
		case <-ctx.Done():
		}
	}
}

// span is what may be delivered of one segment: numbers from lo to below hi, in
// its bytes up to end.
type span struct {
	segment *segment
	lo, hi  uint64
	end     int64
}

// front holds the segment with the oldest entry, so that it is not dropped, and
// tells whether there is one.
func (s *Spool) front() (span, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = nil
	s.retire()
	if s.waiting() == 0 {
		return span{}, false
	}
	seg := s.segments[0]
	s.held = seg
	return span{seg, max(seg.base, s.place.acked+1), s.limit(0), seg.end}, true
}

// release lets the segment be dropped.
func (s *Spool) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = nil
}

// take reads the next entry. Its ID is zero if there is none. The caller has
// the turn to read.
func (s *Spool) take() (Entry, error) {
	c := &s.cursor
	if c.entry.ID != 0 {
		return c.entry, nil
	}
	for {
		sp, found := s.front()
		if !found {
			return Entry{}, nil
		}
		if first, n := s.passed(sp.segment.base); n > 0 {
			s.skip(Loss{Reason: Damaged, ID: first, Entries: n})
			continue
		}
		h, off, err := s.find(sp)
		if err == nil {
			err = c.content.read(c.file, &h, off, sp.end, true)
		}
		switch {
		case errors.Is(err, io.EOF):
			s.skip(Loss{Reason: Damaged, ID: sp.lo, Entries: sp.hi - sp.lo})
			continue
		case err != nil:
			s.release()
			return Entry{}, err
		}
		if h.seq > sp.lo {
			s.skip(Loss{Reason: Damaged, ID: sp.lo, Entries: h.seq - sp.lo})
		}
		if !c.content.whole {
			s.skip(lossOf(Damaged, &h, &c.content))
			c.scanner.retry()
			continue
		}
		c.entry = Entry{ID: h.seq, Time: time.Unix(0, h.at)}
		c.entry.Token, c.entry.Meta, c.entry.Body = c.content.parts(&h)
		s.mu.Lock()
		s.oldest = c.entry.Time
		s.mu.Unlock()
		return c.entry, nil
	}
}

// passed returns the first number that was neither delivered nor dropped before
// a segment, and how many there are of them.
func (s *Spool) passed(base uint64) (first, n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first = s.place.acked + 1
	if s.place.ahead() > 0 {
		base = min(base, s.place.from)
	}
	if first < base {
		n = base - first
	}
	return first, n
}

// find moves to the first frame of a span. What is not there is io.EOF.
func (s *Spool) find(sp span) (head, int64, error) {
	err := s.cursor.open(sp.segment)
	if errors.Is(err, fs.ErrNotExist) {
		return head{}, 0, io.EOF
	}
	if err != nil {
		return head{}, 0, err
	}
	return s.cursor.scanner.find(sp.lo, sp.hi, sp.end)
}

// skip reports entries that cannot be read and goes on behind them. The caller
// has the turn to read.
func (s *Spool) skip(l Loss) {
	s.report(l)
	s.mu.Lock()
	s.place.advance(l.ID + l.Entries - 1)
	s.oldest = time.Time{}
	s.mu.Unlock()
	if err := s.settle(s.cfg.Sync); err != nil {
		s.cfg.Logger.Warn("cannot keep the position of the spool", "dir", s.cfg.Dir, "error", err)
	}
}

// Ack says that the entry Next returned last is done with. If it returns an
// error other than ErrNotNext and ErrClosed the acknowledgement holds, but is
// not on disk: the entry comes again if the process ends before the next one is.
func (s *Spool) Ack(id uint64) error {
	select {
	case <-s.closed:
		return fmt.Errorf("acknowledge entry %d of the spool: %w", id, ErrClosed)
	case s.reading <- struct{}{}: // whoever is in waits for nobody but the disk
	}
	defer s.reading.done()
	c := &s.cursor
	if id == 0 || c.entry.ID != id {
		return fmt.Errorf("acknowledge entry %d of the spool: %w", id, ErrNotNext)
	}
	c.entry = Entry{}
	s.mu.Lock()
	s.place.advance(id)
	s.held, s.oldest = nil, time.Time{}
	s.retire()
	gone := len(s.segments) == 0 || s.segments[0] != c.segment
	s.mu.Unlock()
	var failed error
	if gone {
		failed = c.close() // an open file keeps its room
	}
	if failed = errors.Join(failed, s.settle(s.cfg.Sync)); failed != nil {
		failed = fmt.Errorf("acknowledge entry %d of the spool %s: %w", id, s.cfg.Dir, failed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ackError = failed
	if gone && failed == nil {
		s.full = false // until the next append finds out
	}
	return failed
}

// peek finds out how old the oldest entry is. The caller has the turn to read.
func (s *Spool) peek() {
	c := &s.cursor
	s.mu.Lock()
	known := !s.oldest.IsZero()
	s.mu.Unlock()
	if known || c.entry.ID != 0 {
		return
	}
	sp, found := s.front()
	if !found {
		return
	}
	defer s.release()
	if err := c.open(sp.segment); err != nil {
		return // Next will say so
	}
	before := c.scanner
	h, _, err := c.scanner.find(sp.lo, sp.hi, sp.end)
	c.scanner = before
	if err == nil {
		s.mu.Lock()
		s.oldest = time.Unix(0, h.at)
		s.mu.Unlock()
	}
}
