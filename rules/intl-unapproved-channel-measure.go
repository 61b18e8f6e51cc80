package rules

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// channelKey is an address of an allocation while one holder had it.
type channelKey struct {
	allocation AllocationID
	holder     string
	address    netip.Addr
}

// channelReader finds the channels in three steps, each of which asks only about
// the addresses that the one before has left: which carry enough by tunnels
// abroad, how many those can serve, and what else they exchange. On a day of
// many flows nearly all contacts are of addresses that the first step drops.
type channelReader struct {
	in        Inputs
	params    Params
	record    *allocationDays[AllocationTotals]
	approvals *approvalBook
	asns      map[uint32][]registry.ASN
	open      map[channelKey]*channel
}

func measureChannel(ctx context.Context, in Inputs, p Params) iter.Seq2[ChannelFact, error] {
	return allocationFacts(func() ([]ChannelFact, error) {
		a, err := readAllocations(ctx, in, nil, func(row *AllocationDay) (AllocationTotals, bool) {
			enough := float64(row.Out)+float64(row.In) >= p["min_bytes_per_day"]
			return AllocationTotals{row.Day, row.Out, row.In, row.Samples}, enough && row.Out > 0 && row.In > 0
		})
		if err != nil {
			return nil, err
		}
		r := &channelReader{
			in: in, params: p, record: a, approvals: newApprovalBook(in.Ledgers),
			asns: make(map[uint32][]registry.ASN), open: make(map[channelKey]*channel),
		}
		for _, row := range in.Ledgers.Ledgers().ASNs {
			r.asns[row.ASN] = append(r.asns[row.ASN], row)
		}
		for _, step := range []func(context.Context) error{r.readTunnels, r.readServed, r.readRelayed} {
			if err := step(ctx); err != nil {
				return nil, err
			}
		}
		found := r.channels()
		var facts []ChannelFact
		a.each(p["min_completeness"], func(record AllocationRecord, days []AllocationTotals) {
			if !slices.ContainsFunc(record.Standings, func(s Spell[Standing]) bool { return isChannelUse(s.State.Use) }) {
				return
			}
			id, err := netip.ParsePrefix(record.Subject.ID)
			if err != nil {
				return // every subject here is the text of a prefix
			}
			facts = append(facts, ChannelFact{record, days, found[id]})
		})
		return facts, nil
	})
}

// readTunnels keeps the addresses whose tunnels abroad carried enough on some
// day. Where there are few samples, and so few contacts, it keeps all: what looks
// like a channel there is withheld, not cleared.
func (r *channelReader) readTunnels(ctx context.Context) error {
	var few, many []AllocationID
	for _, id := range r.record.promising() {
		if r.thin(id) {
			few = append(few, id)
		} else {
			many = append(many, id)
		}
	}
	least := r.params["min_bytes_per_day"]
	ask := func(within []AllocationID, least float64) error {
		return eachContact(ctx, r.in, ContactQuestion{
			AddressQuestion: r.in.Addresses(within), Kinds: []ContactKind{ContactTunnel}, LeastBytes: uint64(least),
		}, r.add)
	}
	if err := ask(many, least); err != nil {
		return err
	}
	r.keep(func(_ channelKey, c *channel) bool { return c.carried(least) })
	if err := ask(few, 0); err != nil {
		return err
	}
	r.keep(func(_ channelKey, c *channel) bool { return len(c.days) > 0 })
	return nil
}

func (r *channelReader) keep(wanted func(channelKey, *channel) bool) {
	maps.DeleteFunc(r.open, func(key channelKey, c *channel) bool { return !wanted(key, c) })
}

// thin reports whether few samples were seen of an allocation while one of its
// holders had it.
func (r *channelReader) thin(id AllocationID) bool {
	file := r.record.by[id]
	return slices.ContainsFunc(file.record.Standings, func(s Spell[Standing]) bool {
		var samples uint64
		for d := s.From; d <= s.To; d++ {
			if t := file.days[d]; t != nil {
				samples += t.Samples
			}
		}
		return float64(samples) < r.params["min_samples"]
	})
}

