package netflow

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/netip"

	"github.com/linewarden/linewarden/flows"
)

// The file of Save is a magic word, a version, the length of the body, the
// body, and the CRC-32C of all that. All integers are in network byte order.
const (
	stateMagic   = "LWNFTMPL"
	stateVersion = 2 // 1 has no sequence numbers
	maxStateSize = 1 << 30
	stateHeader  = len(stateMagic) + 4 + 8
	stateTrailer = 4
)

// ErrState is what Load returns for a file that Save has not written, or not
// to its end.
var ErrState = errors.New("damaged state of templates, sampling rates and sequence numbers")

// The kinds of entries in the body. Those of a domain follow its entry, and
// those of an exporter its own.
const (
	entryExporter = iota + 1
	entryDomain
	entryTemplate
	entryRate
	entrySequence // of an exporter
)

// Save writes templates and sampling rates. What waits for them is not written.
// The last state of a decoder, which takes no datagram any more, has sequence
// numbers too, so that another one tells what was lost in between. Those of a
// state before that would count what this decoder has taken since.
func (d *Decoder) Save(w io.Writer, last bool) error {
	body := make([]byte, stateHeader, 1<<16)
	copy(body, stateMagic)
	binary.BigEndian.PutUint32(body[len(stateMagic):], stateVersion)
	for _, e := range d.list() {
		e.mu.Lock()
		body = e.save(body)
		if last {
			body = e.saveSequences(body)
		}
		e.mu.Unlock()
	}
	binary.BigEndian.PutUint64(body[len(stateMagic)+4:], uint64(len(body)-stateHeader))
	body = binary.BigEndian.AppendUint32(body, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("write templates and sampling rates: %w", err)
	}
	return nil
}

func (e *exporter) save(b []byte) []byte {
	b = append(b, entryExporter)
	addr := e.addr.As16()
	b = append(b, addr[:]...)
	for key, dom := range e.domains {
		if len(dom.templates) == 0 && len(dom.samplers.rates) == 0 && dom.systemUp == 0 {
			continue
		}
		b = append(b, entryDomain, byte(key.version))
		b = binary.BigEndian.AppendUint32(b, key.id)
		b = append(b, flag(dom.samplers.silent))
		b = binary.BigEndian.AppendUint64(b, uint64(dom.systemUp))
		for _, t := range dom.templates {
			b = append(b, entryTemplate, flag(t.options)|flag(t.answered)<<1)
			b = binary.BigEndian.AppendUint32(b, uint32(len(t.definition)))
			b = append(b, t.definition...)
		}
		for of, h := range dom.samplers.rates {
			b = append(b, entryRate, byte(of.kind))
			b = binary.BigEndian.AppendUint64(b, of.id)
			b = append(b, byte(h.n))
			for i := range h.n {
				b = binary.BigEndian.AppendUint64(b, uint64(h.from[i]))
				b = binary.BigEndian.AppendUint64(b, h.rate[i])
			}
		}
	}
	return b
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// Load reads what Save wrote and adds it to what is known: a template or rate
// that an exporter sent since counts more. It returns an error that wraps
// ErrState, and changes nothing, when the input is damaged.
func (d *Decoder) Load(r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxStateSize+1))
	if err != nil {
		return fmt.Errorf("read templates and sampling rates: %w", err)
	}
	body, err := stateBody(data)
	if err != nil {
		return err
	}
	// Everything is tried on a decoder of nobody first.
	trial := New(Config{Books: flows.NewBooks()})
	if err := trial.restore(body); err != nil {
		return err
	}
	return d.restore(body)
}

// stateBody checks the frame of a file and returns what is in it.
func stateBody(data []byte) ([]byte, error) {
	if len(data) < stateHeader+stateTrailer || len(data) > maxStateSize || string(data[:len(stateMagic)]) != stateMagic {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrState)
	}
	if version := be32(data[len(stateMagic):]); version < 1 || version > stateVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads 1 to %d", ErrState, version, stateVersion)
	}
	end := len(data) - stateTrailer
	if binary.BigEndian.Uint64(data[len(stateMagic)+4:]) != uint64(end-stateHeader) {
		return nil, fmt.Errorf("%w: it does not have its length", ErrState)
	}
	if crc32.Checksum(data[:end], crc32.MakeTable(crc32.Castagnoli)) != be32(data[end:]) {
		return nil, fmt.Errorf("%w: it does not have its checksum", ErrState)
	}
	return data[stateHeader:end], nil
}

