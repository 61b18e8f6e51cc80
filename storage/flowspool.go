package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage/spool"
)

// FlowSpoolConfig says where a spool is and how large it may become.
type FlowSpoolConfig struct {
	// Dir is the directory of the spool, for this process alone.
	Dir string
	// MaxBytes is how much its files may hold together; default 20 GiB.
	MaxBytes int64
	// DropNewest makes a full spool refuse what comes; otherwise what has waited
	// longest goes.
	DropNewest bool
	// Sync makes each batch wait for the disk before it counts as kept, so that
	// it survives the loss of power and not only the end of the process.
	Sync bool
	// Books are those of the writers; required.
	Books *flows.Books
	// RetryFor is how long a batch is sent again that the store refuses for what
	// is in it; default one minute. Then it is lost (store_refused). For
	// everything else, such as a store that is away or full, it waits on.
	RetryFor time.Duration
}

// FlowSpool keeps batches of flows and books on disk until the store has them,
// and sends them in the order they came. All flow writers of a process share
// one. It is safe for concurrent use.
type FlowSpool struct {
	cfg    FlowSpoolConfig
	store  *Store
	queue  *spool.Spool
	run    uint64 // tells entries of this process from older ones
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine that sends has ended
	losses quiet
	errors quiet

	writing sync.Mutex // one write of books at a time; guards refused and body
	refused booksBatch // the books the spool did not take

	mu       sync.Mutex                // guards everything below
	appended uint64                    // number of the newest entry of this process
	sent     uint64                    // number of the entry that was done with last
	owed     map[tallyKey]*flows.Count // books of entries that were dropped
	failing  error                     // of the last try to send; nil if it went well
	dropped  time.Time                 // when an entry was lost for want of room
	bodies   []*entryBody              // to be used again
}

// OpenFlowSpool opens the spool of a directory and begins to send what is left
// there from before. It must be closed before the store, and after its writers.
func (s *Store) OpenFlowSpool(cfg FlowSpoolConfig) (*FlowSpool, error) {
	if cfg.Books == nil {
		return nil, errors.New("storage: a flow spool needs books")
	}
	if cfg.RetryFor <= 0 {
		cfg.RetryFor = time.Minute
	}
	f := &FlowSpool{
		cfg: cfg, store: s, run: rand.Uint64(), done: make(chan struct{}),
		owed: make(map[tallyKey]*flows.Count),
	}
	policy := spool.DropOldest
	if cfg.DropNewest {
		policy = spool.DropNewest
	}
	var err error
	f.queue, err = spool.Open(spool.Config{
		Dir: cfg.Dir, MaxBytes: cfg.MaxBytes, AtFull: policy, Sync: cfg.Sync, Lost: f.lost, Logger: s.log,
	})
	if err != nil {
		return nil, fmt.Errorf("open the spool of flows: %w", err)
	}
	if left := f.queue.Stats(); left.Entries > 0 {
		s.log.Info("the spool has entries from before, sending them", "dir", cfg.Dir, "entries", left.Entries, "bytes", left.Bytes, "oldest", left.Oldest)
	}
	ctx, cancel := context.WithCancel(s.base())
	f.cancel = cancel
	go f.send(ctx)
	return f, nil
}

// Flush returns when everything kept so far is in the store or counted as lost,
// or when ctx ends.
func (f *FlowSpool) Flush(ctx context.Context) error {
	f.mu.Lock()
	target := f.appended
	f.mu.Unlock()
	const often = 5 * time.Millisecond
	for !f.passed(target) {
		if !wait(ctx, often) {
			return fmt.Errorf("flush the spool of flows with %d entries in it: %w", f.queue.Stats().Entries, ctx.Err())
		}
	}
	return nil
}

// passed tells whether an entry and all before it are done with.
func (f *FlowSpool) passed(id uint64) bool {
	f.mu.Lock()
	sent := f.sent
	f.mu.Unlock()
	return id != 0 && sent >= id || f.queue.Stats().Entries == 0
}

// Close sends what is left, until ctx ends or the store fails; what is not sent
// by then is sent after the next start. Writers must have been closed before.
func (f *FlowSpool) Close(ctx context.Context) error {
	const often = 5 * time.Millisecond
	for !f.passed(0) && f.trouble() == nil && wait(ctx, often) {
		continue
	}
	f.cancel()
	<-f.done
	if left := f.queue.Stats(); left.Entries > 0 {
		f.store.log.Warn("entries stay in the spool until the next start", "dir", f.cfg.Dir, "entries", left.Entries, "bytes", left.Bytes)
	}
	if err := f.queue.Close(); err != nil {
		return fmt.Errorf("close the spool of flows: %w", err)
	}
	return nil
}

// trouble is the error of the last try to send.
func (f *FlowSpool) trouble() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failing
}

