package engine

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

const (
	// revision is the protocol this server speaks at most, which is what
	// clickhouse-go speaks. Oldest is that of clickhouse-client 18.16, which is
	// still in Debian.
	revision = 54460
	oldest   = 54412

	readBuffer = 256 << 10
	// frameSize is how much is compressed at a time.
	frameSize = 1 << 20
	// keptBuffer is the largest buffer that is kept for the next block.
	keptBuffer = 16 << 20

	maxText  = 1 << 10  // names and passwords
	maxQuery = 64 << 20 // the text of a statement
	maxItems = 10_000   // settings or parameters of a statement
)

// reader reads the fields of packets. The first error stays, and fields read
// after it are zero.
type reader struct {
	*bufio.Reader
	unpacked *bufio.Reader // the same, decompressed
	err      error
}

func newReader(r io.Reader) *reader {
	b := bufio.NewReaderSize(r, readBuffer)
	return &reader{Reader: b, unpacked: bufio.NewReaderSize(compress.NewReader(b), readBuffer)}
}

// block is where the block of a data packet is read from.
func (r *reader) block(compressed bool) input {
	if compressed {
		return buffered{r.unpacked}
	}
	return buffered{r.Reader}
}

func (r *reader) number() uint64 {
	if r.err != nil {
		return 0
	}
	var n uint64
	n, r.err = binary.ReadUvarint(r.Reader)
	return n
}

func (r *reader) octet() byte {
	if r.err != nil {
		return 0
	}
	var b byte
	b, r.err = r.ReadByte()
	return b
}

func (r *reader) skip(n int) {
	if r.err == nil {
		_, r.err = r.Discard(n)
	}
}

// text reads a string of at most so many bytes.
func (r *reader) text(most uint64) string {
	n := r.number()
	if r.err != nil {
		return ""
	}
	if n > most {
		r.err = fmt.Errorf("a text of %d bytes, at most %d are taken", n, most)
		return ""
	}
	// What was not received yet is not allocated either.
	b := make([]byte, 0, min(n, 1<<16))
	for uint64(len(b)) < n {
		from := len(b)
		b = append(b, make([]byte, min(n-uint64(from), max(1<<16, uint64(from))))...)
		if _, r.err = io.ReadFull(r.Reader, b[from:]); r.err != nil {
			return ""
		}
	}
	return string(b)
}

// hello is the first packet of a client.
type hello struct {
	client             string
	revision           int
	database           string
	user, password     string
	major, minor, kind uint64
}

func (r *reader) hello() (h hello, err error) {
	if h.kind = r.number(); r.err == nil && h.kind != uint64(proto.ClientCodeHello) {
		return h, fmt.Errorf("the client does not greet: packet %d", h.kind)
	}
	h.client = r.text(maxText)
	h.major, h.minor = r.number(), r.number()
	h.revision = int(min(r.number(), revision))
	h.database, h.user, h.password = r.text(maxText), r.text(maxText), r.text(maxText)
	if r.err == nil && h.revision < oldest {
		return h, fmt.Errorf("the client speaks revision %d, this server none before %d", h.revision, oldest)
	}
	return h, r.err
}

// setting is a setting or a parameter of a statement.
type setting struct {
	name, value       string
	important, custom bool
}

// oldSettings reads a list of settings from before they were sent as text. How a
// value is written depends on the setting; all are taken for numbers, which most
// are. One that is not leaves a packet that cannot be read, and costs the client
// its connection.
func (r *reader) oldSettings() (list []setting) {
	for r.err == nil {
		s := setting{name: r.text(maxText)}
		if s.name == "" {
			return list
		}
		s.value = strconv.FormatUint(r.number(), 10)
		if list = append(list, s); len(list) > maxItems {
			r.err = errors.New("too many settings")
		}
	}
	return nil
}

// settings reads a list that an empty name ends.
func (r *reader) settings() (list []setting) {
	for r.err == nil {
		s := setting{name: r.text(maxText)}
		if s.name == "" {
			return list
		}
		flags := r.number()
		s.important, s.custom = flags&1 != 0, flags&2 != 0
		s.value = r.text(maxQuery)
		if list = append(list, s); len(list) > maxItems {
			r.err = errors.New("too many settings")
		}
	}
	return nil
}

// query is a statement as it was sent.
type query struct {
	id         string
	text       string
	compressed bool
	settings   []setting
	parameters []setting
}

// query reads a query packet behind its code.
func (r *reader) query(rev int) (q query, err error) {
	q.id = r.text(maxText)
	r.clientInfo(rev)
	if proto.FeatureSettingsSerializedAsStrings.In(rev) {
		q.settings = r.settings()
	} else {
		q.settings = r.oldSettings()
	}
	if proto.FeatureInterServerSecret.In(rev) {
		r.text(maxText)
	}
	r.number() // stage
	q.compressed = r.number() != 0
	q.text = r.text(maxQuery)
	if proto.FeatureParameters.In(rev) {
		q.parameters = r.settings()
	}
	return q, r.err
}

// clientInfo reads over what a client says about itself. Its layout is that of
// ClientInfo::write in ClickHouse.
func (r *reader) clientInfo(rev int) {
	if kind := r.octet(); kind == 0 { // NO_QUERY: nothing follows
		return
	}
	for range 3 { // initial user, query id and address
		r.text(maxText)
	}
	if proto.FeatureQueryStartTime.In(rev) {
		r.skip(8)
	}
	if kind := r.octet(); r.err == nil && kind != byte(proto.InterfaceTCP) {
		r.err = fmt.Errorf("clients of interface %d are not served", kind)
		return
	}
	for range 3 { // user of the system, host, client
		r.text(maxText)
	}
	for range 3 { // version and revision of the client
		r.number()
	}
	r.text(maxText) // quota key
	if proto.FeatureDistributedDepth.In(rev) {
		r.number()
	}
	r.number() // patch
	if proto.FeatureOpenTelemetry.In(rev) && r.octet() != 0 {
		r.skip(24)
		r.text(maxText)
		r.skip(1)
	}
	if proto.FeatureParallelReplicas.In(rev) {
		for range 3 {
			r.number()
		}
	}
}
