package storage_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// networkKey is what a row of LineNetworks is about.
type networkKey struct {
	line      string
	day       registry.Date
	near, far netip.Prefix
}

// figures are what it says: from and to the customer, samples and unscaled.
type figures [4]uint64

// networks reads LineNetworks and checks its order.
func networks(tb testing.TB, s *storage.Store, w rules.Window, loc *time.Location) map[networkKey]figures {
	tb.Helper()
	rollUp(tb, s, w, storage.Scope{})
	got := make(map[networkKey]figures)
	last := ""
	for n, err := range s.LineNetworks(tb.Context(), w, loc) {
		if err != nil {
			tb.Fatal(err)
		}
		if n.Line < last {
			tb.Errorf("line %s comes after %s", n.Line, last)
		}
		last = n.Line
		key := networkKey{n.Line, n.Day, n.Near, n.Far}
		if _, twice := got[key]; twice {
			tb.Errorf("%v comes twice", key)
		}
		got[key] = figures{n.FromCustomer, n.ToCustomer, n.Samples, n.Unscaled}
	}
	return got
}

// crossing is a flow over a line between two networks.
func crossing(line string, direction flows.LineDirection, start time.Time, took time.Duration, bytes uint64) flows.Record {
	near, far := netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("203.0.113.0/24")
	r := flows.Record{
		Start: start, End: start.Add(took), Received: start.Add(took), Exported: start.Add(took),
		Bytes: bytes, Packets: bytes / 100, SamplingRate: 10, SamplingSource: flows.SamplingOptions,
		Labels: flows.Labels{Line: line, LineDirection: direction, SrcNet: near, DstNet: far},
	}
	r.Src, r.Dst = near.Addr().Next(), far.Addr().Next()
	if direction == flows.ToCustomer {
		r.Src, r.Dst = r.Dst, r.Src
		r.Labels.SrcNet, r.Labels.DstNet = far, near
	}
	return r
}

func TestLineNetworksOfOneFlow(t *testing.T) {
	s := open(t, configure(t))
	loc := shanghai(t)
	midnight := registry.NewDate(2026, 9, 15).Start(loc)
	near, far := netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("203.0.113.0/24")
	unknown := crossing("L4", flows.ToCustomer, midnight, time.Second, 700)
	unknown.SamplingRate = 0
	nowhere := crossing("L5", flows.LineNone, midnight, time.Second, 700)
	timeless := crossing("L6", flows.FromCustomer, midnight, 0, 700)
	timeless.Start, timeless.End = time.Time{}, time.Time{}
	backwards := crossing("L7", flows.FromCustomer, midnight, 0, 700)
	backwards.End = midnight.Add(-3 * time.Hour)
	through := crossing("L8", flows.FromCustomer, midnight, time.Minute, 1000)
	through.Labels.PeerLine = "L9"
	store(
		t, s,
		crossing("L1", flows.FromCustomer, midnight.Add(-time.Hour), time.Minute, 1000),
		crossing("L1", flows.ToCustomer, midnight.Add(-time.Hour), time.Minute, 3000),
		// A quarter of it lies before midnight.
		crossing("L2", flows.FromCustomer, midnight.Add(-15*time.Minute), time.Hour, 4000),
		// Ends at midnight to the nanosecond.
		crossing("L3", flows.FromCustomer, midnight.Add(-time.Hour), time.Hour, 4001),
		unknown, nowhere, timeless, backwards, through,
		flows.Record{Start: midnight, End: midnight, Bytes: 5, SamplingRate: 1},
	)
	day, next := registry.NewDate(2026, 9, 14), registry.NewDate(2026, 9, 15)
	want := map[networkKey]figures{
		{"L1", day, near, far}:  {10000, 30000, 40, 0},
		{"L2", day, near, far}:  {10000, 0, 10, 0},
		{"L2", next, near, far}: {30000, 0, 30, 0},
		{"L3", day, near, far}:  {40010, 0, 40, 0},
		{"L4", next, near, far}: {0, 0, 0, 700},
		{"L6", next, near, far}: {7000, 0, 7, 0},
		{"L7", next, near, far}: {7000, 0, 7, 0},
		{"L8", next, near, far}: {10000, 0, 10, 0},
		// Seen from the line it left on, the near end is the destination.
		{"L9", next, far, near}: {0, 10000, 10, 0},
	}
	w := rules.Window{From: day.Start(loc), To: (next + 1).Start(loc)}
	got := networks(t, s, w, loc)
	if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
		t.Error(diff)
	}
	some := allOf(t, s.LineNetworks(t.Context(), w, loc, "L3", "no such line", "L9"))
	if len(some) != 2 || some[0].Line != "L3" || some[1].Line != "L9" {
		t.Errorf("of two lines: %+v", some)
	}
	w.From = midnight
	for key := range networks(t, s, w, loc) {
		if key.day != next {
			t.Errorf("%v is not of the span", key)
		}
	}
	if got := networks(t, s, rules.Window{From: w.To, To: w.From}, loc); len(got) != 0 {
		t.Errorf("an empty span has %v", got)
	}
}

