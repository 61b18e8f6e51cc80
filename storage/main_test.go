package storage_test

import (
	"context"
	"testing"

	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

func TestMain(m *testing.M) { enginetest.Main(context.Background(), m) }

// engineAddr is the address of the engine all tests of this package share.
func engineAddr(tb testing.TB) string {
	tb.Helper()
	return enginetest.Addr(tb)
}
