package storage_test

import (
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// rollUp brings the rollups of a window up to date.
func rollUp(tb testing.TB, s *storage.Store, w rules.Window, scope storage.Scope) storage.RolledUp {
	tb.Helper()
	done, err := s.RollUp(tb.Context(), w, func(registry.Date) storage.Scope { return scope })
	if err != nil {
		tb.Fatal(err)
	}
	return done
}

// rolledFlows selects the number of flows if each of their hours was counted
// once, else 0.
const rolledFlows = `SELECT if((SELECT sum(rows) FROM flow_hours) = sum(1 + intDiv(greatest(toUnixTimestamp64Nano(end) - 1, toUnixTimestamp64Nano(start)), 3600000000000)
    - intDiv(toUnixTimestamp64Nano(start), 3600000000000)), count(), 0) FROM flows`

// allOf reads all answers.
func allOf[T any](tb testing.TB, answers iter.Seq2[T, error]) []T {
	tb.Helper()
	var list []T
	for a, err := range answers {
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}

// same compares answers with those of the oracle.
func same[T any](tb testing.TB, what string, got, want []T) {
	tb.Helper()
	if len(want) == 0 {
		tb.Errorf("%s: the oracle knows none", what)
	}
	equalPrefix := gocmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	equalAddr := gocmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if diff := gocmp.Diff(want, got, equalPrefix, equalAddr); diff != "" {
		if len(diff) > 4000 {
			diff = diff[:4000]
		}
		tb.Errorf("%s: %d answers, want %d (-want +got):\n%s", what, len(got), len(want), diff)
	}
}

// everyWindow holds all records of the tests.
func everyWindow() rules.Window {
	return rules.Window{From: noon.AddDate(0, 0, -12), To: noon.AddDate(0, 0, 5)}
}

// answerAll asks every question and compares it with the oracle.
func answerAll(t *testing.T, s *storage.Store, o *trafficOracle) {
	t.Helper()
	w, ctx := everyWindow(), t.Context()
	within := []netip.Prefix{
		netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8:a::/48"), netip.MustParsePrefix("198.51.101.0/28"),
		netip.MustParsePrefix("100.64.0.0/16"), netip.MustParsePrefix("198.51.102.0/24"),
	}
	about := rules.AddressQuestion{Window: w, Location: o.loc, Within: within}
	same(t, "line hours", allOf(t, s.LineHours(ctx, w)), o.lineHours())
	one := slices.DeleteFunc(o.lineHours(), func(h rules.LineHour) bool { return h.Line != "L2" })
	same(t, "hours of one line", allOf(t, s.LineHoursOf(ctx, "L2", w)), one)
	pairs := rules.PairsQuestion{Window: w, Location: o.loc, Lines: []string{"L1", "L2"}}
	for h := -20; h < 20; h += 3 {
		pairs.Hours = append(pairs.Hours, noon.Add(time.Duration(h)*time.Hour).Truncate(time.Hour))
	}
	same(t, "line pairs", allOf(t, s.LinePairs(ctx, pairs)), o.linePairs(pairs))
	services := o.lineServices()
	same(t, "line services", allOf(t, s.LineServices(ctx, rules.ServicesQuestion{Window: w, Location: o.loc, Lines: []string{"L1", "L2"}})), services)
	same(t, "allocations", allOf(t, s.Allocations(ctx, w, o.loc)), o.allocations())
	same(t, "hosts", allOf(t, s.AllocationHosts(ctx, about)), o.hosts(within))
	same(t, "sources", allOf(t, s.AllocationSources(ctx, w, o.loc, within)), o.sources(within))
	same(t, "contacts", allOf(t, s.AllocationContacts(ctx, rules.ContactQuestion{AddressQuestion: about})), o.contacts(within))
	same(t, "entries", allOf(t, s.AllocationEntries(ctx, w, o.loc)), o.entries())
}

func TestAnswersAreThoseOfTheOracle(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		s := open(t, configure(t))
		records, scope := smallCarrier(3000, seed)
		store(t, s, records...)
		done := rollUp(t, s, everyWindow(), scope)
		if done.Hours < 24 || done.Late != 0 {
			t.Errorf("seed %d: %+v", seed, done)
		}
		answerAll(t, s, newTrafficOracle(records, scope, shanghai(t)))
	}
}
