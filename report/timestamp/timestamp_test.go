package timestamp_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tsp "github.com/digitorus/timestamp"

	"github.com/linewarden/linewarden/report/timestamp"
)

// authority is a time-stamping authority of openssl, with a certificate of its
// own CA.
type authority struct {
	t   *testing.T
	dir string
}

const config = `[tsa]
default_tsa = tsa1
[tsa1]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = %HASH%
[usage]
extendedKeyUsage = critical,timeStamping
[web]
extendedKeyUsage = serverAuth
[loose]
extendedKeyUsage = timeStamping
`

// newAuthority makes the keys. Hash is that by which a time-stamp names its
// certificate, and usage the section of what that is for.
func newAuthority(t *testing.T, hash, usage string) *authority {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("there is no openssl, which is the authority of this test")
	}
	a := &authority{t, t.TempDir()}
	a.write("ts.cnf", strings.Replace(config, "%HASH%", hash, 1))
	a.write("serial", "01\n")
	a.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "2")
	a.run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test TSA")
	a.run("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.pem", "-days", "1", "-extfile", "ts.cnf", "-extensions", usage)
	return a
}

func (a *authority) write(name, text string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) read(name string) []byte {
	a.t.Helper()
	text, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

func (a *authority) run(args ...string) {
	a.t.Helper()
	c := exec.CommandContext(a.t.Context(), "openssl", args...)
	c.Dir = a.dir
	if out, err := c.CombinedOutput(); err != nil {
		a.t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
}

// answer answers a request.
func (a *authority) answer(request []byte, more ...string) []byte {
	a.t.Helper()
	a.write("x.tsq", string(request))
	a.run(append([]string{"ts", "-reply", "-config", "ts.cnf", "-section", "tsa1", "-queryfile", "x.tsq", "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "x.tsr"}, more...)...)
	return a.read("x.tsr")
}

var content = []byte(`{"files": []}`)

func request(t *testing.T) []byte {
	t.Helper()
	tsq, err := timestamp.Request(content)
	if err != nil {
		t.Fatal(err)
	}
	return tsq
}

// TestAuthority has a real authority stamp a file, by both ways of naming its
// certificate, and as answer and bare token.
func TestAuthority(t *testing.T) {
	for _, hash := range []string{"sha1", "sha256", "sha512"} {
		t.Run(hash, func(t *testing.T) {
			a := newAuthority(t, hash, "usage")
			roots, err := timestamp.Roots(a.read("ca.pem"))
			if err != nil {
				t.Fatal(err)
			}
			for name, tsr := range map[string][]byte{"answer": a.answer(request(t)), "token": a.answer(request(t), "-token_out")} {
				s, err := timestamp.Check(tsr, content, &timestamp.Trust{Roots: roots})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if age := time.Since(s.Time); !s.Trusted || s.Signer != "CN=Test TSA" || s.Policy != "1.2.3.4.1" || s.Accuracy != time.Second || age < -2*time.Second || age > time.Minute {
					t.Errorf("%s: %+v", name, s)
				}
			}
			// The authority itself takes the request for one.
			a.run("ts", "-query", "-in", "x.tsq", "-text")
		})
	}
}

// TestRefused plants each fault that a time-stamp may have.
func TestRefused(t *testing.T) {
	a := newAuthority(t, "sha256", "usage")
	roots, err := timestamp.Roots(a.read("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	tsr := a.answer(request(t))
	good, err := timestamp.Check(tsr, content, &timestamp.Trust{Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := timestamp.Check(tsr, []byte("another file"), &timestamp.Trust{Roots: roots}); !errors.Is(err, timestamp.ErrOther) {
		t.Errorf("another file: %v", err)
	}
	if s, err := timestamp.Check(tsr, content, nil); err != nil || s.Trusted {
		t.Errorf("without an authority: %+v, %v", s, err)
	}
	stranger, err := timestamp.Roots(newAuthority(t, "sha256", "usage").read("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := timestamp.Check(tsr, content, &timestamp.Trust{Roots: stranger}); !errors.Is(err, timestamp.ErrSignature) {
		t.Errorf("another CA: %v", err)
	}
	for i := range tsr { // whatever byte is another one
		bad := append([]byte(nil), tsr...)
		bad[i] ^= 0x20
		s, err := timestamp.Check(bad, content, &timestamp.Trust{Roots: roots})
		if err == nil && *s != *good { // what is not signed says nothing of the stamp
			t.Errorf("byte %d of %d is altered, and the stamp is %+v", i, len(tsr), s)
		}
	}
	for name, text := range map[string][]byte{"nothing": nil, "text": []byte("hello"), "cut": tsr[:len(tsr)/2], "large": make([]byte, timestamp.MaxBytes+1)} {
		if _, err := timestamp.Check(text, content, &timestamp.Trust{Roots: roots}); !errors.Is(err, timestamp.ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := timestamp.Roots([]byte("x")); err == nil {
		t.Error("no certificate is taken for one")
	}
}

// TestCertificate refuses stamps whose certificate is not for them, or was not
// valid then. openssl would not make such ones.
func TestCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	stamping := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	web := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
	for name, tt := range map[string]struct {
		usage    []asn1.ObjectIdentifier
		critical bool
		at       time.Time
		want     string
	}{
		"good":         {[]asn1.ObjectIdentifier{stamping}, true, now, ""},
		"not critical": {[]asn1.ObjectIdentifier{stamping}, false, now, "not for time-stamping alone"},
		"of a server":  {[]asn1.ObjectIdentifier{web}, true, now, "not for time-stamping alone"},
		"of more":      {[]asn1.ObjectIdentifier{stamping, web}, true, now, "not for time-stamping alone"},
		"too early":    {[]asn1.ObjectIdentifier{stamping}, true, now.Add(-48 * time.Hour), "was not valid at"},
	} {
		t.Run(name, func(t *testing.T) {
			usage, err := asn1.Marshal(tt.usage)
			if err != nil {
				t.Fatal(err)
			}
			template := &x509.Certificate{
				SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "T"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
				IsCA: true, BasicConstraintsValid: true,
				ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: tt.critical, Value: usage}},
			}
			der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
			if err != nil {
				t.Fatal(err)
			}
			certificate, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			roots := x509.NewCertPool()
			roots.AddCert(certificate)
			sum := sha256.Sum256(content)
			stamp := tsp.Timestamp{
				HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: tt.at, Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true,
			}
			answer, err := stamp.CreateResponseWithOpts(certificate, key, crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			_, err = timestamp.Check(answer, content, &timestamp.Trust{Roots: roots})
			if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, timestamp.ErrSignature) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, answer []byte) {
		if _, err := timestamp.Check(answer, content, nil); err == nil {
			t.Error("it is taken for a time-stamp")
		}
	})
}
