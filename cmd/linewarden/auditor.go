package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/linewarden/linewarden/collector/enrich"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

// auditor runs the rules of a daemon, one run at a time.
type auditor struct {
	every    time.Duration
	location *time.Location
	store    *opened
	ledgers  *enrich.Ledgers
	metrics  *auditMetrics
	log      *slog.Logger

	running sync.Mutex // held by the run under way; taken before mu

	mu  sync.Mutex // guards everything below
	set *ruleset
}

func newAuditor(cfg *Config, s *opened, ledgers *enrich.Ledgers, log *slog.Logger) (*auditor, error) {
	set, err := cfg.ruleset()
	if err != nil {
		return nil, err
	}
	return &auditor{
		every: time.Duration(cfg.Rules.Every), location: cfg.location, set: set,
		store: s, ledgers: ledgers, metrics: newAuditMetrics(), log: log,
	}, nil
}

// setRules is in effect from the next run on.
func (a *auditor) setRules(set *ruleset) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set = set
}

// schedule runs the rules at once and then from time to time, until ctx ends.
// A run that fails is logged, and the next one covers its days too. Hours are
// rolled up as they close, and what is too old is deleted, however seldom the
// rules are run.
func (a *auditor) schedule(ctx context.Context) {
	tick, hour := time.NewTicker(a.every), time.NewTicker(time.Hour)
	defer tick.Stop()
	defer hour.Stop()
	for {
		a.rollUpClosed(ctx)
		a.showCounters(ctx)
		a.expireClosed(ctx)
		day := lastCompleteDay(time.Now().Add(-lateness), a.location)
		if _, err := a.run(ctx, engine.Request{LastDay: day}); err != nil && ctx.Err() == nil {
			a.log.Error("audit failed and is tried again at the next time", "error", err, "every", a.every)
		}
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return
			case <-hour.C:
				a.rollUpClosed(ctx)
				a.showCounters(ctx)
				a.expireClosed(ctx)
			case <-tick.C:
				waiting = false
			}
		}
	}
}

// run judges a request by the ledgers in use.
func (a *auditor) run(ctx context.Context, req engine.Request) (*engine.Report, error) {
	a.running.Lock()
	defer a.running.Unlock()
	snapshot := a.ledgers.Load()
	if len(snapshot.Ledgers().Enterprises) == 0 {
		a.log.Warn("there are no ledgers yet: nothing can be judged; see linewarden registry import")
	}
	began := time.Now()
	var result *engine.Report
	err := span(ctx, "audit", func(ctx context.Context) (err error) {
		result, err = a.rules().audit(ctx, a.store, snapshot, req)
		return err
	})
	if err != nil {
		a.metrics.failures.Inc()
		return nil, err
	}
	a.metrics.seconds.Observe(time.Since(began).Seconds())
	a.log.Info("audit done", "new", len(result.New), "repeated", len(result.Repeated), "reopened", len(result.Reopened),
		"ceased", len(result.Ceased), "withheld", len(result.Withheld), "seconds", time.Since(began).Seconds())
	return result, a.recount(ctx)
}

func (a *auditor) rules() *ruleset {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.set
}

// recount shows the findings of the store in the metrics.
func (a *auditor) recount(ctx context.Context) error {
	found, err := a.store.Findings(ctx, rules.FindingFilter{})
	if err != nil {
		return fmt.Errorf("count findings: %w", err)
	}
	a.metrics.count(a.rules().catalogue, found)
	return nil
}
