package main

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

// The carrier whose traffic the load generator sends and whose ledgers the
// daemon under load has: large enough that enrichment searches real tables.
const (
	loadExporters   = 16 // per protocol
	loadLines       = 2_000
	loadEnterprises = 1_000
	loadAllocations = 20_000 // IPv4, a /24 each
	loadNetworks    = 5_000  // IPv4, a /20 each, held by others
	loadSampling    = 1_000  // packets per sample
	loadFirstLineIf = 101
	loadCoreIf      = 2
	loadAbroadIf    = 3 // where international lines leave the country
	// loadInternational is every how many lines one is international.
	loadInternational = 10
)

// loadProtocols are the export protocols that are sent, in this order.
var loadProtocols = []string{"netflow9", "ipfix", "sflow5"}

// loadAddress is the address of an exporter of a protocol.
func loadAddress(protocol, exporter int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 0, 0, byte(21 + protocol*loadExporters + exporter)})
}

// linesOf returns the lines that an exporter meters: line n is on exporter
// n modulo the number of all of them, in the order of its interfaces.
func linesOf(protocol, exporter int) []int {
	var lines []int
	for n := protocol*loadExporters + exporter; n < loadLines; n += len(loadProtocols) * loadExporters {
		lines = append(lines, n)
	}
	return lines
}

// loadLineBlocks is how many IPv4 allocations are behind a line. There are two
// lines for each enterprise, and half of its twenty allocations behind each.
const loadLineBlocks = 10

func firstBlockOf(line int) int { return line/2*20 + line%2*loadLineBlocks }

// isInternational reports whether a line leaves the country. A tenth of those
// that do is used by many more than the offices it is declared for.
func isInternational(line int) bool { return line%loadInternational == 0 }

func isMisused(line int) bool { return line%(10*loadInternational) == 0 }

// networkAbroad returns the number of the network of others in which the office
// at the far end of an international line is.
func networkAbroad(line int) uint32 {
	office := line / loadInternational
	return uint32(office/10*50 + 40 + office%10)
}

// isAbroad reports whether a network of others is: a fifth of them, ten in a row.
func isAbroad(network int) bool { return network/10%5 == 4 }

// nearBase4 is where the allocations begin, farBase where the networks of others
// do: IPv4 first, then IPv6.
var (
	nearBase4 = netip.AddrFrom4([4]byte{36, 0, 0, 0})
	farBase4  = netip.AddrFrom4([4]byte{100, 0, 0, 0})
	nearBase6 = netip.AddrFrom16([16]byte{0x24, 0x00, 0x0e, 0})
	farBase6  = netip.AddrFrom16([16]byte{0x26, 0x00})
)

func plus4(base netip.Addr, n uint32) netip.Addr {
	raw := base.As4()
	binary.BigEndian.PutUint32(raw[:], binary.BigEndian.Uint32(raw[:])+n)
	return netip.AddrFrom4(raw)
}

// plus6 counts networks of 48 bits and hosts inside.
func plus6(base netip.Addr, network, host uint32) netip.Addr {
	raw := base.As16()
	binary.BigEndian.PutUint32(raw[2:], binary.BigEndian.Uint32(raw[2:])+network)
	binary.BigEndian.PutUint32(raw[12:], host)
	return netip.AddrFrom16(raw)
}

// loadFlow is one flow as an exporter would report it.
type loadFlow struct {
	src, dst, next       netip.Addr
	inIf, outIf          uint32
	srcAS, dstAS         uint32
	bytes, packets       uint32
	age, span            uint32 // milliseconds since its end, and from start to end
	srcPort, dstPort     uint16
	vlan                 uint16
	proto, tos, tcpFlags uint8
	srcMask, dstMask     uint8
	towards              bool // towards the client, whose port is dstPort
}

// loadTraffic draws flows of one exporter. Some lines and some far networks
// are much busier than others, as everywhere.
type loadTraffic struct {
	random *rand.Rand
	lines  []int
	busy   *rand.Zipf
	far    *rand.Zipf
}

func newLoadTraffic(protocol, exporter int) *loadTraffic {
	r := rand.New(rand.NewPCG(uint64(protocol), uint64(exporter)))
	lines := linesOf(protocol, exporter)
	return &loadTraffic{
		random: r, lines: lines,
		busy: rand.NewZipf(r, 1.1, 4, uint64(len(lines)-1)),
		far:  rand.NewZipf(r, 1.05, 20, loadNetworks-1),
	}
}

var loadPorts = []uint16{443, 443, 443, 443, 80, 53, 8443, 22, 3389, 993, 5060, 1433}

func (g *loadTraffic) flow(v6 bool) loadFlow {
	r := g.random
	which := int(g.busy.Uint64())
	line, far := g.lines[which], uint32(g.far.Uint64())
	allocation := uint32(firstBlockOf(line) + r.IntN(loadLineBlocks))
	out, tunnel := uint32(loadCoreIf), r.IntN(50) == 0
	if isInternational(line) {
		out = loadAbroadIf
		if office := r.IntN(100); office >= 40 || office >= 4 && !isMisused(line) {
			far = networkAbroad(line)
		}
	}
	host := uint32(1) // of an allocation: the one that keeps the tunnels
	if !tunnel {
		host += uint32(r.IntN(200))
	}
	near := plus4(nearBase4, allocation<<8+host)
	remote := plus4(farBase4, far<<12+uint32(r.IntN(256)))
	next, nearMask, farMask := plus4(nearBase4, uint32(which)), uint8(24), uint8(20)
	if v6 {
		near = plus6(nearBase6, uint32(line/2), uint32(r.IntN(4000)))
		remote = plus6(farBase6, far, uint32(r.IntN(256)))
		next, nearMask, farMask = plus6(nearBase6, 0, uint32(which)), 48, 48
	}
	f := loadFlow{
		src: near, dst: remote, next: next, inIf: uint32(loadFirstLineIf + which), outIf: out,
		srcAS: 64500, dstAS: 1000 + far, srcMask: nearMask, dstMask: farMask,
		srcPort: uint16(32768 + r.IntN(28000)), dstPort: loadPorts[r.IntN(len(loadPorts))],
		proto: 6, tcpFlags: 0x1b, vlan: uint16(100 + which), tos: uint8(r.IntN(3)) * 0x20,
		age: uint32(r.IntN(8_000)), span: uint32(r.ExpFloat64() * 5_000),
	}
	f.packets = 1 + uint32(r.ExpFloat64()*6)
	f.bytes = f.packets * uint32(60+r.IntN(1400))
	if tunnel {
		f.dstPort = 4500
	}
	if f.dstPort == 53 || f.dstPort == 5060 || tunnel {
		f.proto, f.tcpFlags = 17, 0
	}
	if isInternational(line) && r.IntN(4) == 0 { // offices serve each other
		f.srcPort, f.dstPort, f.towards = f.dstPort, f.srcPort, true
	}
	if r.IntN(100) < 55 {
		f.src, f.dst, f.inIf, f.outIf = f.dst, f.src, f.outIf, f.inIf
		f.srcAS, f.dstAS, f.srcMask, f.dstMask = f.dstAS, f.srcAS, f.dstMask, f.srcMask
		f.srcPort, f.dstPort, f.towards = f.dstPort, f.srcPort, !f.towards
	}
	return f
}
