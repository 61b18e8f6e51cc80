package storage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/rules"
)

// Errors of relabelling that a caller tells apart.
var (
	// ErrRelabelling is returned while another process labels flows anew, and for
	// a minute after one was killed.
	ErrRelabelling = errors.New("another process labels flows anew, or did less than a minute ago")
	// ErrRelabelCluster is returned on a cluster, where a flow is on the shard of
	// its line: with another line it would have to move.
	ErrRelabelCluster = errors.New("flows of a cluster are not labelled anew: import them again")
	// ErrRelabelCheck is returned when the copy of a day is not the day: nothing
	// was put in its place.
	ErrRelabelCheck = errors.New("the flows that were labelled anew are not those of the day")
)

const (
	// relabelRest is how long after its end flows of a day of storing may still
	// come out of a spool; until then the day is open.
	relabelRest = time.Hour
	// relabelRows is how many flows are labelled, and relabelBatch how many are
	// written, at a time. The second bounds the memory: about 200 bytes each.
	relabelRows  = 4096
	relabelBatch = 200_000
)

// Relabelling says which flows are labelled anew, and by what.
type Relabelling struct {
	// Span bounds the start of the flows; the arrival stands in for a start that
	// the exporter did not say. Others of the same days of storing stay as they are.
	Span rules.Window
	// Label fills the labels of records as enrichment does on their arrival. It
	// finds the labels in them that are stored, and changes nothing else.
	Label func(records []flows.Record)
	// Alone says that nobody writes flows meanwhile, so that days which are not
	// over are labelled too.
	Alone bool
}

// RelabelledDay is what became of the flows that were stored on one day.
type RelabelledDay struct {
	// Stored is the midnight, in UTC, at which the day began.
	Stored time.Time
	// Flows are those of the day, and Changed those that have other labels now.
	Flows, Changed uint64
	// Hours are to be rolled up again.
	Hours uint64
	// Open days are left as they are: flows may still be stored in them.
	Open bool
}

// RelabelFlows labels stored flows anew, for instance those that came before
// their ledgers. Each day of storing is copied in a stream, and put in the place
// of the old one at once when count and content of all that was exported agree;
// done is told of each. What is interrupted before leaves the old flows as they
// were, what is interrupted after is completed by the next Migrate. Books do not
// change, nor do copies under holds; the hours of what changed are rolled up again.
func (s *Store) RelabelFlows(ctx context.Context, r Relabelling, done func(RelabelledDay) error) error {
	if s.cfg.Cluster != "" {
		return fmt.Errorf("cluster %s: %w", s.cfg.Cluster, ErrRelabelCluster)
	}
	lease := s.NewLease(LeaseConfig{Name: relabelLease, Holder: newToken()})
	if _, held, err := lease.Try(ctx); err != nil {
		return err
	} else if !held {
		return ErrRelabelling
	}
	err := errLeaseOver
	lease.serve(ctx, func(ctx context.Context, _ uint64) { err = s.relabelDays(ctx, &r, done) })
	return errors.Join(err, lease.Release(context.WithoutCancel(ctx)))
}

func (s *Store) relabelDays(ctx context.Context, r *Relabelling, done func(RelabelledDay) error) error {
	if err := s.finishSwap(ctx); err != nil {
		return err
	}
	days, err := s.relabelCandidates(ctx, r.Span)
	if err != nil {
		return err
	}
	for _, day := range days {
		d := RelabelledDay{Stored: day, Open: !r.Alone && time.Since(day.AddDate(0, 0, 1)) < relabelRest}
		if !d.Open {
			if err := s.relabelDay(ctx, r, &d); err != nil {
				return fmt.Errorf("label the flows stored on %s: %w", day.Format(time.DateOnly), err)
			}
		}
		if err := done(d); err != nil {
			return err
		}
	}
	return nil
}

// relabelCandidates lists the days on which flows of a span were stored.
func (s *Store) relabelCandidates(ctx context.Context, w rules.Window) (days []time.Time, err error) {
	err = s.query(ctx, "list the days to label", `SELECT DISTINCT toDateTime(toDate(stored, 'UTC'), 'UTC') AS day FROM flows
WHERE if(toUnixTimestamp64Nano(start) = {none:Int64}, received, start) >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')
    AND if(toUnixTimestamp64Nano(start) = {none:Int64}, received, start) < fromUnixTimestamp64Nano({to:Int64}, 'UTC') ORDER BY day`,
		func(r driver.Rows) error {
			var day time.Time
			err := r.Scan(&day)
			days = append(days, day.UTC())
			return err
		},
		clickhouse.Named("none", strconv.FormatInt(noInstant, 10)),
		clickhouse.Named("from", strconv.FormatInt(instantOf(w.From), 10)), clickhouse.Named("to", strconv.FormatInt(instantOf(w.To), 10)))
	return days, err
}

