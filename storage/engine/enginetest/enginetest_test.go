package enginetest_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

func TestMain(m *testing.M) { enginetest.Main(context.Background(), m) }

func TestAddr(t *testing.T) {
	addr := enginetest.Addr(t)
	if again := enginetest.Addr(t); again != addr {
		t.Errorf("%s and then %s", addr, again)
	}
	socket, ok := strings.CutPrefix(addr, "unix://")
	if !ok {
		t.Skip("LINEWARDEN_TEST_CLICKHOUSE names a server")
	}
	c, err := new(net.Dialer).DialContext(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestStart(t *testing.T) {
	path := t.TempDir()
	p := enginetest.Start(t, path)
	if addr, ok := engine.Attach(path); !ok || addr != p.Addr() {
		t.Errorf("found %s, %v", addr, ok)
	}
}
