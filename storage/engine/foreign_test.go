package engine_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/storage/engine"
)

// foreignEngine starts an engine on a loopback address, as clients of others
// need it, and returns its port and password.
func foreignEngine(t *testing.T) (port, password string) {
	t.Helper()
	path := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	byHand(t, path, addr)
	eventually(t, "the engine serves", func() bool {
		_, ok := engine.Attach(path)
		return ok
	})
	text, err := os.ReadFile(path + "/password")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = strings.Cut(addr, ":")
	return port, strings.TrimSpace(string(text))
}

// program finds a program of another package. Without it the test is skipped
// and says what to install; in a build that could have installed it (CI is set
// and apt-get is there) it fails.
func program(t *testing.T, name, hint string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		lack(t, name+" is not installed: "+hint)
	}
	return path
}

func lack(t *testing.T, reason string) {
	t.Helper()
	if _, err := exec.LookPath("apt-get"); err == nil && os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// TestDebianClient has the clickhouse-client of Debian (18.16) talk to the engine.
func TestDebianClient(t *testing.T) {
	path := program(t, "clickhouse-client", "apt-get install clickhouse-client")
	port, password := foreignEngine(t)
	ask := func(sql, input string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, path, "--host", "127.0.0.1", "--port", port, "--password", password, "--query", sql)
		cmd.Stdin = strings.NewReader(input)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", sql, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	ask("CREATE DATABASE foreign_d ENGINE = Atomic", "")
	ask("CREATE TABLE foreign_d.t (k UInt32, s String, d Date, n Nullable(Int8), a Array(UInt16)) ENGINE = MergeTree ORDER BY k", "")
	ask("INSERT INTO foreign_d.t FORMAT CSV", "1,\"one, two\",2026-09-14,\\N,\"[1,2]\"\n2,\"漢字\",2000-02-29,-5,\"[]\"\n")
	ask("INSERT INTO foreign_d.t SELECT number + 10, toString(number), toDate('2026-01-01'), NULL, [] FROM numbers(100000)", "")
	if got := ask("SELECT count(), sum(k), uniqExact(s) FROM foreign_d.t", ""); got != "100002\t5000950003\t100002" {
		t.Errorf("got %q", got)
	}
	if got := ask("SELECT k, s, d, n, a FROM foreign_d.t WHERE k < 10 ORDER BY k FORMAT CSV", ""); got != "1,\"one, two\",\"2026-09-14\",\\N,\"[1,2]\"\n2,\"漢字\",\"2000-02-29\",-5,\"[]\"" {
		t.Errorf("got %q", got)
	}
	if got := ask("SELECT k, s FROM foreign_d.t ORDER BY k LIMIT 1 FORMAT JSON", ""); !strings.Contains(got, `"rows": 1`) {
		t.Errorf("got %q", got)
	}
	cmd := exec.CommandContext(t.Context(), path, "--host", "127.0.0.1", "--port", port, "--password", "wrong", "--query", "SELECT 1")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "516") {
		t.Errorf("a wrong password: %v: %s", err, out)
	}
}

// pythonScript asserts by itself what it gets.
const pythonScript = `
import sys, datetime, ipaddress, uuid
from clickhouse_driver import Client, errors
c = Client('127.0.0.1', port=int(sys.argv[1]), password=sys.argv[2])
c.execute('CREATE DATABASE foreign_p ENGINE = Atomic')
c.execute("CREATE TABLE foreign_p.t (k UInt64, s LowCardinality(String), at DateTime64(6, 'UTC'), ip IPv6, u UUID, n Nullable(Int32), e Enum8('a' = 1, 'b' = 2), l Array(String)) ENGINE = MergeTree ORDER BY k")
at = datetime.datetime(2026, 9, 14, 4, 5, 6, 123456, tzinfo=datetime.timezone.utc)
row = (1, 'w', at, ipaddress.ip_address('2001:db8::1'), uuid.UUID(int=7), None, 'b', ['x', ''])
assert c.execute('INSERT INTO foreign_p.t VALUES', [row]) == 1
c.execute('INSERT INTO foreign_p.t (k, s) VALUES', [(i, str(i % 7)) for i in range(10, 20010)])
got = c.execute('SELECT k, s, at, ip, u, n, e, l FROM foreign_p.t WHERE k = 1')[0]
assert got[:2] == row[:2] and got[3:] == row[3:], got
assert got[2].replace(tzinfo=datetime.timezone.utc) == at, got
assert c.execute('SELECT count(), uniqExact(s) FROM foreign_p.t') == [(20001, 8)]
assert sum(1 for _ in c.execute_iter('SELECT k FROM foreign_p.t')) == 20001
assert c.execute('SELECT k FROM foreign_p.t WHERE s = %(s)s', {'s': 'w'}) == [(1,)]
assert c.execute("SELECT getSetting('max_block_size')", settings={'max_block_size': 1234}) == [(1234,)]
for _ in range(10):
    try:
        c.execute('SELECT no_such_column FROM foreign_p.t')
        raise SystemExit('no error')
    except errors.ServerException as e:
        assert e.code == 47, e.code
    assert c.execute('SELECT 1') == [(1,)]
print('all is well')
`

// TestPythonDriver has python3-clickhouse-driver of Debian talk to the engine.
func TestPythonDriver(t *testing.T) {
	path := "/usr/bin/python3" // that of the packages, whatever else is in the path
	if _, err := os.Stat(path); err != nil {
		path = program(t, "python3", "apt-get install python3-clickhouse-driver")
	}
	if err := exec.CommandContext(t.Context(), path, "-c", "import clickhouse_driver").Run(); err != nil {
		lack(t, "the module clickhouse_driver is not installed: apt-get install python3-clickhouse-driver")
	}
	port, password := foreignEngine(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-c", pythonScript, port, password).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "all is well") {
		t.Errorf("%v: %s", err, out)
	}
}
