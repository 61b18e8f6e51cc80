package snmp_test

import (
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linewarden/linewarden/collector/snmp"
	"github.com/linewarden/linewarden/flows"
)

// poller returns a poller of the agents, which polls at once.
func poller(t *testing.T, s flows.CounterSink, agents ...snmp.Agent) *snmp.Poller {
	t.Helper()
	config := snmp.DefaultConfig()
	config.Every, config.Timeout, config.Retries, config.Agents = 10*time.Second, time.Second, 0, agents
	p, err := snmp.New(config, snmp.Deps{
		Exporters: func() []netip.Addr { return []netip.Addr{loopback, netip.MustParseAddr("192.0.2.99")} },
		Sink:      s, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// local are the devices of this machine: the other exporter of the ledgers is of
// no agent, and is not asked.
var local = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// TestRealAgent polls Debian's snmpd by both versions, and compares what it says
// of the loopback interface with what the kernel says.
func TestRealAgent(t *testing.T) {
	port := agent(t)
	for name, a := range map[string]snmp.Agent{
		"v2c": {Exporters: local, Port: port, CommunityFile: secret(t, community)},
		"v3": {
			Exporters: local, Port: port, User: user, Auth: "sha256", AuthFile: secret(t, authKey), Privacy: "aes", PrivacyFile: secret(t, privKey),
		},
	} {
		t.Run(name, func(t *testing.T) {
			var s sink
			p := poller(t, &s, a)
			run(t, p, func() bool {
				p.PollNow()
				return len(s.named("lo")) > 1
			})
			lo := s.named("lo")
			first, second := lo[0], lo[1]
			if first.Exporter != loopback || first.Source != flows.CountersSNMP || first.Kind != 24 || first.Narrow || first.Uptime <= 0 {
				t.Errorf("reading %+v", first)
			}
			if most := kernel(t, "lo", "rx_bytes"); second.In.Octets > most || second.In.Octets < first.In.Octets || second.In.Unicast == flows.NoCount {
				t.Errorf("%d and then %d octets in, the kernel has %d", first.In.Octets, second.In.Octets, most)
			}
			n, ok := second.Since(&first)
			if !ok || n.To.Sub(n.From) <= 0 {
				t.Errorf("increment %+v, %v", n, ok)
			}
			b := p.Books()
			if b.Outcomes[snmp.Answered] < 2 || b.Answering != 1 || b.Failing != 0 || b.Interfaces == 0 {
				t.Errorf("books %+v", b)
			}
			if problems, err := testutil.CollectAndLint(snmp.NewMetrics(p)); err != nil || len(problems) > 0 {
				t.Errorf("metrics: %v, %v", problems, err)
			}
		})
	}
}

// kernel returns a figure of an interface.
func kernel(t *testing.T, name, figure string) uint64 {
	t.Helper()
	text, err := os.ReadFile("/sys/class/net/" + name + "/statistics/" + figure)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOutcomes has polls fail in each way that a real agent makes them fail.
func TestOutcomes(t *testing.T) {
	port := agent(t)
	for name, c := range map[string]struct {
		snmp.Agent
		want snmp.Outcome
	}{
		"wrong community": {snmp.Agent{Port: port, CommunityFile: secret(t, "guessed")}, snmp.Timeout},
		"unknown user":    {snmp.Agent{Port: port, User: "nobody", AuthFile: secret(t, authKey), PrivacyFile: secret(t, privKey)}, snmp.Refused},
		"wrong key":       {snmp.Agent{Port: port, User: user, AuthFile: secret(t, "another secret"), PrivacyFile: secret(t, privKey)}, snmp.Refused},
		"nobody there":    {snmp.Agent{Port: freePort(t), CommunityFile: secret(t, community)}, snmp.Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "nobody there" { // until the agent is there, nobody is
				var s sink
				p := poller(t, &s, snmp.Agent{Exporters: local, Port: port, CommunityFile: secret(t, community)})
				run(t, p, func() bool {
					p.PollNow()
					return p.Books().Outcomes[snmp.Answered] > 0
				})
			}
			c.Exporters = local
			var s sink
			p := poller(t, &s, c.Agent)
			run(t, p, func() bool {
				p.PollNow()
				return p.Books().Failing > 0
			})
			b := p.Books()
			var ended uint64
			for _, n := range b.Outcomes {
				ended += n
			}
			if b.Outcomes[c.want] == 0 || b.Answering != 0 || len(s.list) != 0 || b.Polls != ended {
				t.Errorf("want %v: books %+v", c.want, b)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	good := snmp.Agent{Exporters: local, CommunityFile: "community"}
	for name, c := range map[string]struct {
		change func(c *snmp.Config)
		want   string
	}{
		"default":         {func(c *snmp.Config) { c.Agents = nil }, ""},
		"good":            {func(*snmp.Config) {}, ""},
		"too often":       {func(c *snmp.Config) { c.Every = time.Second }, "collector.snmp.every: 1s is not from 10s to 10m"},
		"timeout":         {func(c *snmp.Config) { c.Timeout = time.Minute }, "collector.snmp.timeout: 1m0s with 2 retries"},
		"workers":         {func(c *snmp.Config) { c.Workers = 0 }, "collector.snmp.workers"},
		"no device":       {func(c *snmp.Config) { c.Agents[0].Exporters = nil }, "collector.snmp.agents[0].exporters"},
		"both versions":   {func(c *snmp.Config) { c.Agents[0].User = "u" }, "either community_file"},
		"no version":      {func(c *snmp.Config) { c.Agents[0].CommunityFile = "" }, "either community_file"},
		"auth of v2c":     {func(c *snmp.Config) { c.Agents[0].AuthFile = "f" }, "is of version 3"},
		"unknown auth":    {func(c *snmp.Config) { c.Agents[0].Auth = "crc" }, `"crc" is none of sha`},
		"unknown privacy": {func(c *snmp.Config) { c.Agents[0].Privacy = "rot13" }, `"rot13" is none of aes`},
		"privacy alone":   {func(c *snmp.Config) { c.Agents[0] = snmp.Agent{Exporters: local, User: "u", PrivacyFile: "p"} }, "needs auth_file too"},
	} {
		t.Run(name, func(t *testing.T) {
			config := snmp.DefaultConfig()
			config.Agents = []snmp.Agent{good}
			c.change(&config)
			err := config.Validate()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	config := snmp.DefaultConfig()
	config.Agents = []snmp.Agent{good}
	if _, err := snmp.New(config, snmp.Deps{}); err == nil {
		t.Error("a secret that is not there is no error")
	}
}
