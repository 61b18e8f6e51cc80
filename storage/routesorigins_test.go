package storage_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// minutesOf marks the minutes of a span at which each origin was there, bridges
// short gaps by counting cells, and reads the spans off.
func minutesOf(intervals []storage.RouteInterval, p netip.Prefix, from time.Time, minutes int) map[string][]rules.Window {
	cells := make(map[string][]bool)
	for _, i := range intervals {
		if !i.Route.Prefix.Overlaps(p) {
			continue
		}
		for _, origin := range i.Origins {
			key := fmt.Sprint(i.Route.Prefix, i.Route.Distinguisher, origin)
			if cells[key] == nil {
				cells[key] = make([]bool, minutes)
			}
			for m := range minutes {
				t := from.Add(time.Duration(m) * time.Minute)
				if !t.Before(i.From) && (i.End == storage.RouteHeld || t.Before(i.To)) {
					cells[key][m] = true
				}
			}
		}
	}
	spans := make(map[string][]rules.Window)
	for key, there := range cells {
		last := -100
		for m, yes := range there {
			if !yes {
				continue
			}
			end := from.Add(time.Duration(m+1) * time.Minute)
			if n := len(spans[key]); n > 0 && m-last-1 < 15 {
				spans[key][n-1].To = end
			} else {
				spans[key] = append(spans[key], rules.Window{From: from.Add(time.Duration(m) * time.Minute), To: end})
			}
			last = m
		}
	}
	return spans
}

func TestOriginsAgainstAnOracle(t *testing.T) {
	s := open(t, configure(t))
	w := routeWriterOf(t, s, storage.RouteWriterConfig{MaxRows: 500})
	world := newWorld(11)
	events := world.events(2500)
	for i := range events { // minutes instead of seconds
		stretch(&events[i].route.At)
		stretch(&events[i].peer.At)
	}
	give(t, w, events...)
	flushRoutes(t, w)
	intervals := follow(events)
	bridged := 0
	for range 25 {
		p := world.prefixes[world.rng.IntN(len(world.prefixes))]
		from, minutes := noon.Add(time.Duration(world.rng.IntN(1000))*time.Minute), 1+world.rng.IntN(400)
		list, err := s.Origins(t.Context(), p, from, from.Add(time.Duration(minutes)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string][]rules.Window)
		for _, o := range list {
			got[fmt.Sprint(o.Prefix, o.Distinguisher, o.Origin)] = o.Spans
			if n := len(o.Spans); n > 1 {
				bridged++
			}
		}
		want := minutesOf(intervals, p, from, minutes)
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%v from %v: (-want +got) %s", p, from, diff)
		}
	}
	if bridged == 0 {
		t.Error("no origin came twice")
	}
}

// stretch makes minutes of the seconds since noon.
func stretch(t *time.Time) {
	if !t.IsZero() {
		*t = noon.Add(60 * t.Sub(noon))
	}
}

func TestOriginsOfOneRoute(t *testing.T) {
	s := open(t, configure(t))
	w := routeWriterOf(t, s, storage.RouteWriterConfig{})
	e := announcements(1)[0]
	announce := func(after time.Duration, path bgp.ASPath, as uint32) {
		e.Kind, e.At, e.Route.Path, e.PeerAS = storage.RouteAnnounced, noon.Add(after), path, as
		give(t, w, event{route: e})
	}
	announce(0, bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: []uint32{1, 4200000001}}, {Type: bgp.SegmentSet, ASNs: []uint32{9, 8, 9}}}, 1)
	announce(time.Hour, bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: []uint32{1, 8}}, {Type: bgp.SegmentConfedSequence, ASNs: []uint32{7}}}, 1)
	announce(2*time.Hour, nil, 64500) // of the peer itself
	announce(3*time.Hour, nil, 0)
	flushRoutes(t, w)
	got, err := s.Origins(t.Context(), e.Route.Prefix, noon, noon.Add(4*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	span := func(origin uint32, set bool, from, to int) storage.OriginSpan {
		return storage.OriginSpan{Prefix: e.Route.Prefix, Origin: origin, SetOnly: set, Spans: []rules.Window{
			{From: noon.Add(time.Duration(from) * time.Hour), To: noon.Add(time.Duration(to) * time.Hour)},
		}}
	}
	want := []storage.OriginSpan{span(0, false, 3, 4), span(8, false, 0, 2), span(9, true, 0, 1), span(64500, false, 2, 3)}
	if diff := gocmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	if held := got[1].Held(); held != 2*time.Hour {
		t.Errorf("8 was held for %v", held)
	}
}
