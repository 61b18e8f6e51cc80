package storage_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// words reads a path as people do: the words behind the last own network, with
// repetitions and confederations left out; what is in braces is one word.
func words(i *storage.RouteInterval, own string) (list []string, peer string) {
	inside := ""
	for w := range strings.FieldsSeq(strings.ReplaceAll(i.Route.Path.String(), ",", "|")) {
		switch w[0] {
		case '(', '[':
			inside = w[:1]
		case '{':
			w = sorted(w)
		}
		switch {
		case inside != "":
		case w == own:
			list = nil
		case len(list) == 0 || list[len(list)-1] != w:
			list = append(list, w)
		}
		if end := w[len(w)-1]; end == ')' || end == ']' {
			inside = ""
		}
	}
	peer = fmt.Sprint(i.PeerAS)
	if i.Peer.View >= bgp.ViewAdjOut || peer == own {
		peer = "0"
	}
	if len(i.Route.Path) == 0 && peer != "0" {
		list = []string{peer}
	}
	return list, peer
}

// sorted puts the members of a set in order, each once.
func sorted(set string) string {
	members := strings.Split(strings.Trim(set, "{}"), "|")
	slices.Sort(members)
	if members = slices.Compact(members); len(members) == 1 {
		return members[0]
	}
	return "{" + strings.Join(members, "|") + "}"
}

// plain is a word that is one network.
func plain(w string) bool { return w[0] != '{' }

// cells marks the minutes of a span at which something was there.
type cells map[string][]bool

func (c cells) mark(key string, i *storage.RouteInterval, from time.Time, minutes int) {
	for m := range minutes {
		t := from.Add(time.Duration(m) * time.Minute)
		if t.Before(i.From) || i.End != storage.RouteHeld && !t.Before(i.To) {
			continue
		}
		if c[key] == nil {
			c[key] = make([]bool, minutes)
		}
		c[key][m] = true
	}
}

// spans reads off the minutes, with short gaps bridged.
func (c cells) spans(from time.Time) map[string][]rules.Window {
	out := make(map[string][]rules.Window)
	for key, there := range c {
		last := -100
		for m, yes := range there {
			if !yes {
				continue
			}
			end := from.Add(time.Duration(m+1) * time.Minute)
			if n := len(out[key]); n > 0 && m-last-1 < 15 {
				out[key][n-1].To = end
			} else {
				out[key] = append(out[key], rules.Window{From: from.Add(time.Duration(m) * time.Minute), To: end})
			}
			last = m
		}
	}
	return out
}

func originKeys(i *storage.RouteInterval, own string) (keys []string, first, peer string) {
	list, peer := words(i, own)
	if len(list) == 0 {
		return []string{"0"}, "0", peer
	}
	if first = list[0]; !plain(first) {
		first = "0"
	}
	last := list[len(list)-1]
	keys = strings.Split(strings.Trim(last, "{}"), "|")
	for n, k := range keys {
		if k == own {
			keys[n] = "0"
		}
	}
	return keys, first, peer
}

// factsWorld stores random events whose times are minutes.
func factsWorld(t *testing.T, seed uint64, n int) (*storage.Store, *world, []storage.RouteInterval) {
	t.Helper()
	s := open(t, configure(t))
	w := routeWriterOf(t, s, storage.RouteWriterConfig{MaxRows: 700})
	world := newWorld(seed)
	events := world.events(n)
	for i := range events {
		stretch(&events[i].route.At)
		stretch(&events[i].peer.At)
		if events[i].route.PeerAS != 0 {
			events[i].route.PeerAS = [...]uint32{1, 64500, 4200000001}[i%3]
		}
	}
	give(t, w, events...)
	flushRoutes(t, w)
	intervals := slices.DeleteFunc(follow(events), func(i storage.RouteInterval) bool {
		return i.Route.Distinguisher != 0 || i.Peer.Distinguisher != 0
	})
	return s, world, intervals
}

