package rules

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

const (
	// serverPeers is from how many distinct addresses an address and port must
	// be used on a day to be in server role.
	serverPeers = 5
	// maxPlatforms and maxPlatformPorts bound what a fact lists.
	maxPlatforms     = 50
	maxPlatformPorts = 8
)

// platformKey is one address in server role while one holder had the line.
type platformKey struct {
	holder string
	server netip.Prefix
	near   bool
}

// platform is what is known of it while it is measured.
type platform struct {
	service PlatformService
	clients map[netip.Prefix]bool
	asns    map[uint32]bool
	own     map[netip.Prefix]bool
	ports   map[uint16]bool
	days    map[registry.Date]bool
}

func measurePlatform(ctx context.Context, in Inputs, p Params) iter.Seq2[PlatformFact, error] {
	return func(yield func(PlatformFact, error) bool) {
		lines, err := newLineTable(ctx, in, "international")
		if err != nil {
			yield(PlatformFact{}, err)
			return
		}
		ledgers := lineLedgers(lines.order)
		err = lines.eachUsage(ctx, func(_ *LineFact, row *registry.Line, u *LineNetworks) {
			ledgers[u.Line].count(u.Day, row.EnterpriseID, u.FromCustomer+u.ToCustomer, u.Samples, false)
		})
		if err != nil {
			yield(PlatformFact{}, err)
			return
		}
		services, err := lines.platforms(ctx, p)
		if err != nil {
			yield(PlatformFact{}, err)
			return
		}
		for _, id := range lines.order {
			if !yield(PlatformFact{LineFact: *lines.facts[id], Days: ledgers[id].sortedDays(), Services: services[id]}, nil) {
				return
			}
		}
	}
}

// platforms reads which addresses served whom over each line. Services come
// line by line, so no more than those of one line are in memory.
func (t *lineTable) platforms(ctx context.Context, params Params) (map[string][]PlatformService, error) {
	out := make(map[string][]PlatformService)
	var line string
	var open map[platformKey]*platform
	closeLine := func() {
		if len(open) > 0 {
			out[line] = append(out[line], closePlatforms(open)...)
		}
		open = make(map[platformKey]*platform)
	}
	closeLine()
	for s, err := range t.in.Traffic.LineServices(ctx, ServicesQuestion{
		Window: t.in.Span.Window(), Location: t.in.Span.Location, Lines: t.order,
		LeastPeers: serverPeers, LeastNetworks: uint64(params["min_networks"]),
	}) {
		if err != nil {
			return nil, fmt.Errorf("read line services: %w", err)
		}
		if s.Line != line {
			closeLine()
			line = s.Line
		}
		f, row := t.facts[s.Line], t.rowOn(s.Line, s.Day)
		if f == nil || row == nil {
			continue
		}
		own := t.own(f, row, s.Day)
		if own.view.IsCarrier(row.EnterpriseID) {
			continue
		}
		key := platformKey{row.EnterpriseID, s.Server, s.Near}
		p := open[key]
		if p == nil {
			p = newPlatform(key)
			open[key] = p
		}
		p.add(own, &s)
	}
	closeLine()
	return out, nil
}

func newPlatform(key platformKey) *platform {
	return &platform{
		service: PlatformService{Holder: key.holder, Server: key.server, Near: key.near},
		clients: make(map[netip.Prefix]bool), asns: make(map[uint32]bool), own: make(map[netip.Prefix]bool),
		ports: make(map[uint16]bool), days: make(map[registry.Date]bool),
	}
}

// add counts the clients of one port on one day. Private clients are those of
// the line, and nobody's network is none.
func (p *platform) add(own ownAddresses, s *LineService) {
	served := false
	for _, c := range s.Clients {
		if own.isOwn(c) {
			p.own[c.Network] = true
			p.service.OwnBytes += c.Bytes
			continue
		}
		if kindOf(own.view, c.Network) != publicAddress {
			continue
		}
		asn := cmp.Or(c.ASN, remoteOf(own.view, c.Network).ASN)
		p.clients[c.Network], p.asns[asn], served = true, true, true
		p.service.Bytes += c.Bytes
		p.service.Samples += c.Samples
	}
	if !served {
		return
	}
	p.service.Own = p.service.Own || !own.thirdParty(s.Server)
	p.service.Peers = max(p.service.Peers, s.Peers)
	p.ports[s.Port] = true
	p.days[s.Day] = true
}

// isOwn reports whether a client is the holder's staff: in its addresses, in a
// declared end of one of its lines, or behind one of its ASNs.
func (o ownAddresses) isOwn(c ServiceClient) bool {
	return !o.thirdParty(c.Network) || o.declared(c.Network) || o.ownASN(c.ASN)
}

// closePlatforms returns what served others, the most networks first.
func closePlatforms(open map[platformKey]*platform) []PlatformService {
	out := make([]PlatformService, 0, len(open))
	for _, p := range open {
		s := p.service
		s.Networks, s.ASNs, s.OwnNetworks = uint64(len(p.clients)), uint64(len(p.asns)), uint64(len(p.own))
		if s.Networks == 0 {
			continue
		}
		s.Days = len(p.days)
		for d := range p.days {
			if s.First == 0 || d < s.First {
				s.First = d
			}
			s.Last = max(s.Last, d)
		}
		for port := range p.ports {
			s.Ports = append(s.Ports, port)
		}
		slices.Sort(s.Ports)
		s.Ports = s.Ports[:min(len(s.Ports), maxPlatformPorts)]
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b PlatformService) int {
		return cmp.Or(cmp.Compare(b.Networks, a.Networks), cmp.Compare(b.ASNs, a.ASNs), cmp.Compare(a.Holder, b.Holder),
			comparePrefixes(a.Server, b.Server), cmp.Compare(sideName(a.Near), sideName(b.Near)))
	})
	return out[:min(len(out), maxPlatforms)]
}
