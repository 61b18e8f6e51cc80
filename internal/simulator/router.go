package simulator

import "net/netip"

// protocol is the export protocol of a router.
type protocol uint8

const (
	netflow9 protocol = iota
	ipfix
	netflow5
	sflow5
)

// String returns the name used in accounts.
func (p protocol) String() string {
	return [...]string{"netflow9", "ipfix", "netflow5", "sflow5"}[p]
}

// router is an exporter: an address that datagrams come from.
type router struct {
	addr    netip.Addr
	name    string
	place   string
	proto   protocol
	domains []domain
	// ledgerSampling is the rate exporters.csv gives, 0 if none.
	ledgerSampling uint32
	// dropEvery drops one datagram of that many on purpose; 0 drops none.
	dropEvery uint64
}

// domain is an observation domain of a router: a line card with templates,
// samplers and sequence numbers of its own.
type domain struct {
	id       uint32
	template uint16 // first template id; v6 is the next, options the one after
	// reversed turns the order of fields around, so that two domains use one
	// template id for different layouts.
	reversed bool
	samplers []sampler
}

// sampler is one packet sampler: one packet in rate.
type sampler struct {
	id   uint32
	name string
	rate uint32
}

// Routers of the cast, by their place in routers().
const (
	beijing = iota
	shanghai
	guangzhou
	hangzhou
	chengdu
	xian
)

// Samplers of every flow router, by their place in domain.samplers.
const (
	fine = iota
	coarse
)

// The interfaces every router has besides those of lines.
const (
	ifInternational = 1
	ifCore          = 2
	ifPeer          = 3
	ifTransit       = 4
	ifFirstLine     = 101
)

// routers returns the carrier's routers.
func routers() []router {
	at := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, last}) }
	return []router{
		{addr: at(11), name: "bj-br1", place: "110100", proto: netflow9, domains: []domain{
			{id: 1, template: 260, samplers: []sampler{{1, "intl-1in256", 256}, {2, "core-1in1000", 1000}}},
		}},
		{addr: at(12), name: "sh-br1", place: "310100", proto: ipfix, domains: []domain{
			{id: 100, template: 300, samplers: []sampler{{7, "intl", 200}, {9, "core", 1000}}},
		}},
		// Two line cards that reuse template and sampler ids for other things.
		{addr: at(13), name: "gz-br1", place: "440100", proto: netflow9, domains: []domain{
			{id: 256, template: 260, samplers: []sampler{{1, "card0-intl", 100}, {2, "card0-core", 500}}},
			{id: 257, template: 260, reversed: true, samplers: []sampler{{1, "card1-intl", 400}, {2, "card1-core", 800}}},
		}},
		{addr: at(14), name: "hz-sw1", place: "330100", proto: sflow5, domains: []domain{
			{id: 0, samplers: []sampler{{0, "", 512}, {0, "", 512}}},
		}},
		{addr: at(15), name: "cd-br1", place: "510100", proto: netflow5, ledgerSampling: 300, domains: []domain{
			{id: 1, samplers: []sampler{{0, "", 300}, {0, "", 300}}},
		}},
		{addr: at(16), name: "xa-br1", place: "610100", proto: ipfix, dropEvery: 5, domains: []domain{
			{id: 1, template: 400, samplers: []sampler{{1, "intl", 250}, {2, "core", 1000}}},
		}},
	}
}
