package speaker

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	packet "github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"github.com/linewarden/linewarden/bgp/wire"
)

// The codes of notifications (RFC 4271 section 4.5, RFC 4486).
const (
	codeHeader = 1
	codeOpen   = 2
	codeUpdate = 3
	codeHold   = 4
	codeFSM    = 5
	codeCease  = 6

	subVersion     = 1 // of codeOpen
	subPeerAS      = 2
	subIdentifier  = 3
	subHoldTime    = 6
	subAttributes  = 1 // of codeUpdate
	subOptional    = 9
	subNetwork     = 10
	subMaxPrefixes = 1 // of codeCease
	subShutdown    = 2
	subReset       = 4
	subRejected    = 5
	subChanged     = 6
	subCollision   = 7
	subResources   = 8

	asTrans = 23456
	// capExtendedMessage is unknown to the packet library (RFC 8654).
	capExtendedMessage = 6
)

// notification is a NOTIFICATION.
type notification struct {
	code, subcode uint8
	data          []byte
}

func (n notification) message() []byte {
	b := header(wire.TypeNotification, 2+len(n.data))
	return append(append(b, n.code, n.subcode), n.data...)
}

// header returns the header of a message whose body has n octets.
func header(kind uint8, n int) []byte {
	b := make([]byte, wire.HeaderLength, wire.HeaderLength+n)
	for i := range 16 {
		b[i] = 0xff
	}
	binary.BigEndian.PutUint16(b[16:], uint16(wire.HeaderLength+n))
	b[18] = kind
	return b
}

// endOfRIBs are our own, empty, tables: a restarting neighbour may wait for
// them (RFC 4724 section 4.1). They announce nothing.
func endOfRIBs() []byte {
	four := append(header(wire.TypeUpdate, 4), 0, 0, 0, 0)
	six := append(header(wire.TypeUpdate, 10), 0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1)
	return append(four, six...)
}

// readNotification says what a neighbour's NOTIFICATION says.
func readNotification(body []byte) string {
	if len(body) < 2 {
		return "notification"
	}
	text := fmt.Sprintf("notification %d/%d", body[0], body[1])
	// A text may come with the end of a session (RFC 9003).
	if data := body[2:]; body[0] == codeCease && len(data) > 1 && int(data[0]) <= len(data)-1 {
		if said := data[1 : 1+int(data[0])]; utf8.Valid(said) && printable(string(said)) {
			text += fmt.Sprintf(" %q", said)
		}
	}
	return text
}

func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return s != ""
}

// open returns our OPEN to a neighbour, as bytes and as it reads.
func (n *neighbor) open() ([]byte, wire.Open, error) {
	asn := n.localASN()
	families := []packet.RouteFamily{packet.RF_IPv4_UC, packet.RF_IPv6_UC}
	var capabilities []packet.ParameterCapabilityInterface
	var paths []*packet.CapAddPathTuple
	for _, f := range families {
		capabilities = append(capabilities, packet.NewCapMultiProtocol(f))
		paths = append(paths, packet.NewCapAddPathTuple(f, packet.BGP_ADD_PATH_RECEIVE))
	}
	capabilities = append(capabilities,
		packet.NewCapRouteRefresh(),
		packet.NewCapExtendedNexthop([]*packet.CapExtendedNexthopTuple{packet.NewCapExtendedNexthopTuple(packet.RF_IPv4_UC, packet.AFI_IP6)}),
		packet.NewCapUnknown(capExtendedMessage, nil),
		// No family of ours restarts; we keep to the receiving side (RFC 4724 section 3).
		packet.NewCapGracefulRestart(false, false, 0, nil),
		packet.NewCapFourOctetASNumber(asn),
		packet.NewCapAddPath(paths),
	)
	short := uint16(asTrans)
	if asn <= 65535 {
		short = uint16(asn)
	}
	b, err := packet.NewBGPOpenMessage(short, uint16(n.speaker.config.HoldTime/time.Second), n.speaker.config.RouterID.String(),
		[]packet.OptionParameterInterface{packet.NewOptionParameterCapability(capabilities)}).Serialize()
	if err != nil {
		return nil, wire.Open{}, fmt.Errorf("write open message: %w", err)
	}
	o, err := wire.ParseOpen(b)
	if err != nil {
		return nil, wire.Open{}, fmt.Errorf("read own open message: %w", err)
	}
	return b, o, nil
}

// judge returns why a neighbour's OPEN is not acceptable (RFC 4271 section 6.2).
func (n *neighbor) judge(o wire.Open) (notification, string) {
	ours := n.speaker.config.RouterID
	switch {
	case o.AS != n.config.ASN:
		return notification{codeOpen, subPeerAS, nil}, fmt.Sprintf("its AS number is %d, want %d", o.AS, n.config.ASN)
	case o.HoldTime != 0 && o.HoldTime < 3*time.Second:
		return notification{codeOpen, subHoldTime, nil}, fmt.Sprintf("its hold time is %v", o.HoldTime)
	case o.RouterID.IsUnspecified():
		return notification{codeOpen, subIdentifier, nil}, "its router identifier is 0.0.0.0"
	case o.AS == n.localASN() && o.RouterID == ours:
		// Within one AS identifiers must differ (RFC 6286 section 2.2).
		return notification{codeOpen, subIdentifier, nil}, fmt.Sprintf("its router identifier %v is ours", ours)
	}
	return notification{}, ""
}
