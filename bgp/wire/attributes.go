package wire

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/bgp"
)

// The attribute types that are read.
const (
	attrOrigin              = 1
	attrASPath              = 2
	attrNextHop             = 3
	attrMED                 = 4
	attrLocalPref           = 5
	attrAtomicAggregate     = 6
	attrAggregator          = 7
	attrCommunities         = 8
	attrOriginatorID        = 9
	attrClusterList         = 10
	attrMPReach             = 14
	attrMPUnreach           = 15
	attrExtendedCommunities = 16
	attrAS4Path             = 17
	attrAS4Aggregator       = 18
	attrLargeCommunities    = 32

	flagOptional   = 0x80
	flagTransitive = 0x40
	flagExtended   = 0x10
	flagsFixed     = flagOptional | flagTransitive

	asTrans = 23456
)

// attributeFlags are the two fixed flags of each type, plus 1 to tell a type
// that is known from one that is not.
var attributeFlags = [256]uint8{
	attrOrigin:              flagTransitive + 1,
	attrASPath:              flagTransitive + 1,
	attrNextHop:             flagTransitive + 1,
	attrMED:                 flagOptional + 1,
	attrLocalPref:           flagTransitive + 1,
	attrAtomicAggregate:     flagTransitive + 1,
	attrAggregator:          flagsFixed + 1,
	attrCommunities:         flagsFixed + 1,
	attrOriginatorID:        flagOptional + 1,
	attrClusterList:         flagOptional + 1,
	attrMPReach:             flagOptional + 1,
	attrMPUnreach:           flagOptional + 1,
	attrExtendedCommunities: flagsFixed + 1,
	attrAS4Path:             flagsFixed + 1,
	attrAS4Aggregator:       flagsFixed + 1,
	attrLargeCommunities:    flagsFixed + 1,
}

// attribute is one attribute, its value not yet read.
type attribute struct {
	flags, kind uint8
	value, all  []byte // all is the attribute with its header
}

// cutAttribute takes the first attribute off b. It returns false when it runs over b's end.
func cutAttribute(b []byte) (a attribute, rest []byte, ok bool) {
	if len(b) < 3 {
		return a, nil, false
	}
	a.flags, a.kind = b[0], b[1]
	size, head := int(b[2]), 3
	if a.flags&flagExtended != 0 {
		if len(b) < 4 {
			return a, nil, false
		}
		size, head = int(binary.BigEndian.Uint16(b[2:])), 4
	}
	if len(b) < head+size {
		return a, nil, false
	}
	a.value, a.all = b[head:head+size], b[:head+size]
	return a, b[head+size:], true
}

// attributes is what the attributes of a message say of its routes.
type attributes struct {
	route      bgp.Route
	treat      Reason // first reason to treat the routes as withdrawn
	discarded  []Reason
	hasOrigin  bool
	hasPath    bool
	hasNextHop bool
}

// lacks returns which mandatory attribute is not there.
func (a *attributes) lacks(needsNextHop bool) Reason {
	switch {
	case !a.hasOrigin:
		return ReasonNoOrigin
	case !a.hasPath:
		return ReasonNoASPath
	case needsNextHop && !a.hasNextHop:
		return ReasonNoNextHop
	default:
		return ReasonNone
	}
}

// reading is the state of one pass over attributes.
type reading struct {
	attributes
	as4      bool
	seen     [256 / 64]uint64
	four     bgp.ASPath // AS4_PATH
	hasFour  bool
	stranger bool // an AGGREGATOR of two octets that is not AS_TRANS
}

// decodeAttributes reads every attribute but the multiprotocol ones.
func decodeAttributes(b []byte, as4 bool) *attributes {
	r := reading{as4: as4}
	for len(b) > 0 {
		a, rest, ok := cutAttribute(b)
		if !ok {
			r.fault(ReasonAttributeLength)
			break
		}
		b = rest
		r.take(a)
	}
	// An AGGREGATOR that no old speaker rewrote proves the AS4_PATH stale (RFC
	// 6793 section 4.2.3); between new speakers it is discarded (section 4.1).
	if r.hasFour && !as4 && !r.stranger && r.hasPath {
		r.route.Path = mergePaths(r.route.Path, r.four)
	}
	return &r.attributes
}

// fault makes the routes withdrawals; the first reason counts.
func (r *reading) fault(reason Reason) {
	if r.treat == ReasonNone {
		r.treat = reason
	}
}

func (r *reading) discard(reason Reason) { r.discarded = append(r.discarded, reason) }

