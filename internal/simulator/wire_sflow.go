package simulator

import "encoding/binary"

// sflowEncoder writes sFlow v5: flow samples with the head of the sampled
// packet, and interface counters now and then. A flow is one packet here.
type sflowEncoder struct {
	router     *router
	domain     *domain
	boot       int64
	sequence   uint32            // datagrams
	samples    map[uint32]uint32 // samples per data source
	buf        []byte
	packet     []byte
	counterSeq uint32
}

// The formats of sflow_version_5.txt that are written here.
const (
	sflowFlowSample    = 1
	sflowCounterSample = 2
	sflowRawHeader     = 1
	sflowExtSwitch     = 1001
	sflowGenericIf     = 1
	sflowEthernet      = 1 // header protocol of a raw header
)

const (
	linkHeader = 18 // Ethernet with one 802.1Q tag
	checksum   = 4  // frame check sequence: counted, then stripped
	maxHeader  = 128
)

// announce sends the counters of the core interface.
func (e *sflowEncoder) announce(at int64, emit func(datagram) error) error {
	e.header(at, 1)
	e.buf = append32(e.buf, sflowCounterSample)
	sample := e.open()
	e.counterSeq++
	e.buf = append32(e.buf, e.counterSeq)
	e.buf = append32(e.buf, ifCore)
	e.buf = append32(e.buf, 1)
	e.buf = append32(e.buf, sflowGenericIf)
	record := e.open()
	e.buf = append32(e.buf, ifCore)
	e.buf = append32(e.buf, 6) // ifType ethernetCsmacd
	e.buf = appendUint(e.buf, 100_000_000_000, 8)
	e.buf = append32(e.buf, 1) // full duplex
	e.buf = append32(e.buf, 3) // admin and operational status up
	e.buf = appendUint(e.buf, uint64(e.counterSeq)*1_000_000_000, 8)
	e.buf = append(e.buf, make([]byte, 6*4)...)
	e.buf = appendUint(e.buf, uint64(e.counterSeq)*2_000_000_000, 8)
	e.buf = append(e.buf, make([]byte, 6*4)...)
	e.close(record)
	e.close(sample)
	return emit(datagram{payload: e.buf})
}

func (e *sflowEncoder) export(flows []flow, emit func(datagram) error) error {
	for len(flows) > 0 {
		e.header(flows[0].end, 0)
		n := 0
		for n < len(flows) && len(e.buf)+220 <= maxPayload {
			e.sample(&flows[n])
			n++
		}
		binary.BigEndian.PutUint32(e.buf[24:], uint32(n))
		if err := emit(datagram{payload: e.buf, flows: flows[:n]}); err != nil {
			return err
		}
		flows = flows[n:]
	}
	return nil
}

// header starts a datagram of an IPv4 agent.
func (e *sflowEncoder) header(at int64, samples uint32) {
	e.sequence++
	b := append32(e.buf[:0], 5)
	b = append32(b, 1)
	b = appendAddr(b, e.router.addr, 4)
	b = append32(b, e.domain.id)
	b = append32(b, e.sequence)
	b = append32(b, uint32(at-e.boot))
	e.buf = append32(b, samples)
}

// open leaves room for a length and returns where.
func (e *sflowEncoder) open() int {
	e.buf = append32(e.buf, 0)
	return len(e.buf)
}

func (e *sflowEncoder) close(at int) {
	binary.BigEndian.PutUint32(e.buf[at-4:], uint32(len(e.buf)-at))
}

func (e *sflowEncoder) sample(f *flow) {
	if e.samples == nil {
		e.samples = make(map[uint32]uint32)
	}
	e.samples[f.inIf]++
	rate := e.domain.samplers[0].rate
	e.buf = append32(e.buf, sflowFlowSample)
	sample := e.open()
	e.buf = append32(e.buf, e.samples[f.inIf])
	e.buf = append32(e.buf, f.inIf) // source: type 0, ifIndex
	e.buf = append32(e.buf, rate)
	e.buf = append32(e.buf, e.samples[f.inIf]*rate)
	e.buf = append32(e.buf, 0) // drops
	e.buf = append32(e.buf, f.inIf)
	e.buf = append32(e.buf, f.outIf)
	e.buf = append32(e.buf, 2)

	e.buf = append32(e.buf, sflowRawHeader)
	record := e.open()
	e.packetHead(f)
	e.buf = append32(e.buf, sflowEthernet)
	e.buf = append32(e.buf, uint32(f.bytes)+linkHeader+checksum)
	e.buf = append32(e.buf, checksum)
	e.buf = append32(e.buf, uint32(len(e.packet)))
	e.buf = append(e.buf, e.packet...)
	for len(e.buf)%4 != 0 {
		e.buf = append(e.buf, 0)
	}
	e.close(record)

	e.buf = append32(e.buf, sflowExtSwitch)
	record = e.open()
	e.buf = append32(e.buf, uint32(f.vlan))
	e.buf = append32(e.buf, 0)
	e.buf = append32(e.buf, uint32(f.vlan))
	e.buf = append32(e.buf, 0)
	e.close(record)
	e.close(sample)
}

// packetHead builds the head of the sampled frame: Ethernet, one tag, IP and
// the transport header, as far as the packet is long.
func (e *sflowEncoder) packetHead(f *flow) {
	p := append(e.packet[:0], 0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02)
	p = append16(p, 0x8100)
	p = append16(p, f.vlan)
	if f.src.Is6() {
		p = append16(p, 0x86dd)
		p = append32(p, 6<<28|uint32(f.tos)<<20)
		p = append16(p, uint16(f.bytes)-40)
		p = append(p, f.proto, 60)
		p = appendAddr(p, f.src, 16)
		p = appendAddr(p, f.dst, 16)
	} else {
		p = append16(p, 0x0800)
		p = append(p, 0x45, f.tos)
		p = append16(p, uint16(f.bytes))
		p = append32(p, 0x4000) // identification 0, do not fragment
		p = append(p, 60, f.proto)
		p = append16(p, 0) // the checksum is left to the card
		p = appendAddr(p, f.src, 4)
		p = appendAddr(p, f.dst, 4)
	}
	e.packet = transportHead(p, f)
	if limit := min(maxHeader, int(f.bytes)+linkHeader); len(e.packet) > limit {
		e.packet = e.packet[:limit]
	}
}

func transportHead(p []byte, f *flow) []byte {
	p = append16(p, f.srcPort)
	p = append16(p, f.dstPort)
	if f.proto == protoTCP {
		p = append32(p, 1)                       // sequence
		p = append32(p, 1)                       // acknowledgement
		p = append(p, 5<<4, f.tcpFlags, 0x40, 0) // data offset, flags, window
		return append(p, 0, 0, 0, 0)             // checksum, urgent pointer
	}
	length := int(f.bytes) - 20
	if f.src.Is6() {
		length -= 20
	}
	p = append16(p, uint16(length))
	return append16(p, 0)
}
