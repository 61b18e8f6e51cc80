package timestamp

import (
	"bytes"
	"crypto"
	"crypto/sha1" //nolint:gosec // RFC 3161 names certificates by it; RFC 5816 replaces it, and both are in use
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"github.com/digitorus/pkcs7"
	tsp "github.com/digitorus/timestamp"
)

// MaxBytes is the largest answer that is read.
const MaxBytes = 256 << 10

// Errors that callers tell apart.
var (
	// ErrAnswer is the error of a file that is no answer of an authority, or one
	// in which it refuses.
	ErrAnswer = errors.New("this is not a time-stamp")
	// ErrOther is the error of a time-stamp of something else.
	ErrOther = errors.New("the time-stamp is of another file")
	// ErrSignature is the error of a time-stamp whose signature or certificate is
	// not good.
	ErrSignature = errors.New("the time-stamp is not signed as it has to be")
)

// Request returns a request (.tsq, DER) for a time-stamp of content: its SHA-256,
// asking for the certificates of the authority. It has no nonce, so that it is
// the same for the same content; what the answer is about shows from the imprint.
func Request(content []byte) ([]byte, error) {
	sum := sha256.Sum256(content)
	request := tsp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true}
	der, err := request.Marshal()
	if err != nil {
		return nil, fmt.Errorf("make a request for a time-stamp: %w", err)
	}
	return der, nil
}

// Stamp is a time-stamp whose imprint and signature were checked.
type Stamp struct {
	Time     time.Time     `json:"time"`
	Accuracy time.Duration `json:"-"` // 0 = not said
	Serial   string        `json:"serial"`
	Policy   string        `json:"policy"`
	// Signer is the subject of the certificate that signed.
	Signer string `json:"signer"`
	// Trusted is set where the certificate leads to an authority that was given.
	Trusted bool `json:"trusted"`
	// Unrevoked is set where lists of revoked certificates were given too, and have
	// nothing against it.
	Unrevoked bool `json:"unrevoked"`
}

// Check checks an answer (.tsr, DER), or the bare token of one, against content.
// Without trust it is only checked that the answer is about content and was signed
// with the certificate in it, which proves nothing of who that is.
func Check(answer, content []byte, trust *Trust) (s *Stamp, err error) {
	if len(answer) > MaxBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrAnswer, MaxBytes)
	}
	// The library reads what a stranger wrote; whatever it does with it costs one
	// answer and not the program.
	defer func() {
		if failure := recover(); failure != nil {
			s, err = nil, fmt.Errorf("%w: it cannot be read: %v", ErrAnswer, failure)
		}
	}()
	stamp, err := tsp.ParseResponse(answer)
	if err != nil {
		token, again := tsp.Parse(answer)
		if again != nil {
			return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		stamp = token
	}
	sum := sha256.Sum256(content)
	if stamp.HashAlgorithm != crypto.SHA256 || !bytes.Equal(stamp.HashedMessage, sum[:]) {
		return nil, fmt.Errorf("%w: it is of %s %x, and the SHA-256 is %x", ErrOther, stamp.HashAlgorithm, stamp.HashedMessage, sum)
	}
	signer, err := signedBy(stamp, trust)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return &Stamp{
		Time: stamp.Time.UTC(), Accuracy: stamp.Accuracy, Serial: stamp.SerialNumber.String(), Policy: stamp.Policy.String(),
		Signer: signer.Subject.String(), Trusted: trust != nil, Unrevoked: trust != nil && len(trust.Lists) > 0,
	}, nil
}

