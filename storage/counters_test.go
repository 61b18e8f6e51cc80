package storage_test

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// wire is what really passes an interface, metered at 1 in rate and counted.
type wire struct {
	exporter netip.Addr
	in, out  uint32
	rate     uint64 // of the metering
	said     uint64 // by the exporter
	packets  int
}

// hourOf is the hour in which wires carry.
var hourOf = noon.Truncate(time.Hour)

// meter returns the flows of a wire: every sampled packet is one.
func (w *wire) meter(random *rand.Rand) (list []flows.Record, octets uint64) {
	for i := range w.packets {
		size := uint64(64 + random.IntN(1400))
		octets += size + flows.UsualFraming
		if random.Uint64N(w.rate) > 0 {
			continue
		}
		at := hourOf.Add(time.Hour * time.Duration(i) / time.Duration(w.packets))
		list = append(list, flows.Record{
			Source:   flows.Source{Exporter: w.exporter, Version: flows.NetFlow9},
			Received: at, Exported: at, Start: at, End: at, Bytes: size, Packets: 1, SamplingRate: w.said, InIf: w.in, OutIf: w.out,
			Src: netip.MustParseAddr("192.0.2.77"), Dst: netip.MustParseAddr("198.51.100.5"), Proto: 6, SamplingSource: flows.SamplingRecord,
		})
	}
	return list, octets
}

// readings are counters read each minute, from before the hour until after it,
// of an interface that carries the octets in the hour.
func readings(exporter netip.Addr, index uint32, in, out uint64) (list []flows.Counters) {
	const base = 1 << 50
	for minute := -2; minute <= 62; minute++ {
		done := float64(min(max(minute, 0), 60)) / 60
		list = append(list, flows.Counters{
			Exporter: exporter, Interface: index, Source: flows.CountersSNMP, At: hourOf.Add(time.Duration(minute) * time.Minute),
			Uptime: 100*time.Hour + time.Duration(minute)*time.Minute, Kind: 6, Speed: 10_000_000_000, Name: "xe-0/0/1", Alias: "to B",
			In:  flows.Tally{Octets: base + uint64(done*float64(in)), Unicast: uint64(done * float64(in) / 800)},
			Out: flows.Tally{Octets: base + uint64(done*float64(out)), Unicast: uint64(done * float64(out) / 800)},
		})
	}
	return list
}

