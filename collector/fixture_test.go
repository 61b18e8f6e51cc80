package collector

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// v5 returns a NetFlow v5 datagram of n records, of which the first has the
// given sequence number.
func v5(sequence uint32, n int, now time.Time) []byte {
	const headerSize, recordSize = 24, 48
	b := make([]byte, headerSize+n*recordSize)
	binary.BigEndian.PutUint16(b[0:], 5)
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	binary.BigEndian.PutUint32(b[4:], 3_600_000) // up for an hour
	binary.BigEndian.PutUint32(b[8:], uint32(now.Unix()))
	binary.BigEndian.PutUint32(b[12:], uint32(now.Nanosecond()))
	binary.BigEndian.PutUint32(b[16:], sequence)
	for i := range n {
		r := b[headerSize+i*recordSize:]
		copy(r, []byte{203, 0, 113, byte(i)})
		copy(r[4:], []byte{198, 51, 100, byte(sequence)})
		binary.BigEndian.PutUint16(r[12:], 1)
		binary.BigEndian.PutUint16(r[14:], 2)
		binary.BigEndian.PutUint32(r[16:], 10)
		binary.BigEndian.PutUint32(r[20:], 1000+sequence+uint32(i))
		binary.BigEndian.PutUint32(r[24:], 3_590_000)
		binary.BigEndian.PutUint32(r[28:], 3_599_000)
		binary.BigEndian.PutUint16(r[32:], 40000)
		binary.BigEndian.PutUint16(r[34:], 443)
		r[38] = 6
	}
	return b
}

// sink keeps what it is given and counts it as stored.
type sink struct {
	books *flows.Books

	mu      sync.Mutex // guards everything below
	records []flows.Record
	keep    bool
	refuse  error
	block   chan struct{} // Append waits until it is closed
	ended   int
	changed chan struct{} // closed and replaced when records come
}

func newSink(books *flows.Books) *sink {
	return &sink{books: books, keep: true, changed: make(chan struct{})}
}

func (s *sink) Append(records []flows.Record) error {
	s.mu.Lock()
	block, refuse := s.block, s.refuse
	s.mu.Unlock()
	if block != nil {
		<-block
	}
	for i := range records {
		account := s.books.Account(records[i].Source)
		if refuse != nil {
			account.Lose(records[i].Exported, flows.ReasonStoreRefused, 1)
			continue
		}
		account.Stored(records[i].Exported, 1)
	}
	if refuse != nil {
		return refuse
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keep {
		s.records = append(s.records, records...)
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *sink) Flush(context.Context) error { return nil }

func (s *sink) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended++
	return nil
}

// all returns the records so far.
func (s *sink) all() []flows.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]flows.Record(nil), s.records...)
}

// wait returns the records once there are n.
func (s *sink) wait(t *testing.T, n int) []flows.Record {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		s.mu.Lock()
		have, changed := len(s.records), s.changed
		s.mu.Unlock()
		if have >= n {
			return s.all()
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%d records after 10 s, want %d", have, n)
		}
	}
}

// daemon is a collector that runs during a test.
type daemon struct {
	*Collector
	sink  *sink // shared by all workers, unlike in the product
	books *flows.Books
	stop  context.CancelFunc
	ended chan error
	once  sync.Once
	err   error
}

// testConfig listens on free loopback ports.
func testConfig(t *testing.T) Config {
	t.Helper()
	c := DefaultConfig()
	c.Netflow.Listen = []string{"127.0.0.1:0"}
	c.SFlow.Listen = nil
	c.StateFile = ""
	c.ReceiveBuffer = 4 << 20
	c.DrainTimeout = 10 * time.Second
	return c
}

// start runs a collector until end, or until the end of the test.
func start(t *testing.T, c Config, change func(*Deps)) *daemon {
	t.Helper()
	d := &daemon{books: flows.NewBooks(), ended: make(chan error, 1)}
	d.sink = newSink(d.books)
	deps := Deps{
		Books:   d.books,
		NewSink: func(int) (FlowSink, error) { return d.sink, nil },
		Logger:  testLogger(t),
	}
	deps.Netflow, deps.SFlow = decoders(d.books)
	if change != nil {
		change(&deps)
	}
	collector, err := New(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := collector.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.Collector, d.stop = collector, cancel
	go func() { d.ended <- collector.Run(ctx) }()
	t.Cleanup(func() {
		if err := d.end(); err != nil {
			t.Errorf("end of the collector: %v", err)
		}
	})
	return d
}

// end stops the collector the way SIGTERM does.
func (d *daemon) end() error {
	d.once.Do(func() {
		d.stop()
		d.err = <-d.ended
	})
	return d.err
}

// exporter is a socket that sends to a collector.
func exporter(t testing.TB, to netip.AddrPort, from string) *net.UDPConn {
	t.Helper()
	local := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))
	conn, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func write(t testing.TB, conn *net.UDPConn, payload []byte) {
	t.Helper()
	if _, err := conn.Write(payload); err != nil {
		t.Fatal(err)
	}
}

// testLogger writes into the test's log, which go test shows on failure.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

func total(books *flows.Books) flows.Count {
	var sum flows.Count
	books.Totals(func(_ flows.Source, c flows.Count) { sum.Add(&c) })
	return sum
}

// balance checks that everything received is accounted for.
func balance(t *testing.T, books *flows.Books) {
	t.Helper()
	books.Totals(func(s flows.Source, c flows.Count) {
		if c.Records != c.Stored+c.TotalLost() {
			t.Errorf("%v: %d records, %d stored, %d lost", s, c.Records, c.Stored, c.TotalLost())
		}
	})
}

func name(i int) string { return fmt.Sprintf("127.0.0.%d", i) }

func canceled(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(context.Background())
}

// eventually waits until the condition holds.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("the condition does not hold after 10 s")
		}
	}
}
