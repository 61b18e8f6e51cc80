package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// clients are networks of others abroad, n of them in so many autonomous
// systems, with so many packets each.
func clients(n, asns int, samples uint64) []rules.ServiceClient {
	out := make([]rules.ServiceClient, n)
	for i := range out {
		out[i] = rules.ServiceClient{Network: prefix(fmt.Sprintf("62.%d.%d.0/24", i/200, i%200)), ASN: 65300 + uint32(i%asns), Bytes: 1000 * samples, Samples: samples}
	}
	return out
}

// service is one port of a server on line I1 on one day.
func service(t *testing.T, d, server string, near bool, port uint16, list []rules.ServiceClient) rules.LineService {
	t.Helper()
	s := rules.LineService{Line: "I1", Day: day(t, d), Server: prefix(server), Near: near, Port: port, Peers: uint64(3 * len(list)), Clients: list}
	for _, c := range list {
		s.Bytes += c.Bytes
		s.Samples += c.Samples
	}
	return s
}

func platform(t *testing.T, l *registry.Ledgers, services []rules.LineService, change func(*trafficOf)) judged {
	t.Helper()
	traffic := trafficOf{networks: usage{"10.1.0.0/16", "10.2.0.0/16", daily(0), 9_000_000}.networks(t), services: services, books: heard(1)}
	if change != nil {
		change(&traffic)
	}
	return judge(t, rules.IntlBusinessPlatform(), l, traffic, "2026-02-23", "2026-03-01")["I1"]
}

func TestIntlBusinessPlatform(t *testing.T) {
	const server = "10.1.0.5/32"
	one := func(list []rules.ServiceClient) []rules.LineService {
		return []rules.LineService{service(t, "2026-02-24", server, true, 443, list)}
	}
	private := func(n int) []rules.ServiceClient {
		out := make([]rules.ServiceClient, n)
		for i := range out {
			out[i] = rules.ServiceClient{Network: prefix(fmt.Sprintf("172.16.%d.0/24", i)), ASN: uint32(65300 + i), Bytes: 9000, Samples: 9}
		}
		return out
	}
	tests := []struct {
		name     string
		services []rules.LineService
		ledgers  func(l *registry.Ledgers)
		traffic  func(f *trafficOf)
		want     rules.Outcome
		reason   string
	}{
		{name: "at the counts", services: one(clients(50, 10, 4)), want: rules.Fires},
		{name: "a network fewer", services: one(clients(49, 10, 4))},
		{name: "an autonomous system fewer", services: one(clients(50, 9, 4))},
		{name: "a handful of partners", services: one(clients(6, 6, 400))},
		{name: "a server abroad for clients at home", services: []rules.LineService{service(t, "2026-02-24", "51.1.0.0/24", false, 443, clients(80, 20, 4))}, want: rules.Fires},
		{
			name: "two ports of one address", want: rules.Fires,
			services: []rules.LineService{service(t, "2026-02-24", server, true, 80, clients(60, 20, 4)[:30]), service(t, "2026-02-25", server, true, 443, clients(60, 20, 4)[30:])},
		},
		{
			name:     "the same networks at two addresses",
			services: []rules.LineService{service(t, "2026-02-24", server, true, 443, clients(60, 20, 4)[:30]), service(t, "2026-02-24", "10.1.0.6/32", true, 443, clients(60, 20, 4)[30:])},
		},
		{
			name: "fewer than five addresses on a port", services: func() []rules.LineService {
				s := one(clients(60, 20, 4))
				s[0].Peers = 4
				return s
			}(),
		},
		{
			name: "staff in declared ends of the holder's lines", services: one(clients(80, 20, 40)),
			ledgers: func(l *registry.Ledgers) {
				l.Lines = append(l.Lines, registry.Line{ID: "I2", EnterpriseID: "E1", Scope: "international"})
				l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: "I2", End: "z", Prefix: prefix("62.0.0.0/8")})
			},
		},
		{
			name: "staff in the group's autonomous system", services: one(clients(80, 1, 40)),
			ledgers: func(l *registry.Ledgers) {
				l.ASNs = append(l.ASNs, registry.ASN{ASN: 65300, EnterpriseID: "E1S"})
			},
		},
		{
			name: "staff in allocations of the group", services: one(clients(80, 20, 40)),
			ledgers: func(l *registry.Ledgers) {
				l.Allocations = append(l.Allocations, registry.Allocation{Prefix: prefix("62.0.0.0/16"), EnterpriseID: "E1S", Use: "enterprise"})
			},
		},
		{name: "private clients", services: one(private(80))},
		{
			name: "origins of the ledger of networks", want: rules.Fires, services: one(clients(60, 1, 4)),
			ledgers: func(l *registry.Ledgers) {
				for i := range 60 {
					l.Networks = append(l.Networks, registry.Network{Prefix: prefix(fmt.Sprintf("62.0.%d.0/24", i)), Country: "DE", ASN: uint32(65400 + i%10)})
				}
			},
			traffic: func(f *trafficOf) {
				for i := range f.services[0].Clients {
					f.services[0].Clients[i].ASN = 0
				}
			},
		},
		{
			name: "unknown origins are one", services: one(clients(60, 10, 4)),
			traffic: func(f *trafficOf) {
				for i := range f.services[0].Clients {
					if f.services[0].Clients[i].ASN > 65307 {
						f.services[0].Clients[i].ASN = 0
					}
				}
			},
		},
		{name: "few samples", services: one(clients(99, 20, 1)), want: rules.Withheld, reason: "low_samples"},
		{name: "samples enough", services: one(clients(100, 20, 1)), want: rules.Fires},
		{
			name: "few samples of the line", services: one(clients(80, 20, 4)), want: rules.Withheld, reason: "low_samples",
			traffic: func(f *trafficOf) { f.networks = usage{"10.1.0.0/16", "10.2.0.0/16", daily(0), 71_000}.networks(t) },
		},
		{name: "incomplete", services: one(clients(80, 20, 4)), traffic: func(f *trafficOf) { f.books = heard(0.89) }, want: rules.Withheld, reason: "low_completeness"},
		{name: "complete enough", services: one(clients(80, 20, 4)), traffic: func(f *trafficOf) { f.books = heard(0.9) }, want: rules.Fires},
		{name: "domestic", services: one(clients(80, 20, 4)), ledgers: func(l *registry.Ledgers) { l.Lines[0].Scope = "domestic" }},
		{name: "the carrier's own", services: one(clients(80, 20, 4)), ledgers: func(l *registry.Ledgers) { l.Lines[0].EnterpriseID = "CT" }},
		{name: "nothing served", services: nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := officeLine(t)
			if tt.ledgers != nil {
				tt.ledgers(l)
			}
			got := platform(t, l, tt.services, tt.traffic)
			if got.Outcome != tt.want || got.Reason != tt.reason {
				t.Fatalf("outcome %v %q, want %v %q: %+v", got.Outcome, got.Reason, tt.want, tt.reason, got.Facts)
			}
		})
	}
}

