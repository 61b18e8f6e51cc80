package speaker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

// cause says why a session or an attempt at one is over.
type cause struct {
	text     string
	say      *notification // to tell the neighbour, nil if it is gone
	graceful bool          // the connection was lost, without a word (RFC 4724 section 4.2)
	failed   bool          // our own fault
	held     time.Duration // for which the neighbour is refused
	refusal  Refusal       // if it was no session yet
}

// session is one connection of a neighbour.
type session struct {
	neighbor *neighbor
	conn     net.Conn
	in       *bufio.Reader
	buf      []byte
	read     atomic.Int64 // time allowed for a read, in nanoseconds; 0 = for ever
	options  wire.Session
	remote   wire.Open
	local    wire.Open
	hold     time.Duration

	write sync.Mutex // held to write to conn
	why   atomic.Pointer[cause]
	over  chan struct{} // closed when why is set
	done  chan struct{} // closed when everything of the session was sent to the queue
}

func newSession(n *neighbor, conn net.Conn) *session {
	s := &session{neighbor: n, conn: conn, buf: make([]byte, 65535), over: make(chan struct{}), done: make(chan struct{})}
	s.in = bufio.NewReaderSize(timed{s}, 1<<16)
	return s
}

// timed reads from the connection, each time within the time allowed.
type timed struct{ s *session }

func (t timed) Read(b []byte) (int, error) {
	var at time.Time
	if allowed := t.s.read.Load(); allowed > 0 {
		at = time.Now().Add(time.Duration(allowed))
	}
	if err := t.s.conn.SetReadDeadline(at); err != nil {
		return 0, err
	}
	if t.s.why.Load() != nil { // the deadline that end set was just undone
		return 0, os.ErrDeadlineExceeded
	}
	return t.s.conn.Read(b)
}

// end ends the session for the first cause given. It may be called by anyone.
func (s *session) end(c cause) {
	if !s.why.CompareAndSwap(nil, &c) {
		return
	}
	close(s.over)
	if c.say != nil {
		_ = s.conn.SetWriteDeadline(time.Now().Add(sayFor)) // of what is being written
		_ = s.put(c.say.message(), sayFor)
		if tcp, ok := s.conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	_ = s.conn.SetReadDeadline(time.Now())
}

// put writes whole messages.
func (s *session) put(b []byte, within time.Duration) error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := s.conn.Write(b)
	return err
}

// run is the life of a session.
func (s *session) run() {
	n := s.neighbor
	defer s.close()
	defer n.leave()
	if err := s.handshake(); err != nil {
		s.refuse(err)
		return
	}
	defer close(s.done)
	select {
	case <-n.stop: // since the handshake
		s.end(n.bye)
	default:
	}
	n.up(s)
	n.logger.Info("BGP session established", "asn", s.remote.AS, "router_id", s.remote.RouterID.String(), "hold", s.hold,
		"add_path", s.options.AddPath != 0, "as4", s.options.AS4, "graceful", s.remote.Graceful)
	var beating sync.WaitGroup
	beating.Go(s.beat)
	s.listen()
	beating.Wait()
	c := s.why.Load()
	n.down(s, c)
	n.ended(c.text)
	log := n.logger.Warn
	if c.failed || c.held > 0 {
		log = n.logger.Error
	}
	log("BGP session ended", "reason", c.text)
}

// refuse notes why a connection did not become a session.
func (s *session) refuse(err error) {
	c := cause{text: err.Error(), refusal: RefusedOpen}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.refusal = RefusedTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		c.refusal = RefusedClosed
	}
	s.end(c)
	c = *s.why.Load()
	s.neighbor.speaker.refused[c.refusal].Add(1)
	s.neighbor.ended(c.text)
	s.neighbor.logger.Warn("BGP connection refused", "reason", c.text)
}

// close closes the connection. What the neighbour still sends is read for a
// moment, or else the kernel would take back the notification it was sent.
func (s *session) close() {
	if c := s.why.Load(); c != nil && c.say != nil {
		_ = s.conn.SetReadDeadline(time.Now().Add(sayFor / 4))
		_, _ = io.CopyN(io.Discard, s.conn, 1<<20)
	}
	_ = s.conn.Close()
}

// tables returns the families of the session.
func (s *session) tables() wire.Tables { return s.local.Tables & s.remote.Tables }

// handshake exchanges OPENs, and makes this the neighbour's session.
func (s *session) handshake() error {
	n := s.neighbor
	stopped := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-n.stop:
			s.end(cause{text: n.bye.text, say: &notification{codeCease, subRejected, nil}, refusal: RefusedStopping})
		case <-stopped:
		}
	})
	defer watching.Wait()
	defer close(stopped)
	s.read.Store(int64(n.speaker.config.OpenTimeout))
	ours, local, err := n.open()
	if err != nil {
		return err
	}
	if err := s.put(ours, sayFor); err != nil {
		return fmt.Errorf("send open message: %w", err)
	}
	kind, b, err := s.message()
	if err != nil {
		return fmt.Errorf("wait for open message: %w", err)
	}
	if kind != wire.TypeOpen {
		return s.unexpected(kind, b)
	}
	if err := s.judge(b, local); err != nil {
		return err
	}
	if err := s.put(header(wire.TypeKeepalive, 0), sayFor); err != nil {
		return fmt.Errorf("send keepalive message: %w", err)
	}
	if kind, b, err = s.message(); err != nil {
		return fmt.Errorf("wait for keepalive message: %w", err)
	}
	if kind != wire.TypeKeepalive {
		return s.unexpected(kind, b)
	}
	if !n.claim(s) {
		s.end(cause{text: "there is a session already", say: &notification{codeCease, subCollision, nil}, refusal: RefusedBusy})
		return errors.New("there is a session already")
	}
	s.read.Store(int64(s.hold))
	return nil
}

