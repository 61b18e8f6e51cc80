package engine_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// TestBigInsert sends blocks whose bytes are full of what ends a line, an
// insert, or a text.
func TestBigInsert(t *testing.T) {
	const rows, blocks = 300_000, 4
	for name, compression := range map[string]ch.Compression{"plain": ch.CompressionDisabled, "lz4": ch.CompressionLZ4, "zstd": ch.CompressionZSTD} {
		t.Run(name, func(t *testing.T) {
			addr := enginetest.Addr(t)
			c := open(t, addr)
			db := database(t, c)
			run(t, c, "CREATE TABLE "+db+".t (n UInt64, ip IPv4, s String) ENGINE = MergeTree ORDER BY n")
			var n proto.ColUInt64
			var ip proto.ColIPv4
			var s proto.ColStr
			sent := 0
			fill := func() {
				n.Reset()
				ip.Reset()
				s.Reset()
				for range rows {
					n.Append(0x0a0a0a0a_00000000 + uint64(sent))
					ip.Append(0x0a0a0a0a)
					s.Append(strings.Repeat("\n\n;\x00'", sent%5))
					sent++
				}
			}
			fill()
			err := client(t, addr, compression).Do(t.Context(), ch.Query{
				Body:  "INSERT INTO " + db + ".t (n, ip, s) VALUES",
				Input: proto.Input{{Name: "n", Data: &n}, {Name: "ip", Data: &ip}, {Name: "s", Data: &s}},
				OnInput: func(context.Context) error {
					if sent == rows*blocks {
						n.Reset()
						ip.Reset()
						s.Reset()
						return io.EOF
					}
					fill()
					return nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			const total = rows * blocks
			if got := one[uint64](t, c, "SELECT count() FROM "+db+".t WHERE ip = '10.10.10.10' AND length(s) = 5 * (n % 5)"); got != total {
				t.Errorf("%d rows of %d", got, total)
			}
			if got := one[uint64](t, c, "SELECT toUInt64(sum(n - 0x0a0a0a0a00000000)) FROM "+db+".t"); got != total*(total-1)/2 {
				t.Errorf("sum %d", got)
			}
		})
	}
}

// TestOneBlockIsOnePart: what is sent as one block is written as one.
func TestOneBlockIsOnePart(t *testing.T) {
	addr := enginetest.Addr(t)
	c := open(t, addr)
	db := database(t, c)
	run(t, c, "CREATE TABLE "+db+".t (n UInt64) ENGINE = MergeTree ORDER BY n", "SYSTEM STOP MERGES "+db+".t")
	var n proto.ColUInt64
	for i := range uint64(600_000) {
		n.Append(i)
	}
	err := client(t, addr, ch.CompressionDisabled).Do(t.Context(), ch.Query{
		Body: "INSERT INTO " + db + ".t VALUES", Input: proto.Input{{Name: "n", Data: &n}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if parts := one[uint64](t, c, "SELECT count() FROM system.parts WHERE active AND database = '"+db+"'"); parts != 1 {
		t.Errorf("%d parts", parts)
	}
}

func TestInsertColumns(t *testing.T) {
	c := open(t, enginetest.Addr(t))
	db := database(t, c)
	run(t, c, "CREATE TABLE "+db+".t (a UInt8, `b c` String DEFAULT 'd', m UInt8 MATERIALIZED a + 1, l UInt8 ALIAS a, e UInt8 EPHEMERAL 3, f UInt8 DEFAULT e) ENGINE = MergeTree ORDER BY a")
	for _, try := range []struct {
		columns string
		values  []any
	}{
		{"", []any{uint8(1), "x", uint8(0)}},
		{"(`b c`, a)", []any{"y", uint8(2)}},
		{"(a)", []any{uint8(3)}},
		{"(e, a)", []any{uint8(9), uint8(4)}},
	} {
		err := insert(t.Context(), c, "INSERT INTO "+db+".t "+try.columns, func(b driver.Batch) error { return b.Append(try.values...) })
		if err != nil {
			t.Fatalf("%s: %v", try.columns, err)
		}
	}
	got := one[string](t, c, "SELECT arrayStringConcat(groupArray(concat(toString(a), `b c`, toString(m), toString(f))), ' ') FROM (SELECT a, `b c`, m, f FROM "+db+".t ORDER BY a)")
	if got != "1x20 2y33 3d43 4d59" {
		t.Errorf("got %s", got)
	}
	if err := insert(t.Context(), c, "INSERT INTO "+db+".t (nothing)", nil); codeOf(err) != 16 {
		t.Errorf("got %v", err)
	}
}

// TestInlineInsert brings its data in the statement, with what would have cut
// it off.
func TestInlineInsert(t *testing.T) {
	c := open(t, enginetest.Addr(t), single)
	db := database(t, c)
	run(t, c, "CREATE TABLE "+db+".t (n UInt64, s String) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO "+db+".t VALUES (1, 'a;\n\nb'),\n\n(2, 'x'); ",
		"INSERT INTO "+db+".t (s, n) VALUES ('y', 1 + 2)",
		"INSERT INTO "+db+".t FORMAT JSONEachRow {\"n\": 4, \"s\": \"z\"}\n\n{\"n\": 5, \"s\": \"\"}",
		"INSERT INTO "+db+".t SELECT 6, 'w'",
		"INSERT INTO "+db+".t (n) SETTINGS max_threads = 1 VALUES (7)")
	if got := one[string](t, c, "SELECT arrayStringConcat(groupArray(s), '|') FROM (SELECT s FROM "+db+".t ORDER BY n)"); got != "a;\n\nb|x|y|z||w|" {
		t.Errorf("got %q", got)
	}
	if err := c.Exec(t.Context(), "INSERT INTO "+db+".t VALUES (8, {s:String})", clickhouse.Named("s", "it's")); err != nil {
		t.Errorf("parameter: %v", err)
	}
	if err := c.Exec(t.Context(), "INSERT INTO "+db+".t VALUES (9, 'open"); codeOf(err) == 0 {
		t.Errorf("broken: %v", err)
	}
	if n := one[uint64](t, c, "SELECT count() FROM "+db+".t"); n != 8 {
		t.Errorf("%d rows", n)
	}
}

// TestFailedInsert: an insert that the engine refuses in the middle leaves
// nothing, and its connection goes on.
func TestFailedInsert(t *testing.T) {
	c := open(t, enginetest.Addr(t), single)
	db := database(t, c)
	run(t, c, "CREATE TABLE "+db+".t (n UInt64, CONSTRAINT small CHECK n < 5000000) ENGINE = MergeTree ORDER BY n")
	for range 3 {
		err := insert(t.Context(), c, "INSERT INTO "+db+".t", func(b driver.Batch) error {
			for i := range uint64(20) {
				numbers := make([]uint64, 200_000)
				for k := range numbers {
					numbers[k] = i*400_000 + uint64(k)
				}
				if err := errors.Join(b.Column(0).Append(numbers), b.Flush()); err != nil {
					return err
				}
			}
			return nil
		})
		if codeOf(err) != 469 {
			t.Errorf("got %v", err)
		}
		if n := one[uint64](t, c, "SELECT count() FROM "+db+".t"); n > 4_000_000 {
			t.Errorf("%d rows", n)
		}
	}
	run(t, c, "INSERT INTO "+db+".t VALUES (1)")
}

func TestEmptyInsert(t *testing.T) {
	c := open(t, enginetest.Addr(t), single)
	db := database(t, c)
	run(t, c, "CREATE TABLE "+db+".t (n UInt64) ENGINE = MergeTree ORDER BY n")
	if err := insert(t.Context(), c, "INSERT INTO "+db+".t", nil); err != nil {
		t.Fatal(err)
	}
	if n := one[uint64](t, c, "SELECT count() FROM "+db+".t"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// TestRepeatedInsert: a token makes an insert count once, in the table and in
// the views behind it, though the rows differ.
func TestRepeatedInsert(t *testing.T) {
	c := open(t, enginetest.Addr(t))
	db := database(t, c)
	run(t, c,
		"CREATE TABLE "+db+".t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100",
		"CREATE TABLE "+db+".s (n UInt64) ENGINE = SummingMergeTree ORDER BY tuple() SETTINGS non_replicated_deduplication_window = 100",
		"CREATE MATERIALIZED VIEW "+db+".v TO "+db+".s AS SELECT sum(n) AS n FROM "+db+".t")
	for _, token := range []string{"a", "a", "b", "a"} {
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
			"insert_deduplication_token": token, "deduplicate_blocks_in_dependent_materialized_views": 1, "async_insert": 0,
		}))
		if err := insert(ctx, c, "INSERT INTO "+db+".t", func(b driver.Batch) error { return b.Append(uint64(21)) }); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := one[uint64](t, c, "SELECT sum(n) FROM "+db+".t"), one[uint64](t, c, "SELECT sum(n) FROM "+db+".s"); a != 42 || b != 42 {
		t.Errorf("the table has %d, the view %d", a, b)
	}
}

// TestClientLeavesInsert: an insert whose client goes before its end leaves
// nothing.
func TestClientLeavesInsert(t *testing.T) {
	addr := enginetest.Addr(t)
	c := open(t, addr)
	db := database(t, c)
	run(t, c, "CREATE TABLE "+db+".t (n UInt64) ENGINE = MergeTree ORDER BY n")
	for _, rows := range []int{1000, 3_000_000} {
		n, err := dial(t.Context(), addr)
		if err != nil {
			t.Fatal(err)
		}
		sendInsert(t, n, "INSERT INTO "+db+".t VALUES", rows)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the end of the session", func() bool {
			return one[uint64](t, c, "SELECT count() FROM system.processes WHERE query_kind = 'Insert'") == 0
		})
		if got := one[uint64](t, c, "SELECT count() FROM "+db+".t"); got != 0 {
			t.Errorf("%d rows of %d", got, rows)
		}
	}
}

// sendInsert speaks the protocol by hand: greeting, query, and a whole block of
// so many numbers, but not the end of the data.
func sendInsert(t *testing.T, n net.Conn, sql string, rows int) {
	t.Helper()
	var b proto.Buffer
	proto.ClientHello{Name: "test", ProtocolVersion: 54460, User: "default"}.Encode(&b)
	b.PutString("") // quota key
	b.EncodeAware(proto.Query{Body: sql, Info: proto.ClientInfo{Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial}}, 54460)
	empty := func() {
		proto.ClientCodeData.Encode(&b)
		b.PutString("")
		proto.BlockInfo{}.Encode(&b)
		b.PutInt(0)
		b.PutInt(0)
	}
	empty()
	proto.ClientCodeData.Encode(&b)
	b.PutString("")
	proto.BlockInfo{BucketNum: -1}.Encode(&b)
	b.PutInt(1)
	b.PutInt(rows)
	b.PutString("n")
	b.PutString("UInt64")
	b.PutByte(0)
	for i := range rows {
		b.PutUInt64(uint64(i))
	}
	if _, err := n.Write(b.Buf); err != nil {
		t.Fatal(err)
	}
	// The answer to the greeting and the header of the insert say that it runs.
	if err := n.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for !bytes.Contains(got, []byte("UInt64")) {
		part := make([]byte, 4096)
		k, err := n.Read(part)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		got = append(got, part[:k]...)
	}
}

// TestBrokenBlocks: what cannot be a block ends the connection with a
// word, and the engine goes on.
func TestBrokenBlocks(t *testing.T) {
	addr := enginetest.Addr(t)
	c := open(t, addr)
	db := database(t, c)
	run(t, c, "CREATE TABLE "+db+".t (n UInt64) ENGINE = MergeTree ORDER BY n")
	for name, tail := range map[string][]byte{
		"columns": append(binary.AppendUvarint([]byte{2, 0, 0}, 1<<40), 1),
		"rows":    append(binary.AppendUvarint([]byte{2, 0, 0, 1}, 1<<60), 1),
		"type":    []byte("\x02\x00\x00\x01\x01\x01n\x07Strange\x00"),
		"custom":  []byte("\x02\x00\x00\x01\x01\x01n\x06UInt64\x01"),
		"packet":  {9},
		"info":    {2, 0, 77},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := dial(t.Context(), addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = n.Close() }()
			sendInsert(t, n, "INSERT INTO "+db+".t VALUES", 10)
			if _, err := n.Write(tail); err != nil {
				t.Fatal(err)
			}
			var got []byte
			for {
				part := make([]byte, 4096)
				k, err := n.Read(part)
				got = append(got, part[:k]...)
				if err != nil {
					break
				}
			}
			if name != "packet" && !bytes.Contains(got, []byte("DB::Exception: ")) {
				t.Errorf("the answer is %q", got)
			}
			if rows := one[uint64](t, c, fmt.Sprintf("SELECT count() FROM %s.t", db)); rows != 0 {
				t.Errorf("%d rows", rows)
			}
		})
	}
}
