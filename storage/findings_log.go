package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/rules"
)

// ErrNoFinding means that there is no finding with that id.
var ErrNoFinding = errors.New("there is no such finding")

// ChangeFinding lets change act on a finding as it is stored now, and stores
// what comes of it. Nobody else writes to the log between the two, in this
// process or another one.
func (s *Store) ChangeFinding(
	ctx context.Context, id string, change func(f rules.Finding) (rules.Finding, rules.Event, error),
) (changed rules.Finding, err error) {
	err = s.withLog(ctx, func(ctx context.Context) error {
		f, ok, err := s.Finding(ctx, id)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: %q", ErrNoFinding, id)
		}
		f, event, err := change(f)
		if err != nil {
			return err
		}
		changed = f
		return s.appendLog(ctx, []rules.Finding{f}, []rules.Event{event})
	})
	return changed, err
}

const (
	// logTime is how long a process that died while it wrote to the log keeps
	// others from it, and how long a busy store may take to answer one who lives.
	logTime = 30 * time.Second
	// logPause is how often one who waits asks again.
	logPause = 20 * time.Millisecond
	// logTries is how often work is begun that a lost lease has stopped.
	logTries = 3
)

// errUnsure is the error of who cannot tell whether what he wrote to the log is
// there.
var errUnsure = errors.New("write to the log of findings")

// withLog runs work while nobody else writes to the log of findings. Work that is
// stopped before it has written anything, because a store that is busy did not
// renew the lease in time, begins anew.
func (s *Store) withLog(ctx context.Context, work func(ctx context.Context) error) error {
	s.logging.Lock()
	defer s.logging.Unlock()
	for try := 1; ; try++ {
		lost, err := s.onceWithLog(ctx, work)
		if !lost || errors.Is(err, errUnsure) || ctx.Err() != nil || try == logTries {
			return err
		}
		s.log.Warn("the lease on the log of findings was lost before anything was written, trying again", "error", err)
	}
}

// onceWithLog waits for the lease and runs work under it. It tells whether work
// failed because the lease was lost.
func (s *Store) onceWithLog(ctx context.Context, work func(ctx context.Context) error) (lost bool, err error) {
	lease := s.NewLease(LeaseConfig{Name: "findings", Holder: newToken(), For: logTime})
	for {
		_, held, err := lease.Try(ctx)
		if err != nil {
			return false, err
		}
		if held {
			break
		}
		if !wait(ctx, logPause) {
			return false, fmt.Errorf("wait for another process to write its findings: %w", ctx.Err())
		}
	}
	until := lease.until
	done := lease.serve(ctx, func(ctx context.Context, _ uint64) { err = work(ctx) })
	switch {
	case done:
	case err != nil:
		lost, err = true, errors.Join(errLeaseOver, err)
	case !lease.now().Before(until):
		// It was written, perhaps when another process was writing as well.
		err = errors.Join(errLeaseOver, errUnsure)
	}
	return lost, errors.Join(err, lease.Release(context.WithoutCancel(ctx)))
}

// lastLink is the place of the newest event in the log.
func (s *Store) lastLink(ctx context.Context) (rules.Link, error) {
	var e rules.Event
	err := s.query(ctx, "read the end of the log of findings", `SELECT event FROM finding_events
WHERE event != '' AND version = (SELECT max(version) FROM finding_events WHERE event != '') ORDER BY number DESC LIMIT 1`,
		func(r driver.Rows) error {
			var text string
			if err := r.Scan(&text); err != nil {
				return err
			}
			return json.Unmarshal([]byte(text), &e)
		})
	return e.Link, err
}

// LogCheck is what became of checking the log.
type LogCheck struct {
	// Events were checked; the first of them has the number First, the last one
	// the link Last. Unchained events are from before the log was a chain.
	Events, Unchained, First uint64
	Last                     rules.Link
	// Findings were compared with what their last event says of them.
	Findings uint64
}

// CheckLog reads the whole log of findings. An error that wraps rules.ErrChain
// names what was altered, left out or added.
func (s *Store) CheckLog(ctx context.Context) (LogCheck, error) {
	var c LogCheck
	bodies := make(map[string]string)
	err := s.query(ctx, "read the log of findings", "SELECT event FROM finding_events WHERE event != '' ORDER BY version, number",
		func(r driver.Rows) error {
			var (
				text string
				e    rules.Event
			)
			if err := r.Scan(&text); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				return fmt.Errorf("%w: what stands after event %d is no event", rules.ErrChain, c.Last.Number)
			}
			if again, err := json.Marshal(e); err != nil || string(again) != text && e.Number != 0 {
				return fmt.Errorf("%w: event %d of finding %s is not what was written", rules.ErrChain, e.Number, e.Finding)
			}
			if e.Number == 0 && c.Events == 0 {
				c.Unchained++
				return nil
			}
			if err := e.Follows(c.Last); err != nil {
				return err
			}
			if c.Events == 0 {
				c.First = e.Number
			}
			c.Events++
			c.Last = e.Link
			if e.Body != "" {
				bodies[e.Finding] = e.Body
			}
			return nil
		})
	if err != nil {
		return c, err
	}
	return c, s.checkBodies(ctx, bodies, &c)
}

// checkBodies compares the findings with the hashes of their last events.
func (s *Store) checkBodies(ctx context.Context, bodies map[string]string, c *LogCheck) error {
	err := s.query(ctx, "read findings", "SELECT id, body FROM findings FINAL ORDER BY id", func(r driver.Rows) error {
		var id, body string
		if err := r.Scan(&id, &body); err != nil {
			return err
		}
		want, logged := bodies[id]
		if !logged {
			return nil // from before the log was a chain
		}
		c.Findings++
		delete(bodies, id)
		if rules.BodyHash([]byte(body)) != want {
			return fmt.Errorf("%w: finding %s is not what its last event says", rules.ErrChain, id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id := range bodies {
		return fmt.Errorf("%w: finding %s is in the log and is missing", rules.ErrChain, id)
	}
	return nil
}
