package sflow_test

import (
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/flows"
)

var (
	hop4 = netip.MustParseAddr("203.0.113.1")
	hop6 = netip.MustParseAddr("2001:db8::ffff")
	zero = netip.IPv4Unspecified()
)

func router(hop netip.Addr) []byte { return opaque(1002, address(hop), words(24, 16)) }

// gateway encodes an extended gateway record with the given path, which starts
// with the number of its segments.
func gateway(hop netip.Addr, own, src uint32, path ...uint32) []byte {
	return opaque(1003, address(hop), words(own, src, 64499), words(path...), words(1, 65000<<16|7, 100))
}

func TestExtendedRecords(t *testing.T) {
	hop := func(a netip.Addr) func(*flows.Record) { return func(r *flows.Record) { r.NextHop = a } }
	as := func(src, dst uint32) func(*flows.Record) {
		return func(r *flows.Record) { r.NextHop, r.SrcAS, r.DstAS = hop4, src, dst }
	}
	vlans := func(src, dst uint16) func(*flows.Record) {
		return func(r *flows.Record) { r.SrcVLAN, r.DstVLAN = src, dst }
	}
	label := func(l uint32, a netip.Addr) func(*flows.Record) {
		return func(r *flows.Record) { r.MPLSLabel, r.NextHop = l, a }
	}
	tagged := sampled(1, 82, 4, unhex(macs+"8100 0064 0800"+ip4))
	labelled := sampled(1, 82, 4, unhex(macs+"8847 0001 21ff"+ip4))
	for _, c := range []struct {
		name    string
		records [][]byte
		want    func(*flows.Record)
	}{
		{"switch", [][]byte{frame4(), opaque(1001, words(5, 1, 6, 2))}, vlans(5, 6)},
		{"switch before the header", [][]byte{opaque(1001, words(5, 1, 6, 2)), tagged}, vlans(5, 6)},
		{"switch with all ones", [][]byte{frame4(), opaque(1001, words(0xffffffff, 0, 6, 0))}, vlans(0, 6)},
		{"switch that removes the tag", [][]byte{tagged, opaque(1001, words(100, 0, 0, 0))}, vlans(100, 0)},
		{"switch that knows nothing", [][]byte{tagged, opaque(1001, words(0, 0, 0xffffffff, 0))}, vlans(100, 100)},
		{"tag", [][]byte{tagged}, vlans(100, 100)},
		{"stripped tags", [][]byte{opaque(1012, words(2, 0x88a80007, 0x81000064)), tagged}, vlans(7, 100)},
		{"no stripped tags", [][]byte{opaque(1012, words(0)), tagged}, vlans(100, 100)},
		{"router", [][]byte{frame4(), router(hop4)}, hop(hop4)},
		{"router IPv6", [][]byte{router(hop6), frame4()}, hop(hop6)},
		{"router with mapped address", [][]byte{router(netip.AddrFrom16(hop4.As16())), frame4()}, hop(hop4)},
		{"router without next hop", [][]byte{router(zero), frame4()}, hop(netip.Addr{})},
		{"router with unknown next hop", [][]byte{router(netip.Addr{}), frame4()}, hop(netip.Addr{})},
		{"gateway", [][]byte{gateway(hop4, 64500, 64501, 1, 2, 3, 64502, 64503, 64504), frame4()}, as(64501, 64504)},
		{"gateway of four octets", [][]byte{gateway(hop4, 64500, 4200000001, 1, 2, 1, 4200000002), frame4()}, as(4200000001, 4200000002)},
		{"gateway from its own AS", [][]byte{gateway(hop4, 64500, 0, 1, 2, 1, 64502), frame4()}, as(64500, 64502)},
		{"gateway into its own AS", [][]byte{gateway(hop4, 64500, 64501, 0), frame4()}, as(64501, 64500)},
		{"gateway with empty segment", [][]byte{gateway(hop4, 64500, 64501, 1, 2, 0), frame4()}, as(64501, 64500)},
		{"gateway with two sequences", [][]byte{gateway(hop4, 64500, 64501, 2, 2, 1, 64502, 2, 1, 64503), frame4()}, as(64501, 64503)},
		{"gateway with a set at the end", [][]byte{gateway(hop4, 64500, 64501, 2, 2, 1, 64502, 1, 2, 64503, 64504), frame4()}, as(64501, 0)},
		{"gateway with a set of one", [][]byte{gateway(hop4, 64500, 64501, 2, 2, 1, 64502, 1, 1, 64503), frame4()}, as(64501, 64503)},
		{"gateway with a set within", [][]byte{gateway(hop4, 64500, 64501, 2, 1, 2, 1, 2, 2, 1, 64503), frame4()}, as(64501, 64503)},
		{
			"router before gateway",
			[][]byte{gateway(hop6, 64500, 64501, 1, 2, 1, 64502), router(hop4), frame4()},
			as(64501, 64502),
		},
		{"gateway where the router says none", [][]byte{router(zero), gateway(hop4, 64500, 64501, 0), frame4()}, as(64501, 64500)},
		{"MPLS in", [][]byte{opaque(1006, address(hop4), words(2, 100<<12, 200<<12|0x100, 1, 300<<12|0x100)), frame4()}, label(100, hop4)},
		{"MPLS out", [][]byte{opaque(1006, address(hop4), words(0, 1, 300<<12|0x1ff)), frame4()}, label(300, hop4)},
		{"MPLS in the header", [][]byte{opaque(1006, address(zero), words(1, 100<<12, 0)), labelled}, label(18, netip.Addr{})},
		{"MPLS without labels", [][]byte{opaque(1006, address(hop6), words(0, 0)), frame4()}, label(0, hop6)},
		{"router before MPLS", [][]byte{opaque(1006, address(hop6), words(0, 0)), router(hop4), frame4()}, label(0, hop4)},
		{"records of no interest", [][]byte{
			opaque(2, words(78, 0, 0, 0, 0, 0x0800)), opaque(1004, words(0, 0)), opaque(1007, words(0)), frame4(),
			opaque(4413<<12|1, words(1, 2, 3)), opaque(1024, make([]byte, 32)), opaque(0xffffffff),
		}, func(*flows.Record) {}},
		{"record longer than is read", [][]byte{opaque(1001, words(5, 0, 6, 0, 1, 2, 3)), frame4()}, vlans(5, 6)},
		{"the first of two headers", [][]byte{frame4(), sampled(1, 78, 4, unhex(macs+"86dd"+ip6))}, func(*flows.Record) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := diff(change(record4(), c.want), one(t, of(c.records...).compact())); d != "" {
				t.Errorf("record (-want +got):\n%s", d)
			}
		})
	}
}

