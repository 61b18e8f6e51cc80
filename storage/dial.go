package storage

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

const (
	unixScheme = "unix://"
	// dialTime is how long one address may take to answer.
	dialTime = 5 * time.Second
)

// dial connects to host:port or unix:///path.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	network := "tcp"
	if path, ok := strings.CutPrefix(addr, unixScheme); ok {
		network, addr = "unix", path
	}
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return conn, nil
}

// near tells whether all addresses are on this machine, where compressing costs
// more than it saves.
func near(addrs []string) bool {
	for _, addr := range addrs {
		if strings.HasPrefix(addr, unixScheme) {
			continue
		}
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return false
		}
		ip, err := netip.ParseAddr(host)
		if host != "localhost" && (err != nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}
