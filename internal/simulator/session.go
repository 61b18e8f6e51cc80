package simulator

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// session is a BGP session of one of the carrier's routers.
type session struct {
	router int
	peer   netip.Addr
	asn    uint32
	routes []announcement
	// lost are the times in which the session was down. Nobody withdrew
	// anything then.
	lost []interval
}

// announcement is a route that a session's peer announces.
type announcement struct {
	prefix netip.Prefix
	path   []uint32
	during []interval // in order
}

// interval is a time from one instant to another, which is not in it. Without an
// end it lasts.
type interval struct{ from, to time.Time }

// has tells whether the instant lies inside.
func (i interval) has(t time.Time) bool {
	return !t.Before(i.from) && (i.to.IsZero() || t.Before(i.to))
}

// session opens a BGP session of a router with a neighbour, once each.
func (b *cast) session(router int, asn uint32) *session {
	for _, s := range b.c.sessions {
		if s.router == router && s.asn == asn {
			return s
		}
	}
	n := len(b.c.sessions) + 1
	s := &session{router: router, asn: asn, peer: netip.AddrFrom4([4]byte{33, 79, 254, byte(n)})}
	b.c.sessions = append(b.c.sessions, s)
	return s
}

// announce lets the neighbour announce a route; without times it is there all
// the time, also before and after the span.
func (b *cast) announce(s *session, prefix netip.Prefix, during []interval, path ...uint32) {
	if during == nil {
		during = []interval{{from: b.c.days[0].Add(-time.Hour)}}
	}
	// Nobody watches before the span.
	first := b.c.days[0].Add(-time.Hour)
	var seen []interval
	for _, d := range during {
		if d.to.IsZero() || d.to.After(first) {
			seen = append(seen, interval{from: later(d.from, first), to: d.to})
		}
	}
	s.routes = append(s.routes, announcement{prefix: prefix, path: path, during: seen})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// instant is an hour of a day of the span, counted as day does.
func (b *cast) instant(day, hour int) time.Time {
	last := b.c.days[len(b.c.days)-2]
	return time.Date(last.Year(), last.Month(), last.Day()+day, hour, 0, 0, 0, last.Location())
}

// since and until are intervals from or to an instant; hours is one of that
// many hours.
func since(t time.Time) []interval { return []interval{{from: t}} }

func (b *cast) until(t time.Time) []interval {
	return []interval{{from: b.c.days[0].Add(-time.Hour), to: t}}
}

func hours(from time.Time, n int) []interval {
	return []interval{{from: from, to: from.Add(time.Duration(n) * time.Hour)}}
}

// flapping is there for on, away for off, and so on until an end.
func flapping(from, to time.Time, on, off time.Duration) []interval {
	var out []interval
	for at := from; at.Before(to); at = at.Add(on + off) {
		out = append(out, interval{at, at.Add(on)})
	}
	return out
}

// downstream files a customer of a customer.
func (b *cast) downstream(upstream, downstream uint32, from, to string) {
	b.row("downstreams", asnText(upstream), asnText(downstream), from, to)
}

func asnText(asn uint32) string { return strconv.FormatUint(uint64(asn), 10) }

// kinds of what a neighbour says, in the order in which they happen at one time.
const (
	sessionLost = iota
	sessionUp
	withdrawn
	announced
)

// saying is one thing that happens in a session.
type saying struct {
	at      time.Time
	kind    int
	session *session
	route   *announcement // of withdrawn and announced
}

// sayings returns what happens in the sessions of a router, in its order.
func (c *Carrier) sayings(router int) []saying {
	var out []saying
	for _, s := range c.sessions {
		if s.router == router {
			out = append(out, s.sayings(c.days[0].Add(-2*time.Hour))...)
		}
	}
	slices.SortStableFunc(out, func(a, b saying) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.kind, b.kind))
	})
	return out
}

// sayings returns what happens in a session that came up at an instant.
func (s *session) sayings(up time.Time) []saying {
	out := []saying{{at: up, kind: sessionUp, session: s}}
	for _, l := range s.lost {
		if l.from.Before(up) {
			continue
		}
		out = append(out, saying{at: l.from, kind: sessionLost, session: s}, saying{at: l.to, kind: sessionUp, session: s})
	}
	for i := range s.routes {
		r := &s.routes[i]
		for _, d := range r.during {
			if !s.isDown(d.from) {
				out = append(out, saying{at: d.from, kind: announced, session: s, route: r})
			}
			if !d.to.IsZero() && !s.isDown(d.to) {
				out = append(out, saying{at: d.to, kind: withdrawn, session: s, route: r})
			}
			for _, l := range s.lost { // what is still there is announced again
				if d.from.Before(l.to) && d.has(l.to) {
					out = append(out, saying{at: l.to.Add(time.Second), kind: announced, session: s, route: r})
				}
			}
		}
	}
	return out
}

func (s *session) isDown(t time.Time) bool {
	return slices.ContainsFunc(s.lost, func(l interval) bool { return l.has(t) })
}

// table returns the routes that are there at the end of the span, the one of the
// shortest path for each prefix, as the carrier's route reflector has them.
func (c *Carrier) table() []announcement {
	best := make(map[netip.Prefix]int)
	var out []announcement
	_, end := c.Span()
	for _, s := range c.sessions {
		for _, r := range s.routes {
			if !slices.ContainsFunc(r.during, func(d interval) bool { return d.has(end) }) {
				continue
			}
			i, known := best[r.prefix]
			switch {
			case !known:
				best[r.prefix] = len(out)
				out = append(out, r)
			case len(r.path) < len(out[i].path):
				out[i] = r
			}
		}
	}
	return out
}