func writeCounters(t *testing.T, s *storage.Store, list ...flows.Counters) {
	t.Helper()
	if err := s.WriteCounters(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}

// compare compares the hour of the wires and returns the interfaces.
func compare(t *testing.T, s *storage.Store, want int) map[uint32]rules.CountedInterface {
	t.Helper()
	w := rules.Window{From: hourOf.Add(-5 * time.Hour), To: hourOf.Add(5 * time.Hour)}
	n, err := s.CompareCounters(t.Context(), w)
	if err != nil || n != want {
		t.Fatalf("%d hours compared, want %d, %v", n, want, err)
	}
	list, err := s.CountedInterfaces(t.Context(), rules.Window{From: hourOf, To: hourOf.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[uint32]rules.CountedInterface)
	for _, c := range list {
		found[c.Interface] = c
	}
	return found
}

// TestCountersCatchAWrongSamplingRate meters known traffic: where the exporter
// says the rate at which it samples, flows and counters agree; where it says
// another, they do not, and a correction of the rate mends it.
func TestCountersCatchAWrongSamplingRate(t *testing.T) {
	s := open(t, configure(t))
	random := rand.New(rand.NewPCG(1, 2))
	right := wire{exporter: netip.MustParseAddr("192.0.2.1"), in: 1, out: 2, rate: 100, said: 100, packets: 400_000}
	wrong := wire{exporter: netip.MustParseAddr("2001:db8::1"), in: 3, out: 4, rate: 100, said: 1000, packets: 400_000}
	for _, w := range []wire{right, wrong} {
		records, octets := w.meter(random)
		store(t, s, records...)
		writeCounters(t, s, readings(w.exporter, w.in, octets, 0)...)
		writeCounters(t, s, readings(w.exporter, w.out, 0, octets)...)
	}
	list := compare(t, s, 3) // those before and after have readings too
	a := rules.AccountCounters([]rules.CountedInterface{list[1], list[2]})
	if a.State != rules.CountersAgree || math.Abs(a.Ratio-1) > 0.05 || list[1].In.Samples < 3500 || list[1].Name != "xe-0/0/1" || list[1].Alias != "to B" {
		t.Errorf("the right rate: %+v, %+v", a, list[1])
	}
	a = rules.AccountCounters([]rules.CountedInterface{list[3], list[4]})
	if a.State != rules.CountersDisagree || a.Cause != rules.CauseSampling || math.Abs(a.Factor-10) > 0.5 {
		t.Errorf("the wrong rate: %+v", a)
	}
	compare(t, s, 0)
	_, err := s.CorrectSampling(t.Context(), storage.SamplingCorrection{
		Exporter: wrong.exporter, From: hourOf, To: hourOf.Add(time.Hour), Rate: 100, Actor: "a", Note: "n",
	})
	if err != nil {
		t.Fatal(err)
	}
	list = compare(t, s, 1)
	if a = rules.AccountCounters([]rules.CountedInterface{list[3], list[4]}); a.State != rules.CountersAgree {
		t.Errorf("after the correction: %+v", a)
	}
}

// TestCountersOfAnHour holds the figures of an hour against what was planted.
func TestCountersOfAnHour(t *testing.T) {
	s := open(t, configure(t))
	exporter := netip.MustParseAddr("192.0.2.1")
	flow := func(in, out uint32, from, to time.Duration, bytes, packets uint64, d flows.Direction) flows.Record {
		return flows.Record{
			Source: flows.Source{Exporter: exporter, Version: flows.IPFIX}, Received: hourOf.Add(to), Exported: hourOf.Add(to),
			Start: hourOf.Add(from), End: hourOf.Add(to), Bytes: bytes, Packets: packets, SamplingRate: 10, InIf: in, OutIf: out, Direction: d,
			Src: netip.MustParseAddr("192.0.2.77"), Dst: netip.MustParseAddr("198.51.100.5"), SamplingSource: flows.SamplingRecord,
		}
	}
	unscaled := flow(1, 2, 0, 0, 77, 1, flows.Ingress)
	unscaled.SamplingRate, unscaled.SamplingSource = 0, flows.SamplingNone
	store(t, s, flow(1, 2, -30*time.Minute, 30*time.Minute, 1000, 10, flows.Ingress),
		flow(1, 2, 10*time.Minute, 20*time.Minute, 600, 2, flows.Egress), unscaled,
		flow(9, 2, 0, time.Minute, 100, 1, flows.Ingress), // an interface without counters
	)
	list := readings(exporter, 1, 60_000, 6000)
	list = append(list[:20:20], list[25:]...) // five minutes are missing, and are bridged
	restarted := readings(exporter, 2, 60_000, 6000)
	for i := range restarted[:40] {
		restarted[i].In.Octets += 1 << 60 // and began anew
	}
	half := readings(exporter, 3, 60_000, 6000)[:30]
	writeCounters(t, s, list...)
	writeCounters(t, s, list...) // again
	writeCounters(t, s, restarted...)
	writeCounters(t, s, half...)
	found := compare(t, s, 3)
	want := map[uint32]rules.CountedInterface{
		1: {
			In:  rules.Measured{FlowBytes: 11000, FlowPackets: 70, Samples: 7, Variance: 90*500*500/5. + 90*600*600/2., Egress: 6000, Unscaled: 77, Octets: 60000, Packets: 75, Covered: 3600},
			Out: rules.Measured{Octets: 6000, Packets: 7, Covered: 3600},
		},
		2: {
			In:  rules.Measured{Octets: 60000, Packets: 75, Covered: 3540},
			Out: rules.Measured{FlowBytes: 12000, FlowPackets: 80, Samples: 8, Variance: 90*500*500/5. + 90*600*600/2. + 90*100*100, Egress: 6000, Unscaled: 77, Octets: 6000, Packets: 7, Covered: 3540},
		},
		3: {},
		9: {In: rules.Measured{FlowBytes: 1000, FlowPackets: 10, Samples: 1, Variance: 90 * 100 * 100}},
	}
	about := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(a)+120 })
	for index, w := range want {
		got, there := found[index]
		if !there {
			t.Errorf("interface %d is missing", index)
		}
		if diff := cmp.Diff([]rules.Measured{w.In, w.Out}, []rules.Measured{got.In, got.Out}, about); diff != "" {
			t.Errorf("interface %d (-want +got):\n%s", index, diff)
		}
	}
	books, err := s.ExporterBooks(t.Context(), rules.Window{From: hourOf, To: hourOf.Add(time.Hour)})
	if err != nil || len(books) > 0 && len(books[0].Counted) != 4 {
		t.Errorf("books %+v, %v", books, err)
	}
}
