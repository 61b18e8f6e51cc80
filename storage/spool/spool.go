package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Errors a caller tells apart. They come wrapped, with the remedy.
var (
	// ErrPath is returned when the directory cannot be used.
	ErrPath = errors.New("the spool directory cannot be used")
	// ErrLocked is returned when another process has the directory.
	ErrLocked = errors.New("the spool is in use")
	// ErrFull is returned by Append when the entry finds no room in the spool.
	ErrFull = errors.New("the spool is full")
	// ErrDiskFull is returned by Append when the disk or the quota has no room.
	ErrDiskFull = errors.New("the disk of the spool is full")
	// ErrTooLarge is returned by Append for an entry that never finds room.
	ErrTooLarge = errors.New("the entry is too large for the spool")
	// ErrNotNext is returned by Ack for an entry that is not the one Next gave last.
	ErrNotNext = errors.New("the entry is not the one to acknowledge")
	// ErrClosed is returned when a closed spool is used.
	ErrClosed = errors.New("the spool is closed")
)

// Entry is what a spool keeps.
type Entry struct {
	ID    uint64    // given by Append; counts up
	Time  time.Time // of the append, by the clock of that moment
	Token string    // at most MaxToken bytes
	Meta  []byte    // at most MaxMeta bytes
	Body  []byte    // at most MaxBody bytes
}

// turn lets one in at a time. Whoever is in has sent to it.
type turn chan struct{}

func (t turn) done() { <-t }

// attempt is what appends share until one of their flushes fails: then those
// after the number committed are taken back.
type attempt struct {
	failed    error
	committed uint64
}

// Spool is a queue on disk. Append and Stats may be called from anywhere at any
// time; Next and Ack are for one sender.
type Spool struct {
	cfg      Config
	disk     disk
	lock     *os.File
	position position
	closed   chan struct{}
	once     sync.Once

	writing  turn // the right to append and to drop
	label    []byte
	flushing turn // the right to flush active
	reading  turn // the right to read and to acknowledge
	cursor   cursor

	mu          sync.Mutex // guards everything below
	segments    []*segment // with entries to deliver, or to be written to
	finished    []*segment // to be removed once the position is kept
	active      *segment   // the last of segments if it is written to, else nil
	file        *os.File   // of active
	held        *segment   // not to be dropped: Next reads it or has given its entry
	place       place
	next        uint64 // number of the next entry
	committed   uint64 // number of the last that may be delivered
	attempt     *attempt
	news        chan struct{} // closed when something is committed
	bytes       int64
	oldest      time.Time // zero if it is not known
	full        bool
	appendError error // of the last append, nil if it went well
	ackError    error // of the last acknowledgement
	lost        [Torn + 1]uint64
}

// Open opens a spool, or makes one, and takes it for this process. It cuts off
// what was being written when the last one ended.
func Open(cfg Config) (*Spool, error) { return open(cfg, realDisk()) }

func open(cfg Config, d disk) (*Spool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	lock, err := lockDirectory(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Spool{
		cfg: cfg, disk: d, lock: lock, closed: make(chan struct{}),
		writing: make(turn, 1), flushing: make(turn, 1), reading: make(turn, 1),
		attempt: &attempt{}, news: make(chan struct{}),
	}
	if err := s.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: open %s: %w", ErrPath, cfg.Dir, err), s.position.close(), lock.Close())
	}
	return s, nil
}

// enter waits for a turn.
func (s *Spool) enter(ctx context.Context, t turn) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closed:
		return ErrClosed
	default:
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-s.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stats returns the state of the spool.
func (s *Spool) Stats() Stats {
	select {
	case s.reading <- struct{}{}:
		s.peek()
		s.reading.done()
	default: // somebody reads and will know
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{
		Bytes: s.bytes, Entries: s.waiting(), Full: s.full, LastError: cmp.Or(s.appendError, s.ackError),
		Dropped: s.lost[Dropped], Damaged: s.lost[Damaged], Torn: s.lost[Torn],
	}
	if st.Entries > 0 {
		st.Oldest = s.oldest
	}
	return st
}

// waiting is how many entries are to be delivered. The caller has mu.
func (s *Spool) waiting() uint64 {
	if s.committed <= s.place.acked {
		return 0
	}
	return s.committed - s.place.acked - s.place.ahead()
}

// Close waits for what is being done, flushes, and gives the directory back.
// What is in the spool stays there. A second Close does nothing.
func (s *Spool) Close() error {
	var failed error
	s.once.Do(func() {
		close(s.closed)
		s.writing <- struct{}{} // never given back, nor is reading
		if failed = s.takeBack(); failed == nil {
			failed = s.seal()
		}
		s.reading <- struct{}{}
		failed = errors.Join(failed, s.cursor.close(), s.settle(true), s.position.close(), s.lock.Close())
	})
	if failed != nil {
		return fmt.Errorf("close the spool %s: %w", s.cfg.Dir, failed)
	}
	return nil
}

// settle writes down what is done with, and then removes the segments that hold
// nothing else. The caller has none of the mutexes.
func (s *Spool) settle(sync bool) error {
	p := &s.position
	p.mu.Lock()
	defer p.mu.Unlock()
	s.mu.Lock()
	at, finished := s.place, s.finished
	s.finished = nil
	s.mu.Unlock()
	failed := p.write(at, sync || len(finished) > 0, s.disk)
	var left []*segment
	var freed int64
	for _, seg := range finished {
		if failed == nil {
			if failed = seg.remove(); failed == nil {
				freed += seg.size
				continue
			}
		}
		left = append(left, seg)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = append(s.finished, left...)
	s.bytes -= freed
	return failed
}

// retire finishes with segments of which nothing is to be delivered. The caller
// has mu.
func (s *Spool) retire() {
	for len(s.segments) > 0 {
		seg := s.segments[0]
		if seg == s.active || seg == s.held || s.limit(0)-1 > s.place.acked {
			return
		}
		s.segments = s.segments[1:]
		s.finished = append(s.finished, seg)
	}
}

// limit is the number after the last that may be delivered of a segment. The
// caller has mu.
func (s *Spool) limit(i int) uint64 {
	base, limit := s.segments[i].base, s.committed+1
	if i+1 < len(s.segments) {
		limit = s.segments[i+1].base
	}
	if s.place.from > base && s.place.from < limit && s.place.to >= limit {
		limit = s.place.from // those between the two segments were dropped
	}
	return max(limit, base)
}

// report tells the caller, and the log, of entries that will not be delivered.
func (s *Spool) report(l Loss) {
	s.mu.Lock()
	s.lost[l.Reason] += l.Entries
	s.mu.Unlock()
	if l.Reason != Dropped {
		s.cfg.Logger.Warn("entries of the spool are lost", "dir", s.cfg.Dir, "reason", l.Reason.String(),
			"first", l.ID, "entries", l.Entries)
	}
	s.cfg.Lost(l)
}

// lossOf describes the entry of a frame, as far as it was read.
func lossOf(r Reason, h *head, c *content) Loss {
	l := Loss{Reason: r, ID: h.seq, Entries: 1, Time: time.Unix(0, h.at)}
	if c.labelled {
		l.Token, l.Meta, _ = c.parts(h)
	}
	return l
}
