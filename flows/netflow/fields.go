package netflow

// kind says which lengths a field may have.
type kind uint8

const (
	integer   kind = iota // one to eight octets
	address4              // four
	address6              // sixteen
	label                 // three or more
	timestamp             // eight: NTP format
	floating              // four or eight: IEEE 754
	octetsAny             // one or more
)

func (k kind) fits(n int) bool {
	switch k {
	case integer:
		return n >= 1 && n <= 8
	case address4:
		return n == 4
	case address6:
		return n == 16
	case label:
		return n >= 3
	case timestamp:
		return n == 8
	case floating:
		return n == 4 || n == 8
	case octetsAny:
		return n >= 1
	}
	return false
}

// group joins elements that say the same: of a template only the one with the
// least rank is read.
type group uint8

const (
	alone group = iota
	octets
	packets
	reverseOctets
	reversePackets
	flowStart
	flowEnd
	reverseStart
	reverseEnd
	numGroups
)

// rankInitiator is the rank of the counters of an initiator.
const rankInitiator = 2

// Passes order the writers: those of a later pass only fill what is missing.
const (
	passFirst = iota
	passFallback
	passLast
	numPasses
)

// element says how an information element is read.
type element struct {
	set       func(w *row, b []byte)
	kind      kind
	group     group
	rank      uint8
	pass      uint8
	responder bool
	// outer is used instead of set where the element comes before the element
	// inner: it is then that of the packet around the other one.
	outer func(w *row, b []byte)
	inner uint16
}

// elements are the information elements of data records that are read, by
// their number in the registry of IPFIX, which that of NetFlow v9 is part of.
var elements = map[uint16]element{
	1:   {set: setOctets, group: octets, rank: 0},
	85:  {set: setOctets, group: octets, rank: 1},
	231: {set: setOctets, group: octets, rank: rankInitiator},
	23:  {set: setOctets, group: octets, rank: 3},
	2:   {set: setPackets, group: packets, rank: 0},
	86:  {set: setPackets, group: packets, rank: 1},
	298: {set: setPackets, group: packets, rank: rankInitiator},
	24:  {set: setPackets, group: packets, rank: 3},
	232: {set: setReverseOctets, group: reverseOctets, rank: 1, responder: true},
	299: {set: setReversePackets, group: reversePackets, rank: 1, responder: true},

	4:   {set: setProto},
	5:   {set: setToS},
	6:   {set: setTCPFlags},
	7:   {set: setSrcPort},
	11:  {set: setDstPort},
	180: {set: setSrcPortElse, pass: passFallback},
	181: {set: setDstPortElse, pass: passFallback},
	182: {set: setSrcPortElse, pass: passFallback},
	183: {set: setDstPortElse, pass: passFallback},
	8:   {set: setSrc4, kind: address4},
	12:  {set: setDst4, kind: address4},
	27:  {set: setSrc6, kind: address6, pass: passFallback, outer: setSrc6Outer, inner: 8},
	28:  {set: setDst6, kind: address6, pass: passFallback, outer: setDst6Outer, inner: 12},

	32:  {set: setICMP},
	139: {set: setICMPElse, pass: passFallback},
	176: {set: setICMPType, pass: passFallback},
	177: {set: setICMPCode, pass: passLast},
	178: {set: setICMPType, pass: passFallback},
	179: {set: setICMPCode, pass: passLast},

	10:  {set: setInIf},
	14:  {set: setOutIf},
	252: {set: setInIfElse, pass: passFallback},
	253: {set: setOutIfElse, pass: passFallback},
	15:  {set: setNextHop4, kind: address4},
	62:  {set: setNextHop6, kind: address6, pass: passFallback},
	18:  {set: setNextHop4, kind: address4, pass: passLast},
	63:  {set: setNextHop6, kind: address6, pass: passLast},
	16:  {set: setSrcAS},
	17:  {set: setDstAS},
	58:  {set: setSrcVLAN},
	59:  {set: setDstVLAN},
	243: {set: setSrcVLANElse, pass: passFallback},
	254: {set: setDstVLANElse, pass: passFallback},
	61:  {set: setDirection},
	70:  {set: setMPLSLabel, kind: label},
	89:  {set: setForwardingStatus},

	156: {set: setStartNTPNano, kind: timestamp, group: flowStart, rank: 0},
	154: {set: setStartNTPMicro, kind: timestamp, group: flowStart, rank: 1},
	152: {set: setStartMilli, group: flowStart, rank: 2},
	158: {set: setStartDelta, group: flowStart, rank: 3},
	22:  {set: setStartUp, group: flowStart, rank: 4},
	150: {set: setStartSeconds, group: flowStart, rank: 5},
	157: {set: setEndNTPNano, kind: timestamp, group: flowEnd, rank: 0},
	155: {set: setEndNTPMicro, kind: timestamp, group: flowEnd, rank: 1},
	153: {set: setEndMilli, group: flowEnd, rank: 2},
	159: {set: setEndDelta, group: flowEnd, rank: 3},
	21:  {set: setEndUp, group: flowEnd, rank: 4},
	151: {set: setEndSeconds, group: flowEnd, rank: 5},
	325: {set: setEndNTPNano, kind: timestamp, group: flowEnd, rank: 6},
	324: {set: setEndNTPMicro, kind: timestamp, group: flowEnd, rank: 7},
	323: {set: setEndMilli, group: flowEnd, rank: 8},
	322: {set: setEndSeconds, group: flowEnd, rank: 9},
	160: {set: setSystemUp},
	161: {set: setDurationMilli},
	162: {set: setDurationMicro},

	34:  {set: setInterval},
	50:  {set: setRandomInterval},
	48:  {set: setSampler},
	302: {set: setSampler, pass: passFallback},
	304: {set: setAlgorithm},
	305: {set: setPacketInterval},
	306: {set: setPacketSpace},
	307: {set: setTimeInterval},
	308: {set: setTimeSpace},
	309: {set: setSampleSize},
	310: {set: setPopulation},
	311: {set: setProbability, kind: floating},

	104: {set: setEthernetSection, kind: octetsAny},
	315: {set: setEthernetSection, kind: octetsAny},
	313: {set: setIPSection, kind: octetsAny},
	103: {set: setFrameSize},
	312: {set: setFrameSize, pass: passFallback},
}

