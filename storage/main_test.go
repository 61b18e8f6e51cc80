package storage_test

import (
	"os"
	"testing"
)

// engineAddr is the address of the server all tests of this package share.
func engineAddr(tb testing.TB) string {
	tb.Helper()
	addr := os.Getenv("LINEWARDEN_TEST_CLICKHOUSE")
	if addr == "" {
		tb.Skip("LINEWARDEN_TEST_CLICKHOUSE does not name a ClickHouse server (host:port or unix:///path)")
	}
	return addr
}
