package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// single makes a pool use one connection, so that a statement meets what
// the one before has left.
func single(o *clickhouse.Options) { o.MaxOpenConns, o.MaxIdleConns = 1, 1 }

// codeOf is the code of an exception of the server, or 0.
func codeOf(err error) int32 {
	if e := new(clickhouse.Exception); errors.As(err, &e) {
		return e.Code
	}
	if e, ok := ch.AsException(err); ok {
		return int32(e.Code)
	}
	return 0
}

func TestParameters(t *testing.T) {
	c := open(t, enginetest.Addr(t))
	for _, text := range []string{"", "plain", "it's", `back\slash`, "tab\tline\nend\r", "漢字 🚉", `\N`, "{a:String}", "'); DROP TABLE x; --"} {
		if got := one[string](t, c, "SELECT {v:String}", clickhouse.Named("v", text)); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
	at := time.Date(2026, 9, 14, 4, 5, 6, 123456789, time.UTC)
	if got := one[time.Time](t, c, "SELECT {v:DateTime64(9)}", clickhouse.DateNamed("v", at, clickhouse.NanoSeconds)); !got.Equal(at) {
		t.Errorf("%v came back as %v", at, got)
	}
	if got := one[uint64](t, c, "SELECT count() FROM {d:Identifier}.{t:Identifier}", clickhouse.Named("d", "system"), clickhouse.Named("t", "one")); got != 1 {
		t.Errorf("got %d", got)
	}
	if got := one[uint64](t, c, "SELECT arraySum({v:Array(UInt64)})", clickhouse.Named("v", []uint64{1, 2, 39})); got != 42 {
		t.Errorf("got %d", got)
	}
	n := client(t, enginetest.Addr(t), ch.CompressionDisabled)
	var v proto.ColStr
	err := n.Do(t.Context(), ch.Query{
		Body: "SELECT {v:String} AS v", Parameters: ch.Parameters(map[string]any{"v": "it's"}),
		Result: proto.Results{{Name: "v", Data: &v}},
	})
	if err != nil || v.Row(0) != "it's" {
		t.Errorf("%v, %v", v, err)
	}
}

func TestSettings(t *testing.T) {
	c := open(t, enginetest.Addr(t), single)
	const ask = "SELECT toUInt64(getSetting('max_block_size'))"
	usual := one[uint64](t, c, ask)
	with := func(v any) context.Context {
		return clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_block_size": v, "final": true}))
	}
	for _, v := range []int{1000, 1000, 2000} {
		var got uint64
		if err := c.QueryRow(with(v), ask).Scan(&got); err != nil || got != uint64(v) {
			t.Errorf("set %d, got %d, %v", v, got, err)
		}
	}
	if got := one[uint64](t, c, ask); got != usual {
		t.Errorf("a setting of an earlier statement stays: %d", got)
	}
	if _, err := c.Query(with("it's not a number"), ask); codeOf(err) == 0 {
		t.Errorf("a bad value: %v", err)
	}
	unknown := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"no_such_setting": 1}))
	if _, err := c.Query(unknown, ask); codeOf(err) != 115 {
		t.Errorf("an unknown setting: %v", err)
	}
	if got := one[uint64](t, c, ask); got != usual {
		t.Errorf("a setting of an earlier statement stays: %d", got)
	}
	n := client(t, enginetest.Addr(t), ch.CompressionDisabled)
	err := n.Do(t.Context(), ch.Query{Body: "SELECT 1", Result: (&proto.Results{}).Auto(), Settings: []ch.Setting{
		{Key: "no_such_setting", Value: "1"}, {Key: "max_threads", Value: "1"},
	}})
	if err != nil {
		t.Errorf("an unknown setting that is not important: %v", err)
	}
}

