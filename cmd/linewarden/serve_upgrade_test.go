package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// upgradeExporter is a router of NetFlow v9 that sends its templates once.
type upgradeExporter struct {
	t    *testing.T
	conn *net.UDPConn
	*templateShooter
	shots []*shot
	sent  uint64
	lost  uint64
}

func newUpgradeExporter(t *testing.T, number int, to netip.AddrPort) *upgradeExporter {
	e := &upgradeExporter{t: t, conn: dialFrom(t, loadAddress(0, number), to), templateShooter: newTemplateShooter(9, time.Now().Add(-time.Hour).Truncate(time.Second))}
	e.shots = e.templateShooter.shots(newLoadTraffic(0, number), 8)
	e.write(e.announce(time.Now()))
	return e
}

func (e *upgradeExporter) write(b []byte) {
	e.t.Helper()
	if _, err := e.conn.Write(b); err != nil {
		e.t.Fatal(err)
	}
}

// send sends a round of datagrams.
func (e *upgradeExporter) send(pass uint32) {
	e.t.Helper()
	for _, s := range e.shots {
		e.stamp(s, time.Now(), pass)
		e.write(s.payload)
		e.sent += uint64(len(s.flows))
	}
}

// lose has a round of datagrams come to nobody.
func (e *upgradeExporter) lose(pass uint32) {
	for _, s := range e.shots {
		e.stamp(s, time.Now(), pass)
		e.lost += uint64(len(s.flows))
	}
}

// TestRollingUpgrade stops one of two collectors on a common store, and starts
// it again as an upgrade does. What was sent to each while it ran is stored, and
// what came while it did not is counted; its router need not send templates again;
// the other one never notices.
func TestRollingUpgrade(t *testing.T) {
	root := t.TempDir()
	var list [2]*running
	var targets [2]netip.AddrPort
	var dirs, configs [2]string
	store := startEngineAlone(t, filepath.Join(root, "engine"))
	for i := range list {
		var err error
		if targets[i], err = freePort(); err != nil {
			t.Fatal(err)
		}
		dirs[i] = filepath.Join(root, fmt.Sprintf("collector-%d", i))
		if err := writeLoadLedgers(filepath.Join(dirs[i], "data", "registry")); err != nil {
			t.Fatal(err)
		}
		configs[i] = strings.Replace(serveConfig, `netflow: {listen: ["127.0.0.1:0"]}`, fmt.Sprintf("netflow: {listen: [%q]}", targets[i]), 1) +
			fmt.Sprintf("storage: {clickhouse: {addr: [%q], password_file: %q}}\n", store, filepath.Join(root, "engine", "password"))
		list[i] = startServeWith(t, dirs[i], configs[i])
	}
	routers := [2]*upgradeExporter{newUpgradeExporter(t, 0, targets[0]), newUpgradeExporter(t, 1, targets[1])}
	for _, r := range routers {
		r.send(0)
	}
	if err := list[0].signal(syscall.SIGTERM); err != nil {
		t.Fatalf("the collector ended with %v", err)
	}
	routers[0].lose(1)
	routers[1].send(1)
	list[0] = startServeWith(t, dirs[0], configs[0])
	for _, r := range routers {
		r.send(2)
	}
	// The upgraded one has counted a round of two since its start.
	want := [2]uint64{routers[0].sent / 2, routers[1].sent}
	for i, d := range list {
		d.until("all is stored", func() bool { return d.sums().stored == want[i] })
		if lost := d.sums().lost; lost > 0 {
			t.Errorf("collector %d lost %d records", i, lost)
		}
		if err := d.signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	rows, books := storedBooks(t, dirs[1])
	// NetFlow v9 numbers datagrams: how many records they had is estimated.
	lost, missed := float64(routers[0].lost), float64(books.RecordsMissed)
	if want := routers[0].sent + routers[1].sent; rows != want || books.Stored != want || missed < 0.85*lost || missed > 1.15*lost {
		t.Errorf("%d records were sent and %.0f lost, %d are stored, the books say %d and %.0f missing", want, lost, rows, books.Stored, missed)
	}
}

// startEngineAlone runs the engine as a server of its own and returns its address.
func startEngineAlone(t *testing.T, path string) string {
	t.Helper()
	address := freeAddress(t)
	c := exec.Command(program, "engine", "--path", path, "--listen", address)
	c.Stdout, c.Stderr = t.Output(), t.Output()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		_ = c.Wait() // it was told to end
	})
	for limit, tick := time.After(30*time.Second), time.NewTicker(50*time.Millisecond); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close() // nothing was said
			return address
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("the engine does not listen: %v", err)
		}
	}
}
