package storage

import (
	"context"
	"crypto/tls"
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

// dial connects to host:port, by TLS if that is configured, or to unix:///path.
func (c *Config) dial(ctx context.Context, addr string) (net.Conn, error) {
	network := "tcp"
	target, local := strings.CutPrefix(addr, unixScheme)
	if local {
		network = "unix"
	}
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, network, target)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", target, err)
	}
	if c.TLS == nil || local {
		return conn, nil
	}
	return secure(ctx, conn, c.TLS, target)
}

// secure begins TLS on a connection. The certificate has to name the host of
// the address where the configuration names no other.
func secure(ctx context.Context, conn net.Conn, cfg *tls.Config, addr string) (net.Conn, error) {
	cfg = cfg.Clone()
	if host, _, err := net.SplitHostPort(addr); err == nil && cfg.ServerName == "" {
		cfg.ServerName = host
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	client := tls.Client(conn, cfg)
	if err := client.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake says more
		return nil, fmt.Errorf("connect to %s by TLS: %w", addr, err)
	}
	return client, nil
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
