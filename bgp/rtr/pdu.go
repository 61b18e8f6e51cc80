package rtr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	packet "github.com/osrg/gobgp/v3/pkg/packet/rtr"
)

// Payload is one validated ROA payload (RFC 6811 section 2).
type Payload struct {
	Prefix    netip.Prefix // masked
	MaxLength uint8
	ASN       uint32
}

// record is a payload in 24 octets.
type record struct {
	addr       [16]byte
	asn        uint32
	bits, most uint8
	six        bool
}

func (r record) payload() Payload {
	addr := netip.AddrFrom16(r.addr)
	if !r.six {
		addr = netip.AddrFrom4([4]byte(r.addr[:4]))
	}
	return Payload{Prefix: netip.PrefixFrom(addr, int(r.bits)), MaxLength: r.most, ASN: r.asn}
}

// The lengths of messages, and what the packet library does not know.
const (
	headerLength   = 8
	maxLength      = 1 << 16
	endLengthV1    = 24 // RFC 8210 section 5.8
	routerKey      = 9  // RFC 8210 section 5.10
	routerKeyLeast = 32
	errorLeast     = 16
	codeUnexpected = 8 // RFC 8210 section 12
	flagAnnounce   = 1
	latest         = 1 // version spoken; the other is 0
)

// Errors of messages.
var (
	errLength = errors.New("the length does not fit the type of message")
	errKind   = errors.New("unknown type of message")
	errPrefix = errors.New("the lengths of the prefix are not sound")
	errPanic  = errors.New("the decoder failed")
)

// pdu is one message of a cache.
type pdu struct {
	version, kind uint8
	session       uint16 // the code, in an error report
	serial        uint32
	announce      bool
	record        record
	intervals     intervals
	text          string // of an error report
}

// lengthOf returns the length of a message from its header.
func lengthOf(head []byte) (int, error) {
	n := binary.BigEndian.Uint32(head[4:])
	if n < headerLength || n > maxLength {
		return 0, fmt.Errorf("%w: type %d, %d octets", errLength, head[1], n)
	}
	return int(n), nil
}

// fits tells whether a type of message may have a length, known before the
// library reads it, which looks at no length.
func fits(b []byte) error {
	n := len(b)
	var ok bool
	switch kind := b[1]; kind {
	case packet.RTR_SERIAL_NOTIFY:
		ok = n == packet.RTR_SERIAL_NOTIFY_LEN
	case packet.RTR_CACHE_RESPONSE, packet.RTR_CACHE_RESET:
		ok = n == headerLength
	case packet.RTR_IPV4_PREFIX:
		ok = n == packet.RTR_IPV4_PREFIX_LEN
	case packet.RTR_IPV6_PREFIX:
		ok = n == packet.RTR_IPV6_PREFIX_LEN
	case packet.RTR_END_OF_DATA:
		ok = b[0] == 0 && n == packet.RTR_END_OF_DATA_LEN || b[0] > 0 && n == endLengthV1
	case routerKey:
		ok = n >= routerKeyLeast
	case packet.RTR_ERROR_REPORT:
		ok = errorFits(b)
	default:
		return fmt.Errorf("%w: %d", errKind, kind)
	}
	if !ok {
		return fmt.Errorf("%w: type %d, %d octets", errLength, b[1], n)
	}
	return nil
}

// errorFits holds the two lengths inside an error report against its own.
func errorFits(b []byte) bool {
	if len(b) < errorLeast {
		return false
	}
	inner := uint64(binary.BigEndian.Uint32(b[8:]))
	if errorLeast+inner > uint64(len(b)) {
		return false
	}
	text := uint64(binary.BigEndian.Uint32(b[12+inner:]))
	return errorLeast+inner+text <= uint64(len(b))
}

// parse reads one whole message. It keeps nothing of b.
func parse(b []byte) (p pdu, err error) {
	if len(b) < headerLength {
		return pdu{}, errLength
	}
	p = pdu{version: b[0], kind: b[1], session: binary.BigEndian.Uint16(b[2:])}
	if err := fits(b); err != nil {
		return p, err
	}
	if p.kind == routerKey {
		return p, nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	m, err := packet.ParseRTR(b)
	if err != nil {
		return p, fmt.Errorf("read a message: %w", err)
	}
	switch m := m.(type) {
	case *packet.RTRSerialNotify:
		p.serial = m.SerialNumber
	case *packet.RTREndOfData:
		p.serial, p.intervals = m.SerialNumber, defaultIntervals()
		if len(b) == endLengthV1 {
			p.intervals = intervalsOf([3]uint32{
				binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:]),
			})
		}
	case *packet.RTRIPPrefix:
		p.announce = m.Flags&flagAnnounce != 0
		p.record, err = recordOf(m)
	case *packet.RTRErrorReport:
		p.text = string(m.Text[:min(len(m.Text), 255)])
	}
	return p, err
}

// recordOf checks the lengths of a prefix. Bits behind it are of no meaning.
func recordOf(m *packet.RTRIPPrefix) (record, error) {
	r := record{asn: m.AS, bits: m.PrefixLen, most: m.MaxLen, six: m.Type == packet.RTR_IPV6_PREFIX}
	addr, ok := netip.AddrFromSlice(m.Prefix)
	if !ok || r.bits > r.most || int(r.most) > addr.BitLen() || addr.Is6() != r.six {
		return record{}, fmt.Errorf("%w: %d to %d bits", errPrefix, r.bits, r.most)
	}
	copy(r.addr[:], netip.PrefixFrom(addr, int(r.bits)).Masked().Addr().AsSlice())
	return r, nil
}

// queryFor returns the question for all payloads, or for what changed since a serial.
func queryFor(version uint8, since bool, session uint16, serial uint32) ([]byte, error) {
	if !since {
		q := packet.NewRTRResetQuery()
		q.Version = version
		return q.Serialize()
	}
	q := packet.NewRTRSerialQuery(session, serial)
	q.Version = version
	return q.Serialize()
}

// errorReport returns the message that ends a connection. what is the message it is about.
func errorReport(version uint8, code uint16, what []byte, text string) ([]byte, error) {
	// No report answers a report (RFC 8210 section 5.11).
	if len(what) >= headerLength && what[1] == packet.RTR_ERROR_REPORT {
		return nil, nil
	}
	if len(what) < headerLength {
		what = nil
	}
	q := packet.NewRTRErrorReport(code, what[:min(len(what), 64)], []byte(text))
	q.Version = version
	return q.Serialize()
}
