package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/registry"
)

// networkBook tells whose networks are whose, by the ledgers of a span.
type networkBook struct {
	snapshot *registry.Snapshot
	days     registry.Validity
	rows     map[uint32][]*registry.ASN
	// countries are those that networks.csv gives for the prefixes of an ASN.
	countries map[uint32][]string
	lines     map[string][]*registry.Line // by who holds them
	ofGroup   map[string][]*registry.Line // by any enterprise of the group, as asked for
	filed     map[[2]uint32][]registry.Validity
}

func newNetworkBook(s *registry.Snapshot, days registry.Validity) *networkBook {
	b := &networkBook{
		snapshot: s, days: days, rows: make(map[uint32][]*registry.ASN), countries: make(map[uint32][]string),
		lines: make(map[string][]*registry.Line), ofGroup: make(map[string][]*registry.Line),
		filed: make(map[[2]uint32][]registry.Validity),
	}
	l := s.Ledgers()
	for i := range l.ASNs {
		if a := &l.ASNs[i]; a.EnterpriseID != "" {
			b.rows[a.ASN] = append(b.rows[a.ASN], a)
		}
	}
	for i := range l.Networks {
		if n := &l.Networks[i]; n.ASN != 0 && n.Country != "" && !slices.Contains(b.countries[n.ASN], n.Country) {
			b.countries[n.ASN] = append(b.countries[n.ASN], n.Country)
		}
	}
	for i := range l.Lines {
		if line := &l.Lines[i]; line.EnterpriseID != "" && line.Valid.Overlaps(days) {
			b.lines[line.EnterpriseID] = append(b.lines[line.EnterpriseID], line)
		}
	}
	for _, d := range l.Downstreams {
		key := [2]uint32{d.UpstreamASN, d.DownstreamASN}
		b.filed[key] = append(b.filed[key], d.Valid)
	}
	return b
}

// owner returns the enterprise a network is filed for on the day, or nothing.
func (b *networkBook) owner(asn uint32, day registry.Date) string {
	for _, a := range b.rows[asn] {
		if a.Valid.Contains(day) {
			return a.EnterpriseID
		}
	}
	return ""
}

// own returns the networks of the carrier and its group in the span.
func (b *networkBook) own() []uint32 {
	return b.networksOf(func(v *registry.View, enterprise string) bool { return v.CarrierGroup(enterprise) })
}

// customers returns the networks of enterprises with a line in the span that
// are not of the carrier's group.
func (b *networkBook) customers() []uint32 {
	return b.networksOf(func(v *registry.View, enterprise string) bool {
		return !v.CarrierGroup(enterprise) && len(b.linesOf(v, enterprise)) > 0
	})
}

// networksOf returns the networks of enterprises that are meant, in order.
func (b *networkBook) networksOf(meant func(v *registry.View, enterprise string) bool) []uint32 {
	var out []uint32
	for asn, rows := range b.rows {
		for _, a := range rows {
			if a.Valid.Overlaps(b.days) && meant(b.snapshot.At(lastDayIn(a.Valid, b.days)), a.EnterpriseID) {
				out = append(out, asn)
				break
			}
		}
	}
	slices.Sort(out)
	return out
}

// linesOf returns the lines of an enterprise and its group in the span that are
// a customer's: those whose interfaces all lead to a peer or to transit are not.
func (b *networkBook) linesOf(v *registry.View, enterprise string) []*registry.Line {
	if list, known := b.ofGroup[enterprise]; known {
		return list
	}
	var out []*registry.Line
	for holder, lines := range b.lines {
		if !v.Siblings(holder, enterprise) {
			continue
		}
		for _, line := range lines {
			if !isInterconnection(v.LinePorts(line.ID)) {
				out = append(out, line)
			}
		}
	}
	b.ofGroup[enterprise] = out
	return out
}

func isInterconnection(ports []*registry.Port) bool {
	for _, p := range ports {
		if p.Interface.Role != "peer" && p.Interface.Role != "transit" {
			return false
		}
	}
	return len(ports) > 0
}

