package rtr

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Config says where the caches are, and bounds what they may send.
type Config struct {
	// Caches are addresses, host:port each.
	Caches []string
	// MaxPayloads is how many payloads one cache may have.
	MaxPayloads int
	// DialTimeout bounds the opening of a connection.
	DialTimeout time.Duration
	// ReadTimeout is how long a cache that was asked may be silent.
	ReadTimeout time.Duration
}

// DefaultConfig names no cache. The whole RPKI had about 800,000 payloads in 2025.
func DefaultConfig() Config {
	return Config{MaxPayloads: 4_000_000, DialTimeout: 10 * time.Second, ReadTimeout: time.Minute}
}

// Validate returns every problem of the configuration.
func (c Config) Validate() error {
	var all []error
	seen := make(map[string]bool)
	for _, address := range c.Caches {
		host, port, err := net.SplitHostPort(address)
		if n, perr := strconv.ParseUint(port, 10, 16); err != nil || host == "" || perr != nil || n == 0 {
			all = append(all, fmt.Errorf("cache %q: not host:port", address))
		}
		if seen[address] {
			all = append(all, fmt.Errorf("cache %q: named twice", address))
		}
		seen[address] = true
	}
	if c.MaxPayloads <= 0 || c.DialTimeout <= 0 || c.ReadTimeout <= 0 {
		all = append(all, errors.New("max payloads, dial timeout and read timeout must be positive"))
	}
	return errors.Join(all...)
}

// intervals are the times of RFC 8210 section 6.
type intervals struct {
	refresh, retry, expire time.Duration
}

// defaultIntervals are those that RFC 8210 section 6 recommends; version 0 knows no others.
func defaultIntervals() intervals {
	return intervals{refresh: time.Hour, retry: 10 * time.Minute, expire: 2 * time.Hour}
}

// intervalsOf brings what a cache said into the bounds of RFC 8210 section 6.
// Data must outlive the questions for newer ones, or else the defaults count.
func intervalsOf(seconds [3]uint32) intervals {
	within := func(i int, least, most uint32) time.Duration {
		return time.Duration(min(max(seconds[i], least), most)) * time.Second
	}
	v := intervals{refresh: within(0, 1, 86400), retry: within(1, 1, 7200), expire: within(2, 600, 172800)}
	if v.expire <= max(v.refresh, v.retry) {
		return defaultIntervals()
	}
	return v
}
