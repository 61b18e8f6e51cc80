package rules

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

const (
	// maxChannels and maxChannelEnds bound what a fact lists: addresses of an
	// allocation, and foreign networks of an address.
	maxChannels    = 50
	maxChannelEnds = 10
)

// channel is what is known of one address while it is measured.
type channel struct {
	address ChannelAddress
	days    map[registry.Date]*ChannelDay
	ends    map[netip.Prefix]uint64 // bytes of foreign ends, without the holder's own
	hub     map[string]*homeEnd     // networks at home with tunnels
	relay   map[string]*homeEnd     // networks at home with anything else
}

// homeEnd is what went to and came from one network at home.
type homeEnd struct{ out, in uint64 }

// bothWays reports whether there was an answer: knocking is no exchange.
func (h *homeEnd) bothWays() bool { return h.out > 0 && h.in > 0 }

// channelKey is an address while one holder had it.
type channelKey struct {
	holder  string
	address netip.Addr
}

// channelReader folds the contacts of addresses into channels, one allocation
// at a time.
type channelReader struct {
	in        Inputs
	record    *allocationDays[AllocationTotals]
	approvals *approvalBook
	asns      map[uint32][]registry.ASN
	open      map[channelKey]*channel
	current   AllocationID
	done      map[AllocationID][]ChannelAddress
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
			in: in, record: a, approvals: newApprovalBook(in.Ledgers), asns: make(map[uint32][]registry.ASN),
			open: make(map[channelKey]*channel), done: make(map[AllocationID][]ChannelAddress),
		}
		for _, row := range in.Ledgers.Ledgers().ASNs {
			r.asns[row.ASN] = append(r.asns[row.ASN], row)
		}
		if err := eachContact(ctx, in, ContactQuestion{AddressQuestion: in.Addresses(a.promising()), Kinds: []ContactKind{ContactTunnel, ContactOther}}, r.add); err != nil {
			return nil, err
		}
		r.closeAllocation()
		if err := r.addServed(ctx); err != nil {
			return nil, err
		}
		var facts []ChannelFact
		a.each(p["min_completeness"], func(record AllocationRecord, days []AllocationTotals) {
			if !slices.ContainsFunc(record.Standings, func(s Spell[Standing]) bool { return isChannelUse(s.State.Use) }) {
				return
			}
			id, err := netip.ParsePrefix(record.Subject.ID)
			if err != nil {
				return // every subject here is the text of a prefix
			}
			facts = append(facts, ChannelFact{record, days, r.done[id]})
		})
		return facts, nil
	})
}

// isChannelUse reports whether allocations of that use are looked at.
func isChannelUse(use string) bool {
	return use == "idc" || use == "isp" || use == "ipvpn" || use == "enterprise"
}

// add folds the contacts of one address on one day.
func (r *channelReader) add(rows []AllocationContact) {
	first := &rows[0]
	if r.current != first.Allocation {
		r.closeAllocation()
		r.current = first.Allocation
	}
	file := r.record.by[first.Allocation]
	if file == nil {
		return
	}
	standing := file.record.on(first.Day)
	if standing == nil || !isChannelUse(standing.Use) {
		return
	}
	view := r.in.Ledgers.At(first.Day)
	key := channelKey{standing.Holder, first.Address}
	c := r.open[key]
	if c == nil {
		c = &channel{
			address: ChannelAddress{Holder: standing.Holder, Address: first.Address.String()}, days: make(map[registry.Date]*ChannelDay),
			ends: make(map[netip.Prefix]uint64), hub: make(map[string]*homeEnd), relay: make(map[string]*homeEnd),
		}
		r.open[key] = c
	}
	if r.approvals.crossBorder(view, standing.Holder, "") {
		c.address.ApprovedDays++
		return
	}
	own := ownAddresses{view: view, holder: standing.Holder, asns: r.asns}
	for i := range rows {
		c.add(own, &rows[i])
	}
}

// add puts one contact where it belongs.
func (c *channel) add(own ownAddresses, row *AllocationContact) {
	if row.Kind != ContactTunnel && row.Kind != ContactOther {
		return
	}
	where, who := placeOf(own, row.Network)
	switch {
	case where == sidedForeign && row.Kind == ContactTunnel:
		d := c.days[row.Day]
		if d == nil {
			d = &ChannelDay{Day: row.Day}
			c.days[row.Day] = d
		}
		d.Out += row.Out
		d.In += row.In
		d.Samples += row.Samples
		c.ends[row.Network] += row.Out + row.In
	case where == sidedOwn && row.Kind == ContactTunnel:
		c.address.OwnBytes += row.Out + row.In
	case where == sidedHome:
		ends := c.relay
		if row.Kind == ContactTunnel {
			ends = c.hub
		}
		e := ends[who]
		if e == nil {
			e = &homeEnd{}
			ends[who] = e
		}
		e.out += row.Out
		e.in += row.In
	}
}

