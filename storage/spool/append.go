package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Append adds an entry and returns its number. The fields ID and Time are not
// looked at, and token, meta and body belong to the caller again when it
// returns. The context ends the wait for other appends, not the writing.
func (s *Spool) Append(ctx context.Context, e Entry) (id uint64, err error) {
	id, attempt, err := s.admit(ctx, e)
	if err == nil && s.cfg.Sync {
		err = s.flush(id, attempt)
	}
	if err != nil {
		return 0, s.failure(err)
	}
	return id, nil
}

// failure names the state an error of an append means.
func (s *Spool) failure(err error) error {
	switch {
	case noRoom(err):
		err = fmt.Errorf("%w: %w; free space on it, or lower collector.spool.max_bytes", ErrDiskFull, err)
	case errors.Is(err, ErrFull):
		err = fmt.Errorf("%w: it holds %d bytes; see why the store does not take them, or raise collector.spool.max_bytes", err, s.cfg.MaxBytes)
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("append to the spool: %w", err)
	}
	err = fmt.Errorf("append to the spool %s: %w", s.cfg.Dir, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.appendError == nil {
		s.cfg.Logger.Error("the spool takes no entries", "dir", s.cfg.Dir, "error", err)
	}
	s.full = errors.Is(err, ErrFull) || errors.Is(err, ErrDiskFull)
	s.appendError = err
	return err
}

// admit writes an entry when it is its turn.
func (s *Spool) admit(ctx context.Context, e Entry) (uint64, *attempt, error) {
	h := head{token: uint32(len(e.Token)), meta: uint32(len(e.Meta)), body: uint32(len(e.Body))}
	if len(e.Token) > MaxToken || len(e.Meta) > MaxMeta || len(e.Body) > MaxBody || h.size()+segmentHead > s.cfg.MaxBytes {
		return 0, nil, fmt.Errorf("%w: token, meta and body have %d, %d and %d bytes", ErrTooLarge, len(e.Token), len(e.Meta), len(e.Body))
	}
	h.bodySum = checksum(e.Body)
	if err := s.enter(ctx, s.writing); err != nil {
		return 0, nil, err
	}
	defer s.writing.done()
	if err := s.takeBack(); err != nil {
		return 0, nil, err
	}
	if err := s.position.create(s.cfg.Dir, s.disk); err != nil {
		return 0, nil, err
	}
	dropped, err := s.makeRoom(h.size() + segmentHead)
	if err != nil {
		return 0, nil, err
	}
	err = s.put(&h, e)
	if noRoom(err) && s.reclaim() {
		err = s.put(&h, e)
	}
	if err != nil {
		return 0, nil, err
	}
	return h.seq, s.written(&h, dropped), nil
}

// noRoom tells whether the disk or the quota is full.
func noRoom(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, io.ErrShortWrite)
}

// reclaim gives back what is on the disk for nothing, and tells whether there
// was something. The caller has the turn to write.
func (s *Spool) reclaim() bool {
	s.mu.Lock()
	before, idle := s.bytes, s.idle()
	s.mu.Unlock()
	if idle && s.seal() != nil || s.settle(false) != nil {
		return false // what failed first is what counts
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes < before
}

// idle tells whether all of the active segment is done with. The caller has mu.
func (s *Spool) idle() bool {
	return s.active != nil && s.active != s.held && s.active.size > segmentHead && s.next-1 <= s.place.acked
}

// written takes a frame into account.
func (s *Spool) written(h *head, dropped bool) *attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active.size += h.size()
	s.bytes += h.size()
	s.next++
	if s.appendError != nil {
		s.cfg.Logger.Info("the spool takes entries again", "dir", s.cfg.Dir)
	}
	if dropped && !s.full {
		s.cfg.Logger.Warn("the spool is full; the oldest entries are dropped", "dir", s.cfg.Dir, "bytes", s.bytes)
	}
	s.full, s.appendError = dropped, nil
	if !s.cfg.Sync {
		s.commit(h.seq, s.active.size)
	}
	return s.attempt
}

// commit lets entries of the active segment be delivered. The caller has mu.
func (s *Spool) commit(last uint64, end int64) {
	s.committed, s.active.end = last, end
	close(s.news)
	s.news = make(chan struct{})
}

// put writes a frame behind the last one, or nothing.
func (s *Spool) put(h *head, e Entry) error {
	if err := s.roll(h.size()); err != nil {
		return err
	}
	h.seq, h.at = s.next, time.Now().UnixNano()
	s.label = append(s.label[:0], make([]byte, headSize)...)
	s.label = append(append(s.label, e.Token...), e.Meta...)
	h.labelSum = checksum(s.label[headSize:])
	h.put(s.label, s.active.marker)
	off := s.active.size
	err := s.disk.write(s.file, s.label, off)
	if err == nil && len(e.Body) > 0 {
		err = s.disk.write(s.file, e.Body, off+int64(len(s.label)))
	}
	if err == nil {
		return nil
	}
	if undo := s.disk.truncate(s.file, off); undo != nil {
		err = errors.Join(err, undo)
		s.mu.Lock()
		s.attempt.failed = err
		s.mu.Unlock()
	}
	return err
}

// roll begins a new segment if there is none or the entry does not fit.
func (s *Spool) roll(size int64) error {
	if s.active != nil {
		if s.active.size+size <= s.cfg.SegmentBytes || s.active.size == segmentHead {
			return nil
		}
		if err := s.seal(); err != nil {
			return err
		}
	}
	seg, file, err := s.createSegment(s.next)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments = append(s.segments, seg)
	s.active, s.file = seg, file
	s.bytes += seg.size
	s.retire()
	return nil
}

