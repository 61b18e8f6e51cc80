package registry

import "net/netip"

// View answers look-ups by the rows that are valid on one day. What it returns
// belongs to the snapshot and must not be changed. It is safe for concurrent
// use; look-ups by address, interface or id allocate nothing.
type View struct {
	snapshot *Snapshot
	day      Date
}

// Day returns the day of the view.
func (v *View) Day() Date { return v.day }

// Enterprise returns the enterprise with that id, or nil.
func (v *View) Enterprise(id string) *Enterprise { return v.snapshot.enterprises[id] }

// IsCarrier reports whether an enterprise is the carrier: one of the carrier's
// ASNs is filed for it on the day.
func (v *View) IsCarrier(enterprise string) bool {
	for _, a := range v.snapshot.carriers {
		if a.EnterpriseID == enterprise && a.Valid.Contains(v.day) {
			return true
		}
	}
	return false
}

// Siblings reports whether two enterprises are of one group, whichever of them
// owns the other, directly or through others. An enterprise is its own sibling.
func (v *View) Siblings(a, b string) bool {
	if a == b {
		return a != ""
	}
	group := v.snapshot.group[a]
	return group != "" && group == v.snapshot.group[b]
}

// Licences returns every row about licences of an enterprise, valid on the day
// or not, in file order: what lapsed matters as much as what holds.
func (v *View) Licences(enterprise string) []*Licence { return v.snapshot.licences[enterprise] }

// Line returns the row of a line that is valid on the day, or nil.
func (v *View) Line(id string) *Line { return lineOn(v.snapshot.lines[id], v.day) }

// LineHistory returns every row of a line, valid on the day or not, in file
// order.
func (v *View) LineHistory(id string) []*Line { return v.snapshot.lines[id] }

func lineOn(rows []*Line, day Date) *Line {
	for _, l := range rows {
		if l.Valid.Contains(day) {
			return l
		}
	}
	return nil
}

// Endpoints returns what is declared for the ends of a line.
func (v *View) Endpoints(line string) []*LineEndpoint { return v.snapshot.endpoints[line] }

// UserFiles returns the files kept for a line: those that name it, then those
// that it names.
func (v *View) UserFiles(line string) []*UserFile { return v.snapshot.userFiles[line] }

// Exporter returns the exporter with that address, or nil.
func (v *View) Exporter(addr netip.Addr) *Exporter { return v.snapshot.exporters[addr] }

// Port returns an interface of an exporter with the line that ends there on
// the day, or nil if the interface is in no ledger.
func (v *View) Port(exporter netip.Addr, ifIndex uint32) *Port {
	rows := v.snapshot.ports[portKey{exporter, ifIndex}]
	if rows == nil {
		return nil
	}
	return rows.on(v.day)
}

func (r *portRows) on(day Date) *Port {
	for i := range r.lines {
		if r.lines[i].Line.Valid.Contains(day) {
			return &r.lines[i]
		}
	}
	return &r.bare
}

// LinePorts returns the interfaces of a line, in file order, whether the line
// is valid on the day or not.
func (v *View) LinePorts(line string) []*Port {
	rows := v.snapshot.linePorts[line]
	out := make([]*Port, len(rows))
	for i, r := range rows {
		out[i] = r.on(v.day)
	}
	return out
}

// Allocation returns the most specific allocation that holds addr on the day,
// or nil.
func (v *View) Allocation(addr netip.Addr) *Allocation {
	p := v.snapshot.prefixes
	for i := p.of(addr); i != none; i = p.entries[i].parent {
		if row := v.allocationIn(i); row != none {
			return &v.snapshot.ledgers.Allocations[row]
		}
	}
	return nil
}

// allocationIn returns the first row of an entry that is valid on the day.
func (v *View) allocationIn(e int32) int32 {
	p := v.snapshot.prefixes
	for row := p.entries[e].first[claimAllocation]; row != none; row = p.next[claimAllocation][row] {
		if v.snapshot.ledgers.Allocations[row].Valid.Contains(v.day) {
			return row
		}
	}
	return none
}

// Network returns what is known of the network of an address that is not the
// carrier's, by the most specific row, or nil.
func (v *View) Network(addr netip.Addr) *Network {
	p := v.snapshot.prefixes
	for i := p.of(addr); i != none; i = p.entries[i].parent {
		if row := p.entries[i].first[claimNetwork]; row != none {
			return &v.snapshot.ledgers.Networks[row]
		}
	}
	return nil
}

