package evidence_test

import (
	"bytes"
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
	"strings"
	"testing"
	"time"

	tsp "github.com/digitorus/timestamp"

	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/timestamp"
	"github.com/linewarden/linewarden/rules"
)

// stamped answers for a time-stamping authority, whose certificate is returned.
func stamped(t *testing.T, content []byte) ([]byte, *timestamp.Trust) {
	t.Helper()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "TSA"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	stamp := tsp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: now, Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true}
	answer, err := stamp.CreateResponseWithOpts(certificate, signer, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return answer, &timestamp.Trust{Roots: roots}
}

func manifestOf(t *testing.T, text []byte) []byte {
	t.Helper()
	manifest, err := evidence.ManifestOf(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	return manifest
}

// TestStamp puts a time-stamp into a package that is there, and into one that is
// written again, which is the same.
func TestStamp(t *testing.T) {
	plain := packed(t)
	answer, trust := stamped(t, manifestOf(t, plain))
	var with, again bytes.Buffer
	if err := evidence.Stamp(&with, bytes.NewReader(plain), int64(len(plain)), answer); err != nil {
		t.Fatal(err)
	}
	m := material(t)
	m.Timestamp = answer
	if err := evidence.Write(&again, m, key); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(with.Bytes(), again.Bytes()) {
		t.Error("the two packages differ")
	}
	check := func(text []byte, trust *timestamp.Trust) *evidence.Verdict {
		v, err := evidence.Verify(bytes.NewReader(text), int64(len(text)), pub, rules.Catalogue())
		if err != nil {
			t.Fatal(err)
		}
		v.CheckStamp(trust)
		return v
	}
	if v := check(with.Bytes(), trust); !v.Intact() || v.Stamp == nil || !v.Stamp.Trusted || v.Stamp.Signer != "CN=TSA" {
		t.Errorf("problems %q, stamp %+v", v.Problems, v.Stamp)
	}
	if v := check(with.Bytes(), nil); !v.Intact() || v.Stamp.Trusted {
		t.Errorf("without an authority: problems %q, stamp %+v", v.Problems, v.Stamp)
	}
	if v := check(plain, nil); !v.Intact() || v.Stamp != nil {
		t.Errorf("without a time-stamp: problems %q, stamp %+v", v.Problems, v.Stamp)
	}
	_, strangers := stamped(t, nil)
	for name, tt := range map[string]struct {
		text  []byte
		trust *timestamp.Trust
		want  string
	}{
		"a stranger":     {with.Bytes(), strangers, "manifest.tsr: the time-stamp is not signed as it has to be"},
		"none":           {plain, trust, "there is no manifest.tsr: nobody has stamped it"},
		"altered answer": {bytes.Replace(with.Bytes(), answer[200:220], make([]byte, 20), 1), trust, "manifest.tsr"},
	} {
		if v := check(tt.text, tt.trust); !strings.Contains(strings.Join(v.Problems, "; "), tt.want) {
			t.Errorf("%s: problems %q, want %q", name, v.Problems, tt.want)
		}
	}
	other, _ := stamped(t, []byte("another manifest"))
	if err := evidence.Stamp(&bytes.Buffer{}, bytes.NewReader(plain), int64(len(plain)), other); !errors.Is(err, timestamp.ErrOther) {
		t.Errorf("a time-stamp of another manifest: %v", err)
	}
	m.Timestamp = other
	if err := evidence.Write(&bytes.Buffer{}, m, key); !errors.Is(err, timestamp.ErrOther) {
		t.Errorf("a time-stamp of another manifest: %v", err)
	}
	if err := evidence.Stamp(&bytes.Buffer{}, strings.NewReader("x"), 1, answer); !errors.Is(err, evidence.ErrPackage) {
		t.Errorf("no package: %v", err)
	}
}
