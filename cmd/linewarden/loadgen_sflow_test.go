package main

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// sampleShooter makes sFlow v5 (sflow_version_5.txt): flow samples of the first
// 128 bytes of frames, and what the switch did with them.
type sampleShooter struct {
	agent    netip.Addr
	boot     time.Time
	sequence uint32
	samples  map[uint32]uint32 // per data source
}

func newSampleShooter(agent netip.Addr, boot time.Time) *sampleShooter {
	return &sampleShooter{agent: agent, boot: boot, samples: make(map[uint32]uint32)}
}

const (
	sampleHeader  = 128 // bytes of a frame that are sent along
	sampleFrame   = 14 + 4
	sampleSize    = 8 + 32 + 8 + 16 + sampleHeader + 8 + 16
	sampleRaw     = 8 + 32 + 8 + 16 // where the frame begins in a sample
	samplesOfShot = (loadPayload - 28) / sampleSize
)

func (s *sampleShooter) announce(time.Time) []byte { return nil }

func (s *sampleShooter) shots(g *loadTraffic, n int) []*shot {
	list := make([]*shot, n)
	for i := range list {
		b := make([]byte, 28, loadPayload)
		binary.BigEndian.PutUint32(b, 5)
		binary.BigEndian.PutUint32(b[4:], 1)
		copy(b[8:], s.agent.AsSlice())
		binary.BigEndian.PutUint32(b[24:], samplesOfShot)
		x := &shot{}
		for k := range samplesOfShot {
			f := g.flow((i*samplesOfShot+k)%8 == 7)
			f.bytes /= f.packets // the sample is one packet
			x.flows, x.places = append(x.flows, f), append(x.places, len(b))
			b = appendSample(b, &f)
		}
		x.payload, x.vector = b, [][]byte{b}
		list[i] = x
	}
	return list
}

func appendSample(b []byte, f *loadFlow) []byte {
	for _, v := range []uint32{
		1, sampleSize - 8, 0, f.inIf, loadSampling, 0, 0, f.inIf, f.outIf, 2,
		1, 16 + sampleHeader, 1, f.bytes + sampleFrame + 4, 4, sampleHeader,
	} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	frame := append(make([]byte, 0, sampleHeader), 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0)
	frame = binary.BigEndian.AppendUint16(frame, f.vlan)
	if f.src.Is6() {
		frame = append(frame, 0x86, 0xdd, 0x60|f.tos>>4, f.tos<<4, 0, 0)
		frame = binary.BigEndian.AppendUint16(frame, uint16(f.bytes)-40)
		frame = append(frame, f.proto, 60)
	} else {
		frame = append(frame, 8, 0, 0x45, f.tos)
		frame = binary.BigEndian.AppendUint16(frame, uint16(f.bytes))
		frame = append(frame, 0, 0, 0x40, 0, 60, f.proto, 0, 0)
	}
	frame = append(append(frame, f.src.AsSlice()...), f.dst.AsSlice()...)
	frame = binary.BigEndian.AppendUint16(frame, f.srcPort)
	frame = binary.BigEndian.AppendUint16(frame, f.dstPort)
	if f.proto == 6 {
		frame = append(frame, 0, 0, 0, 1, 0, 0, 0, 1, 5<<4, f.tcpFlags, 0x40, 0, 0, 0, 0, 0)
	} else {
		frame = append(frame, 0, 64, 0, 0)
	}
	b = append(b, frame[:sampleHeader]...)
	for _, v := range []uint32{1001, 16, uint32(f.vlan), 0, uint32(f.vlan), 0} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func (s *sampleShooter) stamp(x *shot, now time.Time, pass uint32) {
	s.sequence++
	binary.BigEndian.PutUint32(x.payload[16:], s.sequence)
	binary.BigEndian.PutUint32(x.payload[20:], uint32(now.Unix()-s.boot.Unix())*1000)
	for i, place := range x.places {
		f, sample := &x.flows[i], x.payload[place:]
		s.samples[f.inIf]++
		n := s.samples[f.inIf]
		binary.BigEndian.PutUint32(sample[8:], n)
		binary.BigEndian.PutUint32(sample[20:], n*loadSampling)
		ports := sampleRaw + sampleFrame + 20
		if f.src.Is6() {
			ports += 20
		}
		if f.towards {
			binary.BigEndian.PutUint16(sample[ports+2:], passPort(f.dstPort, pass))
		} else {
			binary.BigEndian.PutUint16(sample[ports:], passPort(f.srcPort, pass))
		}
	}
}
