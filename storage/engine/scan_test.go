package engine

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ClickHouse/ch-go/proto"
)

func TestParseType(t *testing.T) {
	for _, text := range []string{
		"UInt8", "Enum8('a, (' = 1, 'it\\'s )' = -3)", "DateTime64(9, 'UTC')", "Tuple()", "Tuple(a UInt8, `b c` String)",
		"Tuple(Tuple(x LowCardinality(String)), Map(String, Array(UInt8)))", "Nested(a UInt8, b Nested(c String))", "Point", "MultiPolygon",
		"SimpleAggregateFunction(sum, Decimal(38, 2))", "LowCardinality(Nullable(FixedString(3)))", "Array(JSON)", "JSON(max_dynamic_paths=8, a.b UInt32)",
		"IntervalDay", "Array(Nullable(Nothing))", "Nullable(Tuple(a UInt8))",
	} {
		if _, err := parseType(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"", "(", "UInt8)", "Array", "Array()", "Array(UInt8, UInt8)", "Map(String)", "Tuple(,)", "FixedString(0)", "FixedString(x)", "FixedString(99999999999999999999)",
		"Decimal(77, 1)", "Strange", "AggregateFunction(sum, UInt8)", "Variant(UInt8)", "Dynamic", "LowCardinality(Array(UInt8))",
		strings.Repeat("Array(", 100) + "UInt8" + strings.Repeat(")", 100), strings.Repeat("x", maxTypeText+1),
	} {
		if _, err := parseType(text); err == nil {
			t.Errorf("%.60q was taken", text)
		}
	}
}

// rawBlock writes a block with ch-go, the way the engine has it at revision 0
// and the protocol at 54460.
func rawBlock(tb testing.TB, revision int, input proto.Input) []byte {
	tb.Helper()
	var b proto.Buffer
	block := proto.Block{Columns: len(input), Rows: input[0].Data.Rows()}
	if err := block.EncodeRawBlock(&b, revision, input); err != nil {
		tb.Fatal(err)
	}
	return b.Buf
}

func sampleInput(rows int) proto.Input {
	text := new(proto.ColStr)
	words := proto.NewArray(new(proto.ColStr).LowCardinality())
	maybe := new(proto.ColUInt32).Nullable()
	pairs := proto.NewMap(new(proto.ColStr), new(proto.ColUInt64))
	empty := proto.NewArray(new(proto.ColStr).LowCardinality())
	for i := range rows {
		text.Append(strings.Repeat("\n", i))
		words.Append([]string{"a", strings.Repeat("b", i%5)}[:i%3%2+1])
		maybe.Append(proto.Nullable[uint32]{Set: i%2 == 0, Value: uint32(i)})
		pairs.Append(map[string]uint64{"k": uint64(i)})
		empty.Append(nil)
	}
	return proto.Input{
		{Name: "text", Data: text}, {Name: "words", Data: words}, {Name: "maybe", Data: maybe}, {Name: "pairs", Data: pairs}, {Name: "empty", Data: empty},
	}
}

// TestScanner turns a block of the protocol into one of the engine and back,
// with the bytes coming in pieces of every kind.
func TestScanner(t *testing.T) {
	native := rawBlock(t, 0, sampleInput(300))
	wire := rawBlock(t, revision, sampleInput(300))
	var info proto.Buffer
	proto.BlockInfo{BucketNum: -1}.Encode(&info)
	sent := append(info.Buf, wire...)
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(sent), "bytes": iotest.OneByteReader(bytes.NewReader(sent)), "halves": iotest.HalfReader(bytes.NewReader(sent)),
	} {
		var out bytes.Buffer
		in := bufio.NewReaderSize(io.MultiReader(r, strings.NewReader("next")), 16)
		columns, rows, err := newScanner(buffered{in}, &out).fromClient(revision)
		if err != nil || columns != 5 || rows != 300 {
			t.Errorf("%s: %d columns, %d rows, %v", name, columns, rows, err)
		}
		if !bytes.Equal(out.Bytes(), native) {
			t.Errorf("%s: the engine would get other bytes", name)
		}
		if rest, err := io.ReadAll(in); err != nil || string(rest) != "next" {
			t.Errorf("%s: what follows the block is %q, %v", name, rest, err)
		}
	}
	var out bytes.Buffer
	in := &chunk{append(bytes.Clone(native), native...)}
	for range 2 {
		s := newScanner(in, &out)
		s.win = in.rest
		if _, rows, err := s.fromEngine(revision); err != nil || rows != 300 {
			t.Fatalf("%d rows, %v", rows, err)
		}
	}
	if !bytes.Equal(out.Bytes(), append(bytes.Clone(wire), wire...)) || len(in.rest) != 0 {
		t.Error("the client would get other bytes")
	}
}

