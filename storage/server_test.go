package storage_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/storage"
)

// oldServer is the clickhouse-server of Debian, version 18.16. It is a genuine
// server for what happens before the first table: connecting, TLS, users, and
// one server for another. It has neither the database engine Atomic nor
// DateTime64, IPv6, the codecs GCD and T64 or tokens of inserts, so it cannot
// hold the schema.
type oldServer struct {
	plain, secure string // addresses
	process       *os.Process
}

const oldServerConfig = `<yandex>
<logger><level>warning</level><console>1</console></logger>
<listen_host>127.0.0.1</listen_host><tcp_port>%d</tcp_port><tcp_port_secure>%d</tcp_port_secure>
<path>%[3]s/data/</path><tmp_path>%[3]s/tmp/</tmp_path><users_config>%[3]s/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database><mark_cache_size>67108864</mark_cache_size>
<openSSL><server>
<certificateFile>%[3]s/cert.pem</certificateFile><privateKeyFile>%[3]s/key.pem</privateKeyFile>
<verificationMode>none</verificationMode><cacheSessions>true</cacheSessions><disableProtocols>sslv2,sslv3</disableProtocols>
</server></openSSL>
</yandex>`

const oldServerUsers = `<yandex>
<profiles><default></default></profiles><quotas><default></default></quotas>
<users><warden><password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></warden></users>
</yandex>`

// startOldServer starts one with a certificate. Without the program the test is
// skipped, but in a build that could have installed it.
func startOldServer(t *testing.T, ca *authority) *oldServer {
	t.Helper()
	program, err := exec.LookPath("clickhouse-server")
	if err != nil {
		const reason = "clickhouse-server is not installed: apt-get install clickhouse-server"
		if _, err := exec.LookPath("apt-get"); err == nil && os.Getenv("CI") != "" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	dir := t.TempDir()
	writePEM(t, dir, ca.certificate(t, "127.0.0.1"))
	ports := freePorts(t, 2)
	for name, text := range map[string]string{
		"config.xml": fmt.Sprintf(oldServerConfig, ports[0], ports[1], dir), "users.xml": oldServerUsers,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out syncBuffer
	cmd := exec.Command(program, "--config-file="+filepath.Join(dir, "config.xml"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // a test may have done so
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("clickhouse-server: %s", out.String())
		}
	})
	s := &oldServer{plain: fmt.Sprintf("127.0.0.1:%d", ports[0]), secure: fmt.Sprintf("127.0.0.1:%d", ports[1]), process: cmd.Process}
	limit := time.Now().Add(20 * time.Second)
	for {
		c, err := net.Dial("tcp", s.secure)
		if err == nil {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			return s
		}
		if time.Now().After(limit) {
			t.Fatalf("clickhouse-server does not come up: %s", out.String())
		}
		<-time.After(50 * time.Millisecond)
	}
}

// syncBuffer takes the output of a process that is still running.
type syncBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	var held []net.Listener
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, l)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	for _, l := range held {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return ports
}

func TestGenuineServer(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	server := startOldServer(t, ca)
	trusted := &tls.Config{RootCAs: ca.pool()}
	for _, tt := range []struct {
		name     string
		addr     []string
		password string
		tls      *tls.Config
		want     error
	}{
		{"in the clear", []string{server.plain}, "secret", nil, nil},
		{"by TLS", []string{server.secure}, "secret", trusted, nil},
		{"after a dead address", []string{"127.0.0.1:1", server.plain}, "secret", nil, nil},
		{"after a dead address, by TLS", []string{"127.0.0.1:1", server.secure}, "secret", trusted, nil},
		{"a wrong password", []string{server.plain}, "wrong", nil, storage.ErrAccess},
		{"a wrong password, by TLS", []string{server.secure}, "wrong", trusted, storage.ErrAccess},
		{"another authority", []string{server.secure}, "secret", &tls.Config{RootCAs: other.pool()}, storage.ErrTLS},
		{"another name", []string{server.secure}, "secret", &tls.Config{RootCAs: ca.pool(), ServerName: "store.example"}, storage.ErrTLS},
		{"TLS to a port in the clear", []string{server.plain}, "secret", trusted, storage.ErrTLS},
		{"only dead addresses", []string{"127.0.0.1:1", "127.0.0.1:2"}, "secret", nil, storage.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := storage.Open(t.Context(), storage.Config{Addr: tt.addr, Username: "warden", Password: tt.password, TLS: tt.tls})
			if !errors.Is(err, tt.want) || err != nil && tt.want == nil {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err == nil {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestTooOldServerIsRefused says what is missing instead of failing at some
// table.
func TestTooOldServerIsRefused(t *testing.T) {
	server := startOldServer(t, newAuthority(t))
	s, err := storage.Open(t.Context(), storage.Config{Addr: []string{server.plain}, Username: "warden", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = s.Migrate(t.Context())
	if !errors.Is(err, storage.ErrOldServer) || !strings.Contains(err.Error(), "18.16") {
		t.Errorf("got %v", err)
	}
}

// TestGenuineServerDies has the first of two servers die while it is used, and
// then the second.
func TestGenuineServerDies(t *testing.T) {
	first, second := startOldServer(t, newAuthority(t)), startOldServer(t, newAuthority(t))
	s, err := storage.Open(t.Context(), storage.Config{
		Addr: []string{first.plain, second.plain}, Username: "warden", Password: "secret", Database: "system_of_nobody",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range 3 {
		// There is no such database, which only a server that answers can know.
		if err := s.Ping(t.Context()); !errors.Is(err, storage.ErrDatabase) {
			t.Fatalf("got %v", err)
		}
	}
	if err := first.process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.Ping(t.Context()); !errors.Is(err, storage.ErrDatabase) {
			t.Errorf("after the end of the first server: %v", err)
		}
	}
	if err := second.process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, storage.ErrUnreachable) {
		t.Errorf("after the end of both: %v", err)
	}
}
