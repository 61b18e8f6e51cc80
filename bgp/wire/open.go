package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	packet "github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

const (
	capMultiLabel      = 8 // RFC 8277 section 2.1
	capExtendedMessage = 6 // RFC 8654

	addPathReceive = 1
	addPathSend    = 2
)

// Open is what an OPEN says (RFC 4271 section 4.2, RFC 5492).
type Open struct {
	AS       uint32 // of four octets if the speaker has them (RFC 6793)
	HoldTime time.Duration
	RouterID netip.Addr

	AS4         bool
	Extended    bool
	Refresh     bool   // route refresh (RFC 2918)
	Tables      Tables // announced by capability; IPv4 unicast where there is none
	AddReceive  Tables // takes path identifiers
	AddSend     Tables // sends path identifiers
	MultiLabel  Tables
	NextHopIPv6 Tables // takes IPv6 next hops (RFC 8950)
	// Graceful tells that the speaker asks for its routes to be kept over a restart
	// of up to RestartTime, and whether this is one (RFC 4724 section 3).
	Graceful    bool
	Restarting  bool
	RestartTime time.Duration
	Restarts    Tables // families it restarts
	Preserved   Tables // of them, those that it kept forwarding
}

// ParseOpen reads an OPEN message with its header.
func ParseOpen(b []byte) (o Open, err error) {
	defer func() {
		// The packet library is not proof against every input.
		if p := recover(); p != nil {
			o, err = Open{}, fmt.Errorf("read open message: %w: %v", &Refusal{ReasonPanic}, p)
		}
	}()
	length, kind, err := CheckHeader(b, Session{})
	if err != nil || kind != TypeOpen || length != len(b) {
		return Open{}, fmt.Errorf("read open message: %w", &Refusal{ReasonHeader})
	}
	var m packet.BGPOpen
	if err := m.DecodeFromBytes(b[HeaderLength:]); err != nil {
		return Open{}, fmt.Errorf("read open message: %w", err)
	}
	if m.Version != 4 {
		return Open{}, fmt.Errorf("read open message: version %d, want 4", m.Version)
	}
	o = Open{
		AS: uint32(m.MyAS), HoldTime: time.Duration(m.HoldTime) * time.Second,
		RouterID: netip.AddrFrom4([4]byte(m.ID)),
	}
	for _, p := range m.OptParams {
		if capabilities, ok := p.(*packet.OptionParameterCapability); ok {
			for _, c := range capabilities.Capability {
				o.take(c)
			}
		}
	}
	if o.Tables == 0 {
		o.Tables = TablesOf(IPv4Unicast)
	}
	return o, nil
}

func tablesOfFamily(f packet.RouteFamily) Tables {
	afi, safi := packet.RouteFamilyToAfiSafi(f)
	if t, ok := TableOf(afi, safi); ok {
		return TablesOf(t)
	}
	return 0
}

func (o *Open) take(capability packet.ParameterCapabilityInterface) {
	switch c := capability.(type) {
	case *packet.CapMultiProtocol:
		o.Tables |= tablesOfFamily(c.CapValue)
	case *packet.CapRouteRefresh:
		o.Refresh = true
	case *packet.CapFourOctetASNumber:
		o.AS, o.AS4 = c.CapValue, true
	case *packet.CapAddPath:
		for _, t := range c.Tuples {
			if t.Mode&addPathReceive != 0 {
				o.AddReceive |= tablesOfFamily(t.RouteFamily)
			}
			if t.Mode&addPathSend != 0 {
				o.AddSend |= tablesOfFamily(t.RouteFamily)
			}
		}
	case *packet.CapExtendedNexthop:
		for _, t := range c.Tuples {
			if t.NexthopAFI == afiIPv6 {
				o.NextHopIPv6 |= tablesOfFamily(packet.AfiSafiToRouteFamily(t.NLRIAFI, uint8(t.NLRISAFI)))
			}
		}
	case *packet.CapGracefulRestart:
		o.Graceful, o.Restarting = true, c.Flags&0x08 != 0
		o.RestartTime = time.Duration(c.Time) * time.Second
		for _, t := range c.Tuples {
			set := tablesOfFamily(packet.AfiSafiToRouteFamily(t.AFI, t.SAFI))
			o.Restarts |= set
			if t.Flags&0x80 != 0 {
				o.Preserved |= set
			}
		}
	case *packet.CapUnknown:
		o.takeUnknown(uint8(c.CapCode), c.CapValue)
	}
}

// takeUnknown reads what the packet library does not.
func (o *Open) takeUnknown(code uint8, value []byte) {
	switch code {
	case capExtendedMessage:
		o.Extended = true
	case capMultiLabel:
		for ; len(value) >= 4; value = value[4:] {
			// A count of one says that there are never several.
			if t, ok := TableOf(binary.BigEndian.Uint16(value), value[2]); ok && value[3] > 1 {
				o.MultiLabel |= TablesOf(t)
			}
		}
	}
}

// Negotiate returns how to read what the sender of one OPEN sends to the sender of the other.
func Negotiate(sender, receiver Open) Session {
	s := Session{
		AS4: sender.AS4 && receiver.AS4,
		// Who says so may be sent long messages, whatever it sends itself (RFC 8654 section 4).
		Extended:   receiver.Extended,
		AddPath:    sender.AddSend & receiver.AddReceive,
		MultiLabel: sender.MultiLabel & receiver.MultiLabel,
	}
	both := sender.Tables & receiver.Tables
	for _, t := range []Table{IPv4Labelled, IPv6Labelled} {
		unicast := t - IPv4Labelled
		if both.Has(t) && !both.Has(unicast) {
			s.Labelled |= TablesOf(t)
		}
	}
	return s
}
