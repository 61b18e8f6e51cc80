package rules

import (
	"math"
	"net/netip"

	"github.com/linewarden/linewarden/flows"
)

// CountedInterface is what one interface carried over some hours, as its flows
// say and as its own counters say. Only hours of which the counters are known
// for nine tenths are in it, so that both are of the same time.
type CountedInterface struct {
	Exporter  netip.Addr `json:"exporter"`
	Interface uint32     `json:"if_index"`
	// Name and Alias are the device's own, empty where it did not say them.
	Name  string `json:"name"`
	Alias string `json:"alias"`
	// Kind is the ifType (IANAifType-MIB).
	Kind uint32 `json:"if_type"`
	// Hours is how many hours are compared.
	Hours uint64   `json:"hours"`
	In    Measured `json:"in"`
	Out   Measured `json:"out"`
}

// Measured is one direction of an interface.
type Measured struct {
	// FlowBytes and FlowPackets are those of IP packets, scaled by the sampling
	// rate, of all flows that name the interface: what the rules count.
	FlowBytes   float64 `json:"flow_bytes"`
	FlowPackets float64 `json:"flow_packets"`
	// Samples is the number of packets that were really seen.
	Samples float64 `json:"samples"`
	// Variance is that of FlowBytes by sampling, in square bytes.
	Variance float64 `json:"variance"`
	// Egress is the part of FlowBytes that was metered as the packets left the
	// device. Where packets are metered as they enter too, they are counted twice.
	Egress float64 `json:"egress_bytes"`
	// Unscaled is the number of exported bytes whose sampling rate is not known;
	// they are in no other figure.
	Unscaled float64 `json:"unscaled_bytes"`
	// Octets and Packets are what the interface has counted, scaled up to whole
	// hours, and Covered for how many seconds it is known.
	Octets  float64 `json:"octets"`
	Packets float64 `json:"packets"`
	Covered float64 `json:"covered_seconds"`
}

// Add adds what was measured of another time or interface.
func (m *Measured) Add(other *Measured) {
	m.FlowBytes += other.FlowBytes
	m.FlowPackets += other.FlowPackets
	m.Samples += other.Samples
	m.Variance += other.Variance
	m.Egress += other.Egress
	m.Unscaled += other.Unscaled
	m.Octets += other.Octets
	m.Packets += other.Packets
	m.Covered += other.Covered
}

// CounterState says how flows and counters go together.
type CounterState string

// The states.
const (
	// CountersAbsent means that nothing can be compared.
	CountersAbsent CounterState = "absent"
	// CountersAgree means that the counters are within the band of the flows.
	CountersAgree CounterState = "agree"
	// CountersUnsure means that the band is too wide to tell.
	CountersUnsure CounterState = "unsure"
	// CountersDisagree means that the counters are outside the band.
	CountersDisagree CounterState = "disagree"
)

// CounterCause is the likeliest cause of a disagreement.
type CounterCause string

// The causes.
const (
	// CauseSampling is a sampling rate that is wrong by a factor.
	CauseSampling CounterCause = "sampling_rate"
	// CauseTwice is packets that are metered as they enter and as they leave.
	CauseTwice CounterCause = "metered_twice"
	// CauseUnscaled is flows whose sampling rate is not known.
	CauseUnscaled CounterCause = "sampling_unknown"
	// CauseNotMetered is an interface of which there are no flows at all.
	CauseNotMetered CounterCause = "not_metered"
	// CauseNotSeen is traffic that flows do not tell of: not IP, to or from the
	// device itself, of a direction that is not metered, or lost on the way.
	CauseNotSeen CounterCause = "not_seen"
	// CauseRenumbered is flows of interfaces that do not exist beside interfaces
	// without flows: the indices have changed.
	CauseRenumbered CounterCause = "renumbered"
	// CauseOver is flows that say more than the interface carried, with none of
	// the causes above.
	CauseOver CounterCause = "over"
)

// Agreement is the outcome of a comparison.
type Agreement struct {
	State CounterState `json:"state"`
	// Ratio is what the flows say, frames and all, by what the counters say.
	Ratio float64 `json:"ratio"`
	// Low and High bound it: by the 95 % half-width of sampling, by the framing
	// that may be around a packet, and by CounterTolerance.
	Low   float64      `json:"low"`
	High  float64      `json:"high"`
	Cause CounterCause `json:"cause,omitempty"` // of a disagreement
}

