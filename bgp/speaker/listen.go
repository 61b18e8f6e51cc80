package speaker

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// sayFor bounds the time in which a last message is written.
const sayFor = time.Second

// signAll sets the passwords of neighbours on a socket before it listens, so that
// no connection can come without.
func signAll(list []*neighbor) func(network, address string, c syscall.RawConn) error {
	passwords := make(map[netip.Addr]string)
	for _, n := range list {
		if n.config.Password != "" {
			passwords[n.config.Address] = n.config.Password
		}
	}
	return sign(passwords)
}

// sign sets passwords on a socket; an empty one takes away what there was.
func sign(passwords map[netip.Addr]string) func(network, address string, c syscall.RawConn) error {
	return func(network, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			for peer, password := range passwords {
				if err := signTCP(int(fd), network, peer, password); err != nil {
					failed = fmt.Errorf("set the TCP MD5 password of %v: %w: the kernel may be built without it; "+
						"remove the password or use another kernel", peer, err)
					return
				}
			}
		})
		return errors.Join(err, failed)
	}
}

// take starts a session for a connection of a neighbour, and refuses others.
func (s *Speaker) take(conn net.Conn) {
	remote, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		_ = conn.Close()
		return
	}
	from := remote.AddrPort().Addr().Unmap()
	n, reason := s.admit(from, conn)
	switch {
	case reason == refusals: // it may become a session
	case n == nil:
		s.refused[reason].Add(1)
		if hidden, ok := s.unknown.allow(time.Now()); ok {
			s.deps.Logger.Warn("BGP connection refused: unknown neighbor; add it to the neighbors to let it in",
				"peer", from.String(), "more_since", hidden)
		}
		refuse(conn, subRejected)
	default:
		s.refused[reason].Add(1)
		if hidden, ok := n.refusedLog.allow(time.Now()); ok {
			s.deps.Logger.Warn("BGP connection refused", "peer", from.String(), "reason", reason.String(), "more_since", hidden)
		}
		refuse(conn, subRejected)
	}
}

// admit starts a session of whom a connection comes from, and says for which
// reason it does not, or refusals. A neighbour that is there while mu is held is
// not retired before it knows of the session.
func (s *Speaker) admit(from netip.Addr, conn net.Conn) (*neighbor, Refusal) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := s.neighbors[from]
	if n == nil {
		n = s.neighbors[from.WithZone("")]
	}
	if n == nil {
		return nil, RefusedUnknown
	}
	if reason, ok := n.admit(); !ok {
		return n, reason
	}
	n.running.Go(newSession(n, conn).run)
	return n, refusals
}

// refuse closes a connection that is no session, and says so.
func refuse(conn net.Conn, subcode uint8) {
	_ = conn.SetWriteDeadline(time.Now().Add(sayFor / 10))
	_, _ = conn.Write(notification{codeCease, subcode, nil}.message())
	_ = conn.Close()
}

// sampler lets one log line through in ten seconds, and counts the others.
type sampler struct {
	mu     sync.Mutex // guards all below
	next   time.Time
	hidden uint64
}

func (s *sampler) allow(now time.Time) (hidden uint64, ok bool) {
	const every = 10 * time.Second
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.next) {
		s.hidden++
		return 0, false
	}
	hidden, s.hidden, s.next = s.hidden, 0, now.Add(every)
	return hidden, true
}

// mapped returns the address as a socket of the network sees it.
func mapped(network string, a netip.Addr) netip.Addr {
	if network == "tcp4" {
		return a.Unmap()
	}
	return netip.AddrFrom16(a.As16())
}
