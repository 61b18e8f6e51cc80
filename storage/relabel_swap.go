package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// A day that was labelled anew waits in a table of its own until it is put in
// the place of the old one. The comment of that table is the journal: from the
// moment it names the day, the swap is done to its end by whoever comes next, and
// doing it again changes nothing.

const (
	relabelTable = "flows_relabel"
	relabelLease = "relabel"
	// swapMark begins the comment of a copy that is put in place.
	swapMark = "put in place"
	// swapTime is how long a swap is tried again.
	swapTime = 2 * time.Minute
)

// ofDay selects the flows that were stored on one day, which are a partition.
const ofDay = "toDate(stored) = {day:Date}"

func dayNamed(day time.Time) any { return clickhouse.Named("day", day.Format(time.DateOnly)) }

// partitionForm is how partitions of a day are named.
const partitionForm = "20060102"

// labelColumns are the columns of flows that labelling fills. All others are as
// they were exported.
var labelColumns = []string{
	"line", "line_direction", "peer_line", "holder",
	"src_net_bits", "dst_net_bits", "src_allocation_bits", "dst_allocation_bits", "src_origin", "dst_origin",
}

// checkCopy compares count and content of a day and its copy, apart from labels.
func (s *Store) checkCopy(ctx context.Context, d *RelabelledDay) error {
	var exported []string
	for _, c := range flowTable().columns {
		if !slices.Contains(labelColumns, c.name) {
			exported = append(exported, quoteName(c.name))
		}
	}
	type content struct{ rows, sum uint64 }
	of := func(table string) (c content, err error) {
		err = s.query(ctx, "check the flows of a day", "SELECT count(), sum(sipHash64("+strings.Join(exported, ", ")+")) FROM "+table+" WHERE "+ofDay,
			func(r driver.Rows) error { return r.Scan(&c.rows, &c.sum) }, dayNamed(d.Stored))
		return c, err
	}
	copied, err := of(relabelTable)
	if err != nil {
		return err
	}
	old, err := of("flows")
	if err != nil {
		return err
	}
	now, err := s.flowsOf(ctx, d.Stored)
	if err != nil {
		return err
	}
	if copied != old || copied.rows != d.Flows || now != d.Flows {
		return fmt.Errorf("%w: %d were read and %d copied, of %d then and %d now; if flows of that day are still being stored, do it again later",
			ErrRelabelCheck, d.Flows, copied.rows, old.rows, now)
	}
	return nil
}

// markSwap has the swap of a day begin.
func (s *Store) markSwap(ctx context.Context, day time.Time, rows uint64) error {
	mark := fmt.Sprintf("%s %s %d", swapMark, day.Format(partitionForm), rows)
	return s.exec(ctx, "note the flows of a day as complete", "ALTER TABLE "+relabelTable+" MODIFY COMMENT "+quoteText(mark))
}

// swapDay puts the copy of a day in place, however often that takes, and has its
// hours rolled up again. It returns how many they are.
func (s *Store) swapDay(ctx context.Context, day time.Time, rows uint64) (hours uint64, err error) {
	limit := time.Now().Add(swapTime)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if err = s.swapOnce(ctx, day, rows); err == nil {
			break
		}
		if !lostConnection(err) && !refused(err) && !transient(err) || time.Now().After(limit) || !wait(ctx, pause) {
			return 0, fmt.Errorf("%w; the next command or daemon completes it", err)
		}
		s.log.Warn("the flows of a day are not in place yet, trying again", "day", day.Format(time.DateOnly), "error", err)
	}
	if hours, err = s.touchHours(ctx, ofDay, dayNamed(day)); err != nil {
		return hours, err
	}
	return hours, s.dropRelabelled(ctx)
}

// swapOnce replaces the partition. The server does so at once, and a part
// without rows covers those that were replaced until their files are deleted.
func (s *Store) swapOnce(ctx context.Context, day time.Time, rows uint64) error {
	replace := "ALTER TABLE flows REPLACE PARTITION ID '" + day.Format(partitionForm) + "' FROM " + relabelTable
	if err := s.exec(ctx, "put the flows of a day in place", replace); err != nil {
		return err
	}
	there, err := s.flowsOf(ctx, day)
	if err == nil && there < rows {
		err = fmt.Errorf("%w: %d of %d are in place", ErrRelabelCheck, there, rows)
	}
	return err
}

// flowsOf counts the flows that were stored on a day.
func (s *Store) flowsOf(ctx context.Context, day time.Time) (n uint64, err error) {
	err = s.query(ctx, "count the flows of a day", "SELECT count() FROM flows WHERE "+ofDay,
		func(r driver.Rows) error { return r.Scan(&n) }, dayNamed(day))
	return n, err
}

func (s *Store) dropRelabelled(ctx context.Context) error {
	return s.exec(ctx, "remove the copy of a day", "DROP TABLE IF EXISTS "+relabelTable+" SYNC")
}

// completeRelabel ends what a process has left that was killed while it labelled
// flows anew. While one is at work, its copies are left to it; once a day is on
// its way into place, readers wait for it.
func (s *Store) completeRelabel(ctx context.Context) error {
	lease := s.NewLease(LeaseConfig{Name: relabelLease, Holder: newToken()})
	for {
		day, _, there, err := s.leftCopy(ctx)
		if err != nil || !there {
			return err
		}
		_, held, err := lease.Try(ctx)
		switch {
		case err != nil:
			return err
		case held:
			err := errLeaseOver
			lease.serve(ctx, func(ctx context.Context, _ uint64) { err = s.finishSwap(ctx) })
			return errors.Join(err, lease.Release(context.WithoutCancel(ctx)))
		case day.IsZero():
			return nil
		}
		if !wait(ctx, migrationPause) {
			return fmt.Errorf("wait for another process to put flows in place: %w", ctx.Err())
		}
	}
}

// finishSwap removes a copy that was not completed, and puts one in place that was.
func (s *Store) finishSwap(ctx context.Context) error {
	day, rows, there, err := s.leftCopy(ctx)
	if err != nil || !there {
		return err
	}
	if day.IsZero() {
		s.log.Info("removing a copy of flows that was left incomplete")
		return s.dropRelabelled(ctx)
	}
	s.log.Warn("completing what a process has left that was killed while it labelled flows anew", "day", day.Format(time.DateOnly), "flows", rows)
	_, err = s.swapDay(ctx, day, rows)
	return err
}

// leftCopy looks for a copy of a day; its day is zero while it is not complete.
func (s *Store) leftCopy(ctx context.Context) (day time.Time, rows uint64, there bool, err error) {
	var comment string
	err = s.query(ctx, "look for a copy of flows", "SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = {name:String}",
		func(r driver.Rows) error {
			there = true
			return r.Scan(&comment)
		}, clickhouse.Named("name", relabelTable))
	mark, complete := strings.CutPrefix(comment, swapMark+" ")
	if err != nil || !complete {
		return day, 0, there, err
	}
	id, number, _ := strings.Cut(mark, " ")
	if day, err = time.Parse(partitionForm, id); err == nil {
		rows, err = strconv.ParseUint(number, 10, 64)
	}
	if err != nil {
		return day, 0, true, fmt.Errorf("the comment of %s is not of this program: %q: %w", relabelTable, comment, err)
	}
	return day, rows, true, nil
}
