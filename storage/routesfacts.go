package storage

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/rules"
)

var _ rules.Routes = (*Store)(nil)

const (
	// maxRouteAnswers is how many answers about one prefix, or about one network,
	// are kept apart: a peer that makes paths up gets no more memory.
	maxRouteAnswers = 4096
	// maxRouters is how many routers an answer names.
	maxRouters = 64
)

// heldIntervals hands over the paths outside VPNs that were held in w, of the
// events that the condition selects, in the order of prefixes. Only what tells
// origins and paths is read.
func (s *Store) heldIntervals(ctx context.Context, w rules.Window, condition string, values []any, use func(*RouteInterval) error) error {
	q := routeQuestion{from: w.From, to: w.To.Add(-time.Microsecond), origins: true}
	if q.to.Before(q.from) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	losses, done := s.lossesMeanwhile(ctx, time.Time{})
	defer cancel()
	defer done()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_bytes_before_external_sort": sortMemory}))
	p := pairing{question: &q, losses: losses, use: use, open: make(map[uint8]*routeRow)}
	sql := "SELECT " + routeReads(true) + ", as_path FROM routes WHERE " + outsideVPNs + " AND " + condition + " ORDER BY " + routeOrder
	values = append(values, clickhouse.Named("until", microsText(w.To)))
	err := s.query(ctx, "read the facts of routes", sql, func(r driver.Rows) error {
		t := new(routeRow)
		if err := r.Scan(append(t.targets(true), &t.attributes.path)...); err != nil {
			return err
		}
		t.order.at, t.order.stored = t.at.UnixMicro(), uint32(t.stored.Unix())
		return p.take(t)
	}, values...)
	if err != nil {
		cancel() // nobody waits for the losses now
		return err
	}
	return p.flush()
}

// Announcements implements rules.Routes.
func (s *Store) Announcements(ctx context.Context, q rules.AnnouncementQuestion) iter.Seq2[rules.Announcement, error] {
	return func(yield func(rules.Announcement, error) bool) {
		blocks := newBlocks(q.Within)
		condition, values := blocks.condition()
		if len(q.From) > 0 {
			from, more := pathsNaming(q.From)
			condition, values = condition+" AND "+from, append(values, more...)
		}
		f := announcementFold{
			window: q.Window, own: setOf(q.Own), from: setOf(q.From), blocks: blocks, answers: make(map[announcementKey]*routeAnswer),
			use: func(a rules.Announcement) error {
				if !yield(a, nil) {
					return errEnough
				}
				return nil
			},
		}
		err := s.heldIntervals(ctx, q.Window, condition, values, f.take)
		if err == nil {
			err = f.flush()
		}
		s.noteDropped("announcements", f.dropped)
		if err != nil && !errors.Is(err, errEnough) {
			yield(rules.Announcement{}, err)
		}
	}
}

// noteDropped says what was too much to keep apart.
func (s *Store) noteDropped(what string, n uint64) {
	if n > 0 {
		s.log.Warn("too many paths to keep apart, the rest is left out", "what", what, "left_out", n, "limit", maxRouteAnswers)
	}
}

// routeAnswer is what answers have in common.
type routeAnswer struct {
	spans   rules.Spans
	path    string
	routers []netip.Addr
	setOnly bool
}

func (a *routeAnswer) note(i *RouteInterval, w rules.Window) {
	if a.path == "" {
		a.path = i.Route.Path.String()
	}
	if at, found := slices.BinarySearchFunc(a.routers, i.Peer.Router, netip.Addr.Compare); !found && len(a.routers) < maxRouters {
		a.routers = slices.Insert(a.routers, at, i.Peer.Router)
	}
	a.spans.Add(i.clip(w))
}

// clip returns the part of an interval inside a window.
func (i *RouteInterval) clip(w rules.Window) rules.Window {
	if w.From.Before(i.From) {
		w.From = i.From
	}
	if i.End != RouteHeld && i.To.Before(w.To) {
		w.To = i.To
	}
	return w
}

type announcementKey struct {
	prefix netip.Prefix // IPv6 prefixes may lie among the mapped ones
	origin uint32
	source rules.RouteSource
}

// announcementFold unites the intervals of one stored prefix at a time.
type announcementFold struct {
	window    rules.Window
	own, from map[uint32]bool
	blocks    blocks
	use       func(rules.Announcement) error
	addr      [16]byte // of the stored prefix
	bits      uint8
	answers   map[announcementKey]*routeAnswer
	dropped   uint64
}

func (f *announcementFold) take(i *RouteInterval) error {
	if !f.blocks.hold(i.Route.Prefix) {
		return nil
	}
	if addr, bits := netOf(i.Route.Prefix); addr != f.addr || bits != f.bits {
		if err := f.flush(); err != nil {
			return err
		}
		f.addr, f.bits = addr, bits
	}
	far := farPathOf(i, f.own)
	if len(f.from) > 0 && !f.from[far.source.PeerAS] && !f.from[far.source.First] {
		return nil
	}
	for _, origin := range far.origins {
		key := announcementKey{i.Route.Prefix, origin, far.source}
		a := f.answers[key]
		if a == nil {
			if len(f.answers) >= maxRouteAnswers {
				f.dropped++
				continue
			}
			a = &routeAnswer{setOnly: true}
			f.answers[key] = a
		}
		a.setOnly = a.setOnly && len(far.origins) > 1
		a.note(i, f.window)
	}
	return nil
}

// flush hands over the answers about one prefix.
func (f *announcementFold) flush() error {
	list := make([]rules.Announcement, 0, len(f.answers))
	for key, a := range f.answers {
		list = append(list, rules.Announcement{
			Prefix: key.prefix, Origin: key.origin, SetOnly: a.setOnly, Source: key.source,
			Spans: a.spans, Path: a.path, Routers: a.routers,
		})
	}
	clear(f.answers)
	slices.SortFunc(list, func(a, b rules.Announcement) int {
		return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Origin, b.Origin), compareSources(a.Source, b.Source))
	})
	for _, a := range list {
		if err := f.use(a); err != nil {
			return err
		}
	}
	return nil
}

func compareSources(a, b rules.RouteSource) int {
	return cmp.Or(cmp.Compare(a.PeerAS, b.PeerAS), cmp.Compare(a.First, b.First))
}

func setOf(asns []uint32) map[uint32]bool {
	set := make(map[uint32]bool, len(asns))
	for _, asn := range asns {
		set[asn] = true
	}
	return set
}
