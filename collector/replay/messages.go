package replay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/linewarden/linewarden/flows"
)

const (
	// ipfixHeader is the length of an IPFIX message header and ipfixVersion
	// its first field (RFC 7011 section 3.1).
	ipfixHeader  = 16
	ipfixVersion = 10
	// largestPayload is what one UDP datagram can carry.
	largestPayload = 65535 - 8
)

// messages reads IPFIX messages back to back, as an IPFIX file holds them (RFC
// 5655 section 5). Each message is one packet, without time of arrival.
type messages struct {
	*stream
	from netip.AddrPort
	buf  []byte
}

func newMessages(s *stream, o Options) *messages {
	return &messages{stream: s, from: netip.AddrPortFrom(o.Exporter, 0), buf: make([]byte, 1<<16)}
}

func (m *messages) next() (flows.Packet, error) {
	m.begin("message", m.number+1)
	header := m.buf[:ipfixHeader]
	if err := m.full(header); err != nil {
		return flows.Packet{}, err
	}
	version, length := binary.BigEndian.Uint16(header), int(binary.BigEndian.Uint16(header[2:]))
	if version != ipfixVersion || length < ipfixHeader {
		return flows.Packet{}, m.damaged("%s begins with version %d and length %d, which is no IPFIX message; "+
			"the %d messages before it have been read", m.thing(), version, length, m.number-1)
	}
	if err := m.rest(m.buf[ipfixHeader:length]); err != nil {
		return flows.Packet{}, err
	}
	return flows.Packet{Payload: m.buf[:length], From: m.from}, nil
}

// payload gives a file as one packet.
type payload struct {
	packet flows.Packet
	done   bool
}

func newPayload(s *stream, o Options) (*payload, error) {
	data, err := io.ReadAll(io.LimitReader(s.in, largestPayload+1))
	if errors.Is(err, io.ErrUnexpectedEOF) || err != nil && s.unpacked {
		return nil, s.damaged("cannot be unpacked (%v): fetch the file again", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: read the payload: %w", s.name, err)
	}
	if len(data) > largestPayload {
		return nil, fmt.Errorf("%s: %w: it is larger than a UDP payload can be (%d bytes): leave out --raw",
			s.name, ErrNotExport, largestPayload)
	}
	return &payload{packet: flows.Packet{Payload: data, From: netip.AddrPortFrom(o.Exporter, 0)}}, nil
}

func (p *payload) next() (flows.Packet, error) {
	if p.done {
		return flows.Packet{}, io.EOF
	}
	p.done = true
	return p.packet, nil
}
