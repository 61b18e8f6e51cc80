package storage

// RouteLoss says why an event of a route or a peer is not in the store.
type RouteLoss uint8

// The reasons.
const (
	RouteLossQueueFull    RouteLoss = iota // the store was behind
	RouteLossStoreRefused                  // the store did not take it in time
	RouteLossClosed                        // it came after Close
	RouteLossMalformed                     // its prefix or kind is none
	NumRouteLosses
)

// String is the value of a label.
func (l RouteLoss) String() string {
	switch l {
	case RouteLossQueueFull:
		return "queue_full"
	case RouteLossStoreRefused:
		return "store_refused"
	case RouteLossClosed:
		return "closed"
	case RouteLossMalformed:
		return "malformed"
	case NumRouteLosses:
	}
	return "unknown"
}

// RouteBooks are what became of the events given to a writer, of routes and
// peers together: Received = Pending + Stored + Folded + the sum of Lost.
type RouteBooks struct {
	Received uint64
	Pending  uint64 // in memory, on the way
	Stored   uint64
	Folded   uint64 // losses of paths that the event of their peer tells
	Lost     [NumRouteLosses]uint64
}