func TestExceptions(t *testing.T) {
	c := open(t, enginetest.Addr(t), single)
	for _, try := range []struct {
		sql  string
		code int32
		text string
	}{
		{"SELEC 1", 62, "Syntax error"},
		{"SELECT * FROM system.nothing", 60, "system.nothing"},
		{"SELECT no_such_column", 47, "no_such_column"},
		{"SELECT throwIf(number = 70000) FROM numbers(100000) SETTINGS max_block_size = 1000", 395, ""},
		{"INSERT INTO system.nothing VALUES (1)", 60, "system.nothing"},
		{"USE nothing", 81, "nothing"},
		{"SELECT toUInt8('x')", 6, ""},
		{"", 62, ""},
		{";", 62, ""},
		{"-- nothing", 62, ""},
	} {
		err := c.Exec(t.Context(), try.sql)
		if codeOf(err) != try.code || !strings.Contains(fmt.Sprint(err), try.text) {
			t.Errorf("%q: code %d, %v", try.sql, codeOf(err), err)
		}
		if got := one[uint8](t, c, "SELECT 7"); got != 7 {
			t.Errorf("after %q: %d", try.sql, got)
		}
	}
	if err := insert(t.Context(), c, "INSERT INTO system.nothing (a)", nil); codeOf(err) != 60 {
		t.Errorf("insert: %v", err)
	}
	if got := one[uint8](t, c, "SELECT 7"); got != 7 {
		t.Errorf("got %d", got)
	}
}

func TestUnknownDatabase(t *testing.T) {
	c := open(t, enginetest.Addr(t), func(o *clickhouse.Options) { o.Auth.Database = "nothing" })
	if err := c.Ping(t.Context()); codeOf(err) != 81 {
		t.Errorf("got %v", err)
	}
}

// TestNoRows: a result without rows still has its columns.
func TestNoRows(t *testing.T) {
	c := open(t, enginetest.Addr(t))
	rows, err := c.Query(t.Context(), "SELECT number AS a, 'x' AS `b c`, 1 AS a2 FROM numbers(10) WHERE number > {n:UInt64} -- why\n", clickhouse.Named("n", 20))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	if got := strings.Join(rows.Columns(), "|"); got != "a|b c|a2" || rows.Next() || rows.Err() != nil {
		t.Errorf("columns %s, %v", got, rows.Err())
	}
	if got := rows.ColumnTypes()[0].DatabaseTypeName(); got != "UInt64" {
		t.Errorf("type %s", got)
	}
}

func TestStatementsWithResults(t *testing.T) {
	c := open(t, enginetest.Addr(t))
	for _, sql := range []string{
		"SHOW DATABASES", "SHOW DATABASES FORMAT JSON", "DESCRIBE TABLE system.one", "EXPLAIN SELECT 1", "EXISTS TABLE system.one",
		"SELECT name FROM system.functions LIMIT 3 FORMAT TSV", "(SELECT 'a') UNION ALL (SELECT 'b');", "WITH 'x' AS y SELECT y",
		"SELECT 'a' FORMAT JSON SETTINGS max_threads = 1", "select 'format', 'FORMAT JSON'", "SELECT 'a' /* ; */ -- ; b",
	} {
		rows, err := c.Query(t.Context(), sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		n := 0
		for rows.Next() {
			n++
		}
		if rows.Err() != nil || n == 0 {
			t.Errorf("%s: %d rows, %v", sql, n, rows.Err())
		}
		_ = rows.Close()
	}
}

// TestBigSelect reads more than the engine may hold in memory at once.
func TestBigSelect(t *testing.T) {
	const total = 5_000_000
	for _, compression := range []ch.Compression{ch.CompressionDisabled, ch.CompressionLZ4} {
		c := client(t, enginetest.Addr(t), compression)
		var n proto.ColUInt64
		var s proto.ColStr
		rows, sum, blocks := 0, uint64(0), 0
		var progress uint64
		err := c.Do(t.Context(), ch.Query{
			Body:   fmt.Sprintf("SELECT number AS n, repeat('x', number %% 300) AS s FROM numbers(%d)", total),
			Result: proto.Results{{Name: "n", Data: &n}, {Name: "s", Data: &s}},
			OnResult: func(_ context.Context, b proto.Block) error {
				for i := range b.Rows {
					sum += n[i]
					if s.Rows() != b.Rows || len(s.Row(i)) != int(n[i]%300) {
						return errors.New("wrong text")
					}
				}
				rows, blocks = rows+b.Rows, blocks+1
				return nil
			},
			OnProgress: func(_ context.Context, p proto.Progress) error { progress += p.Rows; return nil },
			Settings:   []ch.Setting{{Key: "max_memory_usage", Value: "300000000"}},
		})
		if err != nil || rows != total || sum != total*(total-1)/2 || blocks < 10 || progress < total/2 || progress > total {
			t.Errorf("%d rows in %d blocks, progress %d, %v", rows, blocks, progress, err)
		}
	}
}

// running counts the statements that run beside the one that counts.
func running(tb testing.TB, c clickhouse.Conn, mark string) uint64 {
	tb.Helper()
	return one[uint64](tb, c, "SELECT count() FROM system.processes WHERE query LIKE '%"+mark+"%' AND query NOT LIKE '%system.processes%'")
}

// eventually waits for something that another process brings about.
func eventually(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(10 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			tb.Fatalf("%s did not happen", what)
		}
	}
}