func TestMalformedSamples(t *testing.T) {
	long := opaque(1, words(1, 78, 4, 400), unhex(macs+"0800"+ip4))
	for name, sample := range map[string][]byte{
		"header cut before the addresses end":  of(sampled(1, 78, 4, unhex(macs + "0800" + ip4)[:33])).compact(),
		"header longer than its record":        of(long).compact(),
		"header that contradicts its type":     of(sampled(1, 78, 4, unhex(macs+"0800"+ip6))).compact(),
		"sample cut before its record count":   opaque(1, words(7, 0, 512, 1000, 3, 3, 4)),
		"empty sample":                         opaque(1),
		"expanded sample of compact size":      opaque(3, words(7, 0, 0, 512, 1000, 3, 0, 3, 0, 4)),
		"more records promised than come":      opaque(1, words(7, 0, 512, 1000, 3, 3, 4, 2), frame4()),
		"4 billion records promised":           opaque(1, words(7, 0, 512, 1000, 3, 3, 4, 0xffffffff), frame4()),
		"record longer than its sample":        opaque(1, words(7, 0, 512, 1000, 3, 3, 4, 2), frame4(), words(1001, 20, 0, 0, 0, 0)),
		"record of 4 billion octets":           opaque(1, words(7, 0, 512, 1000, 3, 3, 4, 2), frame4(), words(1001, 0xfffffffc)),
		"switch record too short":              of(frame4(), opaque(1001, words(5, 0, 6))).compact(),
		"router record too short":              of(frame4(), opaque(1002, words(1))).compact(),
		"router of IPv6 too short":             of(frame4(), opaque(1002, words(2, 1, 2, 3))).compact(),
		"router with address of unknown type":  of(frame4(), opaque(1002, words(3, 1, 2, 3))).compact(),
		"gateway cut before its path":          of(frame4(), opaque(1003, address(hop4), words(1, 2, 3))).compact(),
		"gateway path longer than its record":  of(frame4(), gateway(hop4, 1, 2, 1, 2, 900, 5)).compact(),
		"gateway of 4 billion segments":        of(frame4(), gateway(hop4, 1, 2, 0xffffffff, 2, 1, 5)).compact(),
		"gateway segment of 1 billion members": of(frame4(), gateway(hop4, 1, 2, 1, 2, 0x40000000, 5)).compact(),
		"MPLS stack longer than its record":    of(frame4(), opaque(1006, address(hop4), words(9, 1))).compact(),
		"MPLS stack of 1 billion labels":       of(frame4(), opaque(1006, address(hop4), words(0x40000001, 1, 0))).compact(),
		"VLAN stack without its tags":          of(frame4(), opaque(1012, words(1))).compact(),
		"sampled IPv4 too short":               of(opaque(3, make([]byte, 28))).compact(),
		"sampled IPv6 too short":               of(opaque(4, make([]byte, 52))).compact(),
	} {
		t.Run(name, func(t *testing.T) {
			none(t, sample, flows.ReasonMalformed)
			// It costs itself alone.
			good := of(frame4()).compact()
			records, count, _ := decode(export{samples: [][]byte{good, sample, good}}.bytes())
			if len(records) != 2 || count.Records != 3 || count.Lost[flows.ReasonMalformed] != 1 || count.TotalDatagramsLost() != 0 {
				t.Errorf("between good samples: %d records, count %+v", len(records), count)
			}
			if len(records) == 2 && diff(record4(), records[1]) != "" {
				t.Errorf("the sample behind it is %+v", records[1])
			}
		})
	}
}