func TestIntlBusinessPlatformFigures(t *testing.T) {
	staff := rules.ServiceClient{Network: prefix("10.2.0.0/16"), Bytes: 5000, Samples: 5}
	list := clients(120, 24, 20)
	got := platform(t, officeLine(t), []rules.LineService{
		service(t, "2026-02-24", "10.1.0.5/32", true, 443, append([]rules.ServiceClient{staff}, list[:80]...)),
		service(t, "2026-02-26", "10.1.0.5/32", true, 8443, list[40:]),
	}, nil)
	for name, want := range map[string]any{
		"client_networks": uint64(120), "client_asns": uint64(24), "own_client_networks": uint64(1), "days_with_platform": 2,
		"platform_samples": uint64(3200), "platform_bytes_per_day": uint64(1_600_000), "server": "10.1.0.5", "server_side": "near", "client_addresses_peak": uint64(243),
	} {
		if got.Facts[name] != want {
			t.Errorf("%s = %v, want %v", name, got.Facts[name], want)
		}
	}
	if ports, _ := got.Facts["ports"].([]string); !slices.Equal(ports, []string{"443", "8443"}) {
		t.Errorf("ports %v", ports)
	}
	if got.FirstDay != day(t, "2026-02-24") || got.LastDay != day(t, "2026-02-26") || got.Severity != rules.High {
		t.Errorf("seen %s..%s, %s", got.FirstDay, got.LastDay, got.Severity)
	}
	if got.Confidence != 0.9654 { // 1-1.96/√3200
		t.Errorf("confidence %v", got.Confidence)
	}
	if !strings.Contains(got.Explanation.ZH, "120 个") || !strings.Contains(got.Explanation.EN, "120 client networks in 24") {
		t.Errorf("explanation %v", got.Explanation)
	}
	// The address of somebody else is only where exports mask it.
	other := platform(t, officeLine(t), []rules.LineService{service(t, "2026-02-24", "51.1.0.0/24", false, 443, clients(80, 20, 4))}, nil)
	if names, _ := other.Facts["third_party_networks"].([]string); !slices.Equal(names, []string{"51.1.0.0/24 far"}) || other.Facts["server"] != nil || strings.Contains(other.Explanation.EN, "51.1") {
		t.Errorf("server %v, %v: %s", other.Facts["server"], names, other.Explanation.EN)
	}
}
