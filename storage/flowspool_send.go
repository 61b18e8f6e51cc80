package storage

import (
	"context"
	"errors"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage/spool"
)

// send leads entries to the store, one after the other, until ctx ends.
func (f *FlowSpool) send(ctx context.Context) {
	defer close(f.done)
	d := delivery{sender: &flowSender{store: f.store, table: "flows"}}
	defer d.sender.close()
	for {
		e, err := f.queue.Next(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, spool.ErrClosed):
			return
		case err != nil:
			f.complain("the spool cannot be read, trying again", err)
			wait(ctx, longestPause)
			continue
		}
		if !f.deliver(ctx, &d, &e) {
			return
		}
		if err := f.queue.Ack(e.ID); err != nil {
			f.complain("what was sent from the spool is not noted on disk", err)
		}
		f.mu.Lock()
		f.sent = e.ID
		f.mu.Unlock()
	}
}

// deliver sends an entry until the store has it or it is lost. It returns false
// when ctx ended before.
func (f *FlowSpool) deliver(ctx context.Context, d *delivery, e *spool.Entry) bool {
	s, err := spooledFrom(e)
	if err != nil {
		f.lost(spool.Loss{Reason: spool.Damaged, ID: e.ID, Entries: 1, Token: e.Token, Meta: e.Meta, Time: e.Time})
		return true
	}
	began, pause := time.Now(), firstPause
	d.begin(s)
	for {
		err := d.try(ctx)
		if err == nil {
			f.settle(s, flows.NumReasons)
			f.report(nil)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		f.report(err)
		if hopeless(err) && time.Since(began) >= f.cfg.RetryFor {
			f.giveUp(d, err)
			return true
		}
		f.complain("the store does not take what is in the spool, trying again", f.store.explain("send the oldest entry", err))
		wait(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// report notes how the last try went.
func (f *FlowSpool) report(err error) {
	f.mu.Lock()
	before := f.failing
	f.failing = err
	f.mu.Unlock()
	if err == nil && before != nil {
		f.store.log.Info("the store takes what is in the spool again", "dir", f.cfg.Dir)
	}
}

// complain logs an error, the same one not too often.
func (f *FlowSpool) complain(what string, err error) {
	if muted, ok := f.errors.allow(); ok {
		f.store.log.Warn("the spool of flows is in trouble", "what", what, "dir", f.cfg.Dir, "error", err, "errors_not_logged", muted)
	}
}

// hopeless tells whether an error is about what was sent. All others are about
// the store, and pass when somebody mends it.
func hopeless(err error) bool { return !transient(err) && kindOf(err) == nil }

// giveUp ends the tries for an entry that the store does not take.
func (f *FlowSpool) giveUp(d *delivery, err error) {
	f.mu.Lock()
	f.failing = nil // the next entry tells how the store is
	f.mu.Unlock()
	if d.flowsDone {
		// The flows are there, and stored they are.
		f.settle(d.entry, flows.NumReasons)
	} else {
		f.settle(d.entry, flows.ReasonStoreRefused)
	}
	f.store.log.Error("the store refused an entry of the spool", "dir", f.cfg.Dir, "records", d.entry.rows, "books", len(d.entry.books), "error", err)
}

// settle enters a batch in the books of this process: as lost for a reason, or
// with NumReasons as stored. One that an earlier process received is counted as
// received as well, so that the books balance.
func (f *FlowSpool) settle(s *spooled, why flows.Reason) {
	for i := range s.tally {
		t := &s.tally[i]
		f.cfg.Books.Account(t.source).Update(time.Unix(t.minute*60, 0), func(c *flows.Count) {
			if s.run != f.run {
				c.Records += t.n
			}
			if why == flows.NumReasons {
				c.Stored += t.n
			} else {
				c.Lost[why] += t.n
			}
		})
	}
}

// lost is told by the spool what it will not deliver.
func (f *FlowSpool) lost(l spool.Loss) {
	why := flows.ReasonSpoolDamaged
	if l.Reason == spool.Dropped {
		why = flows.ReasonSpoolFull
		f.mu.Lock()
		f.dropped = time.Now()
		f.mu.Unlock()
	}
	records, known := 0, false
	if s, err := readMeta(l.Meta); err == nil {
		records, known = s.rows, true
		f.settle(s, why)
		f.owe(s.books)
	}
	if muted, ok := f.losses.allow(); ok {
		f.store.log.Error("the spool lost entries", "dir", f.cfg.Dir, "reason", l.Reason.String(), "entries", l.Entries,
			"records", records, "records_known", known, "losses_not_logged", muted)
	}
}

// delivery is the way of one entry to the store.
type delivery struct {
	sender    *flowSender
	entry     *spooled
	flowsDone bool
}

func (d *delivery) begin(s *spooled) { d.entry, d.flowsDone = s, false }

// try writes the flows of the entry, and then what the books say of them. Both
// have a token, so that what had arrived is not written twice.
func (d *delivery) try(ctx context.Context) error {
	s := d.entry
	if s.kind == spooledFlows && !d.flowsDone {
		if err := d.sender.sendOnce(ctx, s.token, s.input); err != nil {
			return err
		}
		d.flowsDone = true
	}
	return d.sender.store.insertBooks(ctx, s.token+"/books", s.stored, s.each)
}
