package engine_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// carried lists the types that pass in both directions. Where the engine makes
// no random values of a type, an expression over number does.
var carried = []struct{ kind, values string }{
	{"Int8", ""},
	{"Int16", ""},
	{"Int32", ""},
	{"Int64", ""},
	{"Int128", ""},
	{"Int256", ""},
	{"UInt8", ""},
	{"UInt16", ""},
	{"UInt32", ""},
	{"UInt64", ""},
	{"UInt128", ""},
	{"UInt256", ""},
	{"Float32", ""},
	{"Float64", ""},
	{"BFloat16", "toBFloat16(number / 7)"},
	{"Bool", ""},
	{"String", ""},
	{"FixedString(7)", ""},
	{"UUID", ""},
	{"Date", ""},
	{"Date32", ""},
	{"DateTime", ""},
	{"DateTime('UTC')", ""},
	{"DateTime('Asia/Shanghai')", ""},
	{"DateTime64(3)", "toDateTime64(number / 7, 3)"},
	{"DateTime64(9, 'UTC')", "fromUnixTimestamp64Nano(toInt64(number * 1000003), 'UTC')"},
	{"Time", "toTime(number)"},
	{"Time64(6)", "toTime64(number / 7, 6)"},
	{"IPv4", ""},
	{"IPv6", ""},
	{"Enum8('' = 0, 'a, b' = 1, 'c d' = -3)", ""},
	{"Enum16('x' = 1000, 'y' = 2)", ""},
	{"Decimal(9, 2)", ""},
	{"Decimal(18, 9)", ""},
	{"Decimal(38, 3)", ""},
	{"Decimal(76, 10)", ""},
	{"LowCardinality(String)", ""},
	{"LowCardinality(Nullable(String))", ""},
	{"LowCardinality(FixedString(3))", ""},
	{"LowCardinality(String)", "toString(number % 3)"},
	{"LowCardinality(String)", "toString(number)"},
	{"Nullable(UInt32)", ""},
	{"Nullable(String)", ""},
	{"Nullable(IPv6)", ""},
	{"Array(UInt32)", ""},
	{"Array(String)", ""},
	{"Array(Array(Nullable(String)))", ""},
	{"Array(LowCardinality(String))", ""},
	{"Array(LowCardinality(Nullable(String)))", ""},
	{"Array(UInt8)", "emptyArrayUInt8()"},
	{"Array(LowCardinality(String))", "[]::Array(LowCardinality(String))"},
	{"Map(String, UInt64)", ""},
	{"Map(LowCardinality(String), Array(UInt8))", ""},
	{"Tuple(UInt32, String)", ""},
	{"Tuple(a UInt32, b Array(String))", ""},
	{"Array(Tuple(UInt32, UInt32, UInt32))", ""},
	{"Point", "(number, number / 7)::Point"},
	{"Polygon", "[[(number, 1), (2, 3)]]::Polygon"},
	{"SimpleAggregateFunction(sum, UInt64)", "number"},
	{"SimpleAggregateFunction(anyLast, Nullable(String))", "toString(number)"},
	{"JSON", `format('{{"a":{},"b":["x"]}}', number)::JSON`},
}

// TestTypes sends random values of each type through a client: read by it
// from one table and written by it to another. The engine compares.
func TestTypes(t *testing.T) {
	for _, compress := range []bool{false, true} {
		t.Run(fmt.Sprintf("compress=%v", compress), func(t *testing.T) {
			c := open(t, enginetest.Addr(t), func(o *clickhouse.Options) {
				if compress {
					o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
				}
			})
			db := database(t, c)
			for i, one := range carried {
				t.Run(one.kind, func(t *testing.T) { roundTrip(t, c, db+fmt.Sprintf(".t%d", i), one.kind, one.values) })
			}
		})
	}
}

func roundTrip(t *testing.T, c clickhouse.Conn, table, kind, values string) {
	const rows = 3000
	if values == "" {
		values = fmt.Sprintf("SELECT c, rowNumberInAllBlocks() FROM generateRandom(%s, 7, 9, 5) LIMIT %d", literal("c "+kind), rows)
	} else {
		values = fmt.Sprintf("SELECT %s, number FROM numbers(%d)", values, rows)
	}
	run(t, c,
		fmt.Sprintf("CREATE TABLE %s (c %s, n UInt64) ENGINE = MergeTree ORDER BY n", table, kind),
		fmt.Sprintf("CREATE TABLE %s_back AS %s", table, table),
		fmt.Sprintf("INSERT INTO %s %s", table, values))
	read, err := c.Query(t.Context(), "SELECT c, n FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	err = insert(t.Context(), c, "INSERT INTO "+table+"_back (c, n)", func(b driver.Batch) error { return errors.Join(b.Append(read), read.Close()) })
	if err != nil {
		t.Fatal(err)
	}
	if n := one[uint64](t, c, "SELECT count() FROM "+table+"_back"); n != rows {
		t.Fatalf("%d rows came back of %d", n, rows)
	}
	const sum = "SELECT groupBitXor(cityHash64(toString(c), n)) FROM "
	if a, b := one[uint64](t, c, sum+table), one[uint64](t, c, sum+table+"_back"); a != b {
		t.Errorf("values came back changed")
	}
}

// literal writes a text as SQL has it.
func literal(text string) string {
	quoted := "'"
	for _, r := range text {
		if r == '\'' || r == '\\' {
			quoted += `\`
		}
		quoted += string(r)
	}
	return quoted + "'"
}

// TestTypesRefused names the types that cannot pass, and the connection
// goes on.
func TestTypesRefused(t *testing.T) {
	c := open(t, enginetest.Addr(t), single)
	for _, sql := range []string{
		"SELECT sumState(number) FROM numbers(10)",
		"SELECT 1::Variant(UInt8, String)",
		"SELECT 1::Dynamic",
	} {
		rows, err := c.Query(t.Context(), sql)
		if code := codeOf(err); code != 48 {
			t.Errorf("%s: %v", sql, err)
		}
		if err == nil {
			_ = rows.Close()
		}
		if got := one[uint8](t, c, "SELECT 7"); got != 7 {
			t.Errorf("got %d", got)
		}
	}
}
