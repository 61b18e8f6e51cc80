package rtr

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	packet "github.com/osrg/gobgp/v3/pkg/packet/rtr"
)

// question is what a cache was asked and has not answered to the end.
type question uint8

const (
	askedNothing question = iota
	askedChanges          // by a Serial Query
	askedAll              // by a Reset Query
)

// answer is what a cache said since its Cache Response.
type answer struct {
	whole   bool // of all payloads, not of changes
	session uint16
	added   map[record]struct{}
	removed map[record]struct{}
}

// link is one connection to a cache.
type link struct {
	cache   *cache
	conn    net.Conn
	in      *bufio.Reader
	buf     []byte
	version uint8
	agreed  bool // on the version, by the cache's first answer (RFC 8210 section 7)
	asked   question
	answer  *answer // nil until the Cache Response
	due     time.Time
	notice  uint32 // serial that the cache notified us of
	noticed bool
}

func newLink(c *cache, conn net.Conn) *link {
	return &link{cache: c, conn: conn, in: bufio.NewReaderSize(conn, 1<<16), buf: make([]byte, maxLength), version: c.speak}
}

// errDue says that it is time to ask.
var errDue = errors.New("time to ask the cache")

// noticeGap is the least time between an answer and the question that a notice
// of the cache gives rise to, so that a cache cannot keep us asking.
const noticeGap = time.Second

// writeFor bounds the time in which a message is written.
const writeFor = 10 * time.Second

// follow asks and listens until the connection ends.
func (l *link) follow() error {
	err := l.listen()
	// A cache that begins a new session may report our serial as an error, or just
	// leave: it is asked for all the next time, and what we have stays in use.
	if l.asked == askedChanges && l.answer == nil {
		l.cache.afresh = true
	}
	return err
}

func (l *link) listen() error {
	if err := l.ask(); err != nil {
		return err
	}
	for {
		b, err := l.next()
		if errors.Is(err, errDue) {
			if err := l.ask(); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			err = l.message(b)
		}
		var f *fault
		if errors.As(err, &f) && f.say {
			l.report(f, b)
		}
		if err != nil {
			return err
		}
	}
}

// ask sends a question: what changed if we know something, else all.
func (l *link) ask() error {
	c := l.cache
	l.asked = askedAll
	if c.data != nil && c.version == l.version && !c.afresh {
		l.asked = askedChanges
	}
	l.answer, l.noticed = nil, false
	q, err := queryFor(l.version, l.asked == askedChanges, c.session, c.serial)
	if err != nil {
		return fmt.Errorf("write a query: %w", err)
	}
	return l.write(q)
}

func (l *link) write(b []byte) error {
	err := l.conn.SetWriteDeadline(time.Now().Add(writeFor))
	if err == nil {
		_, err = l.conn.Write(b)
	}
	if err != nil {
		return &fault{end: EndClosed, err: fmt.Errorf("write to the RPKI cache: %w", err)}
	}
	return nil
}

// report tells the cache why we leave (RFC 8210 section 5.11).
func (l *link) report(f *fault, about []byte) {
	b, err := errorReport(l.version, f.code, about, f.Error())
	if err == nil && b != nil {
		_ = l.write(b) // the connection ends anyway
	}
}

// next reads one message, which is valid until the next call. It returns errDue
// when it is time to ask again.
func (l *link) next() ([]byte, error) {
	if err := l.wait(); err != nil {
		return nil, err
	}
	head, err := l.in.Peek(headerLength)
	if err != nil {
		return nil, l.broken(err)
	}
	n, err := lengthOf(head)
	if err != nil {
		return head, &fault{end: EndCorrupt, code: packet.CORRUPT_DATA, say: true, err: err}
	}
	if l.in.Buffered() < n {
		if err := l.conn.SetReadDeadline(time.Now().Add(l.cache.client.config.ReadTimeout)); err != nil {
			return nil, l.broken(err)
		}
	}
	if _, err := io.ReadFull(l.in, l.buf[:n]); err != nil {
		return nil, l.broken(err)
	}
	return l.buf[:n], nil
}