// judge reads the neighbour's OPEN, and settles the options of the session.
func (s *session) judge(b []byte, local wire.Open) error {
	remote, err := wire.ParseOpen(b)
	if err != nil {
		s.end(cause{text: err.Error(), say: &notification{codeOpen, subVersion, nil}, refusal: RefusedOpen})
		return err
	}
	if say, why := s.neighbor.judge(remote); why != "" {
		s.end(cause{text: why, say: &say, refusal: RefusedOpen})
		return errors.New(why)
	}
	s.local, s.remote, s.options = local, remote, wire.Negotiate(remote, local)
	s.hold = min(local.HoldTime, remote.HoldTime)
	return nil
}

func (s *session) unexpected(kind uint8, b []byte) error {
	if kind == wire.TypeNotification {
		return fmt.Errorf("neighbor closed: %s: %w", readNotification(b[wire.HeaderLength:]), io.EOF)
	}
	s.end(cause{text: fmt.Sprintf("message of type %d while opening", kind), say: &notification{codeFSM, 0, nil}, refusal: RefusedOpen})
	return fmt.Errorf("message of type %d while opening", kind)
}

// message reads one message. It is valid until the next call.
func (s *session) message() (kind uint8, b []byte, err error) {
	head := s.buf[:wire.HeaderLength]
	if _, err := io.ReadFull(s.in, head); err != nil {
		return 0, nil, err
	}
	length, kind, err := wire.CheckHeader(head, s.options)
	if err != nil {
		say := notification{codeHeader, 2, binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(head[16:]))}
		s.end(cause{text: "malformed header", say: &say, refusal: RefusedOpen})
		return 0, nil, err
	}
	if _, err := io.ReadFull(s.in, s.buf[wire.HeaderLength:length]); err != nil {
		return 0, nil, err
	}
	return kind, s.buf[:length], nil
}

// beat sends keepalives until the session is over (RFC 4271 section 4.4).
func (s *session) beat() {
	// Our own table is empty, and said to be whole.
	if s.remote.Graceful {
		if err := s.put(endOfRIBs(), sayFor); err != nil {
			s.end(cause{text: "send end of RIB: " + err.Error(), graceful: true})
		}
	}
	if s.hold == 0 {
		<-s.over
		return
	}
	tick := time.NewTicker(s.hold / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.put(header(wire.TypeKeepalive, 0), s.hold); err != nil {
				s.end(cause{text: "send keepalive: " + err.Error(), graceful: true})
			}
		case <-s.over:
			return
		}
	}
}

// listen reads messages until the session is over.
func (s *session) listen() {
	n := s.neighbor
	d := wire.NewDecoder(&n.books, remember)
	count := newTally(n)
	b := n.take()
	from := bgp.Event{Peer: n.key, PeerAS: n.config.ASN}
	yield := func(e *bgp.Event) {
		count.note(e)
		if b.events = append(b.events, *e); len(b.events) == batchSize {
			n.send(b)
			b = n.take()
		}
	}
	for s.why.Load() == nil {
		if s.in.Buffered() < wire.HeaderLength && len(b.events) > 0 {
			// Nothing more is here: what there is need not wait.
			n.send(b)
			b = n.take()
		}
		kind, m, err := s.message()
		if err != nil {
			s.lost(err)
			break
		}
		switch kind {
		case wire.TypeUpdate:
			from.Time = time.Now().UTC()
			s.update(d, m, &from, yield, count)
		case wire.TypeKeepalive, wire.TypeRouteRefresh: // there is nothing to send again
		case wire.TypeNotification:
			s.end(cause{text: "neighbor said " + readNotification(m[wire.HeaderLength:])})
		default:
			s.end(cause{text: fmt.Sprintf("message of type %d in a session", kind), say: &notification{codeFSM, 0, nil}})
		}
	}
	n.send(b)
}

// lost ends the session for an error of reading.
func (s *session) lost(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// With a notification sent, this is no loss to be graceful about.
		s.end(cause{text: "hold time over: nothing heard for " + s.hold.String(), say: &notification{codeHold, 0, nil}})
		return
	}
	s.end(cause{text: "connection lost: " + err.Error(), graceful: true})
}

// update reads one UPDATE, and ends the session where it must.
func (s *session) update(d *wire.Decoder, m []byte, from *bgp.Event, yield func(*bgp.Event), count *tally) {
	var refusal *wire.Refusal
	if err := d.Message(m, s.options, from, yield); errors.As(err, &refusal) && refusal.Resets() {
		s.end(cause{text: "malformed update: " + refusal.Reason.String(), say: &notification{codeUpdate, updateSubcode(refusal.Reason), nil}})
		return
	}
	family, limit, paths := count.over()
	if family == bgp.FamilyNone {
		return
	}
	c := s.neighbor.speaker.config
	data := []byte{0, uint8(family), 1} // AFI and SAFI: families have the numbers of AFIs (RFC 4486 section 4)
	data = binary.BigEndian.AppendUint32(data, uint32(limit))
	s.end(cause{
		text: fmt.Sprintf("limit passed: %d paths of IPv%d, limit %d; refused for %v", paths, 2+2*family, limit, c.LimitHold),
		say:  &notification{codeCease, subMaxPrefixes, data}, held: c.LimitHold,
	})
}

func updateSubcode(r wire.Reason) uint8 {
	switch r {
	case wire.ReasonNLRI:
		return subNetwork
	case wire.ReasonMPReach, wire.ReasonMPUnreach:
		return subOptional
	default:
		return subAttributes
	}
}
