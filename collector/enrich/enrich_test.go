package enrich

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
)

var comparePlain = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestLineDirectionAndHolder(t *testing.T) {
	for name, c := range map[string]struct {
		record             flows.Record
		line, peer, holder string
		direction          flows.LineDirection
	}{
		"in by the line": {
			record: record(router, 10, 1, "198.51.100.5", "8.8.8.8"),
			line:   "L1", direction: flows.FromCustomer, holder: "acme",
		},
		"out by the line": {
			record: record(router, 1, 10, "8.8.8.8", "198.51.100.5"),
			line:   "L1", direction: flows.ToCustomer, holder: "acme",
		},
		"near end is held by another": {
			record: record(router, 10, 1, "198.51.100.70", "8.8.8.8"),
			line:   "L1", direction: flows.FromCustomer, holder: "under",
		},
		"near end is in no allocation, far end is": {
			record: record(router, 10, 1, "8.8.8.8", "198.18.0.1"),
			line:   "L1", direction: flows.FromCustomer, holder: "acme",
		},
		"from line to line": {
			record: record(router, 10, 20, "198.51.100.5", "198.18.0.1"),
			line:   "L1", peer: "L2", direction: flows.FromCustomer, holder: "acme",
		},
		"between two ports of one line": {
			record: record(router, 10, 11, "198.51.100.5", "198.51.100.6"),
			line:   "L1", direction: flows.FromCustomer, holder: "acme",
		},
		"same line at the border does not count again": {
			record: record(border, 1, 30, "198.51.100.70", "8.8.8.8"),
			line:   "L1", direction: flows.LineNone, holder: "acme",
		},
		"border counts where the line has no customer port": {
			record: record(border, 31, 1, "198.18.0.1", "8.8.8.8"),
			line:   "L3", direction: flows.FromCustomer, holder: "bolt",
		},
		"a port that counts goes before one that does not": {
			record: record(border, 30, 31, "8.8.4.4", "8.8.8.8"),
			line:   "L3", direction: flows.ToCustomer, holder: "cargo",
		},
		"a port that does not count is no peer": {
			record: record(border, 31, 30, "8.8.4.4", "8.8.8.8"),
			line:   "L3", direction: flows.FromCustomer, holder: "cargo",
		},
		"no line, source is held": {
			record: record(router, 1, 1, "198.18.0.1", "198.51.100.5"), holder: "bolt",
		},
		"no line, destination is held": {
			record: record(router, 1, 1, "8.8.8.8", "198.51.100.5"), holder: "acme",
		},
		"interface unknown":            {record: record(router, 99, 98, "8.8.8.8", "8.8.4.4")},
		"exporter unknown":             {record: record(addr("192.0.2.9"), 10, 1, "8.8.8.8", "8.8.4.4")},
		"interface 0 is not said":      {record: record(router, 0, 0, "8.8.8.8", "8.8.4.4")},
		"line over the other protocol": {record: record(router, 10, 1, "2001:db8:a::1", "2001:db8:b::1"), line: "L1", direction: flows.FromCustomer, holder: "acme"},
	} {
		t.Run(name, func(t *testing.T) {
			records := []flows.Record{c.record}
			enricher(t, carrier(), nil).Enrich(records)
			got := records[0].Labels
			if got.Line != c.line || got.PeerLine != c.peer || got.LineDirection != c.direction || got.Holder != c.holder {
				t.Errorf("line %q %v, peer %q, holder %q; want %q %v, %q, %q", got.Line, got.LineDirection,
					got.PeerLine, got.Holder, c.line, c.direction, c.peer, c.holder)
			}
		})
	}
}

func TestNetworksAndAllocations(t *testing.T) {
	records := []flows.Record{
		record(router, 10, 1, "198.51.100.5", "203.0.113.200"),
		record(router, 10, 1, "198.51.100.70", "8.8.8.8"),
		record(router, 10, 1, "2001:db8:a::1", "2001:db8:b::1"),
	}
	enricher(t, carrier(), nil).Enrich(records)
	type nets struct{ SrcNet, DstNet, SrcAllocation, DstAllocation string }
	want := []nets{
		{"198.51.100.0/26", "203.0.113.128/25", "198.51.100.0/24", "invalid Prefix"},
		{"198.51.100.64/26", "8.8.8.0/24", "198.51.100.64/26", "invalid Prefix"},
		{"2001:db8:a::/48", "2001:db8:b::/48", "2001:db8:a::/48", "invalid Prefix"},
	}
	for i, r := range records {
		l := r.Labels
		got := nets{l.SrcNet.String(), l.DstNet.String(), l.SrcAllocation.String(), l.DstAllocation.String()}
		if got != want[i] {
			t.Errorf("record %d: %+v, want %+v", i, got, want[i])
		}
	}
}