// wait returns once a header is here.
func (l *link) wait() error {
	c := l.cache
	for l.in.Buffered() < headerLength {
		now := time.Now()
		// All payloads are on their way: then the old ones may go without harm.
		if c.expire(now) && l.asked != askedAll {
			return &fault{end: EndExpired, err: errors.New("the payloads are too old")}
		}
		until := now.Add(c.client.config.ReadTimeout)
		if l.asked == askedNothing {
			if !now.Before(l.due) {
				return errDue
			}
			until = l.due
		}
		alarm := c.before(until)
		if err := l.conn.SetReadDeadline(alarm); err != nil {
			return l.broken(err)
		}
		_, err := l.in.Peek(headerLength)
		if err == nil {
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || alarm.Equal(until) && l.asked != askedNothing {
			return l.broken(err)
		}
	}
	return nil
}

// broken names an error of reading.
func (l *link) broken(err error) error {
	f := &fault{end: EndClosed, err: fmt.Errorf("read from the RPKI cache: %w", err)}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		f.end = EndTimeout
	}
	return f
}

// message takes one message.
func (l *link) message(b []byte) error {
	p, err := parse(b)
	if verr := l.agree(&p); verr != nil {
		return verr
	}
	if errors.Is(err, errKind) {
		return &fault{end: EndCorrupt, code: packet.UNSUPPORTED_PDU_TYPE, say: true, err: err}
	}
	if err != nil {
		return corrupt(err)
	}
	switch p.kind {
	case packet.RTR_SERIAL_NOTIFY:
		return l.notify(&p)
	case packet.RTR_CACHE_RESPONSE:
		return l.begin(&p)
	case packet.RTR_IPV4_PREFIX, packet.RTR_IPV6_PREFIX, routerKey:
		return l.payload(&p)
	case packet.RTR_END_OF_DATA:
		return l.end(&p)
	case packet.RTR_CACHE_RESET:
		return l.reset()
	case packet.RTR_ERROR_REPORT:
		return l.reported(&p)
	}
	return corrupt(errKind)
}

func corrupt(err error) error {
	return &fault{end: EndCorrupt, code: packet.CORRUPT_DATA, say: true, err: err}
}

func outOfTurn(what string) error { return corrupt(fmt.Errorf("%s out of turn", what)) }

// agree holds the version of a message against ours. The first answer may be of
// version 0, which then counts; all others must be alike (RFC 8210 section 7).
func (l *link) agree(p *pdu) error {
	switch {
	case p.version == l.version:
		// A notice may come before we asked, and agrees to nothing.
		l.agreed = l.agreed || p.kind != packet.RTR_SERIAL_NOTIFY
		return nil
	case l.agreed:
		return &fault{
			end: EndVersion, code: codeUnexpected, say: p.kind != packet.RTR_ERROR_REPORT,
			err: fmt.Errorf("a message of version %d after version %d was agreed on", p.version, l.version),
		}
	case p.version > l.version:
		if p.version <= latest {
			l.cache.speak = p.version
		}
		return &fault{
			end: EndVersion, code: packet.UNSUPPORTED_PROTOCOL_VERSION, say: p.kind != packet.RTR_ERROR_REPORT,
			err: fmt.Errorf("the cache speaks version %d, we spoke %d", p.version, l.version),
		}
	case p.kind == packet.RTR_SERIAL_NOTIFY:
		return nil
	case l.asked == askedChanges || p.kind == packet.RTR_ERROR_REPORT:
		// The serial we asked by is of another version, or it wants a new beginning.
		// What we have stays in use until all has come by the other version.
		l.cache.speak = p.version
		return &fault{end: EndVersion, err: fmt.Errorf("the cache speaks version %d alone", p.version)}
	}
	l.version, l.agreed = p.version, true
	return nil
}

// notify takes a Serial Notify (section 5.2).
func (l *link) notify(p *pdu) error {
	c := l.cache
	if !l.agreed || c.data == nil {
		return nil
	}
	if l.asked == askedNothing && p.session != c.session {
		return l.changed(p)
	}
	l.notice, l.noticed = p.serial, true
	l.hurry()
	return nil
}