// flush makes the disk have an entry, and with it all that were written by now.
func (s *Spool) flush(id uint64, a *attempt) error {
	s.flushing <- struct{}{} // whoever is in waits for nobody but the disk
	defer s.flushing.done()
	return s.flushNow(id, a)
}

// flushNow is flush for the one who may.
func (s *Spool) flushNow(id uint64, a *attempt) error {
	s.mu.Lock()
	file, size, last := s.file, int64(0), s.next-1
	settled, failed := s.committed >= id, a.failed
	if a != s.attempt {
		settled = a.committed >= id
	}
	if s.active != nil {
		size = s.active.size
	}
	s.mu.Unlock()
	if settled || failed != nil {
		if settled {
			return nil
		}
		return failed
	}
	err := s.disk.sync(file)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		// What the disk has of these entries nobody knows, and asking it again
		// would tell a lie: see fsync(2).
		a.failed = err
		return err
	}
	s.commit(last, size)
	return nil
}

// seal flushes the active segment and ends it. The caller has the turn to write.
func (s *Spool) seal() error {
	s.flushing <- struct{}{}
	defer s.flushing.done()
	s.mu.Lock()
	file, last, a, failed := s.file, s.next-1, s.attempt, s.attempt.failed
	s.mu.Unlock()
	switch {
	case file == nil:
		return nil
	case failed != nil:
		return failed
	}
	if err := s.flushNow(last, a); err != nil {
		return err
	}
	s.mu.Lock()
	s.active, s.file = nil, nil
	s.retire()
	s.mu.Unlock()
	return file.Close()
}

// takeBack undoes what was written after the last flush that went well, if one
// went wrong. The caller has the turn to write.
func (s *Spool) takeBack() error {
	s.flushing <- struct{}{}
	defer s.flushing.done()
	s.mu.Lock()
	seg, file, failed := s.active, s.file, s.attempt.failed
	s.mu.Unlock()
	if failed == nil {
		return nil
	}
	if err := s.disk.truncate(file, seg.end); err != nil {
		return errors.Join(failed, err)
	}
	empty := seg.end == segmentHead
	if empty {
		// Two segments must not begin with the same number.
		if err := os.Remove(seg.path); err != nil {
			return errors.Join(failed, err)
		}
	}
	s.mu.Lock()
	s.bytes -= seg.size - seg.end
	seg.size = seg.end
	if empty {
		s.bytes -= seg.size
		s.segments = s.segments[:len(s.segments)-1]
	}
	s.active, s.file = nil, nil
	s.next = s.committed + 1
	s.attempt.committed = s.committed
	s.attempt = &attempt{}
	s.retire()
	s.mu.Unlock()
	// It failed before; there is nothing more to learn from it.
	_ = file.Close()
	return nil
}

// makeRoom makes sure that the spool may grow by size, if need be and if that is
// the policy by dropping what is oldest. The caller has the turn to write.
func (s *Spool) makeRoom(size int64) (dropped bool, err error) {
	for settled := false; ; settled = true {
		s.mu.Lock()
		short, idle := s.bytes+size > s.cfg.MaxBytes, s.idle()
		s.retire()
		left := len(s.finished) > 0
		s.mu.Unlock()
		switch {
		case !short:
			return dropped, nil
		case idle:
			err = s.seal()
		case left || !settled: // somebody may be removing segments
		case s.cfg.AtFull == DropNewest:
			return dropped, ErrFull
		default:
			dropped = true
			err = s.dropOldest()
		}
		if err == nil {
			err = s.settle(false)
		}
		if err != nil {
			return dropped, err
		}
	}
}

// dropOldest finishes with the oldest segment of which the sender has nothing.
// The caller has the turn to write.
func (s *Spool) dropOldest() error {
	s.mu.Lock()
	i := 0
	if len(s.segments) > 0 && s.segments[0] == s.held {
		i = 1
	}
	if i >= len(s.segments) {
		s.mu.Unlock()
		return ErrFull
	}
	seg := s.segments[i]
	if seg == s.active {
		s.mu.Unlock()
		return s.seal() // and come again
	}
	// What is missing before the segment is reported with it.
	lo, hi := s.place.acked+1, s.limit(i)
	if i > 0 {
		lo = seg.base
		if s.place.ahead() > 0 {
			lo = s.place.to
		}
	}
	s.place.drop(lo, hi)
	s.segments = append(s.segments[:i:i], s.segments[i+1:]...)
	s.oldest = time.Time{}
	s.mu.Unlock()
	s.reportSegment(seg, lo, hi)
	s.mu.Lock()
	s.finished = append(s.finished, seg)
	s.mu.Unlock()
	return nil
}

// reportSegment reports the entries of a segment that is dropped.
func (s *Spool) reportSegment(seg *segment, lo, hi uint64) {
	var c content
	file, err := os.Open(seg.path)
	if err == nil {
		scan := scanner{file: file, marker: seg.marker, at: segmentHead, low: segmentHead}
		for lo < hi && err == nil {
			var h head
			var off int64
			if h, off, err = scan.find(lo, hi, seg.end); err != nil {
				break
			}
			if h.seq > lo {
				s.report(Loss{Reason: Damaged, ID: lo, Entries: h.seq - lo})
			}
			if err = c.read(file, &h, off, seg.end, false); err == nil {
				s.report(lossOf(Dropped, &h, &c))
				lo = h.seq + 1
			}
		}
		err = errors.Join(err, file.Close())
	}
	if lo < hi {
		s.report(Loss{Reason: Damaged, ID: lo, Entries: hi - lo})
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.cfg.Logger.Warn("cannot read what is dropped from the spool", "dir", s.cfg.Dir, "error", err)
	}
}
