package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const lockFile = "lock"

// lockDirectory makes the directory and takes it for this process. The lock file
// stays for good: removing it would let two processes lock two files of that
// name.
func lockDirectory(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("%w: %w; create it, or choose another storage.spool.dir", ErrPath, err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; make it writable for this user, or choose another storage.spool.dir", ErrPath, err)
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := "another process"
		if text, err := os.ReadFile(lock.Name()); err == nil && len(text) > 1 {
			holder = "process " + strings.TrimSpace(string(text))
		}
		err = fmt.Errorf("%w: %s is open in %s; stop it, or choose another storage.spool.dir", ErrLocked, dir, holder)
		return nil, errors.Join(err, lock.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: lock %s: %w", ErrPath, dir, err), lock.Close())
	}
	// The id is for the message above alone; a full disk is no reason not to open.
	if err := lock.Truncate(0); err == nil {
		_, _ = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return lock, nil
}

// recover finds out what the spool holds. Only the last segment is read: what
// is wrong with others comes out when they are delivered.
func (s *Spool) recover() error {
	at, doubtful, err := s.position.load(s.cfg.Dir)
	if err != nil {
		return err
	}
	segments, err := listSegments(s.cfg.Dir)
	if err != nil {
		return err
	}
	s.place, s.segments = at, segments
	s.committed = at.acked
	if at.to > 0 {
		s.committed = max(s.committed, at.to-1)
	}
	if len(segments) > 0 {
		if doubtful {
			// What is missing in front was acknowledged.
			s.place.advance(segments[0].base - 1)
		}
		last, err := s.mend(segments[len(segments)-1])
		if err != nil {
			return err
		}
		s.committed = max(s.committed, last, s.place.acked)
	}
	s.next = s.committed + 1
	s.discard()
	s.retire()
	if doubtful && s.position.file != nil {
		s.cfg.Logger.Warn("the position of the spool is damaged; entries may come again", "dir", s.cfg.Dir)
	}
	if n := s.waiting(); n > 0 {
		s.cfg.Logger.Info("the spool holds entries of an earlier run", "dir", s.cfg.Dir, "entries", n, "bytes", s.bytes)
	}
	return s.settle(false)
}

// discard finishes with segments that were dropped or never written to, but are
// still there. One that is empty may begin with the number another begins with.
func (s *Spool) discard() {
	var kept []*segment
	for i, seg := range s.segments {
		s.bytes += seg.size
		if seg.size <= segmentHead || s.place.from <= seg.base && s.limit(i) <= s.place.to {
			s.finished = append(s.finished, seg)
			continue
		}
		kept = append(kept, seg)
	}
	s.segments = kept
}

// mend cuts off the end of the last segment that is not whole, and returns the
// number of its last entry.
func (s *Spool) mend(seg *segment) (last uint64, err error) {
	file, err := os.OpenFile(seg.path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	scan := scanner{file: file, marker: seg.marker, at: segmentHead, low: segmentHead}
	last = seg.base - 1
	whole := int64(segmentHead)
	var c content
	for {
		h, off, err := scan.find(last+1, endOfNumbers, seg.size)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = c.read(file, &h, off, seg.size, true)
		}
		switch {
		case err != nil:
			return 0, err
		case c.whole: // damage before it is for Next to report
			last, whole = h.seq, off+h.size()
		default:
			scan.retry()
		}
	}
	if seg.size <= whole {
		return last, nil
	}
	s.cfg.Logger.Warn("the spool ends in an entry that is not whole; it is cut off", "dir", s.cfg.Dir, "bytes", seg.size-whole)
	scan.at, scan.low = whole, whole
	if err := s.reportTorn(&scan, last+1, seg.size); err != nil {
		return 0, err
	}
	if err := s.disk.truncate(file, whole); err != nil {
		return 0, err
	}
	seg.size, seg.end = whole, whole
	return last, s.disk.sync(file)
}

// reportTorn reports the frames from lo on, up to end, none of which is whole.
func (s *Spool) reportTorn(scan *scanner, lo uint64, end int64) error {
	var c content
	for first := true; ; first = false {
		h, off, err := scan.find(lo, endOfNumbers, end)
		if err == nil {
			err = c.read(scan.file, &h, off, end, false)
		}
		switch {
		case errors.Is(err, io.EOF):
			if first {
				s.report(Loss{Reason: Torn, ID: lo, Entries: 1})
			}
			return nil
		case err != nil:
			return err
		}
		if h.seq > lo {
			s.report(Loss{Reason: Torn, ID: lo, Entries: h.seq - lo})
		}
		s.report(lossOf(Torn, &h, &c))
		lo = h.seq + 1
		scan.retry()
	}
}

func (p *position) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}
