package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/rules"
)

// countersSpan is the time over which flows and counters are shown together:
// a day, as the hours of the night have few packets.
const countersSpan = 24 * time.Hour

// compareCounters compares flows and counters in those hours of a window of
// which anything new is known.
func compareCounters(ctx context.Context, s *opened, w rules.Window) error {
	began := time.Now()
	hours, err := s.CompareCounters(ctx, w)
	if err != nil {
		return fmt.Errorf("compare flows with counters: %w", err)
	}
	if hours > 0 {
		s.log.Info("compared flows with counters", "hours", hours, "seconds", time.Since(began).Seconds())
	}
	return nil
}

// counterAccounts returns how flows and counters of each exporter go together in
// the hours of a day up to an instant.
func counterAccounts(ctx context.Context, s *opened, now time.Time) (map[netip.Addr]rules.CounterAccount, error) {
	list, err := s.CountedInterfaces(ctx, rules.Window{From: now.Add(-countersSpan), To: now})
	if err != nil {
		return nil, err
	}
	accounts := make(map[netip.Addr]rules.CounterAccount)
	for begin := 0; begin < len(list); {
		end := begin
		for end < len(list) && list[end].Exporter == list[begin].Exporter {
			end++
		}
		accounts[list[begin].Exporter] = rules.AccountCounters(list[begin:end])
		begin = end
	}
	return accounts, nil
}

// counterGauges show how flows and counters go together.
type counterGauges struct {
	ratio, directions, exporters *prometheus.GaugeVec
}

func newCounterGauges() counterGauges {
	g := counterGauges{
		ratio: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "linewarden_counters_ratio",
			Help: "Octets that flows say interfaces carried, by what their own counters say, over a day; bounds are low and high.",
		}, []string{"exporter", "bound"}),
		directions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "linewarden_counters_directions",
			Help: "Directions of interfaces by how flows and counters go together over a day.",
		}, []string{"exporter", "state"}),
		exporters: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "linewarden_counters_exporters",
			Help: "Exporters with counters, by how their flows and counters go together over a day.",
		}, []string{"state"}),
	}
	g.show(nil)
	return g
}

// counterStates are the labels that are there from the start.
var counterStates = []rules.CounterState{rules.CountersAgree, rules.CountersDisagree, rules.CountersUnsure, rules.CountersAbsent}

// show replaces the figures by those of accounts.
func (g counterGauges) show(accounts map[netip.Addr]rules.CounterAccount) {
	g.ratio.Reset()
	g.directions.Reset()
	for _, state := range counterStates {
		g.exporters.WithLabelValues(string(state)).Set(0)
	}
	for exporter, a := range accounts {
		name := exporter.String()
		g.exporters.WithLabelValues(string(a.State)).Inc()
		if a.State != rules.CountersAbsent {
			g.ratio.WithLabelValues(name, "estimate").Set(a.Ratio)
			g.ratio.WithLabelValues(name, "low").Set(a.Low)
			g.ratio.WithLabelValues(name, "high").Set(a.High)
		}
		for i, n := range []int{a.Agree, a.Disagree, a.Unsure, a.Absent} {
			g.directions.WithLabelValues(name, string(counterStates[i])).Set(float64(n))
		}
	}
}

// showCounters shows the last day in the metrics, of exporters in the ledgers.
func (a *auditor) showCounters(ctx context.Context) {
	accounts, err := counterAccounts(ctx, a.store, time.Now())
	if err != nil {
		if ctx.Err() == nil {
			a.log.Warn("counters are not shown in the metrics", "error", err)
		}
		return
	}
	for exporter := range accounts {
		if !a.ledgers.Known(exporter) {
			delete(accounts, exporter)
		}
	}
	a.metrics.counters.show(accounts)
}
