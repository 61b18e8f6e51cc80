package engine_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// features are what the package storage uses of clickhouse-go, each with what
// shows that the engine can do it. Types of values have tests of their own.
var features = map[string]func(*testing.T, driver.Conn){
	"Ping": func(t *testing.T, c driver.Conn) {
		if err := c.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	},
	"Exec": func(t *testing.T, c driver.Conn) {
		run(t, c, "CREATE TABLE IF NOT EXISTS features.e (a UInt64, at DateTime64(9, 'UTC')) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100")
	},
	"Query": func(t *testing.T, c driver.Conn) {
		rows, err := c.Query(t.Context(), "SELECT number, toString(number) FROM numbers(200000)")
		if err != nil {
			t.Fatal(err)
		}
		n := uint64(0)
		for rows.Next() {
			var (
				number uint64
				text   string
			)
			if err := rows.Scan(&number, &text); err != nil || number != n {
				t.Fatalf("row %d: %d, %v", n, number, err)
			}
			n++
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || n != 200000 {
			t.Errorf("%d rows, %v", n, err)
		}
	},
	"PrepareBatch": func(t *testing.T, c driver.Conn) {
		b, err := c.PrepareBatch(t.Context(), "INSERT INTO features.e (a, at)")
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}()
		for i := range 1000 {
			if err := b.Append(uint64(i), time.Unix(0, int64(i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Send(); err != nil {
			t.Fatal(err)
		}
		if n := one[uint64](t, c, "SELECT count() FROM features.e WHERE toUnixTimestamp64Nano(at) = a"); n != 1000 {
			t.Errorf("%d rows", n)
		}
	},
	"Named": func(t *testing.T, c driver.Conn) {
		if got := one[string](t, c, "SELECT {v:String}", clickhouse.Named("v", "it's")); got != "it's" {
			t.Errorf("got %q", got)
		}
	},
	"DateNamed": func(t *testing.T, c driver.Conn) {
		at := time.Date(2026, 9, 14, 4, 5, 6, 123456000, time.UTC)
		for _, scale := range []clickhouse.TimeUnit{clickhouse.MicroSeconds, clickhouse.NanoSeconds} {
			if got := one[time.Time](t, c, "SELECT {v:DateTime64(9)}", clickhouse.DateNamed("v", at, scale)); !got.Equal(at) {
				t.Errorf("%v came back as %v", at, got)
			}
		}
	},
	"Context": func(t *testing.T, c driver.Conn) {
		// A token makes the second of two inserts vanish.
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
			"insert_deduplicate": 1, "insert_deduplication_token": "a token", "async_insert": 0,
		}))
		send := func() (err error) {
			b, err := c.PrepareBatch(ctx, "INSERT INTO features.e (a)")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			return errors.Join(b.Append(uint64(1<<40)), b.Send())
		}
		if err := errors.Join(send(), send()); err != nil {
			t.Fatal(err)
		}
		if n := one[uint64](t, c, "SELECT count() FROM features.e WHERE a = 1099511627776"); n != 1 {
			t.Errorf("%d rows", n)
		}
	},
	"Exception": func(t *testing.T, c driver.Conn) {
		if err := c.Exec(t.Context(), "SELECT a FROM features.none"); codeOf(err) != 60 {
			t.Errorf("got %v", err)
		}
	},
	"Cancel": func(t *testing.T, c driver.Conn) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := c.Exec(ctx, "SELECT sum(sleepEachRow(0.01)) FROM numbers(3000) SETTINGS max_block_size = 10"); err == nil || time.Since(began) > 10*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	},
	"Compression": func(t *testing.T, _ driver.Conn) {
		c := open(t, enginetest.Addr(t), func(o *clickhouse.Options) {
			o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
		})
		if n := one[uint64](t, c, "SELECT sum(length(s)) FROM (SELECT toString(number) AS s FROM numbers(100000))"); n != 488890 {
			t.Errorf("got %d", n)
		}
	},
}

// shownBy says which of the features shows each name of the driver.
var shownBy = map[string]string{
	"Open": "Ping", "Options": "Ping", "Auth": "Ping", "ConnOpenInOrder": "Ping", "Conn": "Ping", "Rows": "Query", "Batch": "PrepareBatch",
	"Named": "Named", "DateNamed": "DateNamed", "NanoSeconds": "DateNamed", "MicroSeconds": "DateNamed",
	"Context": "Context", "WithSettings": "Context", "Settings": "Context", "Exception": "Exception",
	"Compression": "Compression", "CompressionLZ4": "Compression",
	"ErrAcquireConnTimeout": "Ping", "ErrAcquireConnNoAddress": "Ping", // of the pool, whatever the server
}

func TestFeaturesOfTheDriver(t *testing.T) {
	c := open(t, enginetest.Addr(t), single)
	run(t, c, "CREATE DATABASE IF NOT EXISTS features ENGINE = Atomic")
	features["Exec"](t, c)
	for _, name := range slices.Sorted(maps.Keys(features)) {
		t.Run(name, func(t *testing.T) { features[name](t, c) })
	}
}

// TestFeaturesAreAllOfThem reads the package storage: what it uses of the driver
// must be shown above.
func TestFeaturesAreAllOfThem(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	used := regexp.MustCompile(`\b(?:clickhouse|driver)\.([A-Z]\w*)`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range used.FindAllStringSubmatch(string(text), -1) {
			if features[shownBy[m[1]]] == nil {
				t.Errorf("%s uses %s of the driver, which no feature shows", filepath.Base(file), m[1])
			}
		}
	}
}
