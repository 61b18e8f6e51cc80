package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
	// steadyTime is how long an engine must have run for its end to count as
	// the first one again.
	steadyTime = time.Minute
)

// Supervisor keeps an engine running: it starts it again when it ends by
// itself, after a pause that doubles from 200 ms to 10 s. The address stays
// the same, so clients connect again.
type Supervisor struct {
	cfg    ProcessConfig
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex // guards everything below
	process  *Process
	restarts int
}

// Supervise starts an engine as Start does, and keeps it running until Stop.
// The context bounds the first start only.
func Supervise(ctx context.Context, c ProcessConfig) (*Supervisor, error) {
	p, err := Start(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Supervisor{cfg: c, cancel: cancel, done: make(chan struct{}), process: p}
	go s.keep(ctx)
	return s, nil
}

// keep starts the engine again until the context ends.
func (s *Supervisor) keep(ctx context.Context) {
	defer close(s.done)
	pause := firstPause
	for {
		p, began := s.current(), time.Now()
		select {
		case <-ctx.Done():
			return
		case <-p.Done():
		}
		s.cfg.Logger.Error("the engine ended, starting it again", "error", p.Err())
		if time.Since(began) > steadyTime {
			pause = firstPause
		}
		for {
			timer := time.NewTimer(pause)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
			pause = min(2*pause, longestPause)
			next, err := Start(ctx, s.cfg)
			if err == nil {
				s.replace(next)
				break
			}
			if ctx.Err() == nil {
				s.cfg.Logger.Error("the engine does not start, trying again", "error", err, "pause", pause)
			}
		}
	}
}

func (s *Supervisor) current() *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

func (s *Supervisor) replace(p *Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = p
	s.restarts++
	s.cfg.Logger.Info("the engine runs again", "restarts", s.restarts)
}

// Addr is where the engine listens.
func (s *Supervisor) Addr() string { return s.current().Addr() }

// Restarts is how often the engine was started again.
func (s *Supervisor) Restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.restarts
}

// Stop ends the engine as Process.Stop does.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.cancel()
	var late error
	select {
	case <-s.done:
	case <-ctx.Done():
		late = ctx.Err()
	}
	return errors.Join(late, s.current().Stop(ctx))
}
