package rtr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"time"
)

// End says why a connection, or an attempt at one, ended. It is a small fixed
// set, fit for the label of a counter.
type End uint8

// The ends.
const (
	EndConnect   End = iota // it could not be opened
	EndClosed               // the cache closed it, or the network did
	EndTimeout              // the cache did not answer
	EndCorrupt              // a message that cannot be (RFC 8210 section 12, codes 0 and 5)
	EndVersion              // a version that we do not speak, or another than agreed
	EndSession              // another session than the one we know
	EndDuplicate            // a payload announced twice (code 7)
	EndUnknown              // a payload withdrawn that was not there (code 6)
	EndLimit                // more payloads than Config.MaxPayloads
	EndReported             // the cache reported an error of ours
	EndExpired              // the payloads became too old while it was silent

	ends
)

var endNames = [...]string{
	"connect", "closed", "timeout", "corrupt", "version", "session", "duplicate", "unknown", "limit", "reported", "expired",
}

// String returns the end in lower case.
func (e End) String() string {
	if e < ends {
		return endNames[e]
	}
	return "other"
}

// AllEnds returns every end, for counters that are shown from zero on.
func AllEnds() []End {
	all := make([]End, ends)
	for i := range all {
		all[i] = End(i)
	}
	return all
}

// fault is an error that ends a connection.
type fault struct {
	end  End
	code uint16 // to report to the cache
	say  bool   // report it
	err  error
}

func (f *fault) Error() string { return f.err.Error() }

func (f *fault) Unwrap() error { return f.err }

// The pauses between attempts to connect double, up to the retry interval.
const leastPause = time.Second

// cache is one cache, over all connections to it. The fields without a note are
// written by its goroutine alone.
type cache struct {
	client  *Client
	address string
	logger  *slog.Logger
	speak   uint8         // version to begin the next connection with
	times   intervals     // as the cache said last
	pause   time.Duration // before the next attempt
	afresh  bool          // ask for all, as it did not answer for changes

	mu        sync.RWMutex        // guards all below; the goroutine itself reads without
	data      map[record]struct{} // nil unless current
	session   uint16              // of data
	serial    uint32              // of data
	version   uint8               // of the session; what is said of one version tells nothing to another (RFC 8210 section 5.1)
	updated   time.Time
	connected bool
	answers   uint64
	last      error
	ends      [ends]uint64
}

func newCache(c *Client, address string) *cache {
	return &cache{
		client: c, address: address, logger: c.deps.Logger.With("cache", address),
		speak: latest, times: defaultIntervals(), pause: leastPause,
	}
}

// run connects again and again until the context ends.
func (c *cache) run(ctx context.Context) {
	for {
		err := c.connect(ctx)
		c.mu.Lock()
		c.connected = false
		c.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		var f *fault
		if !errors.As(err, &f) {
			f = &fault{end: EndClosed, err: err}
		}
		c.mu.Lock()
		c.last = err
		c.ends[f.end]++
		c.mu.Unlock()
		if f.end == EndLimit {
			c.pause = c.times.retry // it would send the same again
		}
		c.logger.Warn("RPKI cache lost", "reason", f.end.String(), "error", err, "again_in", c.pause, "payloads_kept", len(c.data))
		if !c.rest(ctx) {
			return
		}
	}
}

// rest waits before the next attempt, and lets old payloads go meanwhile.
func (c *cache) rest(ctx context.Context) bool {
	// Clients of one cache that restarts do not come back all at once.
	until := time.Now().Add(c.pause/2 + rand.N(c.pause/2+1))
	c.pause = min(2*c.pause, c.times.retry)
	for {
		now := time.Now()
		c.expire(now)
		if !now.Before(until) {
			return true
		}
		timer := time.NewTimer(c.before(until).Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}

// before returns the time given, or that at which the payloads expire if it is earlier.
func (c *cache) before(t time.Time) time.Time {
	if c.data == nil {
		return t
	}
	if e := c.updated.Add(c.times.expire); e.Before(t) {
		return e
	}
	return t
}

// expire lets payloads go that are older than the expire interval (RFC 8210
// section 6), and tells whether it did.
func (c *cache) expire(now time.Time) bool {
	if c.data == nil || now.Before(c.updated.Add(c.times.expire)) {
		return false
	}
	c.logger.Error("the payloads of an RPKI cache are too old and are used no longer", "payloads", len(c.data), "updated", c.updated)
	c.forget()
	return true
}

// forget gives up the payloads and the session they belong to.
func (c *cache) forget() {
	had := c.data != nil
	c.mu.Lock()
	c.data = nil
	c.mu.Unlock()
	c.speak = latest
	if had {
		c.client.news()
	}
}

// commit makes an answer count.
func (c *cache) commit(a *answer, p *pdu) {
	c.mu.Lock()
	first := c.data == nil
	if a.whole {
		c.data = a.added
	} else {
		maps.Copy(c.data, a.added)
		for r := range a.removed {
			delete(c.data, r)
		}
	}
	c.session, c.serial, c.version, c.updated = a.session, p.serial, p.version, time.Now()
	c.answers++
	n := len(c.data)
	c.mu.Unlock()
	c.speak, c.times, c.pause, c.afresh = p.version, p.intervals, leastPause, false
	log := c.logger.Debug
	if first {
		log = c.logger.Info
	}
	log("payloads of an RPKI cache are in use", "payloads", n, "announced", len(a.added), "withdrawn", len(a.removed),
		"serial", p.serial, "version", p.version)
	if first || a.whole || len(a.added)+len(a.removed) > 0 {
		c.client.news()
	}
}

// holds tells whether the cache has current payloads.
func (c *cache) holds() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.data != nil
}

// each yields the payloads.
func (c *cache) each(yield func(Payload) bool) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for r := range c.data {
		if !yield(r.payload()) {
			return false
		}
	}
	return true
}

func (c *cache) status() Status {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := Status{
		Address: c.address, Connected: c.connected, Version: c.version, Current: c.data != nil, Payloads: len(c.data),
		SessionID: c.session, Serial: c.serial, Updated: c.updated, Answers: c.answers, Ends: make(map[End]uint64),
	}
	if c.last != nil {
		s.LastEnd = c.last.Error()
	}
	for e, n := range c.ends {
		if n > 0 {
			s.Ends[End(e)] = n
		}
	}
	return s
}

// connect opens a connection and follows it to its end.
func (c *cache) connect(ctx context.Context) error {
	dialing, cancel := context.WithTimeout(ctx, c.client.config.DialTimeout)
	defer cancel()
	conn, err := c.client.deps.Dial(dialing, "tcp", c.address)
	if err != nil {
		return &fault{end: EndConnect, err: fmt.Errorf("connect to the RPKI cache: %w", err)}
	}
	// Whoever waits for the cache is woken by the end of the connection.
	release := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer release()
	c.mu.Lock()
	c.connected = true
	c.mu.Unlock()
	err = newLink(c, conn).follow()
	_ = conn.Close() // all that was to be said was
	return err
}