func TestAnnouncementsAgainstAnOracle(t *testing.T) {
	s, world, intervals := factsWorld(t, 21, 2500)
	asked := 0
	for n := range 24 {
		q := rules.AnnouncementQuestion{Own: []uint32{64500}}
		from, minutes := noon.Add(time.Duration(world.rng.IntN(1000))*time.Minute), 1+world.rng.IntN(400)
		q.Window = rules.Window{From: from, To: from.Add(time.Duration(minutes) * time.Minute)}
		if n%3 > 0 {
			q.Within = []netip.Prefix{world.prefixes[world.rng.IntN(12)], world.prefixes[world.rng.IntN(12)]}
		}
		if n%2 > 0 {
			q.From = [][]uint32{{1}, {65551, 4200000001}, {7}}[world.rng.IntN(3)]
		}
		want := make(cells)
		for i := range intervals {
			v := &intervals[i]
			keys, first, peer := originKeys(v, "64500")
			in := len(q.Within) == 0 || slices.ContainsFunc(q.Within, func(p netip.Prefix) bool {
				return p.Bits() <= v.Route.Prefix.Bits() && p.Contains(v.Route.Prefix.Addr())
			})
			learned := len(q.From) == 0 || slices.ContainsFunc(q.From, func(a uint32) bool { return fmt.Sprint(a) == first || fmt.Sprint(a) == peer })
			for _, k := range keys {
				if in && learned {
					want.mark(fmt.Sprint(v.Route.Prefix, " ", k, " ", peer, " ", first), v, from, minutes)
				}
			}
		}
		got := make(map[string][]rules.Window)
		for a, err := range s.Announcements(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			got[fmt.Sprint(a.Prefix, " ", a.Origin, " ", a.Source.PeerAS, " ", a.Source.First)] = a.Spans
			if len(a.Routers) == 0 {
				t.Errorf("nobody told of %v", a.Prefix)
			}
		}
		asked += len(got)
		if diff := gocmp.Diff(want.spans(from), got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%+v: (-want +got) %s", q, diff)
		}
	}
	if asked < 200 {
		t.Errorf("only %d answers", asked)
	}
}

func TestAdjacenciesAgainstAnOracle(t *testing.T) {
	s, world, intervals := factsWorld(t, 22, 2500)
	asked := 0
	for n := range 16 {
		q := rules.AdjacencyQuestion{Own: []uint32{64500}, Of: [][]uint32{{1}, {65551, 4200000000}, {7}, {1, 4294967295}}[n%4]}
		from, minutes := noon.Add(time.Duration(world.rng.IntN(1000))*time.Minute), 1+world.rng.IntN(400)
		q.Window = rules.Window{From: from, To: from.Add(time.Duration(minutes) * time.Minute)}
		want := make(cells)
		for i := range intervals {
			v := &intervals[i]
			list, _ := words(v, "64500")
			_, first, peer := originKeys(v, "64500")
			for _, of := range q.Of {
				o := fmt.Sprint(of)
				at := slices.Index(list, o)
				if at < 0 {
					continue
				}
				if at > 0 && plain(list[at-1]) {
					want.mark(fmt.Sprint(o, " ", list[at-1], " false ", peer, " ", first), v, from, minutes)
				}
				for slices.Contains(list[at+1:], o) {
					at += 1 + slices.Index(list[at+1:], o)
				}
				if at+1 < len(list) && plain(list[at+1]) {
					want.mark(fmt.Sprint(o, " ", list[at+1], " true ", peer, " ", first), v, from, minutes)
				}
			}
		}
		got := make(map[string][]rules.Window)
		for a, err := range s.Adjacencies(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			got[fmt.Sprint(a.Of, " ", a.Neighbour, " ", a.Behind, " ", a.Source.PeerAS, " ", a.Source.First)] = a.Spans
			if a.Prefixes == 0 || len(a.Examples) == 0 || a.Path == "" || len(a.Routers) == 0 {
				t.Errorf("nothing to show for %+v", a)
			}
		}
		asked += len(got)
		if diff := gocmp.Diff(want.spans(from), got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%+v: (-want +got) %s", q, diff)
		}
	}
	if asked < 50 {
		t.Errorf("only %d answers", asked)
	}
}

// TestRouteCoverage has one router lose its session and another one known by
// its routes alone.
func TestRouteCoverage(t *testing.T) {
	s := open(t, configure(t))
	w := routeWriterOf(t, s, storage.RouteWriterConfig{})
	peer := func(kind bgp.EventKind, after time.Duration) event {
		e := peerUp(noon.Add(after))
		e.Kind = kind
		return event{peer: e}
	}
	give(t, w, peer(bgp.PeerUp, 0), peer(bgp.PeerStale, time.Hour), peer(bgp.PeerUp, 2*time.Hour), peer(bgp.PeerDown, 3*time.Hour))
	e := announcements(1)[0]
	e.Peer.Router, e.Peer.Peer, e.At = netip.MustParseAddr("192.0.2.250"), netip.MustParseAddr("192.0.2.250"), noon.Add(90*time.Minute)
	give(t, w, event{route: e})
	flushRoutes(t, w)
	got, err := s.RouteCoverage(t.Context(), rules.Window{From: noon.Add(30 * time.Minute), To: noon.Add(4 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	want := []rules.RouteCoverage{
		{Router: peerUp(noon).Peer.Router, First: noon, Up: []rules.Window{{From: minute(30), To: minute(60)}, {From: minute(120), To: minute(180)}}},
		{Router: e.Peer.Router, First: minute(90), Up: []rules.Window{{From: minute(90), To: minute(240)}}},
	}
	if diff := gocmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}
