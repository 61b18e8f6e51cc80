package main

import (
	"context"
	"fmt"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
	"github.com/linewarden/linewarden/storage"
)

// rollUpSpan is how far back the daemon looks for hours of which flows arrived
// late. Older ones are brought up to date when a run judges them.
const rollUpSpan = 8 * 24 * time.Hour

// rollUp brings the rollups that a request is judged from up to date.
func (set *ruleset) rollUp(ctx context.Context, s *opened, snapshot *registry.Snapshot, req engine.Request) error {
	return rollUp(ctx, s, snapshot, set.window(req))
}

// window is the widest span that a rule judges in a request.
func (set *ruleset) window(req engine.Request) rules.Window {
	if !req.Span.To.IsZero() {
		return req.Span
	}
	days := 1
	for _, r := range set.catalogue {
		if req.Rule == "" || r.Spec.ID == req.Rule {
			days = max(days, r.Spec.LookbackDays)
		}
	}
	end := (req.LastDay + 1).Start(set.location)
	return rules.Window{From: (req.LastDay - registry.Date(days) + 1).Start(set.location), To: end}
}

// rollUp brings the rollups of a window up to date, by the ledgers of its days.
func rollUp(ctx context.Context, s *opened, snapshot *registry.Snapshot, w rules.Window) error {
	began := time.Now()
	done, err := s.RollUp(ctx, w, func(day registry.Date) storage.Scope { return storage.ScopeOf(snapshot, day) })
	if err != nil {
		return fmt.Errorf("roll up: %w", err)
	}
	if done.Hours > 0 || done.Late > 0 {
		s.log.Info("rolled up", "hours", done.Hours, "flows", done.Flows, "late_hours", done.Late, "seconds", time.Since(began).Seconds())
	}
	return compareCounters(ctx, s, w)
}

// rollUpClosed rolls up the hours that are over and no longer wait for late
// flows, so that an audit finds little left to do.
func (a *auditor) rollUpClosed(ctx context.Context) {
	a.running.Lock()
	defer a.running.Unlock()
	end := time.Now().Add(-lateness).Truncate(time.Hour)
	err := rollUp(ctx, a.store, a.ledgers.Load(), rules.Window{From: end.Add(-rollUpSpan), To: end})
	if err != nil && ctx.Err() == nil {
		a.log.Error("roll-up failed and is tried again within the hour", "error", err)
	}
}