const (
	// CounterTolerance is what flows and counters may differ by besides what
	// sampling and framing explain: flows are spread evenly over their duration,
	// clocks differ, and devices round.
	CounterTolerance = 0.05
	// unseenRate is what an interface may carry without a flow, in octets a
	// second: 10 kbit/s of LLDP, LACP, ARP, IS-IS and the like.
	unseenRate = 1250
	// widestBand is the half-width by sampling, as a share, beyond which an
	// agreement says nothing: that of about 100 samples (1.96/√c).
	widestBand = 0.2
)

// band is what flows say that counters should show, in octets.
type band struct {
	least, usual, most float64 // by the framing
	variance           float64 // by sampling
	unseen             float64 // what may be without a flow
	octets             float64 // what the counters show
}

// band adds the framing to what the flows say of one direction. Octets count
// whole frames (RFC 3635 section 3.2.4), flows IP packets: each packet had
// between no octet and 26 around it, on Ethernet at least 14.
func (c *CountedInterface) band(m *Measured) band {
	b := band{
		least: m.FlowBytes, usual: m.FlowBytes, most: m.FlowBytes + flows.MostFraming*m.FlowPackets,
		variance: m.Variance, unseen: unseenRate * float64(c.Hours) * 3600, octets: m.Octets,
	}
	if flows.Ethernet(c.Kind) {
		b.least += flows.LeastFraming * m.FlowPackets
		b.usual += flows.UsualFraming * m.FlowPackets
	}
	return b
}

func (b *band) add(other band) {
	b.least += other.least
	b.usual += other.usual
	b.most += other.most
	b.variance += other.variance
	b.unseen += other.unseen
	b.octets += other.octets
}

// agreement tells whether the counters are within the band.
func (b *band) agreement() Agreement {
	if b.octets <= b.unseen && b.most <= b.unseen {
		return Agreement{State: CountersUnsure}
	}
	octets, half := max(b.octets, 1), 1.96*math.Sqrt(b.variance)
	a := Agreement{
		State: CountersAgree,
		Ratio: b.usual / octets,
		Low:   max(0, b.least-half) / octets * (1 - CounterTolerance),
		High:  (b.most + half + b.unseen) / octets * (1 + CounterTolerance),
	}
	switch {
	case a.Low > 1 || a.High < 1:
		a.State = CountersDisagree
	case half > widestBand*b.least:
		a.State = CountersUnsure
	}
	return a
}

// Compare holds what the flows say of one direction of an interface against its
// counters.
func (c *CountedInterface) Compare(m *Measured) Agreement {
	if m.Covered <= 0 {
		return Agreement{State: CountersAbsent}
	}
	b := c.band(m)
	a := b.agreement()
	if a.State == CountersDisagree {
		a.Cause = c.cause(m, a)
	}
	return a
}

// cause is why the flows of one direction alone disagree.
func (c *CountedInterface) cause(m *Measured, a Agreement) CounterCause {
	switch {
	case a.Low > 1 && m.Egress > 0 && m.Egress < m.FlowBytes:
		once := *m
		once.FlowBytes -= m.Egress
		once.FlowPackets *= once.FlowBytes / m.FlowBytes
		if b := c.band(&once); b.agreement().State != CountersDisagree {
			return CauseTwice
		}
		return CauseOver
	case a.Low > 1:
		return CauseOver
	case m.Unscaled > 0.01*m.FlowBytes:
		return CauseUnscaled
	case m.FlowBytes == 0:
		return CauseNotMetered
	}
	return CauseNotSeen
}

// Seen is the share of what was carried that can be relied on, by the bound of
// the interval that is nearest to agreement: 1 without a disagreement. Flows that
// tell too much are as unreliable as those that tell too little.
func (a Agreement) Seen() float64 {
	switch {
	case a.State != CountersDisagree:
		return 1
	case a.Low > 1:
		return 1 / a.Low
	}
	return min(1, a.High)
}

