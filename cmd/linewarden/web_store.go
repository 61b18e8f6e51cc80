package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report/casefile"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

var (
	_ console.Browser = consoleStore{}
	_ console.Trends  = consoleStore{}
	_ console.Grounds = consoleStore{}
)

// questionOf asks the store what the console asks.
func questionOf(q *console.FindingQuery) storage.FindingQuestion {
	asked := storage.FindingQuestion{
		Filter: q.Filter, Rules: q.Rules, Provinces: q.Provinces, States: q.States, Severities: q.Severities,
		SubjectKind: q.SubjectKind, Subject: q.Subject, Text: q.Text, Sort: storage.FindingSort(q.Sort), Descending: q.Descending, Limit: q.Limit,
	}
	if q.After != nil {
		asked.After = &storage.FindingPlace{Key: q.After.Key, ID: q.After.ID}
	}
	return asked
}

// FindingPage implements console.Browser.
func (s consoleStore) FindingPage(ctx context.Context, q console.FindingQuery) ([]rules.Finding, error) {
	return s.Store.FindingPage(ctx, questionOf(&q))
}

// FindingPlace implements console.Browser.
func (s consoleStore) FindingPlace(q console.FindingQuery, f *rules.Finding) console.FindingPlace {
	return console.FindingPlace(storage.FindingSort(q.Sort).PlaceOf(f))
}

// EachFinding implements console.Browser.
func (s consoleStore) EachFinding(ctx context.Context, q console.FindingQuery) iter.Seq2[rules.Finding, error] {
	return s.Store.EachFinding(ctx, questionOf(&q))
}

// CountFindings implements console.Browser.
func (s consoleStore) CountFindings(ctx context.Context, q console.FindingQuery) ([]console.FindingCount, error) {
	counts, err := s.Store.CountFindings(ctx, questionOf(&q))
	list := make([]console.FindingCount, len(counts))
	for i := range counts {
		list[i] = console.FindingCount(counts[i])
	}
	return list, err
}

// FindingTurns implements console.Trends.
func (s consoleStore) FindingTurns(ctx context.Context, q console.FindingQuery, since time.Time) ([]console.FindingTurn, error) {
	turns, err := s.Store.FindingTurns(ctx, questionOf(&q), since, s.policy.Location)
	list := make([]console.FindingTurn, len(turns))
	for i := range turns {
		list[i] = console.FindingTurn(turns[i])
	}
	return list, err
}

// RecentEvents implements console.Trends.
func (s consoleStore) RecentEvents(ctx context.Context, q console.FindingQuery, since time.Time, limit int) ([]console.RecentEvent, error) {
	events, err := s.Store.RecentEvents(ctx, questionOf(&q), since, limit)
	list := make([]console.RecentEvent, len(events))
	for i := range events {
		list[i] = console.RecentEvent(events[i])
	}
	return list, err
}

// CountEvents implements console.Trends.
func (s consoleStore) CountEvents(ctx context.Context, q console.FindingQuery, since time.Time) (map[string]uint64, error) {
	counts, err := s.Store.CountEvents(ctx, questionOf(&q), since)
	all := make(map[string]uint64, len(counts))
	for _, c := range counts {
		all[c.Kind] = c.Count
	}
	return all, err
}

// RoutesWithin implements console.Grounds.
func (s consoleStore) RoutesWithin(ctx context.Context, prefix netip.Prefix, w rules.Window, most int) ([]console.Route, error) {
	var list []console.Route
	for held, err := range s.Store.RoutesWithin(ctx, prefix, w) {
		if err != nil {
			return nil, fmt.Errorf("read routes: %w", err)
		}
		if len(list) >= most {
			break
		}
		list = append(list, console.Route(routeRowOf(&held)))
	}
	return list, nil
}

// OriginsWithin implements console.Grounds.
func (s consoleStore) OriginsWithin(ctx context.Context, prefix netip.Prefix, w rules.Window) ([]console.Origin, error) {
	origins, err := s.Origins(ctx, prefix, w.From, w.To)
	if err != nil {
		return nil, fmt.Errorf("read origins: %w", err)
	}
	list := make([]console.Origin, len(origins))
	for i := range origins {
		o := &origins[i]
		list[i] = console.Origin{
			Prefix: o.Prefix.String(), Origin: o.Origin, SetOnly: o.SetOnly, Seconds: o.Held().Seconds(), Spans: append([]rules.Window{}, o.Spans...),
		}
	}
	return list, nil
}

// LedgerRowsOf implements console.Grounds.
func (s consoleStore) LedgerRowsOf(ctx context.Context, ref string, known time.Time) ([]console.LedgerRow, error) {
	rows, err := s.LedgerRows(ctx, ref, known)
	if err != nil {
		return nil, fmt.Errorf("read the rows of %s: %w", ref, err)
	}
	list := make([]console.LedgerRow, len(rows))
	for i := range rows {
		r := &rows[i]
		list[i] = console.LedgerRow{Ledger: r.Ledger, Columns: r.Columns, Fields: r.Fields, Import: r.Import.String(), Known: r.Known}
		if !r.Closed.IsZero() {
			list[i].Closed = &r.Closed
		}
	}
	return list, nil
}

// evidence writes the signed package of a finding.
func (d *daemon) evidence(ctx context.Context, req console.EvidenceRequest, to io.Writer) error {
	key, err := signed.OpenKey(keyDir(d.cfg))
	if err != nil {
		return err
	}
	m, err := gatherEvidence(ctx, d.cfg, d.store.Store, req.Finding)
	if err != nil {
		return err
	}
	f := handlingFlags{usual: evidencePurpose(), recipient: req.Recipient, purpose: req.Purpose}
	f.unmasked, f.reason = true, req.Reason
	privacy, err := f.privacy(d.cfg, "", registry.DateOf(m.Finding.Window.To.In(d.cfg.location)))
	if err != nil {
		return err
	}
	privacy.By = req.By
	m.Handling = privacy.Handling()
	return casefile.Pack(to, m, key)
}
