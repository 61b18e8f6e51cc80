package storage_test

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// blocks are the allocations that the questions of these tests are about.
func blocks() []rules.AllocationID {
	return []rules.AllocationID{
		netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8:a::/48"), netip.MustParsePrefix("198.51.101.0/28"),
	}
}

// ofSmallCarrier is a store with a rolled-up day of a small carrier.
func ofSmallCarrier(t *testing.T, seed uint64) (*storage.Store, rules.AddressQuestion) {
	t.Helper()
	s := open(t, configure(t))
	records, scope := smallCarrier(3000, seed)
	store(t, s, records...)
	rollUp(t, s, everyWindow(), scope)
	return s, rules.AddressQuestion{Window: everyWindow(), Location: shanghai(t), Within: blocks()}
}

// some compares what a narrower question yields with the rows of the whole
// answer that it is about, which must be some and not all.
func some[T any](t *testing.T, what string, got, all []T, other func(T) bool) {
	t.Helper()
	want := slices.DeleteFunc(slices.Clone(all), other)
	if len(want) == 0 || len(want) == len(all) {
		t.Errorf("%s are %d of %d rows, which tests nothing", what, len(want), len(all))
	}
	same(t, what, got, want)
}

// TestContactsOfSome compares contacts of some kinds, of some addresses and of
// busy addresses with those of all.
func TestContactsOfSome(t *testing.T) {
	s, about := ofSmallCarrier(t, 4)
	ask := func(q rules.ContactQuestion) []rules.AllocationContact {
		return allOf(t, s.AllocationContacts(t.Context(), q))
	}
	all := ask(rules.ContactQuestion{AddressQuestion: about})
	for _, kinds := range [][]rules.ContactKind{{rules.ContactTunnel}, {rules.ContactAnswer, rules.ContactQuery}} {
		some(t, "contacts of some kinds", ask(rules.ContactQuestion{AddressQuestion: about, Kinds: kinds}), all,
			func(c rules.AllocationContact) bool { return !slices.Contains(kinds, c.Kind) })
	}
	of := about
	of.Addresses = []netip.Addr{all[0].Address, all[len(all)-1].Address, netip.MustParseAddr("192.0.2.1")}
	some(t, "contacts of some addresses", ask(rules.ContactQuestion{AddressQuestion: of}), all,
		func(c rules.AllocationContact) bool { return !slices.Contains(of.Addresses, c.Address) })

	type key struct {
		allocation rules.AllocationID
		address    netip.Addr
		day        registry.Date
	}
	tunnels := ask(rules.ContactQuestion{AddressQuestion: about, Kinds: []rules.ContactKind{rules.ContactTunnel}})
	bytes, most := make(map[key]uint64), make(map[key]uint64)
	for _, c := range tunnels {
		bytes[key{c.Allocation, c.Address, c.Day}] += c.Out + c.In
	}
	var sums []uint64
	for k, n := range bytes {
		k.day = 0
		most[k] = max(most[k], n)
		sums = append(sums, n)
	}
	slices.Sort(sums)
	limit := sums[len(sums)*3/4] // that many bytes exactly are enough
	busy := rules.ContactQuestion{AddressQuestion: about, Kinds: []rules.ContactKind{rules.ContactTunnel}, LeastBytes: limit}
	of.Addresses = nil
	checkNetworks(t, ask, rules.ContactQuestion{AddressQuestion: of}, all)
	some(t, "tunnels of busy addresses", ask(busy), tunnels,
		func(c rules.AllocationContact) bool { return most[key{c.Allocation, c.Address, 0}] < limit })
}