// TestScannerOfHeaders: blocks without rows are not handed on.
func TestScannerOfHeaders(t *testing.T) {
	var out bytes.Buffer
	for text, columns := range map[string]uint64{"\x01\x00\x02\xff\xff\xff\xff\x00\x00\x00": 0, "\x00\x02\x00\x01a\x05UInt8\x00\x01b\x06String\x00": 2} {
		got, rows, err := newScanner(buffered{bufio.NewReader(strings.NewReader(text))}, &out).fromClient(revision)
		if err != nil || got != columns || rows != 0 || out.Len() != 0 {
			t.Errorf("%q: %d columns, %d rows, %v, %q", text, got, rows, err, out.Bytes())
		}
	}
}

func FuzzScanner(f *testing.F) {
	f.Add(rawBlock(f, revision, sampleInput(6)), true)
	f.Add(rawBlock(f, 0, sampleInput(6)), false)
	f.Add([]byte("\x01\x00\x02\xff\xff\xff\xff\x00\x00\x00"), true)
	f.Add([]byte("\x01\x02\x01a\x04JSON\x01\x00\x00\x00\x00\x00\x00\x00\x02{}\x02{}"), false)
	f.Fuzz(func(t *testing.T, data []byte, client bool) {
		var out bytes.Buffer
		var rest int
		var err error
		if client {
			in := bufio.NewReaderSize(bytes.NewReader(data), 16)
			_, _, err = newScanner(buffered{in}, &out).fromClient(revision)
			left, _ := io.ReadAll(in)
			rest = len(left)
		} else {
			in := &chunk{data}
			s := newScanner(in, &out)
			s.win = data
			_, _, err = s.fromEngine(0)
			rest = len(in.rest)
		}
		if out.Len() > len(data) {
			t.Errorf("%d bytes became %d", len(data), out.Len())
		}
		if err == nil && !client && out.Len()+rest != len(data) {
			t.Errorf("%d bytes of %d, %d are left", out.Len(), len(data), rest)
		}
	})
}

func FuzzPackets(f *testing.F) {
	var b proto.Buffer
	proto.ClientHello{Name: "x", ProtocolVersion: revision, Database: "d", User: "u"}.Encode(&b)
	f.Add(bytes.Clone(b.Buf))
	b.Reset()
	b.EncodeAware(proto.Query{
		ID: "q", Body: "SELECT 1", Info: proto.ClientInfo{Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial},
		Settings: []proto.Setting{{Key: "a", Value: "1", Important: true}}, Parameters: []proto.Parameter{{Key: "p", Value: "'v'"}},
	}, revision)
	f.Add(bytes.Clone(b.Buf))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := newReader(bytes.NewReader(data)).hello(); err == nil && (h.revision < oldest || h.revision > revision) {
			t.Errorf("revision %d", h.revision)
		}
		for _, rev := range []int{oldest, 54453, revision} {
			r := newReader(bytes.NewReader(data))
			r.number()
			if q, err := r.query(rev); err == nil && len(q.text) > len(data) {
				t.Errorf("%d bytes became %d", len(data), len(q.text))
			}
		}
	})
}

// TestReaderTakesNoLies: a length that is a lie is an error and no memory.
func TestReaderTakesNoLies(t *testing.T) {
	r := newReader(strings.NewReader("\xff\xff\xff\x1fx"))
	if text := r.text(maxQuery); text != "" || !errors.Is(r.err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", text, r.err)
	}
	r = newReader(strings.NewReader("\xff\xff\xff\xff\x7fx"))
	if text := r.text(maxQuery); text != "" || r.err == nil {
		t.Errorf("%q, %v", text, r.err)
	}
}
