package storage_test

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage"
)

// smallCarrier returns flows of a small carrier: an access router with a domestic line, an
// international one and a pool, and a border router that sees most of it again.
func smallCarrier(n int, seed uint64) ([]flows.Record, storage.Scope) {
	rng := rand.New(rand.NewPCG(seed, 5))
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	access, border := addr("192.0.2.1"), addr("2001:db8:ffff::9")
	scope := storage.Scope{
		Ports: []storage.ScopePort{
			{Exporter: access, IfIndex: 10, Vantage: storage.VantageCustomer, Line: "L1"},
			{Exporter: access, IfIndex: 11, Vantage: storage.VantageCustomer, Line: "L2"},
			{Exporter: access, IfIndex: 12, Vantage: storage.VantageCustomer},
			{Exporter: border, IfIndex: 2, Vantage: storage.VantageBorder},
			{Exporter: border, IfIndex: 3, Vantage: storage.VantageBorder, Line: "L2"},
		},
		Pools:  []netip.Prefix{prefix("100.64.0.0/16")},
		Shared: []netip.Prefix{prefix("198.51.100.0/24"), prefix("2001:db8:a::/48")},
		Lines:  []storage.ScopeLine{{ID: "L2", Ends: []netip.Prefix{prefix("203.0.113.0/26"), prefix("2001:db8:b::/64")}}},
	}
	homes := []struct {
		prefix netip.Prefix
		port   uint32
		line   string
	}{
		{prefix("198.51.100.0/24"), 10, "L1"},
		{prefix("2001:db8:a::/48"), 10, "L1"},
		{prefix("198.51.101.0/28"), 11, "L2"},
		{prefix("100.64.0.0/16"), 12, ""},
		{prefix("198.51.102.0/24"), 0, ""},
	}
	remotes := []netip.Prefix{prefix("203.0.113.0/24"), prefix("2001:db8:b::/48"), prefix("8.8.0.0/16"), prefix("2001:db8:c0::/40")}
	ports := []uint16{443, 80, 53, 853, 8080, 4500, 1194, 51820, 22, 40000, 33000, 33001}
	protocols := []uint8{6, 6, 6, 17, 17, 17, 1, 50, 47}
	pick := func(p netip.Prefix, many int) netip.Addr {
		b := p.Addr().AsSlice()
		b[len(b)-1] = byte(1 + rng.IntN(many))
		if len(b) == 16 || p.Bits() < 20 {
			b[len(b)-2] = byte(rng.IntN(3))
		}
		a, _ := netip.AddrFromSlice(b)
		return a
	}
	records := make([]flows.Record, 0, n)
	for len(records) < n {
		home, remote := homes[rng.IntN(len(homes))], remotes[rng.IntN(len(remotes))]
		if home.prefix.Addr().Is4() != remote.Addr().Is4() {
			continue
		}
		var r flows.Record
		near, far := pick(home.prefix, 6), pick(remote, 40)
		r.Start = noon.Add(time.Duration(rng.Int64N(int64(30 * time.Hour)))).Add(-15 * time.Hour)
		took := time.Duration(rng.Int64N(int64(90 * time.Second)))
		if rng.IntN(20) == 0 {
			took = time.Duration(rng.Int64N(int64(26 * time.Hour))) // over hours and days
		}
		r.End = r.Start.Add(took)
		r.Received, r.Exported = r.End, r.End
		switch rng.IntN(50) {
		case 0:
			r.Received, r.Start, r.End = r.Start, time.Time{}, time.Time{}
		case 1:
			r.End = r.Start.Add(-time.Hour)
		case 2:
			r.Start = r.Start.Truncate(time.Hour)
			r.End = r.Start.Add(time.Hour)
		}
		r.Bytes, r.Packets = uint64(rng.IntN(100000)), uint64(1+rng.IntN(50))
		r.SamplingRate = []uint64{1, 100, 1000, 0}[rng.IntN(4)]
		r.Proto = protocols[rng.IntN(len(protocols))]
		nearPort, farPort := uint16(0), uint16(0)
		if r.Proto == 6 || r.Proto == 17 {
			nearPort, farPort = ports[rng.IntN(len(ports))], uint16(52000+rng.IntN(50))
			switch rng.IntN(4) {
			case 0:
				farPort = ports[rng.IntN(len(ports))]
			case 1:
				nearPort, farPort = farPort, nearPort
			}
		}
		netOf := func(a netip.Addr) netip.Prefix {
			if rng.IntN(9) == 0 {
				return netip.Prefix{} // not labelled
			}
			return network(netip.Prefix{}, a)
		}
		asn := asnOf(network(netip.Prefix{}, far))
		outward := rng.IntN(2) == 0
		r.Source = flows.Source{Exporter: access, Domain: 7, Version: flows.IPFIX}
		r.Labels.Line = home.line
		if outward {
			r.Src, r.Dst, r.SrcPort, r.DstPort, r.InIf, r.OutIf = near, far, nearPort, farPort, home.port, 1
			r.Labels.SrcNet, r.Labels.DstNet, r.Labels.SrcAllocation, r.Labels.DstOrigin = netOf(near), netOf(far), home.prefix, asn
			r.Labels.LineDirection = flows.FromCustomer
		} else {
			r.Dst, r.Src, r.DstPort, r.SrcPort, r.OutIf, r.InIf = near, far, nearPort, farPort, home.port, 1
			r.Labels.DstNet, r.Labels.SrcNet, r.Labels.DstAllocation, r.Labels.SrcOrigin = netOf(near), netOf(far), home.prefix, asn
			r.Labels.LineDirection = flows.ToCustomer
		}
		if home.line == "" {
			r.Labels.LineDirection = flows.LineNone
		}
		if home.port == 0 || rng.IntN(3) == 0 { // seen at the border, where it is on no line
			r.Source.Exporter, r.InIf, r.OutIf = border, 1, 2
			r.Labels.Line, r.Labels.LineDirection = "", flows.LineNone
			if home.port == 0 && rng.IntN(2) == 0 {
				r.OutIf = 1
			}
		} else if home.line == "L1" && outward && rng.IntN(10) == 0 {
			r.OutIf, r.Labels.PeerLine = 11, "L2"
		}
		records = append(records, r)
	}
	return records, scope
}
