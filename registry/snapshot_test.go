package registry_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }

func day(tb testing.TB, s string) registry.Date {
	tb.Helper()
	d, err := registry.ParseDate(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// orderlySnapshot is of the ledgers in testdata/orderly.txtar.
func orderlySnapshot(tb testing.TB) *registry.Snapshot {
	tb.Helper()
	ledgers, said := check(tb, orderly(tb, nil))
	if len(said) > 0 {
		tb.Fatal(said)
	}
	return registry.NewSnapshot(ledgers, []uint32{64500, 4200000001})
}

func TestView(t *testing.T) {
	s := orderlySnapshot(t)
	then, now := s.At(day(t, "2023-12-31")), s.At(day(t, "2026-01-01"))
	if then.Day() != day(t, "2023-12-31") || s.At(day(t, "2026-01-01")) != now {
		t.Error("a view is not of its day, or is made twice")
	}
	for name, c := range map[string]struct{ got, want any }{
		"enterprise":                   {now.Enterprise("E1").Name, "甲公司"},
		"no enterprise":                {now.Enterprise("E9") == nil, true},
		"carrier":                      {now.IsCarrier("CT"), true},
		"an ASN that moved, now":       {[]bool{now.IsCarrier("E1"), now.IsCarrier("E2")}, []bool{false, true}},
		"an ASN that moved, then":      {[]bool{s.At(day(t, "2022-12-31")).IsCarrier("E1"), s.At(day(t, "2022-12-31")).IsCarrier("E2")}, []bool{true, false}},
		"nobody is no carrier":         {now.IsCarrier(""), false},
		"all licences, valid or not":   {len(now.Licences("E1")), 3},
		"no licences":                  {len(now.Licences("CT")), 0},
		"line then":                    {then.Line("L1").EnterpriseID, "E1"},
		"line now":                     {now.Line("L1").EnterpriseID, "E2"},
		"line before it began":         {then.Line("L2") == nil, true},
		"endpoints":                    {len(now.Endpoints("L2")), 2},
		"user files":                   {now.UserFiles("L2")[0].ID, "F1"},
		"exporter":                     {now.Exporter(addr("192.0.2.1")).Sampling, uint64(1000)},
		"no exporter":                  {now.Exporter(addr("192.0.2.9")) == nil, true},
		"port then":                    {then.Port(addr("192.0.2.1"), 7).Line.Use, "idc"},
		"port now":                     {now.Port(addr("192.0.2.1"), 7).Line.Use, "enterprise"},
		"port without its line":        {then.Port(addr("192.0.2.1"), 4294967295).Line == nil, true},
		"no port":                      {now.Port(addr("192.0.2.1"), 8) == nil, true},
		"counts at the border":         {now.Port(addr("192.0.2.1"), 4294967295).Counts, true},
		"ports of a line":              {now.LinePorts("L2")[0].Interface.Name, "xe-1"},
		"no ports":                     {len(now.LinePorts("L9")), 0},
		"most specific allocation":     {now.Allocation(addr("198.51.100.1")).EnterpriseID, "E2"},
		"enclosing allocation":         {now.Allocation(addr("198.51.100.64")).EnterpriseID, "E1"},
		"no allocation":                {now.Allocation(addr("198.51.100.128")) == nil, true},
		"allocation before it began":   {s.At(day(t, "2019-12-31")).Allocation(addr("198.51.100.64")) == nil, true},
		"network of an allocation":     {now.LedgerNet(addr("198.51.100.64")), prefix("198.51.100.0/25")},
		"network of a cut allocation":  {now.LedgerNet(addr("198.51.100.1")), prefix("198.51.100.0/26")},
		"network of an exporter":       {now.LedgerNet(addr("192.0.2.1")), prefix("192.0.2.1/32")},
		"a /32 is too wide":            {now.LedgerNet(addr("2001:4860::1")), prefix("2001:4860::/48")},
		"network of nobody":            {now.LedgerNet(addr("203.0.113.77")), prefix("203.0.113.0/24")},
		"known network":                {now.Network(addr("2001:4860:1::1")).Country, "US"},
		"unknown network":              {now.Network(addr("9.9.9.9")) == nil, true},
		"invalid address":              {[]any{now.Allocation(netip.Addr{}) == nil, now.Network(netip.Addr{}) == nil, now.LedgerNet(netip.Addr{})}, []any{true, true, netip.Prefix{}}},
		"covering, most specific":      {[]string{now.Covering(prefix("198.51.100.0/27"))[0].EnterpriseID, now.Covering(prefix("198.51.100.0/27"))[1].EnterpriseID}, []string{"E2", "E1"}},
		"covering is not overlapping":  {len(now.Covering(prefix("198.51.100.0/24"))), 0},
		"covering itself":              {len(now.Covering(prefix("198.51.100.0/25"))), 1},
		"covering nothing":             {len(now.Covering(netip.Prefix{})), 0},
		"broadcasts then":              {len(s.At(day(t, "2024-06-01")).CoveringBroadcasts(prefix("203.0.113.9/32"))), 1},
		"broadcasts now":               {len(now.CoveringBroadcasts(prefix("203.0.113.9/32"))), 0},
		"translations":                 {now.CoveringTranslations(prefix("203.0.113.9/32"))[0].SharedBy, []string{"E1", "E2"}},
		"owner and owned are siblings": {[]bool{now.Siblings("E1", "E2"), now.Siblings("E2", "E1"), now.Siblings("E1", "E1")}, []bool{true, true, true}},
		"strangers are not":            {[]bool{now.Siblings("E1", "CT"), now.Siblings("E1", ""), now.Siblings("", "")}, []bool{false, false, false}},
	} {
		if diff := cmp.Diff(c.want, c.got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestGroups(t *testing.T) {
	l := &registry.Ledgers{Enterprises: []registry.Enterprise{
		{ID: "root"},
		{ID: "a", ParentID: "root"},
		{ID: "b", ParentID: "root"},
		{ID: "aa", ParentID: "a"},
		{ID: "x", ParentID: "gone"},
		{ID: "y", ParentID: "gone"},
		{ID: "c1", ParentID: "c2"},
		{ID: "c2", ParentID: "c3"},
		{ID: "c3", ParentID: "c1"},
		{ID: "self", ParentID: "self"},
		{ID: "alone"},
	}}
	v := registry.NewSnapshot(l, nil).At(1)
	want := [][]string{{"root", "a", "b", "aa"}, {"x", "y", "gone"}, {"c1", "c2", "c3"}, {"self"}, {"alone"}}
	for i, group := range want {
		for k, other := range want {
			for _, a := range group {
				for _, b := range other {
					if v.Siblings(a, b) != (i == k) {
						t.Errorf("Siblings(%s, %s) = %v", a, b, i != k)
					}
				}
			}
		}
	}
}

func TestUserFilesByEitherName(t *testing.T) {
	l := &registry.Ledgers{
		Lines: []registry.Line{{ID: "L1", UserFile: "F2"}, {ID: "L1", UserFile: "F2"}, {ID: "L2", UserFile: "F1"}, {ID: "L3"}},
		UserFiles: []registry.UserFile{
			{ID: "F1", LineID: "L1"}, {ID: "F2"}, {ID: "F3", LineID: "L3"},
		},
	}
	v := registry.NewSnapshot(l, nil).At(1)
	for line, want := range map[string][]string{"L1": {"F1", "F2"}, "L2": {"F1"}, "L3": {"F3"}, "L4": nil, "": nil} {
		var got []string
		for _, f := range v.UserFiles(line) {
			got = append(got, f.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("files of %q are %v, want %v", line, got, want)
		}
	}
}

// TestPartnersOfOnePrefix has two holders of one block on one day: the first
// of the file is taken, and both are covering.
func TestPartnersOfOnePrefix(t *testing.T) {
	l := &registry.Ledgers{Allocations: []registry.Allocation{
		{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "old", Valid: registry.Validity{To: 99}},
		{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "one", Valid: registry.Validity{From: 100}},
		{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "two", Valid: registry.Validity{From: 50}},
		{Prefix: netip.Prefix{}, EnterpriseID: "unknown"},
	}}
	s := registry.NewSnapshot(l, nil)
	for d, want := range map[registry.Date]string{49: "old", 99: "old", 100: "one"} {
		if got := s.At(d).Allocation(addr("198.51.100.9")); got.EnterpriseID != want {
			t.Errorf("day %d: %s, want %s", d, got.EnterpriseID, want)
		}
	}
	if n := len(s.At(60).Covering(prefix("198.51.100.0/32"))); n != 2 {
		t.Errorf("%d holders on a day of two", n)
	}
}

func TestSnapshotOfNothing(t *testing.T) {
	v := registry.NewSnapshot(&registry.Ledgers{}, nil).At(registry.DateOf(time.Unix(0, 0)))
	if v.Allocation(addr("192.0.2.1")) != nil || v.Covering(prefix("0.0.0.0/0")) != nil || v.Port(addr("192.0.2.1"), 1) != nil || v.LedgerNet(addr("192.0.2.1")) != prefix("192.0.2.0/24") {
		t.Error("nothing says something")
	}
}

// TestViewsOfAllDays asks for more days than are kept, from several sides.
func TestViewsOfAllDays(t *testing.T) {
	l := &registry.Ledgers{}
	for d := range registry.Date(3000) {
		l.Allocations = append(l.Allocations, registry.Allocation{
			Prefix: prefix("198.51.100.0/24"), EnterpriseID: fmt.Sprint(d), Valid: registry.Validity{From: d + 1, To: d + 1},
		})
	}
	s := registry.NewSnapshot(l, nil)
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(w, 0))
			for range 2000 {
				d := registry.Date(r.IntN(3000))
				if v := s.At(d + 1); v.Day() != d+1 || v.Allocation(addr("198.51.100.1")).EnterpriseID != fmt.Sprint(d) {
					t.Errorf("day %d is another one", d+1)
					return
				}
			}
		})
	}
	wg.Wait()
	if s.At(-1).Allocation(addr("198.51.100.1")) != nil || s.At(registry.Date(1<<31-1)).Day() != 1<<31-1 {
		t.Error("days far away are not themselves")
	}
}