// checkNetworks asks for the contacts of addresses with as many networks in both
// directions as the one with most of them had on a day.
func checkNetworks(
	t *testing.T, ask func(rules.ContactQuestion) []rules.AllocationContact, q rules.ContactQuestion, all []rules.AllocationContact,
) {
	t.Helper()
	type key struct {
		allocation rules.AllocationID
		address    netip.Addr
		day        registry.Date
	}
	type contact struct {
		key
		network netip.Prefix
	}
	out, in := make(map[contact]bool), make(map[contact]bool)
	networks, most := make(map[key]uint64), make(map[key]uint64)
	for _, c := range all { // the two directions may be contacts of two kinds
		k := contact{key{c.Allocation, c.Address, c.Day}, c.Network}
		answered := out[k] && in[k]
		out[k], in[k] = out[k] || c.Out > 0, in[k] || c.In > 0 || c.Out > 0 && c.Kind == rules.ContactAnswer
		if !answered && out[k] && in[k] {
			networks[k.key]++
		}
	}
	for k, n := range networks {
		q.LeastNetworks = max(q.LeastNetworks, n)
		k.day = 0
		most[k] = max(most[k], n)
	}
	some(t, "contacts of addresses with many networks", ask(q), all,
		func(c rules.AllocationContact) bool { return most[key{c.Allocation, c.Address, 0}] < q.LeastNetworks })
}

// TestAllocationsOfSome compares what is told of some allocations, and of all
// without counts, with all that is told of all.
func TestAllocationsOfSome(t *testing.T) {
	s, about := ofSmallCarrier(t, 7)
	all := allOf(t, s.Allocations(t.Context(), about.Window, about.Location))
	within := about.Within[:2]
	some(t, "some allocations", allOf(t, s.AllocationsWithin(t.Context(), about.Window, about.Location, within)), all,
		func(a rules.AllocationDay) bool { return !slices.Contains(within, a.Allocation) })
	if none := allOf(t, s.AllocationsWithin(t.Context(), about.Window, about.Location, nil)); len(none) != 0 {
		t.Errorf("%d days of no allocation", len(none))
	}
	counted := 0
	for i := range all {
		counted += int(all[i].ServedNetworks + all[i].FilledNetworks)
		all[i].ServedNetworks, all[i].ServedASNs, all[i].FilledNetworks, all[i].FilledASNs = 0, 0, 0, 0
	}
	same(t, "totals", allOf(t, s.AllocationTotals(t.Context(), about.Window, about.Location)), all)
	if counted == 0 {
		t.Error("no allocation dealt with any network, which tests nothing")
	}
}

// TestHostsOfSome compares hosts of some addresses with those of all.
func TestHostsOfSome(t *testing.T) {
	s, about := ofSmallCarrier(t, 5)
	all := allOf(t, s.AllocationHosts(t.Context(), about))
	about.Addresses = []netip.Addr{all[0].Address, all[len(all)-1].Address}
	some(t, "hosts of some addresses", allOf(t, s.AllocationHosts(t.Context(), about)), all,
		func(h rules.AllocationHost) bool { return !slices.Contains(about.Addresses, h.Address) })
}

// TestServicesOfMany compares the services that many addresses and networks used
// with those of all.
func TestServicesOfMany(t *testing.T) {
	s, about := ofSmallCarrier(t, 6)
	q := rules.ServicesQuestion{Window: about.Window, Location: about.Location, Lines: []string{"L1", "L2"}}
	ask := func(q rules.ServicesQuestion) []rules.LineService {
		return allOf(t, s.LineServices(t.Context(), q))
	}
	all := ask(q)
	peers := q
	peers.LeastPeers = slices.MaxFunc(all, func(a, b rules.LineService) int { return cmp.Compare(a.Peers, b.Peers) }).Peers
	some(t, "services of many addresses", ask(peers), all, func(v rules.LineService) bool { return v.Peers < peers.LeastPeers })

	type key struct {
		line   string
		server netip.Prefix
		near   bool
	}
	clients := make(map[key]map[netip.Prefix]bool)
	var most uint64
	for _, v := range all {
		k := key{v.Line, v.Server, v.Near}
		if clients[k] == nil {
			clients[k] = make(map[netip.Prefix]bool)
		}
		for _, c := range v.Clients {
			clients[k][c.Network] = true
		}
		most = max(most, uint64(len(clients[k])))
	}
	networks := q
	networks.LeastNetworks = most
	some(t, "services of many networks", ask(networks), all,
		func(v rules.LineService) bool { return uint64(len(clients[key{v.Line, v.Server, v.Near}])) < most })
}
