package speaker

import (
	"cmp"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

const (
	batchSize = 256
	// remember bounds the sets of attributes that are remembered for a neighbour,
	// at some 400 bytes each.
	remember = 1024
	// pendings bounds the connections of one neighbour, its session among them.
	pendings = 4
)

// State is what a neighbour is doing.
type State uint8

// The states.
const (
	StateIdle        State = iota // no session
	StateOpening                  // connected, no session yet
	StateEstablished              // session
	StateStale                    // no session; it asked for its routes to be kept
	StateHeld                     // refused for a while: it was over its limit
)

// String returns the state in lower case.
func (s State) String() string {
	return [...]string{"idle", "opening", "established", "stale", "held"}[min(s, StateHeld)]
}

// Peer is the state of a neighbour at one time.
type Peer struct {
	Neighbor Neighbor // without its password
	State    State
	Since    time.Time     // of the state, zero if it was never other than idle
	Sessions uint64        // established so far
	LastEnd  string        // why the last session or attempt ended
	RouterID string        // of the last session
	HoldTime time.Duration // of the last session, 0 = none
	Options  wire.Session  // of the last session
	Graceful bool          // of the last session: it asks for its routes to be kept
	Queued   int64         // events that wait for the sink
	Messages wire.Count    // of all sessions
}

// neighbor is one router that may connect.
type neighbor struct {
	config     Neighbor
	speaker    *Speaker
	logger     *slog.Logger
	key        bgp.PeerKey
	books      wire.Books
	refusedLog sampler
	limits     [2]atomic.Int64 // paths of IPv4 and of IPv6

	stop    chan struct{}  // closed when the neighbour is to go, for the reason bye
	bye     cause          // written before stop is closed, and read after
	running sync.WaitGroup // its connections
	working sync.WaitGroup // work

	queue  chan *batch
	queued atomic.Int64
	free   sync.Pool

	// order is held to send to the queue, and while a change of state and its
	// events are made one.
	order  sync.Mutex
	closed bool // the queue; guarded by order

	mu          sync.Mutex // guards all below
	pending     int
	session     *session // established, or about to be
	state       State
	since       time.Time
	heldUntil   time.Time
	stale       *time.Timer // runs while state is StateStale
	staleTables wire.Tables
	sessions    uint64
	lastEnd     string
	last        *session
}

// batch is a list of events on its way to the sink.
type batch struct {
	events []bgp.Event
}

func newNeighbor(s *Speaker, c Neighbor) (*neighbor, error) {
	c.Address = c.Address.Unmap()
	n := &neighbor{
		config: c, speaker: s, logger: s.deps.Logger.With("peer", c.Address.String()),
		key:   bgp.PeerKey{Router: c.Address.WithZone(""), Peer: c.Address.WithZone("")},
		queue: make(chan *batch, s.config.Queue/batchSize), stop: make(chan struct{}),
	}
	n.limit(c)
	n.free.New = func() any { return &batch{events: make([]bgp.Event, 0, batchSize)} }
	_, _, err := n.open()
	return n, err
}

// limit takes the limits of a configuration, in use from the next route on.
func (n *neighbor) limit(c Neighbor) {
	n.limits[0].Store(int64(cmp.Or(c.LimitIPv4, n.speaker.config.LimitIPv4)))
	n.limits[1].Store(int64(cmp.Or(c.LimitIPv6, n.speaker.config.LimitIPv6)))
}

func (n *neighbor) localASN() uint32 {
	if n.config.LocalASN != 0 {
		return n.config.LocalASN
	}
	return n.speaker.config.ASN
}

// work hands events to the sink until the queue is closed.
func (n *neighbor) work() {
	for b := range n.queue {
		if err := n.speaker.deps.Sink.Events(n.speaker.sinkCtx, b.events); err != nil {
			n.fail(err)
		}
		n.queued.Add(-int64(len(b.events)))
		n.recycle(b)
	}
}

func (n *neighbor) recycle(b *batch) {
	clear(b.events) // routes are not kept alive
	b.events = b.events[:0]
	n.free.Put(b)
}

// fail closes the session whose events the sink did not take.
func (n *neighbor) fail(err error) {
	n.mu.Lock()
	s := n.session
	n.mu.Unlock()
	if s != nil {
		s.end(cause{text: "the sink failed: " + err.Error(), say: &notification{codeCease, subResources, nil}, failed: true})
	}
}

// take returns an empty batch.
func (n *neighbor) take() *batch {
	b, _ := n.free.Get().(*batch)
	return b
}

// sendLocked puts a batch into the queue; n.order is held. It blocks while the
// queue is full.
func (n *neighbor) sendLocked(b *batch) {
	if n.closed || len(b.events) == 0 {
		n.recycle(b)
		return
	}
	n.queued.Add(int64(len(b.events)))
	n.queue <- b
}

func (n *neighbor) send(b *batch) {
	n.order.Lock()
	defer n.order.Unlock()
	n.sendLocked(b)
}

// sayLocked sends events about the whole neighbour; n.order is held.
func (n *neighbor) sayLocked(events ...bgp.Event) {
	b := n.take()
	now := time.Now().UTC()
	for _, e := range events {
		e.Peer, e.PeerAS, e.Time = n.key, n.config.ASN, now
		b.events = append(b.events, e)
	}
	n.sendLocked(b)
}

func (n *neighbor) closeQueue() {
	n.order.Lock()
	defer n.order.Unlock()
	if !n.closed {
		n.closed = true
		close(n.queue)
	}
}

// admit tells whether a connection may become a session. leave must follow.
func (n *neighbor) admit() (Refusal, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case time.Now().Before(n.heldUntil):
		return RefusedHeld, false
	case n.pending >= pendings:
		return RefusedBusy, false
	}
	if n.state == StateHeld {
		n.moveLocked(StateIdle)
	}
	n.pending++
	if n.state == StateIdle {
		n.moveLocked(StateOpening)
	}
	return 0, true
}

