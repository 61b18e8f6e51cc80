package netflow

import (
	"time"

	"github.com/linewarden/linewarden/flows"
)

// moment is what a datagram says about time.
type moment struct {
	received time.Time
	exported time.Time // as in flows.Record
	export   int64     // export time of the header, Unix nanoseconds
	uptime   uint32    // sysUptime of the header in milliseconds, v5 and v9
	believed bool      // the export time is not too far from received
}

// datagram is the work on one datagram. It is used again for others.
type datagram struct {
	d     *Decoder
	e     *exporter
	dom   *domain // nil until the header is read
	port  uint16
	at    moment
	out   []flows.Record
	count flows.Count // of this datagram

	version  flows.Version
	units    int        // data records by the exporter's own counting
	defined  int        // template records, which v9 counts too
	later    []laterSet // flow data sets, which are read after the options data
	unknown  []rawSet   // data sets without template
	broken   bool       // a set contradicts its length: units is too small
	progress bool       // something was understood
	learned  bool       // a sampling rate or its announcement changed
	ledger   ledgerRate
	row      row

	fields  [][]byte     // of a record of variable length, by op
	sampled flows.Record // of a packet section
}

// laterSet is the body of a data set and the template that held when it came.
type laterSet struct {
	template *template
	body     []byte
}

// rawSet is the body of a data set.
type rawSet struct {
	template uint16
	body     []byte
}

func (g *datagram) begin(d *Decoder, e *exporter, p flows.Packet, dst []flows.Record) {
	e.tick++
	e.seen.Store(time.Now().UnixNano())
	g.d, g.e, g.dom, g.out = d, e, nil, dst
	g.port = p.From.Port()
	g.at = moment{received: p.Received}
	g.count = flows.Count{Datagrams: 1}
	g.version = flows.VersionUnknown
	g.progress = false
	g.ledger = ledgerRate{}
	g.startMessage()
}

// startMessage clears what belongs to one message; a datagram has one of them,
// or several in a file of concatenated messages.
func (g *datagram) startMessage() {
	g.units, g.defined = 0, 0
	g.later, g.unknown = g.later[:0], g.unknown[:0]
	g.broken, g.learned = false, false
}

// decode reads the payload by its version.
func (g *datagram) decode(payload []byte) {
	if len(payload) < 2 {
		g.refuse(flows.ReasonUnknownVersion)
		return
	}
	switch be16(payload) {
	case 5:
		g.version = flows.NetFlow5
		g.netflow5(payload)
	case 9:
		g.version = flows.NetFlow9
		g.netflow9(payload)
	case 10:
		g.version = flows.IPFIX
		g.ipfix(payload)
	default:
		g.refuse(flows.ReasonUnknownVersion)
	}
}

// header settles whose the datagram is and what it says about time.
func (g *datagram) header(domain uint32, export time.Time, uptime uint32) {
	g.dom = g.e.domain(g.d, domainKey{g.version, domain})
	g.at.export, g.at.uptime = export.UnixNano(), uptime
	if g.at.received.IsZero() {
		g.at.received = export
	}
	skew := g.d.config.MaxSkew
	g.at.believed = skew <= 0 || g.d.config.KeepEventTime || within(export, g.at.received, skew)
	g.at.exported = g.at.received
	if g.at.believed {
		g.at.exported = export
	}
}

// refuse counts the whole datagram as lost.
func (g *datagram) refuse(why flows.Reason) {
	g.count.DatagramsLost = [flows.NumReasons]uint64{}
	g.count.DatagramsLost[why] = 1
}

// lose counts n records of this datagram as received and lost.
func (g *datagram) lose(why flows.Reason, n int) {
	g.count.Records += uint64(n)
	g.count.Lost[why] += uint64(n)
}

// panicked counts a datagram whose decoding panicked. Records that were ready
// stay; the one that was not is counted as lost.
func (g *datagram) panicked() {
	g.refuse(flows.ReasonDecoderPanic)
	if g.row.open {
		g.row.open = false
		g.out = g.out[:g.row.first]
	}
	g.lose(flows.ReasonDecoderPanic, 1)
}

// commit writes the books of the domain.
func (g *datagram) commit() {
	if g.at.received.IsZero() {
		g.at.received = time.Now()
	}
	if g.at.exported.IsZero() {
		g.at.exported = g.at.received
	}
	var account *flows.Account
	if g.dom != nil {
		account = g.dom.account
		g.e.weigh(g.d, g.dom)
	} else {
		account = g.d.config.Books.Account(flows.Source{Exporter: g.e.addr, Version: g.version})
	}
	account.Update(g.at.exported, func(c *flows.Count) { c.Add(&g.count) })
}

// end writes the books and returns the records.
func (g *datagram) end() []flows.Record {
	g.commit()
	out := g.out
	g.out, g.dom, g.e, g.row = nil, nil, nil, row{}
	clear(g.unknown)
	clear(g.later)
	clear(g.fields)
	return out
}

// settle ends a message: flow data is read, now that all that the message says
// of sampling is known; data without template is decoded if its template came
// later in the message, else parked; records whose rate came are released.
func (g *datagram) settle(claimed int) {
	for _, s := range g.later {
		g.data(s.template, s.body)
	}
	g.parkUnknown(claimed)
	if g.learned {
		g.release()
	}
	if !g.progress {
		g.refuse(flows.ReasonMalformed)
	}
}

func within(a, b time.Time, d time.Duration) bool {
	diff := a.Sub(b)
	return -d <= diff && diff <= d
}
