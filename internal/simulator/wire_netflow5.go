package simulator

// netflow5Encoder writes NetFlow v5: a fixed layout, IPv4 only, the sampling
// rate in the header.
type netflow5Encoder struct {
	domain   *domain
	boot     int64
	sequence uint32 // flows before
	buf      []byte
}

// The sampling field of the header holds two bits of mode above fourteen bits
// of interval.
const netflow5RandomMode = 2 << 14

// netflow5Records is how many records a v5 datagram holds.
const netflow5Records = 30

// announce sends nothing: v5 has no templates.
func (e *netflow5Encoder) announce(int64, func(datagram) error) error { return nil }

func (e *netflow5Encoder) export(flows []flow, emit func(datagram) error) error {
	for len(flows) > 0 {
		n := min(len(flows), netflow5Records)
		e.header(flows[n-1].end, n)
		for i := range flows[:n] {
			e.record(&flows[i])
		}
		e.sequence += uint32(n)
		if err := emit(datagram{payload: e.buf, flows: flows[:n]}); err != nil {
			return err
		}
		flows = flows[n:]
	}
	return nil
}

func (e *netflow5Encoder) header(end int64, count int) {
	at := end + 500 // exported half a second after the last flow ended
	b := append16(e.buf[:0], 5)
	b = append16(b, uint16(count))
	b = append32(b, uint32(at-e.boot))
	b = append32(b, uint32(at/1000))
	b = append32(b, uint32(at%1000*1_000_000))
	b = append32(b, e.sequence)
	b = append(b, byte(e.domain.id>>8), byte(e.domain.id)) // engine type and id
	e.buf = append16(b, netflow5RandomMode|uint16(e.domain.samplers[0].rate))
}

func (e *netflow5Encoder) record(f *flow) {
	b := appendAddr(e.buf, f.src, 4)
	b = appendAddr(b, f.dst, 4)
	b = appendAddr(b, f.nextHop, 4)
	b = append16(b, uint16(f.inIf))
	b = append16(b, uint16(f.outIf))
	b = append32(b, uint32(f.packets))
	b = append32(b, uint32(f.bytes))
	b = append32(b, uint32(f.start-e.boot))
	b = append32(b, uint32(f.end-e.boot))
	b = append16(b, f.srcPort)
	b = append16(b, f.dstPort)
	b = append(b, 0, f.tcpFlags, f.proto, f.tos)
	b = append16(b, uint16(f.srcAS))
	b = append16(b, uint16(f.dstAS))
	e.buf = append(b, f.srcMask, f.dstMask, 0, 0)
}
