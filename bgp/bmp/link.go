package bmp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// Why a connection ended, beside what the network says.
var (
	ErrEnded    = errors.New("the router ended the connection")
	errReplaced = errors.New("the router opened another connection")
	errStopping = errors.New("the station is stopping")
	errSink     = errors.New("the events were refused")
)

// link is one connection. Its goroutine owns all but cause.
type link struct {
	station *Station
	router  *router
	conn    net.Conn
	older   *link // the router's connection before, until it is done
	done    chan struct{}

	in     *bufio.Reader
	parser *Parser
	buffer []byte
	batch  []bgp.Event
	failed error // of the sink

	mu    sync.Mutex
	cause error // why we close it ourselves; guarded by mu
}

// readAhead is how much of a connection is read at once.
const readAhead = 64 << 10

func newLink(s *Station, r *router, conn net.Conn) *link {
	return &link{
		station: s, router: r, conn: conn, done: make(chan struct{}),
		in: bufio.NewReaderSize(conn, readAhead), parser: NewParser(r.addr, s.config.MaxPeers, &r.books),
	}
}

// close ends the connection from outside; the first cause counts.
func (n *link) close(cause error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cause == nil {
		n.cause = cause
	}
	_ = n.conn.Close() // reading fails now, which is all that matters
}

// run reads the connection to its end.
func (n *link) run() {
	defer close(n.done)
	if n.older != nil {
		// Its last events come before our first.
		<-n.older.done
		n.older = nil
	}
	log := n.station.deps.Logger.With("router", n.router.addr.String())
	log.Info("BMP connection opened")
	err := n.read()
	n.flush()
	n.parser.Close(time.Now(), n.take)
	n.flush()
	n.close(err)
	n.mu.Lock()
	err = n.cause
	n.mu.Unlock()
	n.leave(err)
	if errors.Is(err, ErrEnded) || errors.Is(err, errStopping) {
		log.Info("BMP connection closed", "reason", err.Error())
	} else {
		log.Warn("BMP connection closed", "reason", err.Error())
	}
}

// leave takes the connection out of the station's books.
func (n *link) leave(err error) {
	s, r := n.station, n.router
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	r.last = err
	if n.failed != nil {
		r.held = time.Now().Add(s.config.Hold)
	}
	if r.current == n {
		r.current, r.peers, r.since = nil, 0, time.Now().UTC()
	}
}

// read handles messages until the connection ends, and returns why.
func (n *link) read() error {
	for {
		b, err := n.next()
		if err != nil {
			return err
		}
		peers, info := n.parser.Peers(), n.parser.Info()
		if err := n.parser.Message(b, time.Now(), n.take); err != nil {
			return err
		}
		if n.parser.Peers() != peers || n.parser.Info() != info {
			n.tell()
		}
		if n.failed != nil {
			return n.failed
		}
		if n.parser.Terminated() {
			// What came behind it belongs to no connection.
			n.router.books.cut.Add(uint64(n.in.Buffered()))
			return ErrEnded
		}
	}
}

// tell shows the state of the connection to Station.Routers.
func (n *link) tell() {
	n.station.mu.Lock()
	defer n.station.mu.Unlock()
	if n.router.current == n {
		n.router.peers, n.router.info = n.parser.Peers(), n.parser.Info()
	}
}

// next returns one message, which is valid until the next call. Before it waits
// for the network it gives the sink what has been read.
func (n *link) next() ([]byte, error) {
	if n.in.Buffered() < headerLength {
		n.flush()
		if n.failed != nil {
			return nil, n.failed
		}
		if _, err := n.in.Peek(1); err != nil {
			return nil, ended(err)
		}
		if err := n.conn.SetReadDeadline(time.Now().Add(n.station.config.MessageTimeout)); err != nil {
			return nil, ended(err)
		}
	}
	head, err := n.in.Peek(headerLength)
	if err != nil {
		// A wrong version says more than a message cut short.
		if len(head) > 0 && head[0] != version {
			return nil, n.refuse(head)
		}
		return nil, n.cut(len(head), err)
	}
	length, _, err := parseHeader(head, n.station.config.MaxMessage)
	if err != nil {
		return nil, n.refuse(head)
	}
	if n.in.Buffered() < length {
		n.flush()
		if err := n.conn.SetReadDeadline(time.Now().Add(n.station.config.MessageTimeout)); err != nil {
			return nil, ended(err)
		}
	}
	if length > cap(n.buffer) {
		n.buffer = make([]byte, length)
	}
	b := n.buffer[:length]
	if got, err := io.ReadFull(n.in, b); err != nil {
		return nil, n.cut(got, err)
	}
	if n.in.Buffered() < headerLength {
		if err := n.conn.SetReadDeadline(time.Time{}); err != nil {
			return nil, ended(err)
		}
	}
	return b, nil
}

// refuse counts a message whose header ends the connection.
func (n *link) refuse(head []byte) error {
	n.router.books.messages.Add(1)
	padded := [headerLength]byte{}
	copy(padded[:], head)
	_, _, err := parseHeader(padded[:], n.station.config.MaxMessage)
	if errors.Is(err, ErrVersion) {
		n.router.books.refuse(ReasonVersion)
	} else {
		n.router.books.refuse(ReasonLength)
	}
	return err
}

// cut counts the octets of a message that did not come whole.
func (n *link) cut(octets int, err error) error {
	n.router.books.cut.Add(uint64(octets))
	return fmt.Errorf("in the middle of a message: %w", ended(err))
}

// ended names the plain end of a connection.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrEnded
	}
	return fmt.Errorf("read: %w", err)
}

// take adds an event to the batch.
func (n *link) take(e *bgp.Event) {
	if len(n.batch) >= n.station.config.Batch {
		n.flush()
	}
	n.batch = append(n.batch, *e)
}

// flush gives the batch to the sink. After an error the sink is still told the
// rest, of which the end of the connection is part.
func (n *link) flush() {
	if len(n.batch) == 0 {
		return
	}
	if err := n.station.deps.Sink.Events(n.station.sinkCtx, n.batch); err != nil && n.failed == nil {
		n.failed = fmt.Errorf("%w: %w", errSink, err)
	}
	clear(n.batch)
	n.batch = n.batch[:0]
}
