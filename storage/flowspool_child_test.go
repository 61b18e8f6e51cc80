package storage_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/netflow"
	"github.com/linewarden/linewarden/storage"
)

// What the process that is killed is told.
const (
	envSpool = "LINEWARDEN_TEST_SPOOL" // directory
	envAddr  = "LINEWARDEN_TEST_SPOOL_STORE"
	envRun   = "LINEWARDEN_TEST_SPOOL_RUN" // number of the process

	perRun      = 10_000_000 // records a process may number
	perDatagram = 30
)

// TestIngestUntilKilled is the process that TestKills kills: a collector that
// receives its own datagrams on loopback, with two writers, a spool and books.
// Each record is numbered in its bytes. What the spool has acknowledged is
// printed.
func TestIngestUntilKilled(t *testing.T) {
	dir := os.Getenv(envSpool)
	if dir == "" {
		t.Skip("TestKills starts this in a process of its own")
	}
	run, err := strconv.Atoi(os.Getenv(envRun))
	if err != nil {
		t.Fatal(err)
	}
	s := openPatiently(t, storage.Config{Addr: []string{os.Getenv(envAddr)}, Database: spoolDatabase})
	books := flows.NewBooks()
	f := openSpool(t, s, storage.FlowSpoolConfig{Dir: dir, Books: books})
	c := collector.DefaultConfig()
	c.Netflow = collector.Listen{Listen: []string{"127.0.0.1:0"}, Workers: 2}
	c.SFlow, c.StateFile, c.BooksEvery = collector.Listen{}, "", 30*time.Millisecond
	col, err := collector.New(c, collector.Deps{
		Books: books, Netflow: netflow.New(netflow.Config{Books: books}), BooksSink: f,
		NewSink: func(int) (collector.FlowSink, error) {
			w, err := s.NewFlowWriter(storage.FlowWriterConfig{Books: books, Spool: f, MaxRows: 600, MaxAge: 30 * time.Millisecond})
			return &tellingSink{FlowWriter: w}, err
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := col.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	to := col.Sockets()[0].Local.String()
	go func() { t.Error(export(t.Context(), to, uint32(run*perRun))) }()
	fmt.Fprintln(os.Stdout, "ready")
	t.Fatal(col.Run(t.Context()))
}

// openPatiently connects to an engine that may be starting.
func openPatiently(tb testing.TB, cfg storage.Config) *storage.Store {
	tb.Helper()
	var s *storage.Store
	until(tb, "the engine answers", func() bool {
		var err error
		s, err = storage.Open(tb.Context(), cfg)
		return err == nil
	})
	return s
}

// tellingSink prints the numbers of the records that the spool has.
type tellingSink struct {
	*storage.FlowWriter
	numbers []uint64
}

// Append implements collector.FlowSink.
func (s *tellingSink) Append(records []flows.Record) error {
	for i := range records {
		s.numbers = append(s.numbers, records[i].Bytes)
	}
	err := s.FlowWriter.Append(records)
	if err != nil || len(s.numbers) < 600 {
		return err
	}
	if err := s.Flush(context.Background()); err != nil {
		return err
	}
	slices.Sort(s.numbers)
	text := []byte("kept")
	for len(s.numbers) > 0 {
		n := 1
		for n < len(s.numbers) && s.numbers[n] == s.numbers[0]+uint64(n) {
			n++
		}
		text = fmt.Appendf(text, " %d+%d", s.numbers[0], n)
		s.numbers = s.numbers[n:]
	}
	_, err = os.Stdout.Write(append(text, '\n'))
	return err
}

// export sends datagrams from several exporters; one in forty is cut short.
func export(ctx context.Context, to string, number uint32) error {
	var conns []net.Conn
	for i := range 4 {
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, byte(1+i))}}
		conn, err := d.DialContext(ctx, "udp", to)
		if err != nil {
			return err
		}
		conns = append(conns, conn)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		b := datagram(number, uint32(i))
		number += perDatagram
		if i%40 == 7 {
			b = b[:len(b)-100]
		}
		if _, err := conns[i%len(conns)].Write(b); err != nil {
			return err
		}
		<-tick.C
	}
}

// datagram is one of NetFlow v5; its records are numbered in their bytes.
func datagram(number, sequence uint32) []byte {
	const headSize, recordSize = 24, 48
	now := time.Now()
	b := make([]byte, headSize+perDatagram*recordSize)
	be := binary.BigEndian
	be.PutUint16(b[0:], 5)
	be.PutUint16(b[2:], perDatagram)
	be.PutUint32(b[4:], 3_600_000) // up for an hour
	be.PutUint32(b[8:], uint32(now.Unix()))
	be.PutUint32(b[12:], uint32(now.Nanosecond()))
	be.PutUint32(b[16:], sequence)
	for i := range uint32(perDatagram) {
		r := b[headSize+i*recordSize:]
		copy(r, []byte{203, 0, 113, byte(i), 198, 51, 100, byte(sequence)})
		be.PutUint32(r[16:], 1+i)
		be.PutUint32(r[20:], number+i)
		be.PutUint32(r[24:], 3_590_000)
		be.PutUint32(r[28:], 3_599_000)
		be.PutUint16(r[34:], 443)
		r[38] = 6
	}
	return b
}