// reverseElements are the reverse information elements of RFC 5103 that are
// read, by the number of their forward one.
var reverseElements = map[uint16]element{
	1:   {set: setReverseOctets, group: reverseOctets, rank: 0},
	2:   {set: setReversePackets, group: reversePackets, rank: 0},
	85:  {set: setReverseOctets, group: reverseOctets, rank: 2},
	86:  {set: setReversePackets, group: reversePackets, rank: 2},
	5:   {set: setReverseToS},
	6:   {set: setReverseTCPFlags},
	32:  {set: setReverseICMP},
	139: {set: setReverseICMP},

	156: {set: setReverseStartNTPNano, kind: timestamp, group: reverseStart, rank: 0},
	154: {set: setReverseStartNTPMicro, kind: timestamp, group: reverseStart, rank: 1},
	152: {set: setReverseStartMilli, group: reverseStart, rank: 2},
	150: {set: setReverseStartSeconds, group: reverseStart, rank: 5},
	157: {set: setReverseEndNTPNano, kind: timestamp, group: reverseEnd, rank: 0},
	155: {set: setReverseEndNTPMicro, kind: timestamp, group: reverseEnd, rank: 1},
	153: {set: setReverseEndMilli, group: reverseEnd, rank: 2},
	151: {set: setReverseEndSeconds, group: reverseEnd, rank: 5},
}

// elementOf returns how a field is read.
func elementOf(f field) (element, bool) {
	switch f.enterprise {
	case 0:
		e, ok := elements[f.id]
		return e, ok
	case reverseEnterprise:
		e, ok := reverseElements[f.id]
		return e, ok
	}
	return element{}, false
}
