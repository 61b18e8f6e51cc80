package collector

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/flows"
)

type plain struct{ books *flows.Books }

func decoders(books *flows.Books) (netflow, sflow flows.Decoder) { return plain{books}, plain{books} }

func (d plain) Decode(p flows.Packet, dst []flows.Record) []flows.Record {
	n := int(binary.BigEndian.Uint16(p.Payload[2:]))
	s := flows.Source{Exporter: p.From.Addr(), Version: flows.NetFlow5}
	d.books.Account(s).Update(p.Received, func(c *flows.Count) { c.Datagrams++; c.Records += uint64(n) })
	for i := range n {
		r := p.Payload[24+48*i:]
		dst = append(dst, flows.Record{
			Source: s, Received: p.Received, Exported: p.Received,
			Src: netip.AddrFrom4([4]byte(r)), Dst: netip.AddrFrom4([4]byte(r[4:])),
			Bytes: uint64(binary.BigEndian.Uint32(r[20:])),
		})
	}
	return dst
}
func (plain) Expire(_ time.Time, dst []flows.Record) []flows.Record { return dst }
func (plain) Flush(dst []flows.Record) []flows.Record               { return dst }
