package timestamp

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Trust is what time-stamps are checked by.
type Trust struct {
	// Roots are the authorities that are trusted.
	Roots *x509.CertPool
	// Lists are the lists of revoked certificates; with none, revocation is not
	// checked. With some, every certificate below the roots needs one.
	Lists []*x509.RevocationList
}

// Lists reads lists of revoked certificates (RFC 5280): one in DER, or some in PEM.
func Lists(text []byte) ([]*x509.RevocationList, error) {
	var lists []*x509.RevocationList
	rest := text
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read a list of revoked certificates: %w", err)
		}
		lists = append(lists, list)
	}
	if len(lists) > 0 {
		return lists, nil
	}
	list, err := x509.ParseRevocationList(text)
	if err != nil {
		return nil, fmt.Errorf("read a list of revoked certificates: %w", err)
	}
	return []*x509.RevocationList{list}, nil
}

// revoked checks the certificates of a stamp against the lists. A chain begins
// with the certificate that signed and ends with a root; one good chain is enough.
func (t *Trust) revoked(chains [][]*x509.Certificate, at time.Time) error {
	if len(t.Lists) == 0 {
		return nil
	}
	err := errors.New("there is no chain of certificates")
	for _, chain := range chains {
		if err = t.chain(chain, at); err == nil {
			return nil
		}
	}
	return err
}

func (t *Trust) chain(chain []*x509.Certificate, at time.Time) error {
	for i, c := range chain[:len(chain)-1] {
		if err := t.one(c, chain[i+1], at); err != nil {
			return err
		}
	}
	return nil
}

// one checks a certificate against the lists of who issued it.
func (t *Trust) one(c, issuer *x509.Certificate, at time.Time) error {
	covered := false
	for _, list := range t.Lists {
		if !bytes.Equal(list.RawIssuer, issuer.RawSubject) || list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		// A list from before the stamp does not know what became of it.
		if list.ThisUpdate.Before(at) {
			continue
		}
		covered = true
		i := slices.IndexFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(c.SerialNumber) == 0 })
		if i >= 0 && undoes(&list.RevokedCertificateEntries[i], at) {
			e := &list.RevokedCertificateEntries[i]
			return fmt.Errorf("the certificate of %s was revoked at %s", c.Subject, e.RevocationTime.UTC().Format(time.RFC3339))
		}
	}
	if !covered {
		return fmt.Errorf("no list of revoked certificates of %s from after the stamp was given", issuer.Subject)
	}
	return nil
}

// reasonCode is the extension with the reason of a revocation (RFC 5280, section
// 5.3.1).
const reasonCode = "2.5.29.21"

// undoes reports whether a revocation makes a stamp invalid. Stamps from before
// stay good where the authority says that its key was not lost; where it says
// nothing none does (RFC 3161, section 4).
func undoes(e *x509.RevocationListEntry, at time.Time) bool {
	said := slices.ContainsFunc(e.Extensions, func(x pkix.Extension) bool { return x.Id.String() == reasonCode })
	// 0 unspecified, 3 affiliation changed, 4 superseded, 5 cessation of operation.
	harmless := said && slices.Contains([]int{0, 3, 4, 5}, e.ReasonCode)
	return !harmless || !at.Before(e.RevocationTime)
}
