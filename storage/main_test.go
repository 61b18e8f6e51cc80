package storage_test

import (
	"context"
	"testing"

	"github.com/linewarden/linewarden/storage"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

func TestMain(m *testing.M) {
	var prepare []func(string) error
	if onShards() {
		prepare = append(prepare, func(path string) error { return enginetest.Shards(path, storage.ShardConditions()) })
	}
	enginetest.Main(context.Background(), m, prepare...)
}

// engineAddr is the address of the engine all tests of this package share.
func engineAddr(tb testing.TB) string {
	tb.Helper()
	return enginetest.Addr(tb)
}
