package collector

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

func TestReceivesOnAllWorkersAndLosesNothing(t *testing.T) {
	c := testConfig(t)
	c.Netflow.Listen = []string{"127.0.0.1:0", "127.0.0.1:0", "[::1]:0"}
	c.Netflow.Workers = 4
	d := start(t, c, nil)
	sockets := d.Sockets()
	if len(sockets) != 12 {
		t.Fatalf("%d sockets, want 12", len(sockets))
	}
	const exporters, datagrams, records = 16, 50, 7
	now := time.Now()
	for i := range exporters {
		to := sockets[i%3*4].Local
		from := fmt.Sprintf("127.0.0.%d", i+1)
		if to.Addr().Is6() {
			from = "::1"
		}
		conn := exporter(t, to, from)
		for k := range datagrams {
			write(t, conn, v5(uint32(k*records), records, now))
		}
	}
	got := d.sink.wait(t, exporters*datagrams*records)
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	if len(got) != exporters*datagrams*records {
		t.Errorf("%d records, want %d", len(got), exporters*datagrams*records)
	}
	for _, r := range got {
		if age := r.Received.Sub(now); age < -time.Second || age > time.Minute {
			t.Fatalf("received %v, sent after %v", r.Received, now)
		}
	}
	sum := total(d.books)
	if sum.Datagrams != exporters*datagrams || sum.Stored != uint64(len(got)) {
		t.Errorf("books say %d datagrams and %d stored", sum.Datagrams, sum.Stored)
	}
	balance(t, d.books)
	if d.sink.ended != 4 {
		t.Errorf("%d sinks closed, want one per worker", d.sink.ended)
	}
}

// TestKernelSpreadsOverWorkers shows that a socket bound before SO_REUSEPORT
// was set does share its address with those that join it.
func TestKernelSpreadsOverWorkers(t *testing.T) {
	sockets, err := listen(t.Context(), "127.0.0.1:0", 2, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeAll(sockets) }()
	const exporters = 64
	for range exporters {
		write(t, exporter(t, sockets[0].local, "127.0.0.1"), []byte("x"))
	}
	var each [2]int
	for i, s := range sockets {
		for b := newBatch(); ; each[i] += b.n {
			if err := s.drain(b); err != nil {
				t.Fatal(err)
			}
			if b.n == 0 {
				break
			}
		}
	}
	if each[0]+each[1] != exporters || each[0] == 0 || each[1] == 0 {
		t.Errorf("workers got %v of %d datagrams", each, exporters)
	}
}

func TestDispatchesByContentOnAnyPort(t *testing.T) {
	c := testConfig(t)
	c.Netflow.Workers = 1
	c.SFlow = Listen{Listen: []string{"127.0.0.1:0"}, Workers: 1}
	d := start(t, c, nil)
	conn := exporter(t, d.Sockets()[1].Local, "127.0.0.9") // v5 to the port of sFlow
	write(t, conn, []byte{0, 7, 1, 2, 3})
	write(t, conn, nil)
	write(t, conn, []byte{0})
	write(t, conn, []byte{0, 0, 0, 4, 1, 2, 3, 4})
	write(t, conn, v5(1, 3, time.Now()))
	sampled := testkit.Capture(t, "sflow5/goflow2-basic/TestSFlowDecode-0-data.bin")
	write(t, exporter(t, d.Sockets()[0].Local, "127.0.0.9"), sampled) // and sFlow to that of NetFlow
	for _, r := range d.sink.wait(t, 4) {
		if agent := netip.MustParseAddr("172.16.0.17"); (r.Source.Version == flows.SFlow5) != (r.Source.Exporter == agent) {
			t.Errorf("record of %+v", r.Source)
		}
	}
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	unknown := d.books.Account(flows.Source{Exporter: netip.MustParseAddr("127.0.0.9")}).Total()
	if unknown.Datagrams != 4 || unknown.DatagramsLost[flows.ReasonUnknownVersion] != 4 {
		t.Errorf("unknown: %d datagrams, %d lost", unknown.Datagrams, unknown.DatagramsLost[flows.ReasonUnknownVersion])
	}
	balance(t, d.books)
}

