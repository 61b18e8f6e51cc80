package speaker

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config says who may connect, and within which bounds.
type Config struct {
	Listen   []string   // addresses, as ":1790"; empty = none
	ASN      uint32     // our own AS number
	RouterID netip.Addr // IPv4; our own identifier

	Neighbors []Neighbor

	HoldTime    time.Duration // that we offer, 3 s to 65,535 s
	OpenTimeout time.Duration // for a connection to become a session
	// MaxRestart bounds the time for which a neighbour may ask that its routes be kept.
	MaxRestart time.Duration
	// LimitIPv4 and LimitIPv6 bound the paths of one neighbour. Beyond them the
	// session is closed, and the neighbour refused for LimitHold.
	LimitIPv4, LimitIPv6 int
	LimitHold            time.Duration
	// Queue bounds the events of one neighbour that wait for the sink, at about
	// 300 bytes each. When it is full the neighbour is made to wait.
	Queue int
}

// Neighbor is a router that may connect.
type Neighbor struct {
	Address  netip.Addr // it connects from
	ASN      uint32
	LocalASN uint32 // our AS number for it, 0 = Config.ASN
	Password string // TCP MD5; empty = none
	// LimitIPv4 and LimitIPv6 are for this neighbour, 0 = those of Config.
	LimitIPv4, LimitIPv6 int
}

// DefaultConfig returns the defaults. ASN, RouterID and Neighbors have none.
func DefaultConfig() Config {
	return Config{
		Listen:      []string{":1790"},
		HoldTime:    90 * time.Second, // RFC 4271 section 10
		OpenTimeout: 20 * time.Second,
		MaxRestart:  10 * time.Minute,
		LimitIPv4:   2_000_000, // a full table is half of it
		LimitIPv6:   600_000,
		LimitHold:   5 * time.Minute,
		Queue:       4096,
	}
}

const (
	maxPassword = 80 // TCP_MD5SIG_MAXKEYLEN
	minQueue    = 2 * batchSize
)

// Validate reports every mistake at once.
func (c *Config) Validate() error {
	var all []error
	bad := func(key, format string, args ...any) {
		all = append(all, fmt.Errorf("%s: "+format, append([]any{key}, args...)...))
	}
	if c.ASN == 0 {
		bad("asn", "missing")
	}
	if !c.RouterID.Is4() || c.RouterID.IsUnspecified() {
		bad("router_id", "%v is no IPv4 address", c.RouterID)
	}
	if c.HoldTime < 3*time.Second || c.HoldTime > 65535*time.Second {
		bad("hold_time", "%v is not between 3s and 65535s", c.HoldTime)
	}
	for key, d := range map[string]time.Duration{"open_timeout": c.OpenTimeout, "max_restart": c.MaxRestart, "limit_hold": c.LimitHold} {
		if d <= 0 {
			bad(key, "%v is not positive", d)
		}
	}
	if c.LimitIPv4 <= 0 || c.LimitIPv6 <= 0 {
		bad("limit", "%d and %d are not positive", c.LimitIPv4, c.LimitIPv6)
	}
	if c.Queue < minQueue {
		bad("queue", "%d is less than %d", c.Queue, minQueue)
	}
	all = append(all, c.validateNeighbors()...)
	return errors.Join(all...)
}

func (c *Config) validateNeighbors() (all []error) {
	bad := func(key, text string, args ...any) {
		all = append(all, fmt.Errorf("%s: "+text, append([]any{key}, args...)...))
	}
	seen := make(map[netip.Addr]bool)
	for i, n := range c.Neighbors {
		key := fmt.Sprintf("neighbors[%d]", i)
		switch {
		case !n.Address.IsValid() || n.Address.IsUnspecified():
			bad(key+".address", "missing")
		case seen[n.Address.Unmap()]:
			bad(key+".address", "%v is there twice", n.Address)
		}
		seen[n.Address.Unmap()] = true
		if n.ASN == 0 {
			bad(key+".asn", "missing")
		}
		if len(n.Password) > maxPassword {
			bad(key+".password", "longer than %d bytes", maxPassword)
		}
		if n.LimitIPv4 < 0 || n.LimitIPv6 < 0 {
			bad(key+".limit", "negative")
		}
	}
	return all
}
