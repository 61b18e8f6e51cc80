package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

const (
	// leaseTime is how long a lease holds that is not renewed.
	leaseTime = 30 * time.Second
	// leaseMargin is the part of leaseTime that is left for work to end in.
	leaseMargin = 6
)

// LeaseConfig names a lease and who asks for it.
type LeaseConfig struct {
	// Name is what the lease is for, such as "rules".
	Name string
	// Holder names the process. No two that run at once may have the same name;
	// one that comes back under its name need not wait for its old lease to end.
	Holder string
	// For is how long the lease outlives its last renewal; default 30 s. Others
	// follow within twice that time, by when they have asked in vain for it.
	For time.Duration
	// Every is how often it is renewed or asked for; default a third of For.
	Every time.Duration
}

// Lease is the right to do what only one process may do at a time. It is a
// table of terms that are only ever added to: whoever writes the row of the
// next term has the lease, and the store takes that row once, by its insert
// token. No clock of any machine is compared with another: a lease is over for
// others when they have seen its term unchanged for its whole time, by their
// own monotonic clocks, and for its holder that time after it asked.
//
// A Lease is used by one goroutine.
type Lease struct {
	store *Store
	cfg   LeaseConfig
	now   func() time.Time

	seen      uint64 // the highest term that was read
	seenFirst time.Time
	term      uint64    // the term this holder has, 0 for none
	until     time.Time // when it ends
}

// leaseTable holds the newest term of each lease.
func leaseTable() *table {
	return &table{
		name:    "leases",
		purpose: "who does what only one process may do at a time; the row of the highest term counts, each is written once",
		columns: []column{
			{"name", "String", ""}, {"term", "UInt64", ""}, {"holder", "String", ""}, {"at", kindMicrosecond, ""},
		},
		engine:   "ReplacingMergeTree(term)",
		order:    "name",
		settings: []string{deduplication},
	}
}

// NewLease returns a lease that is not held yet.
func (s *Store) NewLease(c LeaseConfig) *Lease {
	if c.For <= 0 {
		c.For = leaseTime
	}
	if c.Every <= 0 {
		c.Every = c.For / 3
	}
	return &Lease{store: s, cfg: c, now: time.Now}
}

// Try takes or renews the lease. It returns false when another one has it, or
// when it cannot be known. The term grows with each success and so tells the
// work of one holder from that of the next.
func (l *Lease) Try(ctx context.Context) (term uint64, held bool, err error) {
	last, holder, err := l.read(ctx)
	if err != nil {
		return 0, false, err
	}
	now := l.now()
	if last != l.seen || l.seenFirst.IsZero() {
		l.seen, l.seenFirst = last, now
	}
	free := last == 0 || holder == "" || holder == l.cfg.Holder || now.Sub(l.seenFirst) >= l.cfg.For
	if !free {
		l.term = 0
		return 0, false, nil
	}
	if err := l.write(ctx, last+1, l.cfg.Holder); err != nil {
		return 0, false, err
	}
	next, holder, err := l.read(ctx)
	if err != nil {
		return 0, false, err
	}
	if next != last+1 || holder != l.cfg.Holder {
		l.term = 0
		return 0, false, nil // somebody else wrote it first
	}
	l.seen, l.seenFirst = next, now
	l.term, l.until = next, now.Add(l.cfg.For)
	return next, true, nil
}

// Release gives the lease back, so that others need not wait for its end.
func (l *Lease) Release(ctx context.Context) error {
	if l.term == 0 {
		return nil
	}
	term := l.term
	l.term = 0
	return l.write(ctx, term+1, "")
}

// read returns the newest term and who has it.
func (l *Lease) read(ctx context.Context) (term uint64, holder string, err error) {
	err = l.store.query(ctx, "read lease "+l.cfg.Name, "SELECT max(term), argMax(holder, term) FROM leases WHERE name = {name:String}",
		func(r driver.Rows) error { return r.Scan(&term, &holder) }, clickhouse.Named("name", l.cfg.Name))
	return term, holder, err
}

// write adds a term. The store keeps the first row that comes under a token and
// leaves out every other one.
func (l *Lease) write(ctx context.Context, term uint64, holder string) error {
	return l.store.insert(ctx, "write lease "+l.cfg.Name, "INSERT INTO leases (name, term, holder, at)", fmt.Sprintf("lease-%s-%d", l.cfg.Name, term),
		func(b driver.Batch) error { return b.Append(l.cfg.Name, term, holder, l.now().UTC()) })
}

// errLeaseOver is why the work of a lost lease is stopped.
var errLeaseOver = errors.New("the lease is over")

// Lead calls work while this process has the lease, and again each time it gets
// it back, until ctx ends or work returns by itself. The context of work ends
// when the lease can no longer be relied on. An error of the store only delays:
// it is logged, and the lease is asked for again.
func (l *Lease) Lead(ctx context.Context, work func(ctx context.Context, term uint64)) error {
	log := l.store.log.With("lease", l.cfg.Name)
	for waiting := false; ; {
		term, held, err := l.Try(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end of the context is the usual end
		case err != nil:
			log.Warn("the lease cannot be taken, trying again", "error", err)
		case held:
			log.Info("this process has the lease", "term", term)
			waiting = false
			if done := l.serve(ctx, work); done {
				return l.Release(context.WithoutCancel(ctx))
			}
			log.Warn("this process has lost the lease")
		case !waiting:
			log.Info("another process has the lease, waiting for its end", "term", l.seen)
			waiting = true
		}
		if !wait(ctx, l.cfg.Every) {
			return nil
		}
	}
}

// serve runs work and renews the lease meanwhile. It returns true when the work
// has ended by itself or with ctx, false when the lease was lost.
func (l *Lease) serve(ctx context.Context, work func(context.Context, uint64)) (done bool) {
	working, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended, term := make(chan struct{}), l.term
	go func() { // waited for below
		defer close(ended)
		work(working, term)
	}()
	renew := time.NewTicker(l.cfg.Every)
	defer renew.Stop()
	for {
		select {
		case <-ended:
			return true
		case <-renew.C:
		}
		if l.renew(ctx) {
			continue
		}
		cancel(errLeaseOver)
		<-ended
		return ctx.Err() != nil
	}
}

// renew returns false when the lease is lost or about to end.
func (l *Lease) renew(ctx context.Context) bool {
	limit := l.until.Add(-l.cfg.For / leaseMargin)
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	_, held, err := l.Try(ctx)
	if err == nil {
		return held
	}
	return l.now().Before(limit.Add(-l.cfg.Every))
}
