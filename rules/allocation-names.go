package rules

import (
	"net/netip"

	"github.com/linewarden/linewarden/registry"
)

// allocationNames tells which names were observed on the addresses of some
// allocations in a span, and who filed them.
type allocationNames struct {
	in   Inputs
	rows map[netip.Addr][]*registry.Domain
}

// namesOn collects the rows of domains.csv about addresses of those
// allocations that were seen in the span. It costs with domains.csv, so it is
// asked for only when some allocation needs it.
func namesOn(in Inputs, within []AllocationID) allocationNames {
	n := allocationNames{in: in, rows: make(map[netip.Addr][]*registry.Domain)}
	if len(within) == 0 {
		return n
	}
	wanted := make(map[AllocationID]bool, len(within))
	for _, id := range within {
		wanted[id] = true
	}
	rows := in.Ledgers.Ledgers().Domains
	for i := range rows {
		seen := registry.Validity{From: rows[i].FirstSeen, To: rows[i].LastSeen}
		if rows[i].Domain == "" || !rows[i].Address.IsValid() || !seen.Overlaps(in.Span.Days) {
			continue
		}
		around := false
		in.Ledgers.EachCovering(netip.PrefixFrom(rows[i].Address, rows[i].Address.BitLen()), func(a *registry.Allocation) {
			around = around || wanted[a.Prefix]
		})
		if around {
			n.rows[rows[i].Address] = append(n.rows[rows[i].Address], &rows[i])
		}
	}
	return n
}

// filedOn counts the names seen on an address in the span, by who has filed
// them on that day: the holder's group, another enterprise, nobody.
func (n *allocationNames) filedOn(addr netip.Addr, day registry.Date, holder string) (own, others, unfiled int) {
	v := n.in.Ledgers.At(day)
	for _, row := range n.rows[addr] {
		switch f := activeFiling(v, row.Domain); {
		case f == nil || f.EnterpriseID == "":
			unfiled++
		case inGroup(v, f.EnterpriseID, holder):
			own++
		default:
			others++
		}
	}
	return own, others, unfiled
}

// institutionsWithFiling returns which of the institutions (事业单位) have a filing
// of their own that is active in the span.
func institutionsWithFiling(in Inputs) map[string]bool {
	out := make(map[string]bool)
	v := in.Ledgers.At(in.Span.Days.To)
	rows := in.Ledgers.Ledgers().ICPFilings
	for i := range rows {
		id := rows[i].EnterpriseID
		if id == "" || out[id] || rows[i].Status == "cancelled" || !rows[i].Valid.Overlaps(in.Span.Days) {
			continue
		}
		if e := v.Enterprise(id); e != nil && e.Nature == "institution" {
			out[id] = true
		}
	}
	return out
}
