package listen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// pause is how long accepting rests after an error, as with too many open files.
const pause = time.Second

// Sockets are the listening sockets of one protocol. The zero value has none.
type Sockets struct {
	protocol  string // for people
	logger    *slog.Logger
	list      []net.Listener
	stop      chan struct{} // closed when Close begins
	accepting sync.WaitGroup
}

// Open binds TCP sockets, all or none. ctx bounds the binding alone.
func Open(ctx context.Context, protocol string, addresses []string, config net.ListenConfig, logger *slog.Logger) (*Sockets, error) {
	s := &Sockets{protocol: protocol, logger: logger, stop: make(chan struct{})}
	for _, address := range addresses {
		l, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for %s on %s: %w", protocol, address, err), s.unbind())
		}
		s.list = append(s.list, l)
	}
	return s, nil
}

// Serve calls take with each connection until Close, for each socket in a
// goroutine of its own; take owns the connection. It is called once at most.
func (s *Sockets) Serve(take func(net.Conn)) {
	for _, l := range s.list {
		s.accepting.Go(func() { s.accept(l, take) })
	}
}

func (s *Sockets) accept(l net.Listener, take func(net.Conn)) {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			take(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.logger.Error("cannot accept a connection", "protocol", s.protocol, "error", err)
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-s.stop:
				timer.Stop()
				return
			}
		}
	}
}

// Addrs returns the addresses that are bound.
func (s *Sockets) Addrs() []netip.AddrPort {
	var list []netip.AddrPort
	for _, l := range s.list {
		if a, ok := l.Addr().(*net.TCPAddr); ok {
			list = append(list, a.AddrPort())
		}
	}
	return list
}

// Control calls do with each socket and the network it is of, "tcp4" or "tcp6", as
// net.ListenConfig calls its Control before they are bound.
func (s *Sockets) Control(do func(network, address string, c syscall.RawConn) error) error {
	for _, l := range s.list {
		tcp, ok := l.(*net.TCPListener)
		if !ok {
			continue
		}
		network := "tcp6"
		if a, ok := l.Addr().(*net.TCPAddr); ok && a.IP.To4() != nil {
			network = "tcp4"
		}
		c, err := tcp.SyscallConn()
		if err == nil {
			err = do(network, l.Addr().String(), c)
		}
		if err != nil {
			return fmt.Errorf("set up the socket %s for %s: %w", l.Addr(), s.protocol, err)
		}
	}
	return nil
}

// Close closes the sockets, and waits until no connection is being taken. It is
// called once at most.
func (s *Sockets) Close() error {
	if s.stop != nil {
		close(s.stop)
	}
	err := s.unbind()
	s.accepting.Wait()
	return err
}

func (s *Sockets) unbind() error {
	var err error
	for _, l := range s.list {
		err = errors.Join(err, l.Close())
	}
	return err
}