// relabelDay copies a day under its new labels and puts it in place if any of
// them is another one.
func (s *Store) relabelDay(ctx context.Context, r *Relabelling, d *RelabelledDay) (err error) {
	if err := s.exec(ctx, "make room for flows", "CREATE TABLE "+relabelTable+" AS flows"); err != nil {
		return err
	}
	c := relabelCopy{store: s, labelling: r, sender: flowSender{store: s, table: relabelTable, retryFor: time.Minute}, batch: newFlowBatch()}
	defer c.sender.close()
	err = c.run(ctx, d.Stored)
	d.Flows, d.Changed = c.rows, c.changed
	if err == nil && d.Changed > 0 {
		err = s.checkCopy(ctx, d)
	}
	if err != nil || d.Changed == 0 {
		return errors.Join(err, s.dropRelabelled(context.WithoutCancel(ctx)))
	}
	if err := s.markSwap(ctx, d.Stored, d.Flows); err != nil {
		return errors.Join(err, s.dropRelabelled(context.WithoutCancel(ctx)))
	}
	d.Hours, err = s.swapDay(ctx, d.Stored, d.Flows)
	return err
}

// relabelCopy is the copy of one day in the making.
type relabelCopy struct {
	store     *Store
	labelling *Relabelling
	sender    flowSender
	batch     *flowBatch
	records   []flows.Record // to be labelled next
	stored    []time.Time    // of the same
	before    []flows.Labels // of the same

	rows, changed uint64
}

// run copies the flows that were stored on a day.
func (c *relabelCopy) run(ctx context.Context, day time.Time) error {
	row, stored := new(flowRow), time.Time{}
	targets := append([]any{&stored}, row.targets()...)
	err := c.store.query(ctx, "read the flows of a day", "SELECT stored, "+strings.Join(flowReads(), ", ")+" FROM flows WHERE "+ofDay,
		func(r driver.Rows) error {
			if err := r.Scan(targets...); err != nil {
				return err
			}
			c.records, c.stored = append(c.records, row.record()), append(c.stored, stored)
			if len(c.records) < relabelRows {
				return nil
			}
			return c.label(ctx)
		}, dayNamed(day))
	if err != nil {
		return err
	}
	if err := c.label(ctx); err != nil {
		return err
	}
	return c.send(ctx)
}

// label labels what was read and enters it in the batch.
func (c *relabelCopy) label(ctx context.Context) error {
	c.before = c.before[:0]
	for i := range c.records {
		c.before = append(c.before, c.records[i].Labels)
	}
	c.labelling.Label(c.records)
	for i := range c.records {
		r := &c.records[i]
		switch {
		case !c.labelling.concerns(r):
			r.Labels = c.before[i]
		case storedLabels(&c.before[i], r) != storedLabels(&r.Labels, r):
			c.changed++
		}
		c.batch.add(r)
		c.batch.stored.Append(c.stored[i])
	}
	c.rows += uint64(len(c.records))
	c.records, c.stored = c.records[:0], c.stored[:0]
	if c.batch.rows < relabelBatch {
		return nil
	}
	return c.send(ctx)
}

// concerns tells whether a flow is in the span.
func (l *Relabelling) concerns(r *flows.Record) bool {
	at := r.Start
	if at.IsZero() {
		at = r.Received
	}
	return !at.Before(l.Span.From) && at.Before(l.Span.To)
}

// send writes the batch to the copy.
func (c *relabelCopy) send(ctx context.Context) error {
	if c.batch.rows == 0 {
		return nil
	}
	c.batch.token = newToken()
	if err := c.sender.send(ctx, c.batch); err != nil {
		return err
	}
	c.batch.reset()
	return nil
}

// labelRow is the labels of a flow as they are stored.
type labelRow struct {
	line, peer, holder string
	direction          flows.LineDirection
	bits               [4]uint8
	origins            [2]uint32
}

func storedLabels(l *flows.Labels, r *flows.Record) labelRow {
	return labelRow{
		line: l.Line, peer: l.PeerLine, holder: l.Holder, direction: l.LineDirection,
		bits:    [4]uint8{bitsOf(l.SrcNet, r.Src), bitsOf(l.DstNet, r.Dst), bitsOf(l.SrcAllocation, r.Src), bitsOf(l.DstAllocation, r.Dst)},
		origins: [2]uint32{l.SrcOrigin, l.DstOrigin},
	}
}
