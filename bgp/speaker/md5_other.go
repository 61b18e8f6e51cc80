//go:build !linux

package speaker

import (
	"errors"
	"net/netip"
)

// signTCP is for Linux alone.
func signTCP(int, string, netip.Addr, string) error { return errors.ErrUnsupported }