// TestDayIsLocal has a line that ends on 4 March, seen around midnight in
// Shanghai, when it is afternoon in UTC.
func TestDayIsLocal(t *testing.T) {
	midnight := time.Date(2026, 3, 5, 0, 0, 0, 0, shanghai)
	records := []flows.Record{
		record(router, 10, 1, "8.8.8.8", "8.8.4.4"),
		record(router, 10, 1, "8.8.8.8", "8.8.4.4"),
		record(router, 10, 1, "8.8.8.8", "8.8.4.4"),
		record(router, 10, 1, "8.8.8.8", "8.8.4.4"),
	}
	records[0].Start = midnight.Add(-time.Nanosecond).UTC()
	records[1].Start = midnight.UTC()
	records[2].Start = time.Date(2026, 1, 1, 0, 0, 0, 0, shanghai).Add(-time.Second)
	records[3].Start, records[3].Received = time.Time{}, midnight.Add(-time.Hour)
	enricher(t, carrier(), nil).Enrich(records)
	for i, want := range []string{"L1", "", "", "L1"} {
		if got := records[i].Labels.Line; got != want {
			t.Errorf("record %d at %v: line %q, want %q", i, records[i].Start.In(shanghai), got, want)
		}
	}
}

func TestLabelsOfABufferUsedBeforeAreReplaced(t *testing.T) {
	records := []flows.Record{record(router, 99, 98, "8.8.8.8", "8.8.4.4")}
	records[0].Labels = flows.Labels{Line: "old", PeerLine: "old", Holder: "old", SrcOrigin: 1, SrcAllocation: prefix("10.0.0.0/8")}
	enricher(t, carrier(), nil).Enrich(records)
	want := flows.Labels{SrcNet: prefix("8.8.8.0/24"), DstNet: prefix("8.8.4.0/24")}
	if diff := cmp.Diff(want, records[0].Labels, comparePlain); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

// routes knows the origins of some addresses as one exporter sees them.
type routes map[netip.Addr]uint32

func (r routes) Origin(exporter, addr netip.Addr, at time.Time) (uint32, bool) {
	if exporter != router || !at.Equal(noon) {
		return 0, false
	}
	asn, ok := r[addr]
	return asn, ok
}

func TestOrigins(t *testing.T) {
	e := enricher(t, carrier(), routes{addr("203.0.113.1"): 65001, addr("8.8.8.8"): 15169})
	for name, c := range map[string]struct {
		src      string
		exported uint32
		want     uint32
	}{
		"route":                                {"203.0.113.1", 7, 65001},
		"network":                              {"203.0.113.2", 7, 64600},
		"most specific network has no ASN":     {"203.0.113.200", 7, 7},
		"what the exporter said":               {"9.9.9.9", 7, 7},
		"nobody knows":                         {"9.9.9.9", 0, 0},
		"the routing table is asked even if 0": {"8.8.8.8", 0, 15169},
	} {
		t.Run(name, func(t *testing.T) {
			there, back := record(router, 10, 1, c.src, "9.9.9.9"), record(router, 10, 1, "9.9.9.9", c.src)
			there.SrcAS, back.DstAS = c.exported, c.exported
			records := []flows.Record{there, back}
			e.Enrich(records)
			if got := records[0].Labels.SrcOrigin; got != c.want {
				t.Errorf("source: AS%d, want AS%d", got, c.want)
			}
			if got := records[1].Labels.DstOrigin; got != c.want {
				t.Errorf("destination: AS%d, want AS%d", got, c.want)
			}
		})
	}
}

func TestLedgers(t *testing.T) {
	empty := NewLedgers(nil)
	if empty.Known(router) || empty.Sampling(router) != 0 || empty.Load() == nil {
		t.Error("empty ledgers know an exporter")
	}
	full := registry.NewSnapshot(carrier(), nil)
	before := empty.Load()
	if got := empty.Swap(full); got != before {
		t.Error("Swap does not return the snapshot before")
	}
	if !empty.Known(router) || empty.Sampling(router) != 1000 || empty.Sampling(border) != 0 || empty.Known(addr("192.0.2.9")) {
		t.Error("the exporters of the ledgers are not known by what they are")
	}
	if _, err := New(Config{}); err == nil {
		t.Error("New took no ledgers")
	}
}

func TestSwapDuringEnrichment(t *testing.T) {
	e := enricher(t, carrier(), nil)
	others := carrier()
	for i := range others.Lines {
		others.Lines[i].EnterpriseID = "other"
	}
	snapshots := []*registry.Snapshot{e.Ledgers.Load(), registry.NewSnapshot(others, nil)}
	stop := make(chan struct{})
	var swapper, workers sync.WaitGroup
	swapper.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				e.Ledgers.Swap(snapshots[i%2])
			}
		}
	})
	for range 4 {
		workers.Go(func() {
			records := make([]flows.Record, 64)
			for range 200 {
				for i := range records {
					records[i] = record(router, 10, 1, "8.8.8.8", "8.8.4.4")
				}
				e.Enrich(records)
				for i := range records {
					if records[i].Labels.Holder != records[0].Labels.Holder {
						t.Error("one batch saw two snapshots")
						return
					}
				}
			}
		})
	}
	workers.Wait()
	close(stop)
	swapper.Wait()
}

