package rules

import (
	"cmp"
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

// carried reports whether the tunnels abroad carried that many bytes on some day.
func (c *channel) carried(bytes float64) bool {
	for _, d := range c.days {
		if float64(d.Out)+float64(d.In) >= bytes {
			return true
		}
	}
	return false
}

// add puts one contact where it belongs.
func (c *channel) add(own ownAddresses, row *AllocationContact) {
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