// TestRollupAddsUp compares the rollup of many flows with the flows themselves.
func TestRollupAddsUp(t *testing.T) {
	s := open(t, configure(t))
	records := traffic(20000, 7)
	for i := range records {
		r := &records[i]
		switch i % 50 {
		case 0: // long flows over many bins, with bytes that do not divide
			r.Start = r.End.Add(-time.Duration(i) * 17 * time.Second)
		case 1:
			r.SamplingRate = 0
		case 2:
			r.Labels.PeerLine = "L-peer"
		}
	}
	store(t, s, records...)
	want := make(map[string]figures)
	for i := range records {
		r, l := &records[i], &records[i].Labels
		sum := want[l.Line]
		addFlow(&sum, r, l.LineDirection)
		want[l.Line] = sum
		if l.PeerLine != "" {
			sum := want[l.PeerLine]
			addFlow(&sum, r, flows.ToCustomer)
			want[l.PeerLine] = sum
		}
	}
	got := make(map[string]figures)
	for key, f := range networks(t, s, rules.Window{From: noon.AddDate(0, 0, -10), To: noon.AddDate(0, 0, 2)}, shanghai(t)) {
		sum := got[key.line]
		for i := range sum {
			sum[i] += f[i]
		}
		got[key.line] = sum
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func addFlow(sum *figures, r *flows.Record, direction flows.LineDirection) {
	switch {
	case r.SamplingRate == 0:
		sum[3] += r.Bytes
		return
	case direction == flows.FromCustomer:
		sum[0] += r.Bytes * r.SamplingRate
	default:
		sum[1] += r.Bytes * r.SamplingRate
	}
	sum[2] += r.Packets
}

// TestLocalDays checks where days begin: in zones that are not on the hour, and
// where summer time makes days of 23 and 25 hours.
func TestLocalDays(t *testing.T) {
	for _, tt := range []struct {
		zone  string
		day   registry.Date
		hours int
	}{
		{"Asia/Shanghai", registry.NewDate(2026, 9, 15), 24},
		{"Asia/Kathmandu", registry.NewDate(2026, 9, 15), 24},
		{"Asia/Kolkata", registry.NewDate(2026, 12, 31), 24},
		{"Europe/Berlin", registry.NewDate(2026, 3, 29), 23},
		{"Europe/Berlin", registry.NewDate(2026, 10, 25), 25},
		{"America/St_Johns", registry.NewDate(2026, 11, 1), 25},
		{"Australia/Lord_Howe", registry.NewDate(2026, 10, 4), 24}, // half an hour of summer time
		{"UTC", registry.NewDate(2026, 9, 15), 24},
	} {
		t.Run(tt.zone+" "+tt.day.String(), func(t *testing.T) {
			cfg := configure(t)
			cfg.Location = zone(t, tt.zone)
			s := open(t, cfg)
			begin, end := tt.day.Start(cfg.Location), (tt.day + 1).Start(cfg.Location)
			if tt.zone != "Australia/Lord_Howe" && end.Sub(begin) != time.Duration(tt.hours)*time.Hour {
				t.Fatalf("the day has %v", end.Sub(begin))
			}
			var records []flows.Record
			for at := begin.Add(-30 * time.Minute); at.Before(end.Add(30 * time.Minute)); at = at.Add(15 * time.Minute) {
				records = append(records, crossing("L", flows.FromCustomer, at, 0, 100))
			}
			store(t, s, records...)
			sums := make(map[registry.Date]uint64)
			for key, f := range networks(t, s, rules.Window{From: begin.AddDate(0, 0, -1), To: end.AddDate(0, 0, 1)}, cfg.Location) {
				sums[key.day] += f[0] / 1000
			}
			want := map[registry.Date]uint64{tt.day - 1: 2, tt.day: uint64(end.Sub(begin) / (15 * time.Minute)), tt.day + 1: 2}
			if diff := cmp.Diff(want, sums); diff != "" {
				t.Error(diff)
			}
			whole := networks(t, s, rules.Window{From: begin, To: end}, cfg.Location)
			if len(whole) != 1 {
				t.Errorf("the day alone has %v", whole)
			}
		})
	}
}

// TestHostileNames asks about lines whose names are full of what SQL escapes.
func TestHostileNames(t *testing.T) {
	cfg := configure(t)
	s := open(t, cfg)
	start := time.Date(2026, 9, 14, 4, 0, 0, 0, time.UTC)
	names := []string{`o'neil`, `back\slash`, `'] OR 1=1 --`, `\'`, "专线\t1", `"`}
	for _, name := range names {
		store(t, s, crossing(name, flows.FromCustomer, start, time.Second, 1000))
	}
	w := rules.Window{From: start.Truncate(time.Hour), To: start.Add(time.Hour)}
	rollUp(t, s, w, storage.Scope{})
	for _, name := range names {
		got := allOf(t, s.LineNetworks(t.Context(), w, cfg.Location, name))
		if len(got) != 1 || got[0].Line != name {
			t.Errorf("of line %q there is %+v", name, got)
		}
	}
}
