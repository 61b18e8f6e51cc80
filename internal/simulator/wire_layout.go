package simulator

// field is an information element with its length on the wire.
type field struct{ id, length uint16 }

// Information elements, by their numbers in the IANA registry; NetFlow v9
// shares those below 128.
const (
	ieBytes         = 1
	iePackets       = 2
	ieProto         = 4
	ieTOS           = 5
	ieTCPFlags      = 6
	ieSrcPort       = 7
	ieSrc4          = 8
	ieSrcMask4      = 9
	ieInIf          = 10
	ieDstPort       = 11
	ieDst4          = 12
	ieDstMask4      = 13
	ieOutIf         = 14
	ieNextHop4      = 15
	ieSrcAS         = 16
	ieDstAS         = 17
	ieLastUptime    = 21
	ieFirstUptime   = 22
	ieSrc6          = 27
	ieDst6          = 28
	ieSrcMask6      = 29
	ieDstMask6      = 30
	ieSamplerID     = 48
	ieSamplerMode   = 49
	ieSamplerRate   = 50
	ieVLAN          = 58
	ieDirection     = 61
	ieNextHop6      = 62
	ieSamplerName   = 84
	ieStartMilli    = 152
	ieEndMilli      = 153
	ieSelector      = 302
	ieAlgorithm     = 304
	ieInterval      = 305
	ieSpace         = 306
	ieSelectorName  = 335
	v9ScopeSystem   = 1
	systematicCount = 1 // RFC 5477 section 8.2: systematic count-based sampling
	randomSampling  = 2 // Cisco: random sampling mode
)

// nameLength is the length of a sampler's name on the wire.
const nameLength = 24

// flowFields is the layout of a flow record.
func flowFields(p protocol, v6 bool) []field {
	f := []field{{ieSrc4, 4}, {ieDst4, 4}, {ieNextHop4, 4}, {ieSrcMask4, 1}, {ieDstMask4, 1}}
	if v6 {
		f = []field{{ieSrc6, 16}, {ieDst6, 16}, {ieNextHop6, 16}, {ieSrcMask6, 1}, {ieDstMask6, 1}}
	}
	f = append(f, field{ieInIf, 4}, field{ieOutIf, 4}, field{ieSrcPort, 2}, field{ieDstPort, 2},
		field{ieProto, 1}, field{ieTCPFlags, 1}, field{ieTOS, 1}, field{ieVLAN, 2}, field{ieSrcAS, 4}, field{ieDstAS, 4})
	if p == ipfix {
		return append(f, field{ieBytes, 8}, field{iePackets, 8}, field{ieStartMilli, 8}, field{ieEndMilli, 8},
			field{ieSelector, 4}, field{ieDirection, 1})
	}
	return append(f, field{ieBytes, 4}, field{iePackets, 4}, field{ieFirstUptime, 4}, field{ieLastUptime, 4},
		field{ieSamplerID, 1}, field{ieDirection, 1})
}

func reversed(f []field) []field {
	out := make([]field, len(f))
	for i := range f {
		out[len(f)-1-i] = f[i]
	}
	return out
}

func recordSize(f []field) int {
	n := 0
	for _, x := range f {
		n += int(x.length)
	}
	return n
}

// optionFields is the layout of a sampler's announcement, without its scope.
func optionFields(p protocol) (scope field, options []field) {
	if p == ipfix {
		return field{ieSelector, 4}, []field{{ieAlgorithm, 2}, {ieInterval, 4}, {ieSpace, 4}, {ieSelectorName, nameLength}}
	}
	return field{v9ScopeSystem, 4}, []field{{ieSamplerID, 1}, {ieSamplerMode, 1}, {ieSamplerRate, 4}, {ieSamplerName, nameLength}}
}