func TestVersionOf(t *testing.T) {
	for payload, want := range map[string]flows.Version{
		"":                 flows.VersionUnknown,
		"\x00":             flows.VersionUnknown,
		"\x00\x05":         flows.NetFlow5,
		"\x00\x09":         flows.NetFlow9,
		"\x00\x0a":         flows.IPFIX,
		"\x00\x00\x00\x05": flows.SFlow5,
		"\x00\x00\x00":     flows.VersionUnknown,
		"\x00\x00\x00\x04": flows.VersionUnknown,
		"\x05\x00":         flows.VersionUnknown,
	} {
		if got := VersionOf([]byte(payload)); got != want {
			t.Errorf("VersionOf(%x) = %v, want %v", payload, got, want)
		}
	}
}

func TestKernelDropsAreInTheBooks(t *testing.T) {
	c := testConfig(t)
	c.Netflow.Workers = 1
	c.ReceiveBuffer = 8 << 10
	d := start(t, c, nil)
	block := make(chan struct{})
	d.sink.mu.Lock()
	d.sink.block = block
	d.sink.mu.Unlock()
	conn := exporter(t, d.Sockets()[0].Local, "127.0.0.1")
	const sent = 400
	for k := range sent {
		write(t, conn, v5(uint32(k), 1, time.Now()))
	}
	close(block)
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	dropped := d.books.Account(flows.Source{}).Total()
	if dropped.DatagramsLost[flows.ReasonKernelDrop] == 0 {
		t.Fatal("400 datagrams into 8 KiB and no drop is counted")
	}
	sum := total(d.books)
	if sum.Datagrams != sent {
		t.Errorf("%d datagrams sent, the books have %d, of which %d dropped by the kernel",
			sent, sum.Datagrams, dropped.Datagrams)
	}
	if decoded := uint64(len(d.sink.all())); decoded+sum.TotalDatagramsLost() != sent {
		t.Errorf("%d decoded and %d lost of %d", decoded, sum.TotalDatagramsLost(), sent)
	}
	balance(t, d.books)
}

func TestDropCounterWrapsAndNeverGoesBack(t *testing.T) {
	s := &socket{dropped: 1<<32 - 3}
	for _, step := range []struct{ total, want uint32 }{{1<<32 - 1, 2}, {1<<32 - 2, 0}, {4, 5}, {1, 0}, {4, 0}} {
		if got := s.advance(step.total); got != step.want {
			t.Errorf("advance(%d) = %d, want %d", step.total, got, step.want)
		}
	}
}

// TestStopLosesNothingThatArrived sends until the collector is told to stop,
// with a sink that holds the workers up, so that the kernel's buffer is full of
// datagrams at that moment.
func TestStopLosesNothingThatArrived(t *testing.T) {
	c := testConfig(t)
	c.Netflow.Workers = 2
	d := start(t, c, nil)
	block := make(chan struct{})
	d.sink.mu.Lock()
	d.sink.block = block
	d.sink.mu.Unlock()
	const exporters, datagrams = 8, 100
	for i := range exporters {
		conn := exporter(t, d.Sockets()[0].Local, name(i+1))
		for k := range datagrams {
			write(t, conn, v5(uint32(2*k), 2, time.Now()))
		}
	}
	d.stop()
	close(block)
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	if got := len(d.sink.all()); got != 2*exporters*datagrams {
		t.Errorf("%d records, want %d", got, 2*exporters*datagrams)
	}
	if sum := total(d.books); sum.Datagrams != exporters*datagrams {
		t.Errorf("%d datagrams in the books, want %d", sum.Datagrams, exporters*datagrams)
	}
	balance(t, d.books)
	if len(d.Sockets()) != 0 {
		t.Error("sockets are open after the end")
	}
}