func TestCancel(t *testing.T) {
	addr := enginetest.Addr(t)
	c := open(t, addr)
	db := database(t, c)
	run(t, c, "CREATE TABLE "+db+".t (n UInt64) ENGINE = MergeTree ORDER BY n")
	for name, sql := range map[string]string{
		"select":        "SELECT count() FROM system.numbers WHERE NOT ignore('mark_%s')",
		"stream":        "SELECT number, 'mark_%s' FROM system.numbers",
		"insert_select": "INSERT INTO " + db + ".t SELECT number FROM system.numbers WHERE NOT ignore('mark_%s')",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			other := client(t, addr, ch.CompressionDisabled)
			done := make(chan error, 1)
			go func() {
				done <- other.Do(ctx, ch.Query{
					Body: fmt.Sprintf(sql, name), Result: (&proto.Results{}).Auto(),
					OnResult: func(context.Context, proto.Block) error { return nil },
				})
			}()
			eventually(t, "the start", func() bool { return running(t, c, "mark_"+name) == 1 })
			cancel()
			if err := <-done; err == nil {
				t.Error("it ended by itself")
			}
			eventually(t, "the end", func() bool { return running(t, c, "mark_"+name) == 0 })
		})
	}
	if n := one[uint64](t, c, "SELECT count() FROM "+db+".t"); n != 0 {
		t.Logf("a cancelled INSERT SELECT has left %d rows", n)
	}
}

// TestClientLeaves: a statement whose client has gone without a word ends.
func TestClientLeaves(t *testing.T) {
	addr := enginetest.Addr(t)
	c := open(t, addr)
	n, err := dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ch.Connect(t.Context(), n, ch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- other.Do(t.Context(), ch.Query{Body: "SELECT count() FROM system.numbers WHERE NOT ignore('mark_gone')", Result: (&proto.Results{}).Auto()})
	}()
	eventually(t, "the start", func() bool { return running(t, c, "mark_gone") == 1 })
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("it ended by itself")
	}
	eventually(t, "the end", func() bool { return running(t, c, "mark_gone") == 0 })
}

// TestProgress: a client hears of a long statement before it has a result.
func TestProgress(t *testing.T) {
	c := client(t, enginetest.Addr(t), ch.CompressionDisabled)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var heard atomic.Int64
	err := c.Do(ctx, ch.Query{
		Body: "SELECT count() FROM system.numbers", Result: (&proto.Results{}).Auto(),
		OnProgress: func(_ context.Context, p proto.Progress) error {
			if p.Rows > 0 && heard.Add(1) == 2 {
				cancel()
			}
			return nil
		},
	})
	if heard.Load() < 2 || err == nil {
		t.Errorf("heard %d times, %v", heard.Load(), err)
	}
}

func TestSessionsAreApart(t *testing.T) {
	addr := enginetest.Addr(t)
	a, b := open(t, addr, single), open(t, addr, single)
	run(t, a, "CREATE TEMPORARY TABLE mine (n UInt8)", "INSERT INTO mine VALUES (1), (2)", "SET max_threads = 1")
	if got := one[uint64](t, a, "SELECT count() FROM mine"); got != 2 {
		t.Errorf("got %d", got)
	}
	if err := b.Exec(t.Context(), "SELECT count() FROM mine"); codeOf(err) != 60 {
		t.Errorf("another session sees it: %v", err)
	}
}

func TestConcurrentClients(t *testing.T) {
	addr := enginetest.Addr(t)
	c := open(t, addr)
	db := database(t, c)
	run(t, c, "CREATE TABLE "+db+".t (k UInt8, n UInt64) ENGINE = MergeTree ORDER BY n")
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			one, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}, DialContext: dial})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = one.Close() }()
			for i := range 20 {
				err := insert(t.Context(), one, "INSERT INTO "+db+".t", func(b driver.Batch) error {
					for n := range 100 {
						if err := b.Append(uint8(k), uint64(i*100+n)); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				if err := one.Exec(t.Context(), "SELECT nothing"); codeOf(err) != 47 {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := one[uint64](t, c, "SELECT sum(n + k) FROM "+db+".t"); got != 8*1999*1000+2000*28 {
		t.Errorf("got %d", got)
	}
}