// CounterAccount is how flows and counters of several interfaces go together.
type CounterAccount struct {
	Agreement
	// Agree, Disagree, Unsure and Absent count directions of interfaces, and
	// NotMetered those that disagree because they have no flows.
	Agree      int `json:"agree"`
	Disagree   int `json:"disagree"`
	Unsure     int `json:"unsure"`
	Absent     int `json:"absent"`
	NotMetered int `json:"not_metered"`
	// Reliable is the share of the octets whose flows can be relied on.
	Reliable float64 `json:"reliable"`
	// Factor is by what the flows of all interfaces are off, where the cause is
	// the sampling rate: 2 where they say twice too much. Else it is 0.
	Factor float64 `json:"factor,omitempty"`
}

// AccountCounters compares interfaces, such as those of an exporter or of a line.
// The interval is of all of them together. They disagree when their sum does, or
// when more octets than the tolerance cannot be relied on: that some say too much
// and others too little makes nothing right. Directions without any flow count
// neither way, as nothing is concluded from them; many devices are metered in one
// direction only.
func AccountCounters(list []CountedInterface) CounterAccount {
	var (
		account  = CounterAccount{Reliable: 1}
		sum      band
		off      []Agreement
		reliable float64
		unknown  int // directions with flows of which there are no counters
	)
	for i := range list {
		c := &list[i]
		for _, m := range []*Measured{&c.In, &c.Out} {
			a := c.Compare(m)
			account.count(a)
			switch {
			case a.State == CountersDisagree:
				off = append(off, a)
			case a.State == CountersAbsent && m.FlowBytes > 0:
				unknown++
			}
			if a.State != CountersAbsent && a.Cause != CauseNotMetered {
				sum.add(c.band(m))
				reliable += m.Octets * a.Seen()
			}
		}
	}
	account.Agreement = Agreement{State: CountersAbsent}
	if account.Agree+account.Disagree+account.Unsure > account.NotMetered {
		account.Agreement = sum.agreement()
	}
	if sum.octets > 0 {
		account.Reliable = min(reliable/sum.octets, account.Seen())
	}
	if account.Reliable < 1-CounterTolerance {
		account.State = CountersDisagree
	}
	account.diagnose(off, unknown)
	return account
}

// into adds to facts how flows and counters go together, where they were compared.
func (a *CounterAccount) into(facts FactSet) FactSet {
	if a == nil {
		return facts
	}
	facts["counters"] = string(a.State)
	if a.State != CountersAbsent {
		facts["counters_ratio"] = round(a.Ratio, 3)
		facts["counters_ratio_low"], facts["counters_ratio_high"] = round(a.Low, 3), round(a.High, 3)
	}
	if a.Cause != "" {
		facts["counters_cause"] = string(a.Cause)
	}
	return facts
}

func (a *CounterAccount) count(one Agreement) {
	switch one.State {
	case CountersAgree:
		a.Agree++
	case CountersDisagree:
		a.Disagree++
		if one.Cause == CauseNotMetered {
			a.NotMetered++
		}
	case CountersUnsure:
		a.Unsure++
	case CountersAbsent:
		a.Absent++
	}
}

// diagnose finds what explains most of the disagreements.
func (a *CounterAccount) diagnose(off []Agreement, unknown int) {
	causes := make(map[CounterCause]int)
	low, high := math.Inf(1), 0.0
	for _, one := range off {
		causes[one.Cause]++
		if one.Cause == CauseNotSeen || one.Cause == CauseOver {
			low, high = min(low, one.Ratio), max(high, one.Ratio)
		}
	}
	most := 0
	for _, cause := range []CounterCause{CauseTwice, CauseUnscaled, CauseNotSeen, CauseOver, CauseNotMetered} {
		if causes[cause] > most {
			a.Cause, most = cause, causes[cause]
		}
	}
	// The same factor everywhere is that of the sampling; a few alone may be
	// anything.
	measured := causes[CauseNotSeen] + causes[CauseOver]
	switch {
	case causes[CauseNotMetered] > 0 && unknown > 0:
		a.Cause = CauseRenumbered
	case measured > a.Agree && low > 0 && high < oneFactor*low && (low > leastFactor || high < 1/leastFactor):
		a.Cause, a.Factor = CauseSampling, math.Sqrt(low*high)
	}
}

const (
	// oneFactor is by how much the ratios of interfaces may differ and still be
	// of one factor, and leastFactor what a wrong rate is off by at least: devices
	// are given whole multiples.
	oneFactor, leastFactor = 1.3, 1.4
)
