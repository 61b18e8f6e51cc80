package rib

import (
	"errors"
	"fmt"
	"time"
)

// Config bounds a RIB. Every field must be positive.
type Config struct {
	// MaxPeerRoutes is how many routes one peer may have, over all families.
	MaxPeerRoutes int
	// MaxRoutes is how many routes all peers may have together.
	MaxRoutes int
	// MaxPeers is how many peers are remembered, up or down.
	MaxPeers int
	// MaxInstances is how many route distinguishers have tables of their own.
	MaxInstances int
	// StaleTime is how long the routes of a restarting peer are kept.
	StaleTime time.Duration
}

// DefaultConfig holds a few hundred full tables' worth of peers, and no single
// peer that announces far more than the Internet has.
func DefaultConfig() Config {
	return Config{
		MaxPeerRoutes: 4_000_000,
		MaxRoutes:     50_000_000,
		MaxPeers:      10_000,
		MaxInstances:  10_000,
		// RFC 4724 section 4.2 leaves it open; routers use 300 to 360 s.
		StaleTime: 360 * time.Second,
	}
}

func (c Config) check() error {
	var all []error
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"max peer routes", int64(c.MaxPeerRoutes)},
		{"max routes", int64(c.MaxRoutes)},
		{"max peers", int64(c.MaxPeers)},
		{"max instances", int64(c.MaxInstances)},
		{"stale time", int64(c.StaleTime)},
	} {
		if f.value <= 0 {
			all = append(all, fmt.Errorf("%s: %d is not positive", f.name, f.value))
		}
	}
	return errors.Join(all...)
}

// Errors of Apply. A refused event changes nothing but the books.
var (
	ErrPeerRoutes = errors.New("the peer has too many routes")
	ErrRoutes     = errors.New("too many routes in all")
	ErrPeers      = errors.New("too many peers")
	ErrInstances  = errors.New("too many route distinguishers")
	ErrPrefix     = errors.New("the prefix is not valid or not masked")
	ErrKind       = errors.New("unknown kind of event")
)
