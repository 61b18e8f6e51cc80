package flows_test

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

func source(n uint32) flows.Source {
	return flows.Source{
		Exporter: netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}),
		Version:  flows.NetFlow9,
	}
}

// TestDrainHandsEachCountOverOnce counts from several goroutines while others
// drain: what was drained and the totals must agree.
func TestDrainHandsEachCountOverOnce(t *testing.T) {
	books := flows.NewBooks()
	begin := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	var (
		counters sync.WaitGroup
		drainer  sync.WaitGroup
		drained  flows.Count
	)
	take := func(_ flows.Source, _ time.Time, c *flows.Count) { drained.Add(c) }
	stop := make(chan struct{})
	drainer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				books.Drain(take)
			}
		}
	})
	const workers, each = 4, 2000
	for w := range workers {
		counters.Go(func() {
			for i := range each {
				account := books.Account(source(uint32(w % 2)))
				at := begin.Add(time.Duration(i) * time.Second)
				account.Update(at, func(c *flows.Count) { c.Records += 2; c.Datagrams++ })
				account.Stored(at, 1)
				account.Lose(at, flows.ReasonMalformed, 1)
			}
		})
	}
	counters.Wait()
	close(stop)
	drainer.Wait()
	books.Drain(take)
	books.Drain(func(s flows.Source, minute time.Time, _ *flows.Count) {
		t.Errorf("a second drain hands over %v %v", s, minute)
	})
	var total flows.Count
	books.Totals(func(_ flows.Source, c flows.Count) { total.Add(&c) })
	want := uint64(workers * each)
	if drained != total || total.Datagrams != want || total.Records != total.Stored+total.TotalLost() {
		t.Errorf("drained %+v, total %+v, want %d datagrams", drained, total, want)
	}
}

// TestMinutes keeps each minute apart, whatever order they come in.
func TestMinutes(t *testing.T) {
	books := flows.NewBooks()
	account := books.Account(source(1))
	noon := time.Date(2026, 3, 4, 12, 0, 59, 999_999_999, time.UTC)
	for _, at := range []time.Time{noon, noon.Add(1), noon, noon.Add(-time.Hour)} {
		account.Stored(at, 1)
	}
	got := make(map[time.Time]uint64)
	books.Drain(func(_ flows.Source, minute time.Time, c *flows.Count) { got[minute] += c.Stored })
	noon = noon.Truncate(time.Minute)
	for minute, want := range map[time.Time]uint64{noon: 2, noon.Add(time.Minute): 1, noon.Add(-time.Hour): 1} {
		if got[minute] != want {
			t.Errorf("%v: %d, want %d", minute, got[minute], want)
		}
	}
}

// TestForgedSourcesShareAnAccount fills the books with forged addresses: the
// sums stay right and memory stays bounded.
func TestForgedSourcesShareAnAccount(t *testing.T) {
	books := flows.NewBooks()
	const more = 100
	now := time.Now()
	for n := range uint32(flows.MaxAccounts + more) {
		books.Account(source(n+1)).Stored(now, 1)
	}
	accounts, sum, shared := 0, uint64(0), uint64(0)
	books.Totals(func(s flows.Source, c flows.Count) {
		accounts++
		sum += c.Stored
		if !s.Exporter.IsValid() {
			shared += c.Stored
		}
	})
	if accounts > flows.MaxAccounts+1 || sum != flows.MaxAccounts+more || shared != more {
		t.Errorf("%d accounts, %d records, %d of them shared", accounts, sum, shared)
	}
}

// TestWords keeps every name that records, metrics and books use.
func TestWords(t *testing.T) {
	seen := make(map[string]bool)
	for r := range flows.NumReasons {
		if name := r.String(); name == "unknown" || seen[name] {
			t.Errorf("reason %d is called %q", r, name)
		}
		seen[r.String()] = true
	}
	for v := flows.NetFlow5; v <= flows.SFlow5; v++ {
		if flows.ParseVersion(v.String()) != v {
			t.Errorf("%v is not read back", v)
		}
	}
	if flows.ParseVersion("netflow1") != flows.VersionUnknown {
		t.Error("an unknown version has a number")
	}
	for got, want := range map[string]string{
		flows.SamplingNone.String(): "none", flows.SamplingRecord.String(): "record",
		flows.SamplingOptions.String(): "options", flows.SamplingLedger.String(): "ledger",
		flows.Ingress.String(): "ingress", flows.Egress.String(): "egress", flows.DirectionUnknown.String(): "",
		flows.FromCustomer.String(): "from_customer", flows.ToCustomer.String(): "to_customer", flows.LineNone.String(): "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestAddAddsEveryFigure sets every figure of a count and adds it to itself, so
// that a figure added later cannot be forgotten.
func TestAddAddsEveryFigure(t *testing.T) {
	one := flows.Count{
		Datagrams: 1, Records: 2, Stored: 3, SequenceGaps: 4, RecordsMissed: 5, Reordered: 6,
		Templates: 7, ClockSkewed: 8, Unscaled: 9, Counters: 10,
	}
	for r := range flows.NumReasons {
		one.Lost[r], one.DatagramsLost[r] = uint64(r)+1, uint64(r)+2
	}
	figures := everyFigure(t, one)
	sum := one
	sum.Add(&one)
	for i, f := range everyFigure(t, sum) {
		if figures[i] == 0 || f != 2*figures[i] {
			t.Errorf("figure %d: %d and %d, twice the first is wanted", i, figures[i], f)
		}
	}
}
