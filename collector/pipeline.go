package collector

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// handSize is how many records gather before they are enriched and handed to
// the sink: enough to spread the cost of the hand-over, few enough to stay in
// the processor's cache.
const handSize = 256

// keepSize is how many records the buffer may hold for the next batch. A burst
// released from parking can make it larger, and is not kept.
const keepSize = 16 * handSize

// PipelineConfig says what a Pipeline leads through.
type PipelineConfig struct {
	// Netflow reads NetFlow v5, v9 and IPFIX, SFlow reads sFlow v5. Both may be
	// shared with other pipelines; nil makes their datagrams unknown.
	Netflow, SFlow flows.Decoder
	// Enricher may be nil, records then have no labels.
	Enricher Enricher
	// Sink takes what comes out.
	Sink FlowSink
	// Books counts what no decoder reads.
	Books *flows.Books
}

// Pipeline leads datagrams through decoding and enrichment to a sink, in
// batches. It is the one path of live traffic and of imported files. It is not
// safe for concurrent use; pipelines may share decoders, enricher and books.
type Pipeline struct {
	PipelineConfig
	records []flows.Record
}

// NewPipeline returns a pipeline.
func NewPipeline(c PipelineConfig) (*Pipeline, error) {
	if c.Sink == nil || c.Books == nil {
		return nil, errors.New("a pipeline needs a sink and books")
	}
	return &Pipeline{PipelineConfig: c, records: make([]flows.Record, 0, 2*handSize)}, nil
}

// Take decodes one datagram. Its records are with the sink after the next
// HandOver at the latest. The error is the sink's.
func (p *Pipeline) Take(packet flows.Packet) error {
	decoder := p.decoderOf(packet.Payload)
	if decoder == nil {
		p.refuse(packet, flows.ReasonUnknownVersion)
		return nil
	}
	p.records = decoder.Decode(packet, p.records)
	if len(p.records) < handSize {
		return nil
	}
	return p.HandOver()
}

// Expire releases and counts what has waited too long for a template or a
// sampling rate, as of now.
func (p *Pipeline) Expire(now time.Time) error {
	for _, decoder := range p.decoders() {
		p.records = decoder.Expire(now, p.records)
	}
	return p.HandOver()
}

// Flush releases and counts everything that still waits in the decoders. They
// are shared, so this is for the end of a run, after the last Take of all
// pipelines.
func (p *Pipeline) Flush() error {
	for _, decoder := range p.decoders() {
		p.records = decoder.Flush(p.records)
	}
	return p.HandOver()
}

// HandOver enriches the records decoded so far and gives them to the sink.
func (p *Pipeline) HandOver() error {
	if len(p.records) == 0 {
		return nil
	}
	if p.Enricher != nil {
		p.Enricher.Enrich(p.records)
	}
	err := p.Sink.Append(p.records)
	p.records = p.records[:0]
	if cap(p.records) > keepSize {
		p.records = make([]flows.Record, 0, 2*handSize)
	}
	if err != nil {
		return fmt.Errorf("hand records to the store: %w", err)
	}
	return nil
}

// Refuse counts a datagram that is not decoded because the run ends.
func (p *Pipeline) Refuse(packet flows.Packet) { p.refuse(packet, flows.ReasonShutdown) }

func (p *Pipeline) refuse(packet flows.Packet, why flows.Reason) {
	received := packet.Received
	if received.IsZero() {
		received = time.Now()
	}
	source := flows.Source{Exporter: packet.From.Addr().Unmap(), Version: VersionOf(packet.Payload)}
	p.Books.Account(source).Update(received, func(c *flows.Count) {
		c.Datagrams++
		c.DatagramsLost[why]++
	})
}

func (p *Pipeline) decoderOf(payload []byte) flows.Decoder {
	switch VersionOf(payload) {
	case flows.NetFlow5, flows.NetFlow9, flows.IPFIX:
		return p.Netflow
	case flows.SFlow5:
		return p.SFlow
	case flows.VersionUnknown:
	}
	return nil
}

func (p *Pipeline) decoders() []flows.Decoder {
	list := make([]flows.Decoder, 0, 2)
	for _, decoder := range []flows.Decoder{p.Netflow, p.SFlow} {
		if decoder != nil {
			list = append(list, decoder)
		}
	}
	return list
}

// VersionOf tells the export protocol of a datagram by its first bytes,
// whatever port it came to: NetFlow and IPFIX begin with a version of 16 bits
// (RFC 3954 section 5.1, RFC 7011 section 3.1), sFlow with one of 32 bits.
func VersionOf(payload []byte) flows.Version {
	if len(payload) < 2 {
		return flows.VersionUnknown
	}
	switch binary.BigEndian.Uint16(payload) {
	case 5:
		return flows.NetFlow5
	case 9:
		return flows.NetFlow9
	case 10:
		return flows.IPFIX
	case 0:
		if len(payload) >= 4 && binary.BigEndian.Uint16(payload[2:]) == 5 {
			return flows.SFlow5
		}
	}
	return flows.VersionUnknown
}