// leave undoes admit when the connection is over.
func (n *neighbor) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pending--
	if n.pending == 0 && n.state == StateOpening {
		n.moveLocked(StateIdle)
	}
}

func (n *neighbor) moveLocked(to State) {
	if n.state != to {
		n.state, n.since = to, time.Now().UTC()
	}
}

// claim makes s the neighbour's session. An older one gives way if the
// neighbour restarts gracefully: it may have lost its end without a word (RFC
// 4724 section 4.2).
func (n *neighbor) claim(s *session) bool {
	for {
		n.mu.Lock()
		old := n.session
		if old == nil {
			n.session = s
			n.mu.Unlock()
			return true
		}
		n.mu.Unlock()
		if !old.remote.Graceful || !s.remote.Graceful {
			return false
		}
		old.end(cause{text: "replaced by a new connection", graceful: true})
		<-old.done
	}
}

// up makes the session known.
func (n *neighbor) up(s *session) {
	n.order.Lock()
	defer n.order.Unlock()
	n.mu.Lock()
	stale, kept := n.state == StateStale, n.staleTables&s.remote.Preserved
	lost := n.staleTables &^ kept
	if n.stale != nil {
		n.stale.Stop()
	}
	n.stale, n.staleTables, n.last = nil, 0, s
	n.sessions++
	n.moveLocked(StateEstablished)
	n.mu.Unlock()
	var events []bgp.Event
	if stale && kept == 0 {
		// It kept nothing over its restart, so what we kept is wrong (RFC 4724 section 4.2).
		events, lost = append(events, bgp.Event{Kind: bgp.PeerDown}), 0
	}
	events = append(events, bgp.Event{Kind: bgp.PeerUp})
	n.sayLocked(append(events, endOf(lost)...)...)
}

// endOf returns the events that end what is stale of tables.
func endOf(tables wire.Tables) (events []bgp.Event) {
	if tables.Has(wire.IPv4Unicast) {
		events = append(events, bgp.Event{Kind: bgp.EndOfRIB, Family: bgp.FamilyIPv4})
	}
	if tables.Has(wire.IPv6Unicast) {
		events = append(events, bgp.Event{Kind: bgp.EndOfRIB, Family: bgp.FamilyIPv6})
	}
	return events
}

// down ends the session, and makes its routes stale if the neighbour asked for it.
func (n *neighbor) down(s *session, c *cause) {
	n.order.Lock()
	defer n.order.Unlock()
	tables := s.tables()
	keep := min(s.remote.RestartTime, n.speaker.config.MaxRestart)
	graceful := c.graceful && s.remote.Graceful && keep > 0 && s.remote.Restarts&tables != 0
	n.mu.Lock()
	n.session = nil
	switch {
	case graceful:
		n.staleTables = s.remote.Restarts & tables
		n.stale = time.AfterFunc(keep, func() { n.expire("BGP neighbor did not restart in time, its routes are dropped") })
		n.moveLocked(StateStale)
	case c.held > 0:
		n.heldUntil = time.Now().Add(c.held)
		n.moveLocked(StateHeld)
	default:
		n.moveLocked(StateIdle)
	}
	n.mu.Unlock()
	if graceful {
		n.logger.Warn("BGP session lost, its routes are kept for its restart", "reason", c.text, "keep", keep)
		n.sayLocked(append([]bgp.Event{{Kind: bgp.PeerStale}}, endOf(tables&^s.remote.Restarts)...)...)
		return
	}
	n.sayLocked(bgp.Event{Kind: bgp.PeerDown})
}

// expire gives up a neighbour whose restart is waited for, and logs why.
func (n *neighbor) expire(why string) {
	n.order.Lock()
	defer n.order.Unlock()
	n.mu.Lock()
	over := n.state == StateStale
	if over {
		n.stale, n.staleTables = nil, 0
		n.moveLocked(StateIdle)
	}
	n.mu.Unlock()
	if over {
		n.logger.Warn(why) //nolint:sloglint // one of few texts
		n.sayLocked(bgp.Event{Kind: bgp.PeerDown})
	}
}

// shut ends the neighbour's sessions for good. What is stale is lost too.
func (n *neighbor) shut(bye cause) {
	n.bye = bye
	close(n.stop)
	n.mu.Lock()
	s := n.session
	if n.stale != nil {
		n.stale.Stop()
	}
	n.mu.Unlock()
	if s != nil {
		s.end(bye)
	}
	n.expire("BGP neighbor is waited for no longer: " + bye.text)
}

// ended notes why a session or an attempt at one was over.
func (n *neighbor) ended(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lastEnd = text
}

func (n *neighbor) status() Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := Peer{
		Neighbor: n.config, State: n.state, Since: n.since, Sessions: n.sessions, LastEnd: n.lastEnd,
		Queued: n.queued.Load(), Messages: n.books.Count(),
	}
	p.Neighbor.Password = ""
	p.Neighbor.LimitIPv4, p.Neighbor.LimitIPv6 = int(n.limits[0].Load()), int(n.limits[1].Load())
	if s := n.last; s != nil {
		p.RouterID, p.HoldTime, p.Options, p.Graceful = s.remote.RouterID.String(), s.hold, s.options, s.remote.Graceful
	}
	return p
}