// The widest networks LedgerNet returns: what is less specific says too little
// about an address.
const (
	widestNet4 = 24
	widestNet6 = 48
)

// LedgerNet returns the network an address is counted under: the most specific
// prefix of an allocation, a declared end of a line, a known network or an
// exporter that holds it on the day and is at least a /24 or /48; without one
// the /24 or /48 of the address.
func (v *View) LedgerNet(addr netip.Addr) netip.Prefix {
	widest := widestNet4
	if addr.Is6() {
		widest = widestNet6
	}
	p := v.snapshot.prefixes
	for i := p.of(addr); i != none && p.entries[i].prefix.Bits() >= widest; i = p.entries[i].parent {
		if v.names(i) {
			return p.entries[i].prefix
		}
	}
	net, err := addr.Prefix(widest)
	if err != nil {
		return netip.Prefix{} // the zero Addr has no network
	}
	return net
}

// Claims is what the ledgers say of an address on a day.
type Claims struct {
	Allocation *Allocation  // as View.Allocation finds it
	Network    *Network     // as View.Network does
	Net        netip.Prefix // as View.LedgerNet does
}

// Claims answers Allocation, Network and LedgerNet by one look-up instead of
// three, for who asks about each address of each flow.
func (v *View) Claims(addr netip.Addr) (c Claims) {
	widest := widestNet4
	if addr.Is6() {
		widest = widestNet6
	}
	p := v.snapshot.prefixes
	for i := p.of(addr); i != none; i = p.entries[i].parent {
		e := &p.entries[i]
		if !c.Net.IsValid() && e.prefix.Bits() >= widest && v.names(i) {
			c.Net = e.prefix
		}
		if c.Allocation == nil {
			if row := v.allocationIn(i); row != none {
				c.Allocation = &v.snapshot.ledgers.Allocations[row]
			}
		}
		if row := e.first[claimNetwork]; row != none && c.Network == nil {
			c.Network = &v.snapshot.ledgers.Networks[row]
		}
		if c.Allocation != nil && c.Network != nil && c.Net.IsValid() {
			return c
		}
	}
	if !c.Net.IsValid() {
		if net, err := addr.Prefix(widest); err == nil { // the zero Addr has no network
			c.Net = net
		}
	}
	return c
}

// names reports whether an entry is a network of its own on the day.
func (v *View) names(e int32) bool {
	p := v.snapshot.prefixes
	first := &p.entries[e].first
	if first[claimNetwork] != none || first[claimExporter] != none || v.allocationIn(e) != none {
		return true
	}
	for row := first[claimEndpoint]; row != none; row = p.next[claimEndpoint][row] {
		if lineOn(v.snapshot.endpointLines[row], v.day) != nil {
			return true
		}
	}
	return false
}

// Covering returns the allocations of the day that cover all of prefix, most
// specific first.
func (v *View) Covering(prefix netip.Prefix) []*Allocation {
	return covering(v, prefix, claimAllocation, v.snapshot.ledgers.Allocations, func(a *Allocation) bool { return a.Valid.Contains(v.day) })
}

// CoveringBroadcasts returns the filed announcements of the day that cover all
// of prefix, most specific first.
func (v *View) CoveringBroadcasts(prefix netip.Prefix) []*Broadcast {
	return covering(v, prefix, claimBroadcast, v.snapshot.ledgers.Broadcasts, func(b *Broadcast) bool { return b.Valid.Contains(v.day) })
}

// CoveringTranslations returns the translated addresses that cover all of
// prefix, most specific first.
func (v *View) CoveringTranslations(prefix netip.Prefix) []*Translation {
	return covering(v, prefix, claimTranslation, v.snapshot.ledgers.Translations, func(*Translation) bool { return true })
}

// covering returns the rows of one ledger that cover all of prefix and hold,
// most specific first.
func covering[T any](v *View, prefix netip.Prefix, kind claimKind, rows []T, holds func(*T) bool) (out []*T) {
	v.snapshot.prefixes.outwards(prefix, kind, func(row int32) {
		if r := &rows[row]; holds(r) {
			out = append(out, r)
		}
	})
	return out
}

// outwards visits the rows of one ledger about prefix and every prefix around
// it, most specific first.
func (p *prefixes) outwards(prefix netip.Prefix, kind claimKind, visit func(row int32)) {
	for i := p.covering(prefix); i != none; i = p.entries[i].parent {
		for row := p.entries[i].first[kind]; row != none; row = p.next[kind][row] {
			visit(row)
		}
	}
}