// take keeps a sealed batch; its memory is free when it returns. A spool that is
// full loses it. One that cannot write lets it go past, once everything before
// it is in the store: take waits for either, until ctx ends.
func (f *FlowSpool) take(ctx context.Context, batch *flowBatch, sender *flowSender) {
	s := spooledOf(batch)
	s.run = f.run
	d := delivery{sender: sender}
	d.begin(s)
	pause := firstPause
	for {
		err := f.keep(ctx, s)
		if err == nil {
			return
		}
		if errors.Is(err, spool.ErrFull) || errors.Is(err, spool.ErrClosed) || ctx.Err() != nil {
			f.refuse(s, err)
			return
		}
		if f.passed(0) {
			if err = d.try(ctx); err == nil {
				f.settle(s, flows.NumReasons)
				return
			}
		}
		f.complain("a batch waits, because the spool cannot keep it", err)
		wait(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// refuse counts a batch as lost that was not kept.
func (f *FlowSpool) refuse(s *spooled, why error) {
	f.settle(s, flows.ReasonSpoolFull)
	if muted, ok := f.losses.allow(); ok {
		f.store.log.Error("flows were lost: the spool did not take them", "dir", f.cfg.Dir, "records", s.rows, "error", why, "losses_not_logged", muted)
	}
}

// packFrom is how many entries must wait for the next to be compressed: then
// room is dearer than time. A batch takes about a quarter of it.
const packFrom = 4

// keep puts a batch into the spool.
func (f *FlowSpool) keep(ctx context.Context, s *spooled) error {
	body := f.body()
	defer f.giveBack(body)
	var pack *compress.Writer
	if f.queue.Stats().Entries >= packFrom {
		pack = body.pack
	}
	if err := appendBody(&body.buf, s.input, pack); err != nil {
		return err
	}
	return f.append(ctx, s, body.buf.Buf)
}

// append puts an entry into the spool.
func (f *FlowSpool) append(ctx context.Context, s *spooled, body []byte) error {
	s.run = f.run
	id, err := f.queue.Append(ctx, spool.Entry{Token: s.token, Meta: s.appendMeta(nil), Body: body})
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.appended = max(f.appended, id)
	return nil
}

// entryBody is where the columns of a batch are encoded.
type entryBody struct {
	buf  proto.Buffer
	pack *compress.Writer
}

// body returns memory for the columns of a batch.
func (f *FlowSpool) body() *entryBody {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.bodies)
	if n == 0 {
		return &entryBody{pack: compress.NewWriter(compress.LevelZero, compress.LZ4)}
	}
	b := f.bodies[n-1]
	f.bodies = f.bodies[:n-1]
	return b
}

func (f *FlowSpool) giveBack(b *entryBody) {
	b.buf.Reset()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies = append(f.bodies, b)
}

// SpoolState says whether a spool takes what it is given.
type SpoolState uint8

// The states.
const (
	// SpoolOpen takes everything.
	SpoolOpen SpoolState = iota
	// SpoolFull has reached its size: the oldest or the newest is lost.
	SpoolFull
	// SpoolDiskFull has no room on its disk or in its quota.
	SpoolDiskFull
	// SpoolFailing cannot write for another reason.
	SpoolFailing
)

// String returns the state as it is used in metrics.
func (s SpoolState) String() string {
	switch s {
	case SpoolOpen:
		return "open"
	case SpoolFull:
		return "full"
	case SpoolDiskFull:
		return "disk_full"
	case SpoolFailing:
		return "failing"
	}
	return "unknown"
}

// FlowSpoolStats is what a spool holds and how it is.
type FlowSpoolStats struct {
	Bytes   int64     // on disk
	Entries uint64    // batches and books that wait
	Oldest  time.Time // when the oldest of them came; zero if there is none
	State   SpoolState
	// Refusal is why the store did not take what was sent to it last; nil if it
	// did.
	Refusal error
	// Dropped, Damaged and Torn are entries lost since the spool was opened: for
	// want of room, by damage on the disk, and by the end of the last process in
	// the middle of writing them. What was in them is in the books.
	Dropped, Damaged, Torn uint64
}

// fullSpan is how long a spool that drops its oldest entries is called full
// after it has: each time it has room for a while.
const fullSpan = time.Minute

func (f *FlowSpool) dropping() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.dropped.IsZero() && time.Since(f.dropped) < fullSpan
}

// Stats returns the state of the spool.
func (f *FlowSpool) Stats() FlowSpoolStats {
	s := f.queue.Stats()
	stats := FlowSpoolStats{
		Bytes: s.Bytes, Entries: s.Entries, Oldest: s.Oldest, Refusal: f.trouble(),
		Dropped: s.Dropped, Damaged: s.Damaged, Torn: s.Torn,
	}
	switch {
	case errors.Is(s.LastError, spool.ErrDiskFull):
		stats.State = SpoolDiskFull
	case s.Full || f.dropping():
		stats.State = SpoolFull
	case s.LastError != nil:
		stats.State = SpoolFailing
	}
	return stats
}

// quiet bounds how often something is logged.
type quiet struct {
	mu    sync.Mutex // guards everything below
	until time.Time
	muted int
}

// quietSpan is how long a line that repeats itself is not logged again.
const quietSpan = 10 * time.Second

// allow tells whether to log now, and how many lines were not logged since.
func (q *quiet) allow() (muted int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	if now.Before(q.until) {
		q.muted++
		return 0, false
	}
	muted = q.muted
	q.until, q.muted = now.Add(quietSpan), 0
	return muted, true
}
