package netflow

import (
	"encoding/binary"

	"github.com/linewarden/linewarden/flows"
)

// savedSequence is what a state keeps of the numbers of a session.
type savedSequence struct {
	Version            uint8
	Domain             uint32
	Port               uint16
	Next, Uptime       uint32
	InRecords          uint8
	Datagrams, Records uint64
}

// saveSequences adds the numbers that come next to a state.
func (e *exporter) saveSequences(b []byte) []byte {
	for key, s := range e.sequences {
		if !s.known {
			continue
		}
		b = append(b, entrySequence, byte(key.version))
		b = binary.BigEndian.AppendUint32(b, key.id)
		b = binary.BigEndian.AppendUint16(b, key.port)
		b = binary.BigEndian.AppendUint32(b, s.next)
		b = binary.BigEndian.AppendUint32(b, s.uptime)
		b = append(b, flag(s.inRecords))
		b = binary.BigEndian.AppendUint64(b, s.datagrams)
		b = binary.BigEndian.AppendUint64(b, s.records)
	}
	return b
}

// sequence reads the numbers of a session. Those that came since count more.
func (r *restorer) sequence() error {
	var v savedSequence
	if err := r.read(&v); err != nil {
		return err
	}
	version := flows.Version(v.Version)
	if version != flows.NetFlow5 && version != flows.NetFlow9 && version != flows.IPFIX || v.InRecords > 1 {
		return errValue
	}
	s := r.e.sequence(r.d, sequenceKey{domainKey{version, v.Domain}, v.Port})
	if s.known {
		return nil
	}
	s.known, s.next, s.uptime, s.inRecords = true, v.Next, v.Uptime, v.InRecords == 1
	s.datagrams, s.records = v.Datagrams, v.Records
	return nil
}
