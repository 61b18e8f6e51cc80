package snmp_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/collector/snmp"
	"github.com/linewarden/linewarden/flows"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// Secrets of the agent of the tests.
const (
	community = "of-the-tests"
	user      = "auditor"
	authKey   = "auth of the tests"
	privKey   = "privacy of the tests"
)

// freePort returns a UDP port that nobody has.
func freePort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return netip.MustParseAddrPort(c.LocalAddr().String()).Port()
}

// agent starts a real SNMP agent with its own configuration, on loopback alone,
// and returns its port.
func agent(t *testing.T) uint16 {
	t.Helper()
	program, err := exec.LookPath("/usr/sbin/snmpd")
	if err != nil {
		if _, err := exec.LookPath("apt-get"); err == nil && os.Getenv("CI") != "" {
			t.Fatal("snmpd is not installed: .ci/run installs it")
		}
		t.Skip("snmpd is not installed: the test polls a real agent, which Debian has in a package")
	}
	port, dir := freePort(t), t.TempDir()
	config := filepath.Join(dir, "snmpd.conf")
	write(t, config, fmt.Sprintf(`agentAddress udp:127.0.0.1:%d
rocommunity %s 127.0.0.1
createUser %s SHA-256 "%s" AES "%s"
rouser %s authpriv
`, port, community, user, authKey, privKey, user))
	// The agent ends with the context of the test, and is waited for.
	c := exec.CommandContext(t.Context(), program, "-f", "-Lo", "-C", "-c", config, "-p", filepath.Join(dir, "pid"))
	c.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+dir, "MIBS=")
	c.WaitDelay = 5 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Process.Kill(); err == nil {
			_ = c.Wait()
		}
	})
	return port
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// secret is a file with a secret, as people write them.
func secret(t *testing.T, text string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "secret"), text+"\n")
}

// sink keeps readings, and tells of each.
type sink struct {
	mu   sync.Mutex
	list []flows.Counters
}

func (s *sink) TakeCounters(c flows.Counters) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, c)
}

func (s *sink) MalformedCounters(netip.Addr) {}

// named returns the readings of an interface.
func (s *sink) named(name string) (list []flows.Counters) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.list {
		if c.Name == name {
			list = append(list, c)
		}
	}
	return list
}

// run runs a poller until done, and then ends it.
func run(t *testing.T, p *snmp.Poller, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("nothing happened: %+v", p.Books())
		case <-tick.C:
		}
	}
}
