package storage_test

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// TestLineSources compares the sources of lines with what single flows add up to.
func TestLineSources(t *testing.T) {
	s := open(t, configure(t))
	records, scope := smallCarrier(3000, 3)
	for i := range records {
		if i%50 == 0 {
			records[i].SamplingRate = 0 // not known
		}
	}
	store(t, s, records...)
	rollUp(t, s, everyWindow(), scope)
	ctx, w, loc := t.Context(), everyWindow(), shanghai(t)
	want := newTrafficOracle(records, scope, loc).lineSources()
	same(t, "line sources", allOf(t, s.LineSources(ctx, w, loc)), want)
	some := slices.DeleteFunc(slices.Clone(want), func(n rules.LineSource) bool { return n.Line != "L2" })
	same(t, "sources of one line", allOf(t, s.LineSources(ctx, w, loc, "L2", "no such line")), some)
	if none := allOf(t, s.LineSources(ctx, rules.Window{From: w.To, To: w.From}, loc)); len(none) != 0 {
		t.Errorf("an empty window has %d sources", len(none))
	}
}

func (o *trafficOracle) lineSources() []rules.LineSource {
	type key struct {
		line string
		day  registry.Date
		near netip.Prefix
	}
	rows := make(map[key]*rules.LineSource)
	o.crossings(func(c crossed) {
		near := c.dstNetwork
		if c.outward {
			near = c.srcNetwork
		}
		n := rowOf(rows, key{c.line, o.day(c.hour), near})
		n.Line, n.Day, n.Network = c.line, o.day(c.hour), near
		n.Unscaled += c.unscaled
		if c.outward {
			n.FromCustomer += c.bytes
			n.Samples += c.samples
		} else {
			n.ToCustomer += c.bytes
		}
	})
	var list []rules.LineSource
	for _, n := range rows {
		list = append(list, *n)
	}
	slices.SortFunc(list, func(a, b rules.LineSource) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Day, b.Day), comparePrefix(a.Network, b.Network))
	})
	return list
}

// TestContactsOfSomeKinds compares contacts of some kinds with those of all.
func TestContactsOfSomeKinds(t *testing.T) {
	s := open(t, configure(t))
	records, scope := smallCarrier(3000, 4)
	store(t, s, records...)
	rollUp(t, s, everyWindow(), scope)
	within := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8:a::/48"), netip.MustParsePrefix("198.51.101.0/28")}
	all := allOf(t, s.AllocationContacts(t.Context(), everyWindow(), shanghai(t), within))
	for _, kinds := range [][]rules.ContactKind{{rules.ContactTunnel}, {rules.ContactAnswer, rules.ContactQuery}} {
		want := slices.DeleteFunc(slices.Clone(all), func(c rules.AllocationContact) bool { return !slices.Contains(kinds, c.Kind) })
		same(t, "contacts of some kinds", allOf(t, s.AllocationContacts(t.Context(), everyWindow(), shanghai(t), within, kinds...)), want)
		if len(want) == len(all) {
			t.Errorf("all contacts are of the kinds %v", kinds)
		}
	}
}