// TestAgainstNaive compares with linear searches through the rows.
func TestAgainstNaive(t *testing.T) {
	for seed := range uint64(20) {
		ledgers, records := scatter(seed, 40, 500)
		e := enricher(t, ledgers, nil)
		e.Enrich(records)
		lines := 0
		for i := range records {
			want := naive(ledgers, &records[i])
			if diff := cmp.Diff(want, records[i].Labels, comparePlain); diff != "" {
				t.Fatalf("seed %d record %d %+v (-want +got):\n%s", seed, i, records[i], diff)
			}
			if records[i].Labels.LineDirection != flows.LineNone {
				lines++
			}
		}
		if lines == 0 {
			t.Errorf("seed %d: no record crosses a line", seed)
		}
	}
}

func TestEnrichingAllocatesNothing(t *testing.T) {
	ledgers, records := scatter(1, 40, 256)
	e := enricher(t, ledgers, nil)
	e.Enrich(records) // builds the views of the days
	if n := testing.AllocsPerRun(100, func() { e.Enrich(records) }); n != 0 {
		t.Errorf("%v allocations per batch of %d records", n, len(records))
	}
}

func BenchmarkEnrich(b *testing.B) {
	for name, rows := range map[string]int{"rows=40": 40, "rows=10000": 10000} {
		ledgers, records := scatter(1, rows, 256)
		for i := range records {
			records[i].Start = noon
		}
		b.Run(name+"/snapshot", func(b *testing.B) {
			e := enricher(b, ledgers, nil)
			b.ReportAllocs()
			for b.Loop() {
				e.Enrich(records)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/record")
		})
		b.Run(name+"/naive", func(b *testing.B) {
			for b.Loop() {
				for i := range records {
					records[i].Labels = naive(ledgers, &records[i])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/record")
		})
	}
}

// databases knows the origins of some addresses.
type databases map[netip.Addr]uint32

func (d databases) Remote(addr netip.Addr) registry.Remote { return registry.Remote{ASN: d[addr]} }

// TestOriginsOfDatabases has a database speak where routes, ledgers and the
// exporter are silent, and nowhere else.
func TestOriginsOfDatabases(t *testing.T) {
	known := databases{addr("9.9.9.9"): 19281, addr("203.0.113.1"): 1, addr("203.0.113.2"): 2}
	e, err := New(Config{
		Ledgers: NewLedgers(registry.NewSnapshot(carrier(), nil, registry.WithRemotes(known))),
		Routes:  routes{addr("203.0.113.1"): 65001}, Location: shanghai,
	})
	if err != nil {
		t.Fatal(err)
	}
	for src, want := range map[string][2]uint32{"9.9.9.9": {19281, 7}, "203.0.113.1": {65001, 65001}, "203.0.113.2": {64600, 64600}, "9.9.9.8": {0, 7}} {
		for i, exported := range []uint32{0, 7} {
			records := []flows.Record{record(router, 10, 1, src, "198.51.100.5")}
			records[0].SrcAS = exported
			e.Enrich(records)
			if got := records[0].Labels.SrcOrigin; got != want[i] {
				t.Errorf("%s, exported as AS%d: AS%d, want AS%d", src, exported, got, want[i])
			}
		}
	}
}
