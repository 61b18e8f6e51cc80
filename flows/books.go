package flows

// Reason names why a received datagram or record was not stored. The set is
// closed, so that it can be a metric label.
type Reason uint8

// The reasons of loss. Each received record ends as stored or under exactly
// one of them; each received datagram is decoded or under exactly one of them.
// New ones are added at the end: the spool keeps books by their numbers.
const (
	// ReasonMalformed is a datagram or record that contradicts its format.
	ReasonMalformed Reason = iota
	// ReasonUnknownVersion is a datagram of no export protocol that is read.
	ReasonUnknownVersion
	// ReasonDecoderPanic is a datagram whose decoding panicked.
	ReasonDecoderPanic
	// ReasonUnknownTemplate is data whose template never came.
	ReasonUnknownTemplate
	// ReasonParkedTooLong is data whose template came after the age limit.
	ReasonParkedTooLong
	// ReasonParkingFull is data that found no place to wait for its template.
	ReasonParkingFull
	// ReasonUnknownSampling is a record refused because its sampling rate
	// never came, where the configuration asks for that.
	ReasonUnknownSampling
	// ReasonNotIP is a flow without IP addresses (ARP, MAC-only templates).
	ReasonNotIP
	// ReasonQueueFull is a batch for which the writer's queue had no room.
	ReasonQueueFull
	// ReasonStoreRefused is a batch that the store did not accept.
	ReasonStoreRefused
	// ReasonKernelDrop is datagrams the kernel dropped for lack of socket
	// buffer; which exporter sent them is not known.
	ReasonKernelDrop
	// ReasonShutdown is data that was still parked when the process ended.
	ReasonShutdown
	// ReasonSpoolFull is a batch for which the spool, or its disk, had no room.
	ReasonSpoolFull
	// ReasonSpoolDamaged is a batch that the spool could not give back as it was.
	ReasonSpoolDamaged

	// NumReasons is the number of reasons.
	NumReasons
)

// reasonNames are the metric labels.
var reasonNames = [...]string{
	ReasonMalformed:       "malformed",
	ReasonUnknownVersion:  "unknown_version",
	ReasonDecoderPanic:    "decoder_panic",
	ReasonUnknownTemplate: "unknown_template",
	ReasonParkedTooLong:   "parked_too_long",
	ReasonParkingFull:     "parking_full",
	ReasonUnknownSampling: "unknown_sampling",
	ReasonNotIP:           "not_ip",
	ReasonQueueFull:       "queue_full",
	ReasonStoreRefused:    "store_refused",
	ReasonKernelDrop:      "kernel_drop",
	ReasonShutdown:        "shutdown",
	ReasonSpoolFull:       "spool_full",
	ReasonSpoolDamaged:    "spool_damaged",
}

// String returns the metric label.
func (r Reason) String() string {
	if r >= NumReasons {
		return "unknown"
	}
	return reasonNames[r]
}

// Count is the account of one Source over some time. It balances when
//
//	Records = Stored + sum(Lost) + records still parked or queued
//
// SequenceGaps stands beside it: what the exporter sent and never arrived.
type Count struct {
	// Datagrams is how many datagrams arrived, whole or broken.
	Datagrams uint64
	// DatagramsLost is how many of them gave nothing, by reason.
	DatagramsLost [NumReasons]uint64
	// Records is how many flow records arrived. A biflow counts as the records
	// it becomes; a data set without template counts as the records its header
	// leaves for it, at least one.
	Records uint64
	// Stored is how many of them the store acknowledged.
	Stored uint64
	// Lost is how many of them were not stored, by reason.
	Lost [NumReasons]uint64
	// SequenceGaps is how many units the protocol's own sequence numbers say
	// never arrived in time: records for NetFlow v5 and IPFIX, datagrams for
	// NetFlow v9 and sFlow.
	SequenceGaps uint64
	// RecordsMissed estimates the records inside SequenceGaps: the same number
	// for NetFlow v5 and IPFIX, gaps times mean records per datagram for
	// NetFlow v9 and sFlow.
	RecordsMissed uint64
	// Reordered is how many units of SequenceGaps came late after all, so that
	// SequenceGaps - Reordered never arrived.
	Reordered uint64
	// Templates is how many templates and options templates were learned.
	Templates uint64
	// ClockSkewed is how many records had their event time replaced.
	ClockSkewed uint64
	// Unscaled is how many records were kept without a known sampling rate.
	Unscaled uint64
	// Counters is how many sFlow counter samples arrived.
	Counters uint64
}

// Add adds other to c.
func (c *Count) Add(other *Count) {
	c.Datagrams += other.Datagrams
	c.Records += other.Records
	c.Stored += other.Stored
	c.SequenceGaps += other.SequenceGaps
	c.RecordsMissed += other.RecordsMissed
	c.Reordered += other.Reordered
	c.Templates += other.Templates
	c.ClockSkewed += other.ClockSkewed
	c.Unscaled += other.Unscaled
	c.Counters += other.Counters
	for r := range other.Lost {
		c.Lost[r] += other.Lost[r]
		c.DatagramsLost[r] += other.DatagramsLost[r]
	}
}

// TotalLost is the number of records lost for any reason.
func (c *Count) TotalLost() uint64 {
	var n uint64
	for _, v := range c.Lost {
		n += v
	}
	return n
}

// TotalDatagramsLost is the number of datagrams that gave nothing.
func (c *Count) TotalDatagramsLost() uint64 {
	var n uint64
	for _, v := range c.DatagramsLost {
		n += v
	}
	return n
}