// hurry brings the next question forward where the cache has news.
func (l *link) hurry() {
	if l.asked != askedNothing || !l.noticed || l.notice == l.cache.serial {
		return
	}
	if at := l.cache.updated.Add(noticeGap); at.Before(l.due) {
		l.due = at
	}
}

// changed ends a session that is not the one we know: what we learned in it is
// to be forgotten (section 5.1).
func (l *link) changed(p *pdu) error {
	err := fmt.Errorf("session %d, we know %d", p.session, l.cache.session)
	l.cache.forget()
	return &fault{end: EndSession, code: packet.CORRUPT_DATA, say: true, err: err}
}

// begin takes a Cache Response (section 5.5).
func (l *link) begin(p *pdu) error {
	if l.asked == askedNothing || l.answer != nil {
		return outOfTurn("a cache response")
	}
	if l.asked == askedChanges && p.session != l.cache.session {
		return l.changed(p)
	}
	l.answer = &answer{whole: l.asked == askedAll, session: p.session, added: make(map[record]struct{}), removed: make(map[record]struct{})}
	return nil
}

// payload takes a prefix (section 5.6 and 5.7) or skips a router key (5.10).
func (l *link) payload(p *pdu) error {
	a := l.answer
	if a == nil {
		return outOfTurn("a payload")
	}
	if p.kind == routerKey {
		return nil
	}
	if err := a.take(p.record, p.announce, l.cache.data); err != nil {
		return err
	}
	n := len(a.added)
	if !a.whole {
		n += len(l.cache.data) - len(a.removed)
	}
	if most := l.cache.client.config.MaxPayloads; n > most {
		return &fault{end: EndLimit, code: packet.INTERNAL_ERROR, say: true, err: fmt.Errorf("more than %d payloads", most)}
	}
	return nil
}

// take notes one payload. What was known counts for an answer of changes alone.
func (a *answer) take(r record, announce bool, before map[record]struct{}) error {
	_, added := a.added[r]
	_, removed := a.removed[r]
	_, known := before[r]
	have := added || !a.whole && known && !removed
	switch {
	case announce && have:
		return &fault{end: EndDuplicate, code: packet.DUPLICATE_ANNOUNCEMENT_RECORD, say: true, err: fmt.Errorf("%v is announced twice", r.payload())}
	case !announce && !have:
		return &fault{end: EndUnknown, code: packet.WITHDRAWAL_OF_UNKNOWN_RECORD, say: true, err: fmt.Errorf("%v is withdrawn and was not there", r.payload())}
	case announce && removed:
		delete(a.removed, r)
	case announce:
		a.added[r] = struct{}{}
	case added:
		delete(a.added, r)
	default:
		a.removed[r] = struct{}{}
	}
	return nil
}

// end takes an End of Data (section 5.8).
func (l *link) end(p *pdu) error {
	a := l.answer
	if a == nil {
		return outOfTurn("an end of data")
	}
	if p.session != a.session {
		return l.changed(p)
	}
	l.cache.commit(a, p)
	l.asked, l.answer = askedNothing, nil
	l.due = time.Now().Add(p.intervals.refresh)
	l.hurry()
	return nil
}

// reset takes a Cache Reset (section 5.9): what changed is not known any more.
// What we have stays in use until all has come again (section 8.3).
func (l *link) reset() error {
	if l.asked != askedChanges || l.answer != nil {
		return outOfTurn("a cache reset")
	}
	q, err := queryFor(l.version, false, 0, 0)
	if err != nil {
		return fmt.Errorf("write a query: %w", err)
	}
	l.asked = askedAll
	return l.write(q)
}

// reported takes an Error Report (section 5.11). That there are no data yet is no reason to leave.
func (l *link) reported(p *pdu) error {
	if p.session != packet.NO_DATA_AVAILABLE {
		return &fault{end: EndReported, err: fmt.Errorf("the cache reported error %d: %q", p.session, p.text)}
	}
	l.cache.logger.Warn("the RPKI cache has no data yet", "again_in", l.cache.times.retry)
	l.asked, l.answer = askedNothing, nil
	l.due = time.Now().Add(l.cache.times.retry)
	return nil
}