// restorer reads the entries of a body.
type restorer struct {
	d   *Decoder
	e   *exporter // locked
	dom *domain
	b   *bytes.Reader
}

func (d *Decoder) restore(body []byte) error {
	r := &restorer{d: d, b: bytes.NewReader(body)}
	defer func() {
		if r.e != nil {
			r.e.mu.Unlock()
		}
	}()
	for r.b.Len() > 0 {
		if err := r.entry(); err != nil {
			return fmt.Errorf("%w: entry before byte %d: %w", ErrState, len(body)-r.b.Len(), err)
		}
	}
	return nil
}

var (
	errEntry = errors.New("unknown kind of entry, or in the wrong place")
	errValue = errors.New("impossible value")
)

func (r *restorer) entry() error {
	kind, err := r.b.ReadByte()
	if err != nil {
		return fmt.Errorf("read kind: %w", err)
	}
	switch {
	case kind == entryExporter:
		return r.exporter()
	case kind == entryDomain && r.e != nil:
		return r.domain()
	case kind == entrySequence && r.e != nil:
		return r.sequence()
	case kind == entryTemplate && r.dom != nil:
		return r.template()
	case kind == entryRate && r.dom != nil:
		return r.rate()
	}
	return errEntry
}

// read fills a value of fixed size.
func (r *restorer) read(value any) error {
	if err := binary.Read(r.b, binary.BigEndian, value); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return nil
}

func (r *restorer) exporter() error {
	var addr [16]byte
	if err := r.read(&addr); err != nil {
		return err
	}
	if r.e != nil {
		r.e.mu.Unlock()
	}
	r.e, r.dom = r.d.enter(netip.AddrFrom16(addr).Unmap()), nil
	return nil
}

func (r *restorer) domain() error {
	var v struct {
		Version  uint8
		ID       uint32
		Silent   uint8
		SystemUp int64
	}
	if err := r.read(&v); err != nil {
		return err
	}
	version := flows.Version(v.Version)
	if version != flows.NetFlow9 && version != flows.IPFIX || v.Silent > 1 {
		return errValue
	}
	_, known := r.e.domains[domainKey{version, v.ID}]
	r.dom = r.e.domain(r.d, domainKey{version, v.ID})
	if !known {
		r.dom.samplers.silent = v.Silent == 1
	}
	if r.dom.systemUp == 0 {
		r.dom.systemUp = v.SystemUp
	}
	return nil
}

func (r *restorer) template() error {
	var v struct {
		Flags uint8
		Size  uint32
	}
	if err := r.read(&v); err != nil {
		return err
	}
	if v.Flags > 3 || v.Size < setHeaderSize || int(v.Size) > r.b.Len() {
		return errValue
	}
	definition := make([]byte, v.Size)
	if err := r.read(definition); err != nil {
		return err
	}
	t, size := parseTemplate(r.dom.source.Version, v.Flags&1 != 0, definition)
	if t == nil || size != len(definition) {
		return errValue
	}
	if r.dom.templates[t.id] != nil {
		return nil
	}
	t.answered = v.Flags&2 != 0
	t.seen = r.e.tick
	r.e.install(r.d, r.dom, t)
	if t.announces && !t.answered {
		r.dom.samplers.unanswered++
	}
	return nil
}

func (r *restorer) rate() error {
	var v struct {
		Kind uint8
		ID   uint64
		N    uint8
	}
	if err := r.read(&v); err != nil {
		return err
	}
	if v.Kind >= uint8(numScopeKinds) || v.N == 0 || v.N > maxHistory {
		return errValue
	}
	for range v.N {
		var entry struct {
			From int64
			Rate uint64
		}
		if err := r.read(&entry); err != nil {
			return err
		}
		if entry.Rate == 0 || entry.Rate > maxRate {
			return errValue
		}
		r.dom.samplers.learn(scope{scopeKind(v.Kind), v.ID}, entry.From, entry.Rate)
	}
	r.e.weigh(r.d, r.dom)
	return nil
}