// sideOfBorder is where a network is, seen from the holder.
type sideOfBorder uint8

const (
	sidedUnknown sideOfBorder = iota
	sidedOwn                  // the holder's own, at home or abroad
	sidedHome
	sidedForeign
)

// placeOf tells on which side of the border a network is, and by whom one at
// home is counted: by the enterprise that holds it, else by its /24 or /48.
func placeOf(own ownAddresses, n netip.Prefix) (where sideOfBorder, who string) {
	v := own.view
	if kindOf(v, n) != publicAddress {
		return sidedUnknown, ""
	}
	remote := remoteOf(v, n)
	if ownNetwork(v, n, own.holder) || own.sharedByHolder(n) || own.ownASN(remote.ASN) {
		return sidedOwn, ""
	}
	owner := ownerOf(v, n)
	if filed := v.Covering(n); len(filed) > 0 {
		switch {
		case owner.Plant:
			return sidedUnknown, ""
		case countryOf(filed[0].Place) != mainland:
			return sidedForeign, ""
		}
	} else if remote.Foreign() {
		return sidedForeign, ""
	} else if remote.Country != mainland {
		return sidedUnknown, ""
	}
	if owner.Enterprise != "" {
		return sidedHome, owner.Enterprise
	}
	return sidedHome, widened(n).String()
}

// widened returns the /24 or /48 a network lies in, or itself where it is wider.
func widened(n netip.Prefix) netip.Prefix {
	bits := 24
	if n.Addr().Is6() {
		bits = 48
	}
	if n.Bits() <= bits {
		return n.Masked()
	}
	return netip.PrefixFrom(n.Addr(), bits).Masked()
}

// closeAllocation keeps the addresses with tunnels abroad, those with the most
// bytes where there are many.
func (r *channelReader) closeAllocation() {
	var list []ChannelAddress
	for _, c := range r.open {
		if len(c.days) > 0 {
			list = append(list, c.close(r.in.Ledgers.At(r.in.Span.Days.To)))
		}
	}
	slices.SortFunc(list, func(a, b ChannelAddress) int {
		return cmp.Or(cmp.Compare(b.bytes(), a.bytes()), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Holder, b.Holder))
	})
	if len(list) > 0 {
		r.done[r.current] = list[:min(len(list), maxChannels)]
	}
	clear(r.open)
}

func (c *channel) close(v *registry.View) ChannelAddress {
	a := c.address
	for _, d := range sortedDays(c.days) {
		a.Days = append(a.Days, *c.days[d])
	}
	hubs := groupsOf(v, c.hub)
	a.HubNetworks = uint64(len(hubs))
	for _, e := range c.hub {
		a.HubBytes += e.out + e.in
	}
	for _, who := range groupsOf(v, c.relay) {
		if !slices.Contains(hubs, who) {
			a.RelayNetworks++
		}
	}
	for _, e := range c.relay {
		a.RelayBytes += e.out + e.in
	}
	a.ForeignNetworks = uint64(len(c.ends))
	ends := make([]netip.Prefix, 0, len(c.ends))
	for n := range c.ends {
		ends = append(ends, n)
	}
	slices.SortFunc(ends, func(a, b netip.Prefix) int {
		return cmp.Or(cmp.Compare(c.ends[b], c.ends[a]), comparePrefixes(a, b))
	})
	for _, n := range ends[:min(len(ends), maxChannelEnds)] {
		a.Ends = append(a.Ends, n.String()+" "+what(v, n))
	}
	return a
}

// groupsOf returns by whom the networks that answered are counted: enterprises
// of one group count once.
func groupsOf(v *registry.View, ends map[string]*homeEnd) []string {
	names := make([]string, 0, len(ends))
	for who, e := range ends {
		if e.bothWays() {
			names = append(names, who)
		}
	}
	slices.Sort(names)
	var out []string
	for _, who := range names {
		if v.Enterprise(who) == nil {
			out = append(out, who)
			continue
		}
		out = addGroup(v, out, who)
	}
	return out
}

// addServed asks how many networks the addresses serve on ports of their own.
// Without that a translated address that fetches from networks at home would
// look like a relay for them.
func (r *channelReader) addServed(ctx context.Context) error {
	within := make([]AllocationID, 0, len(r.done))
	for id := range r.done {
		within = append(within, id)
	}
	if len(within) == 0 {
		return nil
	}
	slices.SortFunc(within, comparePrefixes)
	for h, err := range r.in.Traffic.AllocationHosts(ctx, r.in.Addresses(within)) {
		if err != nil {
			return fmt.Errorf("read hosts of allocations: %w", err)
		}
		if h.Port == 0 || h.Peers < serverPeers {
			continue
		}
		name := h.Address.String()
		for i := range r.done[h.Allocation] {
			if a := &r.done[h.Allocation][i]; a.Address == name {
				a.Served = max(a.Served, h.Networks)
			}
		}
	}
	return nil
}
