package collector

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/linewarden/linewarden/flows"
)

const (
	// batchSize is how many datagrams one system call may fetch.
	batchSize = 32
	// maxDatagram is the largest UDP payload, so that none is ever cut.
	maxDatagram = 65535
	// slotSize is the distance of two datagrams in memory. Multiples of a large
	// power of two would all compete for the same lines of the cache.
	slotSize = 67 << 10
	// maxControl is room for the two control messages that are asked for: the
	// arrival time and the drop counter.
	maxControl = 64
	// timespecSize is the payload of the arrival time on 64-bit kernels.
	timespecSize = 16
)

// message is struct mmsghdr of recvmmsg(2).
type message struct {
	header unix.Msghdr
	length uint32
}

// batch is the memory that datagrams are received into. It is filled again and
// again, its packets are valid until the next time.
type batch struct {
	messages [batchSize]message
	vectors  [batchSize]unix.Iovec
	controls [batchSize][maxControl]byte // aligned as what is before it
	names    [batchSize]unix.RawSockaddrInet6
	data     []byte
	fill     func(fd uintptr) bool // fetch, bound once

	n       int // datagrams received
	failure syscall.Errno
	now     time.Time // when they were fetched
}

func newBatch() *batch {
	b := &batch{data: make([]byte, batchSize*slotSize)}
	for i := range b.messages {
		b.vectors[i].Base = &b.data[i*slotSize]
		b.vectors[i].SetLen(maxDatagram)
		h := &b.messages[i].header
		h.Name = (*byte)(unsafe.Pointer(&b.names[i]))
		h.Iov = &b.vectors[i]
		h.SetIovlen(1)
		h.Control = &b.controls[i][0]
	}
	b.fill = b.fetch
	return b
}

// fetch receives what is there without waiting. It reports whether the call is
// over: false means that there is nothing yet.
func (b *batch) fetch(fd uintptr) bool {
	for i := range b.messages {
		b.messages[i].header.Namelen = unix.SizeofSockaddrInet6
		b.messages[i].header.SetControllen(maxControl)
	}
	b.n, b.failure = 0, 0
	n, _, failure := syscall.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.messages[0])),
		batchSize, unix.MSG_DONTWAIT, 0, 0)
	if failure != 0 {
		b.failure = failure
		return failure != unix.EAGAIN && failure != unix.EINTR
	}
	b.n = int(n)
	b.now = time.Now()
	return true
}

// packet returns datagram i. dropped is the kernel's drop counter as it was
// when the datagram arrived; it is only there once something was dropped.
func (b *batch) packet(i int) (packet flows.Packet, dropped uint32) {
	m := &b.messages[i]
	start := i * slotSize
	packet = flows.Packet{
		Payload:  b.data[start : start+int(m.length) : start+int(m.length)],
		From:     sourceOf(&b.names[i]),
		Received: b.now,
	}
	control := b.controls[i][:m.header.Controllen]
	for len(control) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		end := int(h.Len)
		if end < unix.SizeofCmsghdr || end > len(control) {
			break
		}
		value := control[unix.CmsgLen(0):end]
		switch {
		case h.Level != unix.SOL_SOCKET:
		case h.Type == unix.SO_TIMESTAMPNS && len(value) == timespecSize:
			seconds := binary.NativeEndian.Uint64(value)
			nanoseconds := binary.NativeEndian.Uint64(value[8:])
			packet.Received = time.Unix(int64(seconds), int64(nanoseconds))
		case h.Type == unix.SO_RXQ_OVFL && len(value) >= 4:
			dropped = binary.NativeEndian.Uint32(value)
		}
		control = control[min(unix.CmsgSpace(len(value)), len(control)):]
	}
	packet.Received = packet.Received.UTC()
	return packet, dropped
}

// sourceOf reads the address the kernel wrote, IPv4 as IPv4. The zone of a
// link-local address is left out: it names an interface of ours.
func sourceOf(name *unix.RawSockaddrInet6) netip.AddrPort {
	if name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), swap(v4.Port))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), swap(name.Port))
}

// swap turns a port in network byte order into a number.
func swap(port uint16) uint16 {
	var bytes [2]byte
	binary.NativeEndian.PutUint16(bytes[:], port)
	return binary.BigEndian.Uint16(bytes[:])
}
