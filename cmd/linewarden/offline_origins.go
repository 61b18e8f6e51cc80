package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gaissmai/bart"

	"github.com/linewarden/linewarden/collector/enrich"
	"github.com/linewarden/linewarden/rules"
)

// maxOriginRuns is how much of the history of routes an import keeps in memory:
// a few full tables. Of a longer history it uses nothing and says so, for half
// of it would label some flows and not others.
const maxOriginRuns = 8_000_000

var errLongHistory = errors.New("history of routes is too long for an import")

// storedOrigins says who originated an address at a time, by the stored history
// of routes. An imported flow is as old as its capture: the table of now, by
// which live flows are labelled, says nothing about it.
type storedOrigins struct {
	table bart.Table[[]heldBy]
}

// heldBy says that a network was the origin of a prefix.
type heldBy struct {
	origin   uint32
	from, to int64         // Unix microseconds, to excluded
	held     time.Duration // in all
}

// readOrigins reads the history of the store; nil if it has none.
func readOrigins(ctx context.Context, s *opened) (enrich.RouteLookup, error) {
	var o storedOrigins
	runs := 0
	always := rules.Window{From: time.Unix(0, 0), To: time.Unix(1<<32-1, 0)}
	err := func() error {
		for a, err := range s.Announcements(ctx, rules.AnnouncementQuestion{Window: always}) {
			if err != nil {
				return err
			}
			// A default route says nothing about origins, and neither do the
			// members of a set.
			if a.Origin == 0 || a.SetOnly || a.Prefix.Bits() == 0 {
				continue
			}
			if runs += len(a.Spans); runs > maxOriginRuns {
				return errLongHistory
			}
			o.add(&a)
		}
		return nil
	}()
	switch {
	case errors.Is(err, errLongHistory):
		s.log.Warn("flows are labelled without the history of routes: it is too long", "limit", maxOriginRuns)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the history of routes: %w", err)
	case runs == 0:
		return nil, nil
	}
	return &o, nil
}

// add puts who held a prefix longest first.
func (o *storedOrigins) add(a *rules.Announcement) {
	var held time.Duration
	for _, w := range a.Spans {
		held += w.To.Sub(w.From)
	}
	list, _ := o.table.Get(a.Prefix)
	for _, w := range a.Spans {
		list = append(list, heldBy{a.Origin, w.From.UnixMicro(), w.To.UnixMicro(), held})
	}
	slices.SortStableFunc(list, func(x, y heldBy) int {
		return cmp.Or(cmp.Compare(y.held, x.held), cmp.Compare(x.origin, y.origin))
	})
	o.table.Insert(a.Prefix, list)
}

// Origin implements enrich.RouteLookup: the origin of the longest prefix that
// was held at that time.
func (o *storedOrigins) Origin(_, addr netip.Addr, at time.Time) (asn uint32, ok bool) {
	addr = addr.Unmap()
	moment := at.UnixMicro()
	within := netip.PrefixFrom(addr, addr.BitLen())
	for within.Bits() > 0 {
		prefix, list, found := o.table.LookupPrefixLPM(within)
		if !found {
			return 0, false
		}
		for i := range list {
			if list[i].from <= moment && moment < list[i].to {
				return list[i].origin, true
			}
		}
		within = netip.PrefixFrom(prefix.Addr(), prefix.Bits()-1).Masked()
	}
	return 0, false
}