// TestStopEndsUnderTraffic sends without pause during the stop.
func TestStopEndsUnderTraffic(t *testing.T) {
	c := testConfig(t)
	d := start(t, c, nil)
	conn := exporter(t, d.Sockets()[0].Local, "127.0.0.1")
	stop := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		payload := v5(0, 1, time.Now())
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = conn.Write(payload) // refused once the socket is closed
			}
		}
	})
	d.sink.wait(t, 100)
	began := time.Now()
	err := d.end()
	close(stop)
	sender.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > c.DrainTimeout/2 {
		t.Errorf("stop took %v", took)
	}
	balance(t, d.books)
}

func TestStopTellsOfASinkThatHangs(t *testing.T) {
	c := testConfig(t)
	c.Netflow.Workers = 1
	c.DrainTimeout = 200 * time.Millisecond
	d := start(t, c, nil)
	block := make(chan struct{})
	d.sink.mu.Lock()
	d.sink.block = block
	d.sink.mu.Unlock()
	write(t, exporter(t, d.Sockets()[0].Local, "127.0.0.1"), v5(0, 1, time.Now()))
	// The worker is surely in the sink once it counted the datagram.
	eventually(t, func() bool { return total(d.books).Datagrams > 0 })
	d.stop()
	err := <-d.ended
	d.once.Do(func() {})
	close(block)
	if err == nil || !strings.Contains(err.Error(), "drain_timeout") {
		t.Errorf("error %v does not name the setting", err)
	}
	d.sink.wait(t, 1)
}

// TestLateDatagramsAreCounted stops a collector whose sink is slower than the
// time for draining.
func TestLateDatagramsAreCounted(t *testing.T) {
	books := flows.NewBooks()
	sockets, err := listen(t.Context(), "127.0.0.1:0", 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeAll(sockets) }()
	conn := exporter(t, sockets[0].local, "127.0.0.1")
	for k := range 100 {
		write(t, conn, v5(uint32(k), 1, time.Now()))
	}
	s := newSink(books)
	netflow, _ := decoders(books)
	pipeline, err := NewPipeline(PipelineConfig{Netflow: netflow, Sink: s, Books: books})
	if err != nil {
		t.Fatal(err)
	}
	if err := sockets[0].stop(); err != nil {
		t.Fatal(err)
	}
	over, cancel := canceled(t)
	cancel()
	l := &lane{logger: testLogger(t), pipeline: pipeline}
	if err := l.read(over, sockets[0], books); err != nil {
		t.Fatal(err)
	}
	sum := total(books)
	if sum.Datagrams != 100 || sum.DatagramsLost[flows.ReasonShutdown] != 100 {
		t.Errorf("%d datagrams, %d lost by shutdown, want 100 and 100", sum.Datagrams, sum.DatagramsLost[flows.ReasonShutdown])
	}
}

