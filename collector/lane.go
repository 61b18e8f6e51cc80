package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// quietSpan is how long an error that repeats itself is not logged again.
const quietSpan = 10 * time.Second

// lane is a pipeline and the sockets that feed it: worker k of each address
// feeds lane k, so that there are as many batches on the way to the store as
// workers, and not as many as workers times addresses.
type lane struct {
	logger *slog.Logger
	gate   *gate // nil takes everything

	mu       sync.Mutex // guards everything below
	pipeline *Pipeline
	silent   time.Time // until when errors of the sink are not logged
	muted    int       // errors that were not
}

// take leads the datagrams of b through the pipeline.
func (l *lane) take(s *socket, b *batch, books *flows.Books) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range b.n {
		packet, dropped := b.packet(i)
		if dropped != 0 {
			countDrops(books, packet.Received, s.advance(dropped))
		}
		if l.gate != nil && !l.gate.admits(packet.From.Addr(), packet.Received) {
			continue
		}
		l.report(l.pipeline.Take(packet))
	}
	l.report(l.pipeline.HandOver())
}

// refuse counts the datagrams of b as lost because the run ends.
func (l *lane) refuse(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range b.n {
		packet, _ := b.packet(i)
		l.pipeline.Refuse(packet)
	}
}

// do runs what is not about a datagram on the lane's pipeline.
func (l *lane) do(what func(p *Pipeline) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report(what(l.pipeline))
}

// report logs an error of the sink, the same one not too often.
func (l *lane) report(err error) {
	if err == nil {
		return
	}
	now := time.Now()
	if now.Before(l.silent) {
		l.muted++
		return
	}
	l.logger.Error("records were not stored", "error", err, "errors_not_logged", l.muted)
	l.silent, l.muted = now.Add(quietSpan), 0
}

// read feeds the lane from a socket until the socket is stopped and empty. When
// ctx, which ends with the time allowed for that, ends first, what is left is
// counted as lost.
func (l *lane) read(ctx context.Context, s *socket, books *flows.Books) error {
	b := newBatch()
	for {
		err := s.receive(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return fmt.Errorf("receive on UDP %s: %w", s.address, err)
		}
		l.take(s, b, books)
	}
	for {
		if err := s.drain(b); err != nil {
			return fmt.Errorf("empty the buffer of UDP %s: %w", s.address, err)
		}
		switch {
		case b.n == 0:
			return nil
		case ctx.Err() != nil:
			l.refuse(b)
		default:
			l.take(s, b, books)
		}
	}
}

// countDrops counts datagrams the kernel dropped. It does not tell whose they
// were, so they are with the zero exporter; they arrived, and gave nothing.
func countDrops(books *flows.Books, at time.Time, n uint32) {
	if n == 0 {
		return
	}
	books.Account(flows.Source{}).Update(at, func(c *flows.Count) {
		c.Datagrams += uint64(n)
		c.DatagramsLost[flows.ReasonKernelDrop] += uint64(n)
	})
}
