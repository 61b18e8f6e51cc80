package rib

import (
	"context"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// PeerState says how a peer is.
type PeerState uint8

// The states.
const (
	Down  PeerState = iota // no session, no routes
	Up                     // a session; routes of an earlier one may still be stale
	Stale                  // no session, its routes are kept for a while
)

// String returns the state in words.
func (s PeerState) String() string {
	switch s {
	case Down:
		return "down"
	case Up:
		return "up"
	case Stale:
		return "stale"
	}
	return "unknown"
}

// maxDead is how many dead sessions may wait for Run before the writer that
// ends another one has to sweep itself.
const maxDead = 4096

func (r *RIB) applyPeer(e *bgp.Event) error {
	full, err := r.turn(e)
	if full {
		r.Sweep()
	}
	return err
}

// turn changes the state of a peer. The first result says that too many dead sessions wait.
func (r *RIB) turn(e *bgp.Event) (full bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[e.Peer]
	if p == nil {
		if e.Kind != bgp.PeerUp {
			r.unplaced++
			return false, nil
		}
		if p, err = r.peerLocked(e); err != nil {
			r.unplaced++
			return false, err
		}
	}
	p.heard(e)
	switch e.Kind {
	case bgp.PeerUp:
		r.upLocked(p, e)
	case bgp.PeerDown:
		r.closeLocked(p, e)
	case bgp.PeerStale:
		r.staleLocked(p, e)
	case bgp.EndOfRIB:
		r.syncedLocked(p, e)
	case bgp.Announce, bgp.Withdraw:
	}
	r.sink.PeerChange(&PeerChange{Kind: e.Kind, Peer: e.Peer, PeerAS: p.as, Family: e.Family, Time: e.Time})
	return len(r.dead) > maxDead, nil
}

// upLocked begins a session; one whose end nobody told is lost now. Stale
// routes stay until the end of RIB (RFC 4724 section 4.2).
func (r *RIB) upLocked(p *peer, e *bgp.Event) {
	if p.current != nil {
		r.endLocked(p.current, flagDead, SessionLost, e.Time)
	}
	r.openLocked(p, e)
}

// closeLocked ends the session and what an earlier one left.
func (r *RIB) closeLocked(p *peer, e *bgp.Event) {
	if p.current != nil {
		r.endLocked(p.current, flagDead, SessionLost, e.Time)
	}
	r.dropStaleLocked(p, flagDead, SessionLost, e.Time)
	p.current, p.state, p.since = nil, Down, e.Time
}

// staleLocked keeps the routes of a lost session. Those that were stale before
// go now (RFC 4724 section 4.2, consecutive restarts).
func (r *RIB) staleLocked(p *peer, e *bgp.Event) {
	if p.current == nil {
		return // already stale, or nothing to keep
	}
	r.dropStaleLocked(p, flagDead, StaleOver, e.Time)
	p.current.flags.Or(flagStale)
	p.current.before.Store(nil)
	p.stale, p.current = p.current, nil
	p.state, p.since, p.expires = Stale, e.Time, time.Now().Add(r.config.StaleTime)
	select {
	case r.wake <- struct{}{}: // Run has a new time to watch
	default:
	}
}

// syncedLocked ends the stale routes of a family whose whole table has come, or
// of one that the peer does not keep over its restart, which is told while it
// is away (RFC 4724 section 4.2). The end of a VPN table says nothing of
// unicast; stale VPN routes go with their time.
func (r *RIB) syncedLocked(p *peer, e *bgp.Event) {
	if e.Family != bgp.FamilyIPv4 && e.Family != bgp.FamilyIPv6 {
		return
	}
	f := familyIndex(e.Family)
	r.dropStaleLocked(p, flagDead4<<f, NotRenewed, e.Time)
	switch {
	case p.current != nil:
		p.synced[f] = true
	case p.stale == nil && p.state == Stale:
		p.state, p.since = Down, e.Time
	}
}

func (r *RIB) dropStaleLocked(p *peer, flags uint32, reason Reason, at time.Time) {
	if p.stale == nil {
		return
	}
	r.endLocked(p.stale, flags, reason, at)
	if p.stale.flags.Load()&flagDead == flagDead {
		p.stale = nil
		if p.current != nil {
			p.current.before.Store(nil)
		}
	}
}

// expire ends the stale routes whose time is over and returns how long the next
// have, or false when there are none.
func (r *RIB) expire(now time.Time) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var next time.Time
	for _, p := range r.peers {
		if p.stale == nil {
			continue
		}
		if now.Before(p.expires) {
			if next.IsZero() || p.expires.Before(next) {
				next = p.expires
			}
			continue
		}
		r.dropStaleLocked(p, flagDead, StaleOver, now.UTC())
		if p.current == nil {
			p.state, p.since = Down, now.UTC()
		}
	}
	return next.Sub(now), !next.IsZero()
}

// Run gives the memory of lost routes back, tells the sink of them, and ends
// stale ones in time, until the context is done. One goroutine must run it.
func (r *RIB) Run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait, some := r.expire(time.Now())
		r.sweep(ctx.Done())
		if !some {
			wait = time.Hour
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
	}
}

// Sweep clears all lost routes now. It is for readers of files, which have no
// use for Run.
func (r *RIB) Sweep() { r.sweep(nil) }

// sliceLength is how many prefixes are swept between two chances for other
// writers; about 0.1 ms.
const sliceLength = 512

func (r *RIB) sweep(stop <-chan struct{}) {
	for {
		r.mu.Lock()
		dead := r.dead
		r.dead = nil
		r.mu.Unlock()
		if len(dead) == 0 {
			return
		}
		for _, in := range r.where.Load().instances {
			for f, t := range in {
				if !t.sweepAll(dead, f, stop) {
					r.mu.Lock()
					r.dead = append(r.dead, dead...)
					r.mu.Unlock()
					return
				}
			}
		}
		r.dying.Add(-int64(len(dead)))
	}
}

// sweepAll clears a table of the dead, or returns false when told to stop. It
// ends early once none of them has a route in the family.
func (t *table) sweepAll(dead []*session, f int, stop <-chan struct{}) bool {
	// Writers that found a session alive are done when the lock was ours once;
	// later ones find it dead. So the counts below only fall.
	t.mu.Lock()
	t.mu.Unlock() //nolint:staticcheck // a barrier, nothing to guard
	var c cursor[path]
	for more := true; more; {
		select {
		case <-stop:
			return false
		default:
		}
		if !anyRoutes(dead, f) {
			return true
		}
		more = t.sweepSlice(&c, sliceLength)
	}
	return true
}

// anyRoutes tells whether a dead session still has routes of the family.
func anyRoutes(dead []*session, f int) bool {
	for _, s := range dead {
		if s.dead(f) && s.routes[f].Load() > 0 {
			return true
		}
	}
	return false
}
