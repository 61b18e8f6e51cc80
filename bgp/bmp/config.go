package bmp

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config says who may connect, and within which bounds.
type Config struct {
	Listen []string // addresses, as ":1791"; empty = none
	// Routers lists who may connect; empty = anybody.
	Routers []netip.Prefix

	MaxRouters int // that are remembered, connected or not
	MaxPeers   int // neighbours of one router, each instance counted
	MaxMessage int // octets
	// Batch bounds the events that wait for the sink, of one router, at about 300 bytes each.
	Batch int
	// MessageTimeout is how long a message may take from its first octet to its
	// last. Between messages a router may be silent, as BMP has no keepalive; dead
	// connections are found by TCP.
	MessageTimeout time.Duration
	// Hold is how long a router is refused after the sink refused its events.
	Hold time.Duration
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Listen:     []string{":1791"},
		MaxRouters: 1000,
		MaxPeers:   10_000,
		// A Route Monitoring message has up to 65,583 octets (RFC 8654), and mirroring
		// may hold a few of them.
		MaxMessage:     256 << 10,
		Batch:          512,
		MessageTimeout: time.Minute,
		Hold:           5 * time.Minute,
	}
}

// leastMessage fits every message that is not skipped.
const leastMessage = 66_000

// Validate reports every mistake at once.
func (c *Config) Validate() error {
	var all []error
	for _, f := range []struct {
		key          string
		value, least int64
	}{
		{"max_routers", int64(c.MaxRouters), 1},
		{"max_peers", int64(c.MaxPeers), 1},
		{"max_message", int64(c.MaxMessage), leastMessage},
		{"batch", int64(c.Batch), 1},
		{"message_timeout", int64(c.MessageTimeout), 1},
		{"hold", int64(c.Hold), 1},
	} {
		if f.value < f.least {
			all = append(all, fmt.Errorf("%s: %d is less than %d", f.key, f.value, f.least))
		}
	}
	for i, p := range c.Routers {
		if !p.IsValid() {
			all = append(all, fmt.Errorf("routers[%d]: not a prefix", i))
		}
	}
	return errors.Join(all...)
}

// allows tells whether a router may connect from the address.
func (c *Config) allows(a netip.Addr) bool {
	for _, p := range c.Routers {
		if p.Contains(a) {
			return true
		}
	}
	return len(c.Routers) == 0
}
