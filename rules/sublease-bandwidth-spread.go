package rules

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// SourceSpread is from when until when others' addresses had their share of a
// line, by whole hours, where that was on two adjoining days alone: a night on a
// protection path touches two local days and is shorter than one.
type SourceSpread struct {
	Holder string    `json:"holder"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"` // exclusive
}

// brief reports whether the share was held for no more than a day.
func (s *SourceSpread) brief(p Params) bool {
	return s.To.Sub(s.From) <= time.Duration(p["min_hours"]*float64(time.Hour))
}

// spreadLine collects the hours of one line on two adjoining days.
type spreadLine struct {
	SourceSpread
	days          registry.Validity
	bytes, others uint64 // of the hour at hand
}

// close ends the hour at hand.
func (s *spreadLine) close(hour Window, minShare float64) {
	if s.others > 0 && float64(s.others) >= minShare*float64(s.bytes) {
		if s.From.IsZero() {
			s.From = hour.From
		}
		s.To = hour.To
	}
	s.bytes, s.others = 0, 0
}

// measureSpreads asks for the hours of the lines that would be reported for two
// adjoining days. Most spans have none, and then nothing is read.
func (b *bandwidthLines) measureSpreads(ctx context.Context, p Params) (map[string][]SourceSpread, error) {
	lines := b.twoDayLines(p)
	var days []registry.Date
	for _, list := range lines {
		for _, s := range list {
			days = addNew(days, []registry.Date{s.days.From, s.days.To})
		}
	}
	slices.Sort(days)
	in := b.lines.in
	for _, day := range days {
		for at, end := day.Start(in.Span.Location), (day + 1).Start(in.Span.Location); at.Before(end); at = at.Add(time.Hour) {
			if err := b.readHour(ctx, lines, Window{at, at.Add(time.Hour)}, p); err != nil {
				return nil, err
			}
		}
	}
	out := make(map[string][]SourceSpread, len(lines))
	for id, list := range lines {
		for _, s := range list {
			if !s.From.IsZero() {
				out[id] = append(out[id], s.SourceSpread)
			}
		}
	}
	return out, nil
}

// twoDayLines returns the lines whose share was reached on two adjoining days
// and no other, for each holder.
func (b *bandwidthLines) twoDayLines(p Params) map[string][]*spreadLine {
	out := make(map[string][]*spreadLine)
	for _, id := range b.lines.order {
		days := b.by[id].ledger.sortedDays()
		for _, h := range b.lines.facts[id].Holders {
			t := totalsOf(days, h, p["min_share"])
			if t.reached(p) && t.offendingDays == 2 && t.last == t.first+1 {
				out[id] = append(out[id], &spreadLine{SourceSpread: SourceSpread{Holder: h.EnterpriseID}, days: registry.Validity{From: t.first, To: t.last}})
			}
		}
	}
	return out
}

// readHour adds up what the customers of the lines sent in one hour.
func (b *bandwidthLines) readHour(ctx context.Context, lines map[string][]*spreadLine, hour Window, p Params) error {
	names := slices.Sorted(maps.Keys(lines))
	for u, err := range b.lines.in.Traffic.LineNetworks(ctx, hour, b.lines.in.Span.Location, names...) {
		if err != nil {
			return fmt.Errorf("read line networks of an hour: %w", err)
		}
		row := b.lines.rowOn(u.Line, u.Day)
		if row == nil || u.FromCustomer == 0 {
			continue
		}
		for _, s := range lines[u.Line] {
			if s.Holder == row.EnterpriseID && s.days.Contains(u.Day) {
				s.add(b, row, &u)
			}
		}
	}
	for _, list := range lines {
		for _, s := range list {
			s.close(hour, p["min_share"])
		}
	}
	return nil
}

func (s *spreadLine) add(b *bandwidthLines, row *registry.Line, u *LineNetworks) {
	own := b.lines.own(b.lines.facts[u.Line], row, u.Day)
	kind := b.seen.of(u.Line, u.Day, u.Near, func(n netip.Prefix) sourceKind { return sourceOf(own, b.downstreams, n) })
	switch kind {
	case sourcePrivate, sourceBogon:
		return
	case sourceKnown, sourceUnknown:
		s.others += u.FromCustomer
	case sourceOwn, sourceDownstream, sourceCut:
	}
	s.bytes += u.FromCustomer
}
