package storage_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/storage"
)

// authority makes certificates for a test.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	a := &authority{key: newKey(tb)}
	a.cert = a.sign(tb, &x509.Certificate{
		Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}, &a.key.PublicKey)
	return a
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func (a *authority) sign(tb testing.TB, template *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	tb.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent := a.cert
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// certificate makes one for a name or an address.
func (a *authority) certificate(tb testing.TB, name string) tls.Certificate {
	tb.Helper()
	key := newKey(tb)
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	cert := a.sign(tb, template, &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// writePEM writes a certificate and its key for another program.
func writePEM(tb testing.TB, folder string, c tls.Certificate) (certFile, keyFile string) {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for _, f := range []struct {
		name  string
		block pem.Block
	}{{certFile, pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}}, {keyFile, pem.Block{Type: "PRIVATE KEY", Bytes: der}}} {
		if err := os.WriteFile(f.name, pem.EncodeToMemory(&f.block), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return certFile, keyFile
}

// secureEngine serves the engine of the tests by TLS on a loopback address.
func secureEngine(tb testing.TB, cfg *tls.Config) string {
	tb.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		tb.Fatal(err)
	}
	server := engineAddr(tb)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			network, addr := "tcp", server
			if path, ok := strings.CutPrefix(addr, "unix://"); ok {
				network, addr = "unix", path
			}
			to, err := net.Dial(network, addr)
			if err != nil {
				tb.Error(err)
				return
			}
			for _, pair := range [][2]net.Conn{{client, to}, {to, client}} {
				wg.Go(func() {
					_, _ = io.Copy(pair[0], pair[1]) // its end is that of the test
					_ = errors.Join(pair[0].Close(), pair[1].Close())
				})
			}
		}
	})
	tb.Cleanup(func() {
		if err := l.Close(); err != nil {
			tb.Error(err)
		}
		wg.Wait()
	})
	return l.Addr().String()
}

func TestTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	named := secureEngine(t, &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, "store.example")}, MinVersion: tls.VersionTLS12})
	byAddress := secureEngine(t, &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, "127.0.0.1")}, MinVersion: tls.VersionTLS12})
	mutual := secureEngine(t, &tls.Config{
		Certificates: []tls.Certificate{ca.certificate(t, "127.0.0.1")}, ClientCAs: ca.pool(), ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12,
	})
	for _, tt := range []struct {
		name, addr string
		tls        *tls.Config
		want       error
	}{
		{"by address", byAddress, &tls.Config{RootCAs: ca.pool()}, nil},
		{"by name", named, &tls.Config{RootCAs: ca.pool(), ServerName: "store.example"}, nil},
		{"another name", named, &tls.Config{RootCAs: ca.pool()}, storage.ErrTLS},
		{"another authority", byAddress, &tls.Config{RootCAs: other.pool()}, storage.ErrTLS},
		{"mutual", mutual, &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{ca.certificate(t, "client")}}, nil},
		{"a client without certificate", mutual, &tls.Config{RootCAs: ca.pool()}, storage.ErrTLS},
		{"a client of another authority", mutual, &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{other.certificate(t, "client")}}, storage.ErrTLS},
		{"in the clear", byAddress, nil, storage.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := configure(t)
			cfg.Addr, cfg.TLS = []string{tt.addr}, tt.tls
			if tt.want == nil {
				s := open(t, cfg)
				store(t, s, traffic(100, 1)...)
				if n := count(t, s, "flows"); n != 100 {
					t.Errorf("%d flows came by TLS", n)
				}
				return
			}
			s, err := storage.Open(t.Context(), cfg)
			if err == nil {
				t.Fatal(errors.Join(errors.New("connected"), s.Close()))
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
			if errors.Is(tt.want, storage.ErrTLS) && !strings.Contains(err.Error(), "storage.clickhouse.tls") {
				t.Errorf("%v does not say what to do", err)
			}
		})
	}
}

// TestFailover has a first address where nobody listens, one that takes
// connections and says nothing, and one that dies in the middle.
func TestFailover(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := configure(t)
	g := newGate(t, cfg.Addr[0])
	cfg.Addr = []string{dead.Addr().String(), g.addr(), cfg.Addr[0]}
	s := open(t, cfg)
	store(t, s, traffic(100, 1)...)
	if g.tried() == 0 {
		t.Error("the second address was never used")
	}
	g.set(false)
	for range 5 {
		if n := count(t, s, "flows"); n != 100 {
			t.Errorf("%d flows after the second address has died", n)
		}
	}
	store(t, s, traffic(100, 2)...)
	if n := count(t, s, "flows"); n != 200 {
		t.Errorf("%d flows, want 200", n)
	}
	// It comes back, and dies within an answer.
	g.set(true)
	g.loseAnswersAndShut(600)
	for range 20 {
		if n := count(t, s, "flows"); n != 200 {
			t.Errorf("%d flows, want 200", n)
		}
	}
}
