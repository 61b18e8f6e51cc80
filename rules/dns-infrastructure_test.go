package rules_test

import (
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestDNSInfrastructure(t *testing.T) {
	c1 := rules.RouteSource{PeerAS: 64601, First: 64601}
	permit := func(enterprise, kind, from, to string) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			l.Approvals = []registry.Approval{{No: "P1", EnterpriseID: enterprise, Kind: kind, Valid: validity(t, from, to)}}
		}
	}
	const root, tld = "193.0.14.0/24", "203.0.113.0/24"
	tests := []struct {
		name   string
		change func(l *registry.Ledgers)
		routes []rules.Announcement
		want   []string
	}{
		{name: "a root server", want: []string{root}, routes: []rules.Announcement{announced(root, 25152, c1, allWeek(t))}},
		{name: "a root server in IPv6", want: []string{"2001:7fd::/48"}, routes: []rules.Announcement{announced("2001:7fd::/48", 64601, c1, allWeek(t))}},
		{name: "a part of a root server's prefix", want: []string{"193.0.14.128/25"}, routes: []rules.Announcement{announced("193.0.14.128/25", 64601, c1, allWeek(t))}},
		{name: "a TLD", want: []string{tld}, routes: []rules.Announcement{announced(tld, 64601, c1, allWeek(t))}},
		{name: "told by a route reflector of ours", want: []string{root}, routes: []rules.Announcement{announced(root, 25152, rules.RouteSource{First: 64601}, allWeek(t))}},
		{name: "from transit", routes: []rules.Announcement{announced(root, 25152, rules.RouteSource{PeerAS: 64630, First: 64630}, allWeek(t))}},
		{name: "with the permit", change: permit("E1", "dns_root", "", ""), routes: []rules.Announcement{announced(root, 25152, c1, allWeek(t))}},
		{name: "with the permit of its group", change: permit("E1S", "dns_root", "", ""), routes: []rules.Announcement{announced(root, 25152, c1, allWeek(t))}},
		{name: "with the permit of the origin", change: permit("E3", "dns_root", "", ""), routes: []rules.Announcement{announced(root, 64630, c1, allWeek(t))}},
		{name: "with the permit of somebody else", want: []string{root}, change: permit("E2", "dns_root", "", ""), routes: []rules.Announcement{announced(root, 25152, c1, allWeek(t))}},
		{name: "with the permit of a registry", want: []string{root}, change: permit("E1", "dns_registry", "", ""), routes: []rules.Announcement{announced(root, 25152, c1, allWeek(t))}},
		{name: "a TLD with the permit", change: permit("E1", "dns_registry", "", ""), routes: []rules.Announcement{announced(tld, 64601, c1, allWeek(t))}},
		{name: "the permit ended on Tuesday", want: []string{root}, change: permit("E1", "dns_root", "", "2026-03-03"), routes: []rules.Announcement{announced(root, 25152, c1, allWeek(t))}},
		{name: "ten minutes", routes: []rules.Announcement{announced(root, 25152, c1, spanOf(t, "2026-03-03 00:00", 1./6))}},
		{name: "half an hour", want: []string{root}, routes: []rules.Announcement{announced(root, 25152, c1, spanOf(t, "2026-03-03 00:00", 0.5))}},
		{name: "another network", routes: []rules.Announcement{announced("193.0.15.0/24", 64601, c1, allWeek(t))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := peering(t)
			l.Networks = []registry.Network{{Prefix: prefix(tld), Operator: "example registry", Kind: "dns_registry"}}
			if tt.change != nil {
				tt.change(l)
			}
			firesAbout(t, rules.DNSInfrastructure(), l, &toldRoutes{announced: tt.routes}, tt.want...)
		})
	}
}

// TestRootServers holds the prefixes against the addresses of the root hints.
func TestRootServers(t *testing.T) {
	hints := map[string][]string{
		"a": {"198.41.0.4", "2001:503:ba3e::2:30"}, "b": {"170.247.170.2", "2801:1b8:10::b", "199.9.14.201", "2001:500:200::b"},
		"c": {"192.33.4.12", "2001:500:2::c"}, "d": {"199.7.91.13", "2001:500:2d::d"}, "e": {"192.203.230.10", "2001:500:a8::e"},
		"f": {"192.5.5.241", "2001:500:2f::f"}, "g": {"192.112.36.4", "2001:500:12::d0d"}, "h": {"198.97.190.53", "2001:500:1::53"},
		"i": {"192.36.148.17", "2001:7fe::53"}, "j": {"192.58.128.30", "2001:503:c27::2:30"}, "k": {"193.0.14.129", "2001:7fd::1"},
		"l": {"199.7.83.42", "2001:500:9f::42"}, "m": {"202.12.27.33", "2001:dc3::35"},
	}
	served := 0
	for letter, addrs := range hints {
		for _, text := range addrs {
			addr, found := netip.MustParseAddr(text), false
			for _, r := range rules.RootServers() {
				found = found || r.Name == letter+".root-servers.net" && r.Prefix.Contains(addr)
			}
			if served++; !found {
				t.Errorf("%s.root-servers.net at %s is in no prefix", letter, text)
			}
		}
	}
	if n := len(rules.RootServers()); n != served {
		t.Errorf("%d prefixes for %d addresses", n, served)
	}
}
