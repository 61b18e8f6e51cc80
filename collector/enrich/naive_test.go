package enrich

import (
	"net/netip"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
)

// naive is the oracle: it finds the labels by reading every row.
func naive(l *registry.Ledgers, r *flows.Record) flows.Labels {
	at := r.Start
	if at.IsZero() {
		at = r.Received
	}
	today := registry.DateOf(at.In(shanghai))
	var labels flows.Labels
	in, inCounts := naiveLine(l, r.Source.Exporter, r.InIf, today)
	out, outCounts := naiveLine(l, r.Source.Exporter, r.OutIf, today)
	line := in
	if inCounts {
		labels.LineDirection = flows.FromCustomer
		if outCounts && out.ID != in.ID {
			labels.PeerLine = out.ID
		}
	} else if outCounts {
		labels.LineDirection, line = flows.ToCustomer, out
	} else if in == nil {
		line = out
	}
	src, srcHolder := naiveAllocation(l, r.Src, today)
	dst, dstHolder := naiveAllocation(l, r.Dst, today)
	labels.SrcAllocation, labels.DstAllocation = src, dst
	labels.SrcNet, labels.DstNet = naiveNet(l, r.Src, today), naiveNet(l, r.Dst, today)
	labels.SrcOrigin, labels.DstOrigin = naiveOrigin(l, r.Src, r.SrcAS), naiveOrigin(l, r.Dst, r.DstAS)
	switch {
	case labels.LineDirection == flows.FromCustomer && src.IsValid():
		labels.Holder = srcHolder
	case labels.LineDirection == flows.ToCustomer && dst.IsValid():
		labels.Holder = dstHolder
	case line != nil:
		labels.Holder = line.EnterpriseID
	case src.IsValid():
		labels.Holder = srcHolder
	default:
		labels.Holder = dstHolder
	}
	if line != nil {
		labels.Line = line.ID
	}
	return labels
}

func naiveLine(l *registry.Ledgers, exporter netip.Addr, index uint32, today registry.Date) (*registry.Line, bool) {
	for _, i := range l.Interfaces {
		if i.Exporter != exporter || i.IfIndex != index {
			continue
		}
		counts := i.Role == "customer"
		if i.Role == "international" {
			counts = true
			for _, other := range l.Interfaces {
				if other.LineID == i.LineID && other.Role == "customer" {
					counts = false
				}
			}
		}
		for k := range l.Lines {
			if l.Lines[k].ID == i.LineID && l.Lines[k].Valid.Contains(today) {
				return &l.Lines[k], counts
			}
		}
	}
	return nil, false
}

func naiveAllocation(l *registry.Ledgers, addr netip.Addr, today registry.Date) (best netip.Prefix, holder string) {
	for _, a := range l.Allocations {
		if a.Valid.Contains(today) && a.Prefix.Contains(addr) && (!best.IsValid() || a.Prefix.Bits() > best.Bits()) {
			best, holder = a.Prefix, a.EnterpriseID
		}
	}
	return best, holder
}

func naiveNet(l *registry.Ledgers, addr netip.Addr, today registry.Date) netip.Prefix {
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	best, found := netip.PrefixFrom(addr, bits).Masked(), -1
	take := func(p netip.Prefix) {
		if p.Contains(addr) && p.Bits() > found && p.Bits() >= bits {
			best, found = p, p.Bits()
		}
	}
	for _, a := range l.Allocations {
		if a.Valid.Contains(today) {
			take(a.Prefix)
		}
	}
	for _, e := range l.LineEndpoints {
		for _, line := range l.Lines {
			if line.ID == e.LineID && line.Valid.Contains(today) {
				take(e.Prefix)
			}
		}
	}
	for _, n := range l.Networks {
		take(n.Prefix)
	}
	for _, e := range l.Exporters {
		take(netip.PrefixFrom(e.Address, e.Address.BitLen()))
	}
	return best
}

func naiveOrigin(l *registry.Ledgers, addr netip.Addr, exported uint32) uint32 {
	best := -1
	var asn uint32
	for _, n := range l.Networks {
		if n.Prefix.Contains(addr) && n.Prefix.Bits() > best {
			best, asn = n.Prefix.Bits(), n.ASN
		}
	}
	if asn == 0 {
		return exported
	}
	return asn
}
