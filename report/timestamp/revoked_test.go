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
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	tsp "github.com/digitorus/timestamp"

	"github.com/linewarden/linewarden/report/timestamp"
)

// issuer is an authority that issues certificates and lists of revoked ones.
type issuer struct {
	t           *testing.T
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newIssuer(t *testing.T, name string, now time.Time) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, key: key}
	i.certificate = i.issue(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(0, 0, -9), NotAfter: now.AddDate(0, 0, 9),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, key)
	return i
}

// issue signs a certificate; the first one is its own.
func (i *issuer) issue(template *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	i.t.Helper()
	parent := i.certificate
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), i.key)
	if err != nil {
		i.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	return certificate
}

// list makes a list of that time with these entries, and reads it.
func (i *issuer) list(at time.Time, entries ...x509.RevocationListEntry) []*x509.RevocationList {
	i.t.Helper()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: at, NextUpdate: at.AddDate(0, 0, 1), RevokedCertificateEntries: entries,
	}, i.certificate, i.key)
	if err != nil {
		i.t.Fatal(err)
	}
	for _, text := range [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})} {
		lists, err := timestamp.Lists(text)
		if err != nil || len(lists) != 1 {
			i.t.Fatalf("%d lists, %v", len(lists), err)
		}
		if text[0] == '-' {
			return lists
		}
	}
	return nil
}

// TestRevoked stamps with a certificate that is revoked for one reason or
// another, before and after.
func TestRevoked(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	ca := newIssuer(t, "CA", now)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	serial := big.NewInt(77)
	signer := ca.issue(&x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "TSA"}, NotBefore: now.AddDate(0, 0, -8), NotAfter: now.AddDate(0, 0, 8),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}, key)
	sum := sha256.Sum256(content)
	stamp := tsp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: now, Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: true}
	answer, err := stamp.CreateResponseWithOpts(signer, key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.certificate)
	earlier, later := now.Add(-time.Hour), now.Add(time.Hour)
	revoked := func(at time.Time, reason int) x509.RevocationListEntry {
		return x509.RevocationListEntry{SerialNumber: serial, RevocationTime: at, ReasonCode: reason}
	}
	forged := newIssuer(t, "CA", now)
	for name, tt := range map[string]struct {
		lists []*x509.RevocationList
		want  string // nothing where the stamp is good
	}{
		"not asked":          {nil, ""},
		"another":            {ca.list(later, x509.RevocationListEntry{SerialNumber: big.NewInt(78), RevocationTime: earlier}), ""},
		"no reason":          {ca.list(later, revoked(later, 0)), "the certificate of CN=TSA was revoked at"},
		"superseded later":   {ca.list(later, revoked(later, 4)), ""},
		"superseded earlier": {ca.list(later, revoked(earlier, 4)), "was revoked at"},
		"key lost later":     {ca.list(later, revoked(later, 1)), "was revoked at"},
		"list from before":   {ca.list(earlier), "no list of revoked certificates of CN=CA from after the stamp was given"},
		"list of another":    {newIssuer(t, "other", now).list(later), "no list of revoked certificates of CN=CA"},
		"forged list":        {forged.list(later), "no list of revoked certificates of CN=CA"},
		"forged and true":    {append(forged.list(later), ca.list(later, revoked(later, 1))...), "was revoked at"},
	} {
		s, err := timestamp.Check(answer, content, &timestamp.Trust{Roots: roots, Lists: tt.lists})
		switch {
		case tt.want == "" && (err != nil || s.Unrevoked != (tt.lists != nil)):
			t.Errorf("%s: %+v, %v", name, s, err)
		case tt.want != "" && (!errors.Is(err, timestamp.ErrSignature) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	if _, err := timestamp.Lists([]byte("x")); err == nil {
		t.Error("no list is taken for one")
	}
}
