package storage_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage"
)

// TestSampling stores flows of two exporters and two lines, one of which changed
// its rate.
func TestSampling(t *testing.T) {
	s := open(t, configure(t))
	first, second := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	record := func(exporter netip.Addr, minute int, rate uint64, source flows.SamplingSource, line string) flows.Record {
		return flows.Record{
			Source: flows.Source{Exporter: exporter}, Start: noon.Add(time.Duration(minute) * time.Minute), Bytes: 1,
			SamplingRate: rate, SamplingSource: source, Labels: flows.Labels{Line: line},
		}
	}
	store(t, s,
		record(first, 0, 1000, flows.SamplingLedger, "L1"), record(first, 1, 1000, flows.SamplingLedger, "L1"), record(first, 2, 500, flows.SamplingOptions, "L1"),
		record(second, 3, 0, flows.SamplingNone, "L2"), record(second, 90, 0, flows.SamplingNone, "L2"),
	)
	got := func(f storage.FlowFilter) []storage.SamplingUse {
		t.Helper()
		list, err := s.Sampling(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	options := cmpopts.EquateComparable(netip.Addr{})
	wide := []storage.SamplingUse{
		{second, 0, flows.SamplingNone, 1, at(3), at(3)},
		{first, 500, flows.SamplingOptions, 1, at(2), at(2)},
		{first, 1000, flows.SamplingLedger, 2, at(0), at(1)},
	}
	byAddress := cmpopts.SortSlices(func(a, b storage.SamplingUse) bool { return a.First.Before(b.First) })
	if diff := cmp.Diff(wide, got(storage.FlowFilter{From: noon, To: noon.Add(time.Hour)}), options, byAddress); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wide[1:], got(storage.FlowFilter{Line: "L1"}), options, byAddress); diff != "" {
		t.Error(diff)
	}
}
