package collector

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrAddressInUse is wrapped by the error of an address that another program
// receives on.
var ErrAddressInUse = errors.New("address already in use")

// socket is one UDP socket of an address, with its share of the traffic.
type socket struct {
	address string // as configured
	conn    *net.UDPConn
	raw     syscall.RawConn
	local   netip.AddrPort
	buffer  int // bytes of kernel memory the kernel gave

	mu      sync.Mutex // guards dropped
	dropped uint32     // the kernel's drop counter as far as it is in the books
}

// listen opens workers sockets on address. The kernel spreads the exporters
// over them by address and port, so that the datagrams of one stay in order.
func listen(ctx context.Context, address string, workers, buffer int) ([]*socket, error) {
	var sockets []*socket
	shared := address
	for worker := range workers {
		s, err := open(ctx, shared, worker > 0, buffer)
		if err != nil {
			return nil, errors.Join(listenError(address, err), closeAll(sockets))
		}
		s.address = address
		sockets = append(sockets, s)
		if worker > 0 || workers == 1 {
			continue
		}
		// The first socket is bound without SO_REUSEPORT, so that a second
		// daemon on the same port is noticed and does not take half of the
		// traffic in silence. Only then others may join it.
		if err := s.control(shareAddress); err != nil {
			return nil, errors.Join(listenError(address, err), closeAll(sockets))
		}
		shared = s.local.String()
	}
	return sockets, nil
}

func listenError(address string, err error) error {
	if errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("listen on UDP %s: %w: another program receives there (ss -lunp shows which); "+
			"stop it or change collector.netflow.listen or collector.sflow.listen", address, ErrAddressInUse)
	}
	if errors.Is(err, unix.EACCES) {
		return fmt.Errorf("listen on UDP %s: %w: ports below 1024 need CAP_NET_BIND_SERVICE; "+
			"grant it or choose a higher port", address, err)
	}
	return fmt.Errorf("listen on UDP %s: %w", address, err)
}

func open(ctx context.Context, address string, join bool, buffer int) (*socket, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		if !join {
			return nil
		}
		return (&socket{raw: raw}).control(shareAddress)
	}}
	conn, err := config.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(errors.New("not a UDP socket"), conn.Close())
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	s := &socket{conn: udp, raw: raw}
	if local, ok := udp.LocalAddr().(*net.UDPAddr); ok {
		s.local = local.AddrPort()
	}
	if err := s.control(func(fd int) error { return s.prepare(fd, buffer) }); err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	return s, nil
}

func shareAddress(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

// prepare makes the buffer as large as allowed and asks for arrival times and
// drop counters.
func (s *socket) prepare(fd, buffer int) error {
	if buffer > 0 {
		// The first is not bound by net.core.rmem_max, but needs CAP_NET_ADMIN.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer); err != nil {
				return fmt.Errorf("set the receive buffer to %d bytes: %w", buffer, err)
			}
		}
	}
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return fmt.Errorf("read the size of the receive buffer: %w", err)
	}
	// The kernel doubles what it is asked for, to have room for its own
	// structures, and reports the double (socket(7)).
	s.buffer = got / 2
	for _, option := range []int{unix.SO_TIMESTAMPNS, unix.SO_RXQ_OVFL} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
			return fmt.Errorf("set socket option %d: %w", option, err)
		}
	}
	return nil
}

// receive waits for datagrams. After stop it returns os.ErrDeadlineExceeded.
func (s *socket) receive(b *batch) error {
	if err := s.raw.Read(b.fill); err != nil {
		return err
	}
	return b.result()
}

// drain receives what is left without waiting; b is empty when nothing is.
func (s *socket) drain(b *batch) error {
	if err := s.raw.Control(func(fd uintptr) { b.fetch(fd) }); err != nil {
		return err
	}
	return b.result()
}

// result turns the outcome of fetch into an error. What passes by itself, such
// as a lack of kernel memory, is none.
func (b *batch) result() error {
	switch b.failure {
	case 0, unix.EAGAIN, unix.EINTR, unix.ENOBUFS, unix.ENOMEM, unix.ECONNREFUSED:
		return nil
	}
	return fmt.Errorf("recvmmsg: %w", b.failure)
}

// stop makes the kernel refuse what comes from now on, so that the rest is
// finite, and wakes who waits in receive.
func (s *socket) stop() error {
	err := s.control(func(fd int) error {
		refuse := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: 1, Filter: &refuse})
	})
	if err != nil {
		err = fmt.Errorf("stop receiving on UDP %s: %w", s.address, err)
	}
	return errors.Join(err, s.conn.SetReadDeadline(time.Unix(1, 0)))
}

// drops returns how many datagrams the kernel dropped since the last call, for
// lack of buffer or of a right checksum.
func (s *socket) drops() (uint32, error) {
	var total uint32
	err := s.control(func(fd int) (err error) {
		total, err = dropCounter(fd)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read the drops of UDP %s: %w", s.address, err)
	}
	return s.advance(total), nil
}

// advance moves the drop counter to total and returns how far it moved. The
// counter wraps at 2^32, and a datagram may bring an older value.
func (s *socket) advance(total uint32) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := total - s.dropped
	if int32(step) <= 0 {
		return 0
	}
	s.dropped = total
	return step
}

// dropCounter reads the counter by SO_MEMINFO, which is up to date even when
// no datagram comes any more to bring it along.
func dropCounter(fd int) (uint32, error) {
	const drops = 8 // SK_MEMINFO_DROPS of linux/sock_diag.h
	var info [drops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, failure := syscall.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	switch {
	case failure == unix.ENOPROTOOPT: // before Linux 4.12: the datagrams tell
		return 0, nil
	case failure != 0:
		return 0, failure
	}
	return info[drops], nil
}

func (s *socket) control(do func(fd int) error) error {
	var failure error
	if err := s.raw.Control(func(fd uintptr) { failure = do(int(fd)) }); err != nil {
		return err
	}
	return failure
}

func closeAll(sockets []*socket) error {
	var failures []error
	for _, s := range sockets {
		failures = append(failures, s.conn.Close())
	}
	return errors.Join(failures...)
}