// isCustomer reports whether an enterprise or its group has a line on the day.
func (b *networkBook) isCustomer(v *registry.View, enterprise string) bool {
	return enterprise != "" && !v.CarrierGroup(enterprise) &&
		slices.ContainsFunc(b.linesOf(v, enterprise), func(l *registry.Line) bool { return l.Valid.Contains(v.Day()) })
}

// customerOf returns the customer a route was learned from on the day: who has
// the network of the session, or the first one after ours, and a line. It is
// nobody for routes from peers and transit.
func (b *networkBook) customerOf(v *registry.View, source RouteSource) string {
	for _, asn := range []uint32{source.PeerAS, source.First} {
		if e := b.owner(asn, v.Day()); b.isCustomer(v, e) {
			return e
		}
	}
	return ""
}

// isFiledBehind reports whether a network is filed on the day as a downstream
// of an enterprise: of any network of its group.
func (b *networkBook) isFiledBehind(v *registry.View, enterprise string, upstream, downstream uint32) bool {
	if slices.ContainsFunc(b.filed[[2]uint32{upstream, downstream}], func(f registry.Validity) bool { return f.Contains(v.Day()) }) {
		return true
	}
	for key, rows := range b.filed {
		if key[1] == downstream && v.Siblings(b.owner(key[0], v.Day()), enterprise) &&
			slices.ContainsFunc(rows, func(f registry.Validity) bool { return f.Contains(v.Day()) }) {
			return true
		}
	}
	return false
}

// foreign reports whether a network is registered outside the mainland on the
// day: its enterprise is, or the networks known of it are and none is at home.
func (b *networkBook) foreign(v *registry.View, asn uint32) bool {
	if e := v.Enterprise(b.owner(asn, v.Day())); e != nil && isOverseas(e.Place) {
		return true
	}
	list := b.countries[asn]
	return len(list) > 0 && !slices.Contains(list, "CN")
}

// isOverseas reports whether a place is in Taiwan, Hong Kong or Macao.
func isOverseas(p registry.Place) bool {
	switch p.Province() {
	case "71", "81", "82":
		return true
	}
	return false
}

// RouteNetwork is a network as a fact names it.
type RouteNetwork struct {
	ASN uint32 `json:"asn"`
	// Owner is who it is filed for, of the last day of the span on which
	// somebody is; empty when it is in no ledger.
	Owner Holder `json:"owner"`
	// Private is set for numbers that are set aside for private use (RFC 6996)
	// and are filed for nobody: nothing says whose they are.
	Private bool `json:"private,omitempty"`
}

func (b *networkBook) network(asn uint32) RouteNetwork {
	n := RouteNetwork{ASN: asn}
	for day := b.days.To; day >= b.days.From; day-- {
		if e := b.owner(asn, day); e != "" {
			n.Owner = holderOf(b.snapshot.At(day), e, "")
			return n
		}
	}
	n.Private = bgp.PrivateASN(asn)
	return n
}

// names returns what the network is called in Chinese and English.
func (n *RouteNetwork) names() (zh, en string) {
	as := "AS" + strconv.FormatUint(uint64(n.ASN), 10)
	switch {
	case n.Owner.EnterpriseID != "":
		return fmt.Sprintf("%s（%s）", as, n.Owner.Name), fmt.Sprintf("%s (%s)", as, n.Owner.Name)
	case n.Private:
		return as + "（私有号码，未登记）", as + " (a private number, not filed)"
	}
	return as + "（未登记）", as + " (not filed)"
}

func asnText(asn uint32) string { return strconv.FormatUint(uint64(asn), 10) }

// routerNames returns addresses as text.
func routerNames(routers []netip.Addr) []string {
	out := make([]string, len(routers))
	for i, r := range routers {
		out[i] = r.String()
	}
	return out
}

// addNew appends what is not in a list yet.
func addNew[T comparable](list, more []T) []T {
	for _, x := range more {
		if !slices.Contains(list, x) {
			list = append(list, x)
		}
	}
	return list
}