// signedBy checks the signature of a time-stamp and returns whose it is.
func signedBy(stamp *tsp.Timestamp, trust *Trust) (*x509.Certificate, error) {
	token, err := pkcs7.Parse(stamp.RawToken)
	if err != nil {
		return nil, fmt.Errorf("read the signature: %w", err)
	}
	signer := token.GetOnlySigner()
	if signer == nil {
		return nil, errors.New("it has not one signature whose certificate is in it")
	}
	others := x509.NewCertPool()
	for _, c := range token.Certificates {
		others.AddCert(c)
	}
	if err := named(token, signer); err != nil {
		return nil, err
	}
	if len(signer.ExtKeyUsage) != 1 || signer.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping || len(signer.UnknownExtKeyUsage) > 0 || !criticalUsage(signer) {
		return nil, fmt.Errorf("the certificate of %s is not for time-stamping alone (RFC 3161, section 2.3)", signer.Subject)
	}
	if stamp.Time.Before(signer.NotBefore) || stamp.Time.After(signer.NotAfter) {
		return nil, fmt.Errorf("the certificate of %s was not valid at %s", signer.Subject, stamp.Time.Format(time.RFC3339))
	}
	// Certificates are judged at the time of the stamp: one that has expired since
	// does not undo it.
	options := x509.VerifyOptions{
		Intermediates: others, CurrentTime: stamp.Time, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	}
	if trust != nil {
		options.Roots = trust.Roots
	}
	if err := token.VerifyWithOpts(options); err != nil {
		return nil, fmt.Errorf("check it: %w", err)
	}
	if trust == nil {
		return signer, nil
	}
	chains, err := signer.Verify(options)
	if err != nil {
		return nil, fmt.Errorf("check it: %w", err)
	}
	return signer, trust.revoked(chains, stamp.Time)
}

// extendedKeyUsage is the extension (RFC 5280, section 4.2.1.12).
const extendedKeyUsage = "2.5.29.37"

// criticalUsage tells whether a certificate's use must be understood by who
// relies on it, as time-stamping has to be.
func criticalUsage(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if e.Id.String() == extendedKeyUsage {
			return e.Critical
		}
	}
	return false
}

// attribute is a signed attribute of S/MIME (id-aa) by its number.
func attribute(number int) asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, number}
}

// The signed attributes that name the certificate of the signer: by its SHA-1
// (RFC 2634) and by another hash (RFC 5035), and the hashes of NIST.
const (
	signingCertificate   = 12
	signingCertificateV2 = 47
	oidSHA256            = "2.16.840.1.101.3.4.2.1"
	oidSHA384            = "2.16.840.1.101.3.4.2.2"
	oidSHA512            = "2.16.840.1.101.3.4.2.3"
)

// named checks that the signature names the certificate it was made with:
// otherwise another one of the same key could be put in its place.
func named(token *pkcs7.PKCS7, signer *x509.Certificate) error {
	var second struct {
		Certificates []struct {
			Hash   pkix.AlgorithmIdentifier `asn1:"optional"`
			Sum    []byte
			Issuer asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
	if err := token.UnmarshalSignedAttribute(attribute(signingCertificateV2), &second); err == nil && len(second.Certificates) > 0 {
		h := crypto.SHA256 // where nothing is said
		switch of := second.Certificates[0].Hash.Algorithm.String(); of {
		case "", oidSHA256:
		case oidSHA384:
			h = crypto.SHA384
		case oidSHA512:
			h = crypto.SHA512
		default:
			return fmt.Errorf("it names its certificate by the hash %s, which is not known", of)
		}
		sum := h.New()
		sum.Write(signer.Raw)
		if bytes.Equal(sum.Sum(nil), second.Certificates[0].Sum) {
			return nil
		}
		return errors.New("it names another certificate than the one in it")
	}
	var first struct {
		Certificates []struct {
			Sum    []byte
			Issuer asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
	if err := token.UnmarshalSignedAttribute(attribute(signingCertificate), &first); err != nil || len(first.Certificates) == 0 {
		return errors.New("it does not name its certificate (RFC 3161, section 2.4.2)")
	}
	if sum := sha1.Sum(signer.Raw); !bytes.Equal(sum[:], first.Certificates[0].Sum) { //nolint:gosec // as RFC 3161 has it
		return errors.New("it names another certificate than the one in it")
	}
	return nil
}

// Roots reads certificates of authorities in PEM.
func Roots(pem []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("there is no certificate in PEM in it")
	}
	return pool, nil
}
