package speaker

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// signTCP makes a listening socket take connections of an address only if they
// are signed with the password (RFC 2385).
func signTCP(fd int, network string, peer netip.Addr, password string) error {
	sig := unix.TCPMD5Sig{Keylen: uint16(len(password))}
	copy(sig.Key[:], password)
	if a := mapped(network, peer); a.Is4() {
		to := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sig.Addr))
		to.Family, to.Addr = unix.AF_INET, a.As4()
	} else {
		to := (*unix.RawSockaddrInet6)(unsafe.Pointer(&sig.Addr))
		to.Family, to.Addr = unix.AF_INET6, a.As16()
	}
	return unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG, &sig)
}