// check reports a malformed attribute.
func (r *reading) check(ok bool, reason Reason) {
	if !ok {
		r.fault(reason)
	}
}

func (r *reading) take(a attribute) {
	known := attributeFlags[a.kind]
	switch {
	case known == 0 && a.flags&flagOptional == 0:
		r.discard(ReasonWellKnown)
		return
	case known == 0:
		return
	case a.flags&flagsFixed != known-1:
		r.fault(ReasonFlags)
		return
	case r.seen[a.kind/64]>>(a.kind%64)&1 != 0:
		// The first counts (RFC 7606 section 3, g).
		r.discard(ReasonRepeated)
		return
	}
	r.seen[a.kind/64] |= 1 << (a.kind % 64)
	if !r.takePath(a) {
		r.takeOther(a)
	}
}

// takePath reads the attributes that say where a route leads.
func (r *reading) takePath(a attribute) bool {
	v, route := a.value, &r.route
	switch a.kind {
	case attrOrigin:
		r.hasOrigin = true
		if r.check(len(v) == 1 && v[0] <= 2, ReasonOrigin); len(v) == 1 {
			route.Origin = bgp.Origin(v[0])
		}
	case attrASPath:
		size := 2
		if r.as4 {
			size = 4
		}
		r.hasPath = true
		var ok bool
		route.Path, ok = decodePath(v, size)
		r.check(ok, ReasonASPath)
	case attrNextHop:
		r.hasNextHop = true
		if r.check(len(v) == 4, ReasonNextHop); len(v) == 4 {
			route.NextHop = netip.AddrFrom4([4]byte(v))
		}
	case attrMED:
		route.HasMED = len(v) == 4
		if r.check(route.HasMED, ReasonMED); route.HasMED {
			route.MED = binary.BigEndian.Uint32(v)
		}
	case attrLocalPref:
		route.HasLocalPref = len(v) == 4
		if r.check(route.HasLocalPref, ReasonLocalPref); route.HasLocalPref {
			route.LocalPref = binary.BigEndian.Uint32(v)
		}
	case attrAS4Path:
		var ok bool
		if r.four, ok = decodePath(v, 4); !ok {
			r.discard(ReasonAS4Path)
			return true
		}
		r.hasFour = true
	default:
		return false
	}
	return true
}

// takeOther reads communities, and checks what is not kept.
func (r *reading) takeOther(a attribute) {
	v := a.value
	switch a.kind {
	case attrCommunities:
		if r.check(multiple(v, 4), ReasonCommunities); multiple(v, 4) {
			r.route.Communities = words(v)
		}
	case attrLargeCommunities:
		if r.check(multiple(v, 12), ReasonLargeCommunities); multiple(v, 12) {
			r.route.LargeCommunities = largeCommunities(v)
		}
	case attrExtendedCommunities:
		r.check(multiple(v, 8), ReasonExtendedCommunities)
	case attrOriginatorID:
		r.check(len(v) == 4, ReasonOriginatorID)
	case attrClusterList:
		r.check(multiple(v, 4), ReasonClusterList)
	case attrAtomicAggregate:
		if len(v) != 0 {
			r.discard(ReasonAtomicAggregate)
		}
	case attrAggregator:
		r.takeAggregator(v)
	case attrAS4Aggregator:
		if len(v) != 8 {
			r.discard(ReasonAS4Aggregator)
		}
	}
}

func (r *reading) takeAggregator(v []byte) {
	switch {
	case r.as4 && len(v) != 8, !r.as4 && len(v) != 6:
		r.discard(ReasonAggregator)
	case !r.as4:
		r.stranger = binary.BigEndian.Uint16(v) != asTrans
	}
}

func multiple(v []byte, of int) bool { return len(v) > 0 && len(v)%of == 0 }

func words(v []byte) []uint32 {
	list := make([]uint32, len(v)/4)
	for i := range list {
		list[i] = binary.BigEndian.Uint32(v[4*i:])
	}
	return list
}

func largeCommunities(v []byte) [][3]uint32 {
	list := make([][3]uint32, 0, len(v)/12)
	for ; len(v) > 0; v = v[12:] {
		c := [3]uint32{binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:]), binary.BigEndian.Uint32(v[8:])}
		// A repeated value is removed in silence (RFC 8092 section 2). Short lists
		// only are searched: long ones are taken as they are, to stay linear.
		if len(list) <= 64 && slices.Contains(list, c) {
			continue
		}
		list = append(list, c)
	}
	return list
}
