package engine_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

func TestMain(m *testing.M) { enginetest.Main(context.Background(), m) }

// dial connects to host:port or unix:///path.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	if path, ok := strings.CutPrefix(addr, "unix://"); ok {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

// open connects a pool of one or more connections.
func open(tb testing.TB, addr string, change ...func(*clickhouse.Options)) driver.Conn {
	tb.Helper()
	o := &clickhouse.Options{Addr: []string{addr}, DialContext: dial, DialTimeout: 5 * time.Second, ReadTimeout: time.Minute}
	for _, f := range change {
		f(o)
	}
	c, err := clickhouse.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// client connects ch-go.
func client(tb testing.TB, addr string, compression ch.Compression) *ch.Client {
	tb.Helper()
	n, err := dial(tb.Context(), addr)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := ch.Connect(tb.Context(), n, ch.Options{Compression: compression})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if !c.IsClosed() {
			if err := c.Close(); err != nil {
				tb.Error(err)
			}
		}
	})
	return c
}

// run runs statements one after the other.
func run(tb testing.TB, c driver.Conn, statements ...string) {
	tb.Helper()
	for _, sql := range statements {
		if err := c.Exec(tb.Context(), sql); err != nil {
			tb.Fatalf("%.200s: %v", sql, err)
		}
	}
}

// insert sends what fill appends; nil appends nothing.
func insert(ctx context.Context, c driver.Conn, sql string, fill func(driver.Batch) error) (err error) {
	batch, err := c.PrepareBatch(ctx, sql)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, batch.Close()) }()
	if fill != nil {
		if err := fill(batch); err != nil {
			return err
		}
	}
	return batch.Send()
}

// one selects one value.
func one[T any](tb testing.TB, c driver.Conn, sql string, args ...any) (v T) {
	tb.Helper()
	if err := c.QueryRow(tb.Context(), sql, args...).Scan(&v); err != nil {
		tb.Fatalf("%.200s: %v", sql, err)
	}
	return v
}

// database makes a database of a test's own and returns a table name in it.
func database(tb testing.TB, c driver.Conn) string {
	tb.Helper()
	name := strings.ToLower("t_" + strings.NewReplacer("/", "_", "#", "_", "-", "_", "=", "_").Replace(tb.Name()))
	run(tb, c, "CREATE DATABASE "+name+" ENGINE = Atomic")
	return name
}

func TestHello(t *testing.T) {
	c := open(t, enginetest.Addr(t))
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := one[uint8](t, c, "SELECT 1"); got != 1 {
		t.Errorf("got %d", got)
	}
	if got := one[string](t, c, "SELECT timezone()"); got != "UTC" {
		t.Errorf("time zone %s", got)
	}
}
