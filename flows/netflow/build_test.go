package netflow

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

// testTime is the export time of all datagrams made here, testUp the sysUptime.
var testTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const (
	testUp     = 3_600_000
	testDomain = 77
)

func u16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
func u64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }
func ip(s string) []byte  { return netip.MustParseAddr(s).AsSlice() }

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

// v9 makes an export packet of NetFlow v9.
func v9(count uint16, sequence uint32, sets ...[]byte) []byte {
	return v9of(testDomain, count, sequence, testUp, sets...)
}

func v9of(domain uint32, count uint16, sequence, uptime uint32, sets ...[]byte) []byte {
	return cat(u16(9), u16(count), u32(uptime), u32(uint32(testTime.Unix())), u32(sequence), u32(domain), cat(sets...))
}

// ipfix makes an IPFIX message.
func ipfix(sequence uint32, sets ...[]byte) []byte { return ipfixOf(testDomain, sequence, sets...) }

func ipfixOf(domain, sequence uint32, sets ...[]byte) []byte {
	body := cat(sets...)
	return cat(u16(10), u16(uint16(16+len(body))), u32(uint32(testTime.Unix())), u32(sequence), u32(domain), body)
}

// set makes a set, without padding.
func set(id uint16, parts ...[]byte) []byte {
	body := cat(parts...)
	return cat(u16(id), u16(uint16(4+len(body))), body)
}

// testField is a field of a template; above 32767 the number is the enterprise
// times 65536 plus the element.
type testField struct{ id, length int }

func pen(enterprise, id, length int) testField { return testField{enterprise<<16 | id, length} }

func specifiers(fields []testField) []byte {
	var b []byte
	for _, f := range fields {
		if enterprise := f.id >> 16; enterprise != 0 {
			b = cat(b, u16(uint16(f.id)|enterpriseBit), u16(uint16(f.length)), u32(uint32(enterprise)))
			continue
		}
		b = cat(b, u16(uint16(f.id)), u16(uint16(f.length)))
	}
	return b
}

// tmpl makes a template of either protocol.
func tmpl(id uint16, fields ...testField) []byte {
	return cat(u16(id), u16(uint16(len(fields))), specifiers(fields))
}

// v9Options and ipfixOptions make options templates whose first fields are
// scopes.
func v9Options(id uint16, scopes int, fields ...testField) []byte {
	return cat(u16(id), u16(uint16(4*scopes)), u16(uint16(4*(len(fields)-scopes))), specifiers(fields))
}

func ipfixOptions(id uint16, scopes int, fields ...testField) []byte {
	return cat(u16(id), u16(uint16(len(fields))), u16(uint16(scopes)), specifiers(fields))
}

// v5 makes a datagram of NetFlow v5 that claims count records and has n.
func v5(count uint16, n int, sequence uint32, sampling uint16) []byte {
	b := cat(u16(5), u16(count), u32(testUp), u32(uint32(testTime.Unix())), u32(500_000_000), u32(sequence), []byte{2, 3}, u16(sampling))
	for i := range n {
		b = cat(b, ip("192.0.2.1"), ip("198.51.100.2"), ip("203.0.113.3"), u16(4), u16(5), u32(10+uint32(i)), u32(1500),
			u32(testUp-3000), u32(testUp-1000), u16(443), u16(50000), []byte{0, 0x12, 6, 0xb8}, u16(64500), u16(64501), []byte{24, 25, 0, 0})
	}
	return b
}

// basic is the template of most tests: addresses, ports, protocol, octets.
var basic = []testField{{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {1, 4}, {2, 4}}

func basicRecord(octets uint32) []byte {
	return cat(ip("192.0.2.1"), ip("198.51.100.2"), u16(443), u16(50000), []byte{6}, u32(octets), u32(10))
}

// bench is a decoder under test, fed from one exporter.
type bench struct {
	t     *testing.T
	d     *Decoder
	books *flows.Books
	from  netip.AddrPort
	at    time.Time
	all   []flows.Record // everything that came out
}

func newBench(t *testing.T, change ...func(c *Config)) *bench {
	t.Helper()
	c := Config{Books: flows.NewBooks()}
	for _, f := range change {
		f(&c)
	}
	return &bench{t: t, d: New(c), books: c.Books, from: netip.MustParseAddrPort("192.0.2.9:2055"), at: testTime}
}

// take decodes datagrams and returns what came of them.
func (b *bench) take(payloads ...[]byte) []flows.Record {
	var out []flows.Record
	for _, p := range payloads {
		lent := slices.Clone(p)
		out = b.d.Decode(flows.Packet{Payload: lent, From: b.from, Received: b.at}, out)
		if !slices.Equal(lent, p) {
			b.t.Error("the decoder changed the payload")
		}
		for i := range lent { // it is the caller's again
			lent[i] = 0xa5
		}
	}
	b.all = append(b.all, out...)
	return out
}

// one is take for what makes a single record.
func (b *bench) one(payloads ...[]byte) flows.Record {
	b.t.Helper()
	out := b.take(payloads...)
	if len(out) != 1 {
		b.t.Fatalf("%d records, want 1: %s", len(out), describe(b.sum()))
	}
	return out[0]
}

func (b *bench) sum() *flows.Count {
	sum := testkit.Sum(b.books)
	return &sum
}

// balance flushes, and checks the books.
func (b *bench) balance() {
	b.t.Helper()
	b.all = b.d.Flush(b.all)
	testkit.Store(b.books, b.all)
	testkit.Balance(b.t, b.books)
	if n := b.d.parked.Load(); n != 0 {
		b.t.Errorf("%d bytes are still taken by what waits", n)
	}
	if sum := b.sum(); sum.DatagramsLost[flows.ReasonDecoderPanic]+sum.Lost[flows.ReasonDecoderPanic] != 0 {
		b.t.Error("decoding panicked")
	}
}