func TestOccupiedPort(t *testing.T) {
	for _, reuse := range []bool{false, true} {
		t.Run(fmt.Sprintf("reuseport=%v", reuse), func(t *testing.T) {
			other, err := listen(t.Context(), "127.0.0.1:0", 1+map[bool]int{true: 1}[reuse], 0)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = closeAll(other) }()
			address := other[0].local.String()
			c := testConfig(t)
			c.Netflow.Listen = []string{"127.0.0.1:0", address}
			books := flows.NewBooks()
			collector, err := New(c, Deps{
				Books: books, Logger: testLogger(t),
				NewSink: func(int) (FlowSink, error) { return newSink(books), nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			err = collector.Run(t.Context())
			if !errors.Is(err, ErrAddressInUse) || !strings.Contains(err.Error(), address) ||
				!strings.Contains(err.Error(), "collector.netflow.listen") {
				t.Errorf("error %q names neither place nor remedy", err)
			}
			if n := len(collector.Sockets()); n != 0 {
				t.Errorf("%d sockets left open", n)
			}
		})
	}
}

func TestSinkThatDoesNotOpen(t *testing.T) {
	books := flows.NewBooks()
	first := newSink(books)
	refusal := errors.New("no store")
	c := testConfig(t)
	c.Netflow.Workers = 2
	collector, err := New(c, Deps{
		Books: books, Logger: testLogger(t),
		NewSink: func(worker int) (FlowSink, error) {
			if worker == 0 {
				return first, nil
			}
			return nil, refusal
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := collector.Run(t.Context()); !errors.Is(err, refusal) {
		t.Errorf("Run returned %v", err)
	}
	if first.ended != 1 {
		t.Error("the sink that was open is not closed")
	}
}

func TestRefusingSinkIsCountedAndCollectionGoesOn(t *testing.T) {
	c := testConfig(t)
	d := start(t, c, nil)
	d.sink.mu.Lock()
	d.sink.refuse = errors.New("disk full")
	d.sink.mu.Unlock()
	conn := exporter(t, d.Sockets()[0].Local, "127.0.0.1")
	write(t, conn, v5(0, 5, time.Now()))
	eventually(t, func() bool { return total(d.books).Lost[flows.ReasonStoreRefused] == 5 })
	d.sink.mu.Lock()
	d.sink.refuse = nil
	d.sink.mu.Unlock()
	write(t, conn, v5(5, 5, time.Now()))
	d.sink.wait(t, 5)
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	balance(t, d.books)
}

func TestLargestDatagramIsNotCut(t *testing.T) {
	sockets, err := listen(t.Context(), "127.0.0.1:0", 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeAll(sockets) }()
	payload := make([]byte, 65507)
	payload[65506] = 7
	conn := exporter(t, sockets[0].local, "127.0.0.77")
	write(t, conn, payload)
	b := newBatch()
	if err := sockets[0].receive(b); err != nil {
		t.Fatal(err)
	}
	p, _ := b.packet(0)
	if b.n != 1 || len(p.Payload) != len(payload) || p.Payload[65506] != 7 {
		t.Errorf("%d datagrams, the first of %d bytes", b.n, len(p.Payload))
	}
	from, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok || p.From != from.AddrPort() {
		t.Errorf("from %v, sent by %v", p.From, conn.LocalAddr())
	}
}

// TestIPv4OnDualStackIsIPv4 receives by an IPv6 socket from an IPv4 exporter.
func TestIPv4OnDualStackIsIPv4(t *testing.T) {
	sockets, err := listen(t.Context(), ":0", 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeAll(sockets) }()
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), sockets[0].local.Port())
	write(t, exporter(t, to, "127.0.0.5"), []byte("x"))
	b := newBatch()
	if err := sockets[0].receive(b); err != nil {
		t.Fatal(err)
	}
	if p, _ := b.packet(0); p.From.Addr() != netip.MustParseAddr("127.0.0.5") {
		t.Errorf("from %v", p.From)
	}
}

func TestReceivingAllocatesNothing(t *testing.T) {
	sockets, err := listen(t.Context(), "127.0.0.1:0", 1, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeAll(sockets) }()
	conn := exporter(t, sockets[0].local, "127.0.0.1")
	b, payload := newBatch(), []byte("x")
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := conn.Write(payload); err != nil {
			t.Fatal(err)
		}
		if err := sockets[0].receive(b); err != nil {
			t.Fatal(err)
		}
		for i := range b.n {
			b.packet(i)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations per batch", allocations)
	}
}

func TestResultOfFetch(t *testing.T) {
	for failure, fatal := range map[syscall.Errno]bool{0: false, unix.ENOBUFS: false, unix.ENOMEM: false, unix.EBADF: true} {
		b := &batch{failure: failure}
		if err := b.result(); (err != nil) != fatal {
			t.Errorf("%v: %v", failure, err)
		}
	}
}
