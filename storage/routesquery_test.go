package storage_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// known makes what is stored so far known at an instant.
func known(tb testing.TB, s *storage.Store, at string) {
	tb.Helper()
	for _, table := range []string{"routes", "route_peers"} {
		r := strings.NewReplacer("{table}", table, "{at}", at)
		for _, statement := range []string{
			"CREATE TABLE moved AS {table}",
			"INSERT INTO moved SELECT * REPLACE (if(stored > now() - 3600, toDateTime('{at}', 'UTC'), stored) AS stored) FROM {table}",
			"TRUNCATE TABLE {table}",
			"INSERT INTO {table} SELECT * FROM moved",
			"DROP TABLE moved SYNC",
		} {
			if err := s.Exec(tb.Context(), r.Replace(statement)); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

// TestRoutesAsTheyWereKnown asks for one instant by what was known at others:
// what came late changes the answer from when it came.
func TestRoutesAsTheyWereKnown(t *testing.T) {
	cfg := configure(t)
	cfg.Retention.Routes = 0 // what is known long ago stays
	s := open(t, cfg)
	w := routeWriterOf(t, s, storage.RouteWriterConfig{})
	e := announcements(1)[0]
	give(t, w, event{route: e})
	flushRoutes(t, w)
	known(t, s, "2026-09-14 05:00:00")
	down := peerUp(noon.Add(30 * time.Minute))
	down.Kind = bgp.PeerDown
	give(t, w, event{peer: down})
	flushRoutes(t, w)
	known(t, s, "2026-09-14 06:00:00")
	late := e
	late.Kind, late.At = storage.RouteWithdrawn, noon.Add(10*time.Minute)
	give(t, w, event{route: late})
	flushRoutes(t, w)
	at := func(clock string) time.Time {
		t, err := time.Parse(time.DateTime, "2026-09-14 "+clock)
		if err != nil {
			panic(err)
		}
		return t
	}
	for _, tt := range []struct {
		name  string
		known time.Time
		held  bool
		end   storage.RouteEnd
	}{
		{"before it came", at("04:59:59"), false, 0},
		{"when it came", at("05:00:00"), true, storage.RouteHeld},
		{"before the loss was known", at("05:59:59"), true, storage.RouteHeld},
		{"when the loss was known", at("06:00:00"), true, storage.RouteEndSessionLost},
		{"now", time.Time{}, true, storage.RouteEndWithdrawn},
	} {
		got, err := s.RoutesAt(t.Context(), e.Route.Prefix, noon.Add(5*time.Minute), tt.known)
		if err != nil {
			t.Fatal(err)
		}
		if (len(got) == 1) != tt.held || tt.held && got[0].End != tt.end {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
	if got, err := s.RoutesAt(t.Context(), e.Route.Prefix, noon.Add(20*time.Minute), time.Time{}); err != nil || len(got) != 0 {
		t.Errorf("after its withdrawal: %+v, %v", got, err)
	}
}

func TestRoutesOfNoPrefix(t *testing.T) {
	s := open(t, configure(t))
	if _, err := s.RoutesAt(t.Context(), netip.Prefix{}, noon, time.Time{}); err == nil {
		t.Error("RoutesAt answers")
	}
	if _, err := s.Origins(t.Context(), netip.Prefix{}, noon, noon.Add(1)); err == nil {
		t.Error("Origins answers")
	}
	for _, err := range s.RoutesWithin(t.Context(), netip.Prefix{}, rules.Window{From: noon, To: noon.Add(1)}) {
		if err == nil {
			t.Error("RoutesWithin answers")
		}
	}
}

func TestRoutesWithinStops(t *testing.T) {
	s := open(t, configure(t))
	w := routeWriterOf(t, s, storage.RouteWriterConfig{})
	if err := w.Append(announcements(3000)); err != nil {
		t.Fatal(err)
	}
	flushRoutes(t, w)
	n := 0
	for i, err := range s.RoutesWithin(t.Context(), prefixOf("10.0.0.0/8"), rules.Window{From: noon, To: noon.Add(24 * time.Hour)}) {
		if err != nil {
			t.Fatal(err)
		}
		if want := announcements(n + 1)[n].Route.Prefix; i.Route.Prefix != want {
			t.Errorf("got %v, want %v", i.Route.Prefix, want)
		}
		if n++; n == 7 {
			break
		}
	}
	if n != 7 {
		t.Errorf("got %d", n)
	}
}

func TestPeerHistory(t *testing.T) {
	s := open(t, configure(t))
	w := routeWriterOf(t, s, storage.RouteWriterConfig{})
	var want []storage.PeerEvent
	for i, kind := range []bgp.EventKind{bgp.PeerUp, bgp.EndOfRIB, bgp.PeerStale, bgp.PeerDown} {
		e := storage.PeerEvent{Kind: kind, PeerAS: 4200000001, At: noon.Add(time.Duration(i/2) * 1234567 * time.Microsecond)}
		e.Peer = bgp.PeerKey{
			Router: netip.MustParseAddr("2001:db8::1"), Peer: netip.MustParseAddr("192.0.2.7"),
			Distinguisher: 1<<64 - 1, View: bgp.View(i),
		}
		if kind == bgp.EndOfRIB {
			e.Family = bgp.FamilyVPNv6
		}
		want = append(want, e)
		give(t, w, event{peer: e})
	}
	flushRoutes(t, w)
	for _, tt := range []struct {
		from, to time.Time
		want     []storage.PeerEvent
	}{
		{noon, noon.Add(time.Minute), want},
		{noon, want[2].At, want[:2]},
		{noon.Add(time.Microsecond), noon.Add(time.Minute), want[2:]},
	} {
		got, err := s.PeerHistory(t.Context(), tt.from, tt.to)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("(-want +got) %s", diff)
		}
	}
}

// TestOldRoutesGo drops what was stored longer ago than its lifetime, the month
// that its partition may span and the two days that are left to a daemon.
func TestOldRoutesGo(t *testing.T) {
	s := open(t, configure(t))
	w := routeWriterOf(t, s, storage.RouteWriterConfig{})
	if err := w.Append(announcements(10)); err != nil {
		t.Fatal(err)
	}
	flushRoutes(t, w)
	for _, statement := range []string{
		"INSERT INTO routes SELECT * REPLACE (now() - toIntervalDay(435) AS stored) FROM routes",
		"OPTIMIZE TABLE routes FINAL",
	} {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, "routes"); n != 10 {
		t.Errorf("%d events are left, want the 10 that were stored just now", n)
	}
}
