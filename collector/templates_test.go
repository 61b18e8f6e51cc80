package collector

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// v9Template and v9Data are two datagrams of one NetFlow v9 exporter (RFC 3954
// section 5): the template of records, and n records by it.
func v9Template(sequence uint32, now time.Time) []byte {
	b := v9Header(1, sequence, now)
	set := []uint16{0, 8 + 4*8, 256, 8, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4, 10, 4}
	for _, v := range set {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

func v9Data(sequence uint32, n int, now time.Time) []byte {
	const recordSize = 25
	b := v9Header(uint16(n), sequence, now)
	padding := (4 - n*recordSize%4) % 4
	b = binary.BigEndian.AppendUint16(b, 256)
	b = binary.BigEndian.AppendUint16(b, uint16(4+n*recordSize+padding))
	for i := range n {
		b = append(b, 203, 0, 113, byte(i), 198, 51, 100, byte(sequence))
		b = append(b, 0x9c, 0x40, 1, 187, 6)
		b = binary.BigEndian.AppendUint32(b, 1000+uint32(i))
		b = binary.BigEndian.AppendUint32(b, 10)
		b = binary.BigEndian.AppendUint32(b, 1)
	}
	return append(b, make([]byte, padding)...)
}

func v9Header(count uint16, sequence uint32, now time.Time) []byte {
	b := binary.BigEndian.AppendUint16(nil, 9)
	b = binary.BigEndian.AppendUint16(b, count)
	b = binary.BigEndian.AppendUint32(b, 3_600_000)
	b = binary.BigEndian.AppendUint32(b, uint32(now.Unix()))
	b = binary.BigEndian.AppendUint32(b, sequence)
	return binary.BigEndian.AppendUint32(b, 77)
}

// TestTemplatesSurviveARestart sends the template to one daemon and only data
// to the next one.
func TestTemplatesSurviveARestart(t *testing.T) {
	c := testConfig(t)
	c.StateFile = filepath.Join(t.TempDir(), "state", "netflow.state")
	keep := func(deps *Deps) {
		state, ok := deps.Netflow.(State)
		if !ok {
			t.Fatal("the decoder keeps no state")
		}
		deps.State = state
	}
	now := time.Now()

	first := start(t, c, keep)
	conn := exporter(t, first.Sockets()[0].Local, "127.0.0.1")
	write(t, conn, v9Template(0, now))
	write(t, conn, v9Data(1, 3, now))
	first.sink.wait(t, 3)
	if err := first.end(); err != nil {
		t.Fatal(err)
	}

	second := start(t, c, keep)
	conn = exporter(t, second.Sockets()[0].Local, "127.0.0.1")
	write(t, conn, v9Data(2, 4, now))
	records := second.sink.wait(t, 4)
	if err := second.end(); err != nil {
		t.Fatal(err)
	}
	if records[3].Bytes != 1003 || records[3].Source.Domain != 77 {
		t.Errorf("decoded %+v", records[3])
	}
	balance(t, second.books)

	// The control: without the file the same datagram decodes to nothing.
	if err := os.Remove(c.StateFile); err != nil {
		t.Fatal(err)
	}
	third := start(t, c, keep)
	write(t, exporter(t, third.Sockets()[0].Local, "127.0.0.1"), v9Data(2, 4, now))
	eventually(t, func() bool { return total(third.books).Datagrams == 1 })
	if err := third.end(); err != nil {
		t.Fatal(err)
	}
	sum := total(third.books)
	if len(third.sink.all()) != 0 || sum.TotalLost() == 0 {
		t.Errorf("without a template: %d records and %d lost", len(third.sink.all()), sum.TotalLost())
	}
	balance(t, third.books)
}

// TestWorkersShareTheStateOfAnExporter sends the template from one port of an
// exporter and data from many, so that the kernel spreads them over workers.
func TestWorkersShareTheStateOfAnExporter(t *testing.T) {
	c := testConfig(t)
	c.Netflow.Workers = 4
	d := start(t, c, nil)
	to := d.Sockets()[0].Local
	now := time.Now()
	const ports, datagrams, records = 16, 20, 5
	for range ports {
		conn := exporter(t, to, "127.0.0.1")
		for k := range datagrams {
			write(t, conn, v9Data(uint32(k), records, now))
		}
	}
	write(t, exporter(t, to, "127.0.0.1"), v9Template(0, now))
	d.sink.wait(t, ports*datagrams*records)
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	if sum := total(d.books); sum.Stored != ports*datagrams*records || sum.TotalLost() != 0 {
		t.Errorf("%d stored and %d lost of %d records", sum.Stored, sum.TotalLost(), ports*datagrams*records)
	}
	balance(t, d.books)
}

// TestDataThatWaitsAtTheEndIsCounted stops while data waits for its template.
func TestDataThatWaitsAtTheEndIsCounted(t *testing.T) {
	d := start(t, testConfig(t), nil)
	write(t, exporter(t, d.Sockets()[0].Local, "127.0.0.1"), v9Data(0, 5, time.Now()))
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	sum := total(d.books)
	if sum.Datagrams != 1 || sum.Records == 0 || sum.TotalLost() != sum.Records {
		t.Errorf("%d datagrams, %d records, %d lost", sum.Datagrams, sum.Records, sum.TotalLost())
	}
	for _, why := range []flows.Reason{flows.ReasonMalformed, flows.ReasonDecoderPanic} {
		if sum.Lost[why] != 0 {
			t.Errorf("%d lost as %v", sum.Lost[why], why)
		}
	}
	balance(t, d.books)
}
