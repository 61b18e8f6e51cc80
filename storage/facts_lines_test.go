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
