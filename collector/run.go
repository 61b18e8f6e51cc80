package collector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// expireEvery is how often what waits is looked through, and the drop counters
// are read.
const expireEvery = time.Second

// run is one Run of a collector.
type run struct {
	*Collector
	lanes  []*lane
	sinks  []FlowSink
	keeper *BooksKeeper // nil without a sink for the books

	readers sync.WaitGroup // and expire
	failed  chan error     // one per reader at most
	waiter  sync.WaitGroup // who waits for the readers
	done    chan struct{}  // closed when all readers have ended
	carrier sync.WaitGroup // who carries the books to the store
}

func (r *run) openLanes(ctx context.Context) error {
	n := 1
	for _, sockets := range r.sockets {
		n = max(n, len(sockets))
	}
	for worker := range n {
		if err := r.openLane(worker); err != nil {
			return errors.Join(fmt.Errorf("open the sink of worker %d: %w", worker, err), r.closeSinks(ctx))
		}
	}
	if r.deps.BooksSink != nil {
		r.keeper = NewBooksKeeper(r.deps.Books, r.deps.BooksSink)
	}
	return nil
}

func (r *run) openLane(worker int) error {
	sink, err := r.deps.NewSink(worker)
	if err != nil {
		return err
	}
	r.sinks = append(r.sinks, sink)
	pipeline, err := NewPipeline(PipelineConfig{
		Netflow: r.deps.Netflow, SFlow: r.deps.SFlow,
		Enricher: r.deps.Enricher, Sink: sink, Books: r.deps.Books,
	})
	if err != nil {
		return err
	}
	r.lanes = append(r.lanes, &lane{logger: r.deps.Logger.With("worker", worker), gate: r.gate, pipeline: pipeline})
	return nil
}

func (r *run) run(ctx context.Context) error {
	// What is under way when ctx ends goes on for as long as draining may take.
	base := context.WithoutCancel(ctx)
	overdue, giveUp := context.WithCancel(base)
	defer giveUp()

	stop := make(chan struct{})
	r.startReaders(overdue, stop)
	r.carrier.Go(func() { r.carryBooks(overdue, stop) })
	err := r.keepHouse(ctx)
	close(stop)

	// Readers have half of the time, so that the sinks have some as well, and
	// the books, which tell what became of all that, have the rest.
	whole := r.config.DrainTimeout
	defer time.AfterFunc(whole/2, giveUp).Stop()
	sinks, cancelSinks := context.WithTimeout(base, whole*3/4)
	defer cancelSinks()
	books, cancelBooks := context.WithTimeout(base, whole)
	defer cancelBooks()
	return errors.Join(err, r.stop(sinks), r.finish(books))
}

func (r *run) startReaders(overdue context.Context, stop <-chan struct{}) {
	for _, sockets := range r.sockets {
		for worker, s := range sockets {
			r.readers.Go(func() {
				if err := r.lanes[worker].read(overdue, s, r.deps.Books); err != nil {
					r.failed <- err
				}
			})
		}
	}
	r.readers.Go(func() { r.expire(stop) })
	r.waiter.Go(func() {
		r.readers.Wait()
		close(r.done)
	})
}

// expire ends what waits too long in the decoders, until stop. Its records go
// to a sink, which may hold it up for as long as a reader: so it is none of what
// keepHouse does, and is waited for like a reader.
func (r *run) expire(stop <-chan struct{}) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			r.lanes[0].do(func(p *Pipeline) error { return p.Expire(now) })
		}
	}
}

// keepHouse does what is due from time to time, until ctx ends or
// a reader fails. Nothing in it waits for a sink.
func (r *run) keepHouse(ctx context.Context) error {
	count := time.NewTicker(expireEvery)
	defer count.Stop()
	save := time.NewTicker(r.config.StateEvery)
	defer save.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-r.failed:
			return err
		case <-count.C:
			r.countAllDrops()
		case <-save.C:
			if err := r.saveState(false); err != nil {
				r.deps.Logger.Error("state was not saved", "error", err)
			}
		}
	}
}

// carryBooks writes the books from time to time, until stop. It has its own
// goroutine because a slow store must not delay anything else.
func (r *run) carryBooks(ctx context.Context, stop <-chan struct{}) {
	if r.keeper == nil {
		return
	}
	tick := time.NewTicker(r.config.BooksEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if err := r.keeper.Write(ctx); err != nil {
				r.deps.Logger.Warn("books were not written and are kept for the next time",
					"error", err, "waiting", r.keeper.Waiting())
			}
		}
	}
}

func (r *run) countAllDrops() {
	now := time.Now()
	for _, s := range r.open() {
		n, err := s.drops()
		if err != nil {
			r.deps.Logger.Error("drops of the kernel are not counted", "error", err)
		}
		countDrops(r.deps.Books, now, n)
	}
}

func (r *run) saveState(last bool) error {
	if r.deps.State == nil || r.config.StateFile == "" {
		return nil
	}
	return SaveState(r.config.StateFile, r.deps.State, last)
}

// stop ends receiving, decoding and storing, in the order in which records
// travel.
func (r *run) stop(ctx context.Context) error {
	r.countAllDrops()
	var failures []error
	for _, s := range r.open() {
		failures = append(failures, s.stop())
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return errors.Join(append(failures, errors.New("end the workers: a sink neither took nor refused its records "+
			"within collector.drain_timeout; what the workers hold is not counted"))...)
	}
	r.waiter.Wait()
	r.lanes[0].do((*Pipeline).Flush)
	return errors.Join(append(failures, r.closeSinks(ctx))...)
}

// finish saves what outlives the process.
func (r *run) finish(ctx context.Context) error {
	r.carrier.Wait()
	err := r.saveState(true)
	if r.keeper != nil {
		err = errors.Join(err, r.keeper.Write(ctx))
	}
	return err
}

// closeSinks writes out all sinks at once, so that each has all of the time.
func (r *run) closeSinks(ctx context.Context) error {
	var group errgroup.Group
	for worker, sink := range r.sinks {
		group.Go(func() error {
			if err := errors.Join(sink.Flush(ctx), sink.Close(ctx)); err != nil {
				return fmt.Errorf("end the sink of worker %d: %w", worker, err)
			}
			return nil
		})
	}
	return group.Wait()
}
