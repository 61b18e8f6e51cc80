package custom

import (
	"context"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// choose takes the subjects that are filed in the span and meet only.
func (g *gathering[R]) choose() error {
	l := g.in.Ledgers.Ledgers()
	switch g.kind {
	case rules.SubjectLine:
		for i := range l.Lines {
			if line := &l.Lines[i]; line.Valid.Overlaps(g.in.Span.Days) {
				if err := g.take(g.lineSubject(line)); err != nil {
					return err
				}
			}
		}
	case rules.SubjectAllocation:
		for i := range l.Allocations {
			if a := &l.Allocations[i]; a.Valid.Overlaps(g.in.Span.Days) {
				if err := g.take(g.allocationSubject(a)); err != nil {
					return err
				}
			}
		}
	case rules.SubjectPrefix, rules.SubjectASN, rules.SubjectEnterprise, rules.SubjectInterface, rules.SubjectDomain:
		return fmt.Errorf("no table is about a subject of kind %s", g.kind)
	}
	return nil
}

// take adds a subject; of several rows of one, the last one filed is judged.
func (g *gathering[R]) take(s subject, exporters map[netip.Addr]bool) error {
	if g.only != nil {
		values := parameters(g.params)
		values["subject"] = s
		if ok, err := g.only.holds(values); err != nil || !ok {
			return err
		}
	}
	name := s.EnterpriseID
	if e := g.view.Enterprise(s.EnterpriseID); e != nil && e.Name != "" {
		name = e.Name
	}
	g.subjects[s.ID] = &gathered[R]{about: s, exporters: exporters, named: rules.Subject{Kind: g.kind, ID: s.ID, Name: name}}
	return nil
}

func (g *gathering[R]) lineSubject(l *registry.Line) (s subject, exporters map[netip.Addr]bool) {
	exporters = make(map[netip.Addr]bool)
	for _, port := range g.view.LinePorts(l.ID) {
		exporters[port.Interface.Exporter] = true
	}
	return subject{
		Kind: string(g.kind), ID: l.ID, EnterpriseID: l.EnterpriseID, Nature: g.nature(l.EnterpriseID), Place: string(l.APlace), Use: l.Use,
		Scope: l.Scope, Technology: l.Technology, BandwidthMbps: l.BandwidthMbps, ZCountry: l.ZCountry, OrderOrigin: l.OrderOrigin,
	}, exporters
}

func (g *gathering[R]) allocationSubject(a *registry.Allocation) (s subject, exporters map[netip.Addr]bool) {
	return subject{
		Kind: string(g.kind), ID: a.Prefix.String(), EnterpriseID: a.EnterpriseID, Nature: g.nature(a.EnterpriseID),
		Place: string(a.Place), Use: a.Use, FilingNo: a.FilingNo,
	}, nil
}

func (g *gathering[R]) nature(enterprise string) string {
	if e := g.view.Enterprise(enterprise); e != nil {
		return e.Nature
	}
	return ""
}

// allocations lists the chosen ones that may be looked into.
func (g *gathering[R]) allocations() []rules.AllocationID {
	var out []rules.AllocationID
	for id, s := range g.subjects {
		if p, err := netip.ParsePrefix(id); err == nil && s.about.Use != "subscriber_pool" {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, netip.Prefix.Compare)
	return out
}

func measureLineDays(ctx context.Context, g *gathering[lineDay]) error {
	type key struct {
		line string
		day  registry.Date
	}
	totals := make(map[key]*lineDay)
	far := make(map[key]map[netip.Prefix]struct{})
	for n, err := range g.in.Traffic.LineNetworks(ctx, g.in.Span.Window(), g.in.Span.Location) {
		if err != nil {
			return fmt.Errorf("read line networks: %w", err)
		}
		if g.subjects[n.Line] == nil {
			continue
		}
		k := key{n.Line, n.Day}
		t := totals[k]
		if t == nil {
			t = &lineDay{Date: n.Day, Day: n.Day.String(), Workday: g.in.Calendar.Workday(n.Day)}
			totals[k], far[k] = t, make(map[netip.Prefix]struct{})
		}
		t.FromCustomer += float64(n.FromCustomer)
		t.ToCustomer += float64(n.ToCustomer)
		t.Samples += float64(n.Samples)
		t.Unscaled += float64(n.Unscaled)
		far[k][n.Far] = struct{}{}
	}
	for k, t := range totals {
		t.Networks = float64(len(far[k]))
		if err := g.add(k.line, *t); err != nil {
			return err
		}
	}
	return nil
}

func measureLineNetworks(ctx context.Context, g *gathering[lineNetworks]) error {
	type key struct {
		line      string
		near, far netip.Prefix
	}
	totals := make(map[key]*lineNetworks)
	for n, err := range g.in.Traffic.LineNetworks(ctx, g.in.Span.Window(), g.in.Span.Location) {
		if err != nil {
			return fmt.Errorf("read line networks: %w", err)
		}
		if g.subjects[n.Line] == nil {
			continue
		}
		k := key{n.Line, n.Near, n.Far}
		t := totals[k]
		if t == nil {
			if len(totals) >= MaxAllRows {
				return fmt.Errorf("the lines have more than %d pairs of networks; narrow the rule with only", MaxAllRows)
			}
			known := g.view.Remote(n.Far.Addr())
			t = &lineNetworks{First: n.Day, Near: n.Near.String(), Far: n.Far.String(), FarCountry: known.Country, FarKind: known.Kind}
			totals[k] = t
		}
		t.First, t.Last = min(t.First, n.Day), max(t.Last, n.Day)
		t.DaysSeen++
		t.FromCustomer += float64(n.FromCustomer)
		t.ToCustomer += float64(n.ToCustomer)
		t.Samples += float64(n.Samples)
		t.Unscaled += float64(n.Unscaled)
	}
	for k, t := range totals {
		if err := g.add(k.line, *t); err != nil {
			return err
		}
	}
	return nil
}

func measureAllocationDays(ctx context.Context, g *gathering[allocationDay]) error {
	for d, err := range g.in.Traffic.Allocations(ctx, g.in.Span.Window(), g.in.Span.Location) {
		if err != nil {
			return fmt.Errorf("read allocations: %w", err)
		}
		err := g.add(d.Allocation.String(), allocationDay{
			Date: d.Day, Day: d.Day.String(), Workday: g.in.Calendar.Workday(d.Day), Out: float64(d.Out), In: float64(d.In), WebOut: float64(d.WebOut),
			ServedNetworks: float64(d.ServedNetworks), ServedASNs: float64(d.ServedASNs),
			FilledNetworks: float64(d.FilledNetworks), FilledASNs: float64(d.FilledASNs),
			OutByHour: doubles(d.OutByHour), IntoByHour: doubles(d.InByHour), Samples: float64(d.Samples), Unscaled: float64(d.Unscaled),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func doubles(hours [24]uint64) []float64 {
	out := make([]float64, len(hours))
	for i, v := range hours {
		out[i] = float64(v)
	}
	return out
}

func measureAllocationHosts(ctx context.Context, g *gathering[allocationHost]) error {
	within := g.allocations()
	if len(within) == 0 {
		return nil
	}
	for h, err := range g.in.Traffic.AllocationHosts(ctx, g.in.Addresses(within)) {
		if err != nil {
			return fmt.Errorf("read hosts of allocations: %w", err)
		}
		err := g.add(h.Allocation.String(), allocationHost{
			Date: h.Day, Day: h.Day.String(), Workday: g.in.Calendar.Workday(h.Day), Address: h.Address.String(), Port: int64(h.Port),
			Out: float64(h.Out), In: float64(h.In), Peers: float64(h.Peers), Networks: float64(h.Networks), ASNs: float64(h.ASNs),
			HoursActive: float64(bits.OnesCount32(h.Hours)), Sessions: float64(h.Sessions), PeakSessions: float64(h.PeakSessions), Samples: float64(h.Samples),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