// asked are the addresses that are left, and their allocations.
func (r *channelReader) asked() AddressQuestion {
	var within []AllocationID
	var addresses []netip.Addr
	for key := range r.open {
		within = append(within, key.allocation)
		addresses = append(addresses, key.address)
	}
	slices.SortFunc(within, comparePrefixes)
	slices.SortFunc(addresses, netip.Addr.Compare)
	q := r.in.Addresses(slices.Compact(within))
	q.Addresses = slices.Compact(addresses)
	return q
}

// isChannelUse reports whether allocations of that use are looked at.
func isChannelUse(use string) bool {
	return use == "idc" || use == "isp" || use == "ipvpn" || use == "enterprise"
}

// add folds the contacts of one address on one day.
func (r *channelReader) add(rows []AllocationContact) {
	first := &rows[0]
	file := r.record.by[first.Allocation]
	if file == nil {
		return
	}
	standing := file.record.on(first.Day)
	if standing == nil || !isChannelUse(standing.Use) {
		return
	}
	tunnels := first.Kind == ContactTunnel
	key := channelKey{first.Allocation, standing.Holder, first.Address}
	c := r.open[key]
	switch {
	case c == nil && !tunnels:
		return // of another holder of the address
	case c == nil:
		c = &channel{
			address: ChannelAddress{Holder: standing.Holder, Address: first.Address.String()}, days: make(map[registry.Date]*ChannelDay),
			ends: make(map[netip.Prefix]uint64), hub: make(map[string]*homeEnd), relay: make(map[string]*homeEnd),
		}
		r.open[key] = c
	}
	view := r.in.Ledgers.At(first.Day)
	if r.approvals.crossBorder(view, standing.Holder, "") {
		if tunnels {
			c.address.ApprovedDays++
		}
		return
	}
	own := ownAddresses{view: view, holder: standing.Holder, asns: r.asns}
	for i := range rows {
		c.add(own, &rows[i])
	}
}

// channels returns what is left of each allocation, those with the most bytes
// abroad where there are many.
func (r *channelReader) channels() map[AllocationID][]ChannelAddress {
	out := make(map[AllocationID][]ChannelAddress)
	for key, c := range r.open {
		out[key.allocation] = append(out[key.allocation], c.close(r.in.Ledgers.At(r.in.Span.Days.To)))
	}
	for id, list := range out {
		slices.SortFunc(list, func(a, b ChannelAddress) int {
			return cmp.Or(cmp.Compare(b.bytes(), a.bytes()), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Holder, b.Holder))
		})
		out[id] = list[:min(len(list), maxChannels)]
	}
	return out
}

// readServed asks how many networks the addresses serve on ports of their own.
// Without that a translated address that fetches from networks at home would
// look like a relay for them. Those that serve too few, tunnels included, go.
func (r *channelReader) readServed(ctx context.Context) error {
	if len(r.open) == 0 {
		return nil
	}
	type host struct {
		allocation AllocationID
		address    netip.Addr
	}
	served := make(map[host]uint64)
	for h, err := range r.in.Traffic.AllocationHosts(ctx, r.asked()) {
		if err != nil {
			return fmt.Errorf("read hosts of allocations: %w", err)
		}
		if h.Port != 0 && h.Peers >= serverPeers {
			at := host{h.Allocation, h.Address}
			served[at] = max(served[at], h.Networks)
		}
	}
	v := r.in.Ledgers.At(r.in.Span.Days.To)
	r.keep(func(key channelKey, c *channel) bool {
		c.address.Served = served[host{key.allocation, key.address}]
		return float64(c.address.Served)+float64(len(groupsOf(v, c.hub))) >= r.params["min_home_networks"]
	})
	return nil
}

// readRelayed reads what the addresses exchanged without a tunnel.
func (r *channelReader) readRelayed(ctx context.Context) error {
	if len(r.open) == 0 {
		return nil
	}
	return eachContact(ctx, r.in, ContactQuestion{AddressQuestion: r.asked(), Kinds: []ContactKind{ContactOther}}, r.add)
}
