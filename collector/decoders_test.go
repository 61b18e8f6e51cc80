package collector

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// decoders returns the decoders of the tests.
func decoders(books *flows.Books) (netflow, sflow flows.Decoder) { return plain{books}, nil }

// needs skips a test of a protocol that the decoders of the tests do not read.
func needs(t *testing.T, protocol flows.Version) {
	t.Helper()
	if protocol != flows.NetFlow5 {
		t.Skipf("the decoder of these tests reads NetFlow v5 only, not %v", protocol)
	}
}

// plain is a decoder of NetFlow v5 that believes everything.
type plain struct{ books *flows.Books }

func (d plain) Decode(p flows.Packet, dst []flows.Record) []flows.Record {
	n := int(binary.BigEndian.Uint16(p.Payload[2:]))
	up := time.Duration(binary.BigEndian.Uint32(p.Payload[4:])) * time.Millisecond
	exported := time.Unix(int64(binary.BigEndian.Uint32(p.Payload[8:])), int64(binary.BigEndian.Uint32(p.Payload[12:])))
	s := flows.Source{Exporter: p.From.Addr(), Version: flows.NetFlow5}
	d.books.Account(s).Update(p.Received, func(c *flows.Count) { c.Datagrams++; c.Records += uint64(n) })
	for i := range n {
		r := p.Payload[24+48*i:]
		dst = append(dst, flows.Record{
			Source: s, Received: p.Received, Exported: p.Received,
			Start: exported.Add(time.Duration(binary.BigEndian.Uint32(r[24:]))*time.Millisecond - up),
			End:   exported.Add(time.Duration(binary.BigEndian.Uint32(r[28:]))*time.Millisecond - up),
			Src:   netip.AddrFrom4([4]byte(r)), Dst: netip.AddrFrom4([4]byte(r[4:])),
			Packets: uint64(binary.BigEndian.Uint32(r[16:])), Bytes: uint64(binary.BigEndian.Uint32(r[20:])),
			SrcPort: binary.BigEndian.Uint16(r[32:]), DstPort: binary.BigEndian.Uint16(r[34:]), Proto: r[38],
		})
	}
	return dst
}

func (plain) Expire(_ time.Time, dst []flows.Record) []flows.Record { return dst }
func (plain) Flush(dst []flows.Record) []flows.Record               { return dst }
