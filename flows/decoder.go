package flows

import "time"

// Decoder turns datagrams into records. It is declared here because both
// codecs implement it and the collector's workers call it.
//
// Decode appends the records of one datagram, and those it released from
// parking, to dst and returns the extended slice. It never fails: what cannot
// be decoded is counted in the books it was made with. It is safe for
// concurrent use; datagrams of one exporter are decoded one at a time.
//
// Expire appends the records whose wait for a sampling rate ended before now
// and counts as lost what waited too long for a template. Flush does the same
// for everything still waiting, at the end of a run.
type Decoder interface {
	Decode(p Packet, dst []Record) []Record
	Expire(now time.Time, dst []Record) []Record
	Flush(dst []Record) []Record
}
