package engine

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/linewarden/linewarden/storage/engine/chdb"
)

const (
	// progressTime is how often a client hears of a statement that runs.
	progressTime = time.Second
	// killTime is how often a statement is told to stop until it does: one
	// that has not been entered in the list of statements cannot be told.
	killTime = 50 * time.Millisecond
)

// watch looks after a client while the engine runs its statement: it stops
// the statement when the client cancels it or leaves, and tells the client how
// far it is.
type watch struct {
	c     *conn
	quit  chan struct{}
	kill  chan struct{} // closed when the statement shall stop
	peek  sync.WaitGroup
	pulse sync.WaitGroup

	cancelled atomic.Bool // by the client or by the end of the server
	gone      error       // why the client cannot be read from; set by the peek
	told      proto.Progress
}

// watch begins. A statement that must be finished even when its client leaves
// is not stopped then.
func (c *conn) watch(stopWhenGone bool) *watch {
	w := &watch{c: c, quit: make(chan struct{}), kill: make(chan struct{})}
	w.peek.Go(func() { w.listen(stopWhenGone) })
	w.pulse.Go(w.beat)
	return w
}

// mostAhead is how many bytes a client may send ahead of a result and still be
// looked after.
const mostAhead = 64

// listen waits for the client to cancel the statement, or to leave. Other
// packets are left for later.
func (w *watch) listen(stopWhenGone bool) {
	for n := 1; n <= mostAhead; n++ {
		b, err := w.c.r.Peek(n)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil {
			w.gone = fmt.Errorf("the client left: %w", err)
			if stopWhenGone {
				close(w.kill)
			}
			return
		}
		if proto.ClientCode(b[0]) == proto.ClientCodeCancel {
			if _, err := w.c.r.Discard(1); err != nil {
				w.gone = err
			}
			w.cancelled.Store(true)
			close(w.kill)
			return
		}
	}
}

// beat reports progress, and stops the statement when it is told to.
func (w *watch) beat() {
	progress := time.NewTicker(progressTime)
	defer progress.Stop()
	for {
		select {
		case <-w.quit:
			return
		case <-w.kill:
			w.stopStatement()
			return
		case <-w.c.server.hurry:
			w.cancelled.Store(true)
			w.stopStatement()
			return
		case <-progress.C:
			w.report()
		}
	}
}

func (w *watch) stopStatement() {
	again := time.NewTicker(killTime)
	defer again.Stop()
	for {
		if err := w.c.server.admin.kill(w.c.name); err != nil {
			w.c.log.Warn("a statement could not be stopped", "error", err)
		}
		select {
		case <-w.quit:
			return
		case <-again.C:
		}
	}
}

// report sends what the statement has read since the last report.
func (w *watch) report() {
	now, err := w.c.server.admin.progress(w.c.name)
	if err != nil {
		w.c.log.Debug("the progress of a statement is not known", "error", err)
		return
	}
	if err := w.c.w.progress(w.since(now)); err != nil {
		w.c.log.Debug("progress was not sent", "error", err)
	}
}

// since is the difference to what was told before.
func (w *watch) since(now proto.Progress) proto.Progress {
	delta := proto.Progress{
		Rows: now.Rows - min(now.Rows, w.told.Rows), Bytes: now.Bytes - min(now.Bytes, w.told.Bytes),
		TotalRows: now.TotalRows - min(now.TotalRows, w.told.TotalRows),
		ElapsedNs: now.ElapsedNs - min(now.ElapsedNs, w.told.ElapsedNs),
	}
	w.told = now
	return delta
}

// stopped tells whether the statement shall stop.
func (w *watch) stopped() bool {
	select {
	case <-w.kill:
		return true
	default:
		return w.cancelled.Load()
	}
}

// rest ends the reports and sends what is left to tell.
func (w *watch) rest(read chdb.Stats) error {
	w.leave()
	return w.c.w.progress(w.since(proto.Progress{
		Rows: read.RowsRead, Bytes: read.BytesRead, TotalRows: w.told.TotalRows, ElapsedNs: w.told.ElapsedNs,
	}))
}

// leave ends both goroutines; it may be called twice.
func (w *watch) leave() {
	select {
	case <-w.quit:
		return
	default:
	}
	close(w.quit)
	if err := w.c.net.SetReadDeadline(time.Unix(1, 0)); err != nil && w.gone == nil {
		w.c.log.Debug("a client cannot be waited for", "error", err)
	}
	w.peek.Wait()
	w.pulse.Wait()
	if err := w.c.net.SetReadDeadline(time.Time{}); err != nil && w.gone == nil {
		w.gone = err
	}
}

// end ends the watch and returns what came of the statement that returned err.
func (w *watch) end(err error) error {
	w.leave()
	if w.gone != nil {
		w.c.r.err = w.gone
		return errors.Join(err, w.gone)
	}
	if err != nil && w.cancelled.Load() {
		return errCancelled
	}
	return err
}
