package envelope

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/linewarden/linewarden/report/signed"
)

// The limits of an envelope, in bytes.
const (
	// MaxContent is the largest document; filings have at most 50 MB.
	MaxContent = 64 << 20
	// maxEnvelope is the largest file that is read as an envelope: a document
	// that cannot be compressed, in base64.
	maxEnvelope = 96 << 20
)

// Errors that callers tell apart.
var (
	// ErrEnvelope is the error of a file that is no envelope.
	ErrEnvelope = errors.New("this is not an envelope")
	// ErrAltered is the error of an envelope that is not as it was signed.
	ErrAltered = errors.New("the envelope is not as it was signed")
	// ErrKey is the error of who has not the key it was encrypted to.
	ErrKey = errors.New("the envelope was encrypted to another key")
)

// version is that of the form.
const version = "1"

// Header is what stands outside of the encryption, and is signed.
type Header struct {
	Version string `xml:"commandVersion" json:"version"`
	// Sender is the carrier, and Number that of the envelope among its own.
	Sender  string    `xml:"sender" json:"sender"`
	Number  uint64    `xml:"number" json:"number"`
	Created time.Time `xml:"timeStamp" json:"created"`
	// Kind is what the document is, such as ip-filing, and Name its file.
	Kind      string `xml:"contentType" json:"content_type"`
	Name      string `xml:"contentName" json:"content_name"`
	Recipient string `xml:"recipient" json:"recipient"`
	Purpose   string `xml:"purpose" json:"purpose"`
	Expires   string `xml:"expires" json:"expires"`
	// The algorithms, in the order in which they are applied.
	Compression string `xml:"compressionFormat" json:"compression"`
	Encryption  string `xml:"encryptAlgorithm" json:"encryption"`
	Hash        string `xml:"hashAlgorithm" json:"hash_algorithm"`
	// DataHash is the SHA-256 of the encrypted data, in hexadecimal.
	DataHash string `xml:"dataHash" json:"data_sha256"`
	// Key names the ed25519 key that signed.
	Key string `xml:"signatureKey" json:"key"`
}

// file is an envelope as it is written.
type file struct {
	XMLName xml.Name `xml:"fileLoad"`
	Header
	Data      string `xml:"dataUpload"`
	Signature string `xml:"signature"`
}

// Document is what is put into an envelope.
type Document struct {
	Kind, Name string
	Content    []byte
}

// Seal makes an envelope of a document: compressed, encrypted to recipients,
// hashed and signed. Of the header it takes sender, number, time and for whom it
// is. Check is the schema of the document, and an error of it keeps it from being
// sealed. Two envelopes of one document differ, as encryption has them do.
func Seal(h Header, d *Document, check func(*Document) error, key ed25519.PrivateKey, recipients ...age.Recipient) ([]byte, error) {
	if len(d.Content) > MaxContent {
		return nil, fmt.Errorf("seal %s: it has %d bytes, more than the %d an envelope takes", d.Name, len(d.Content), MaxContent)
	}
	if err := check(d); err != nil {
		return nil, fmt.Errorf("seal %s: %w", d.Name, err)
	}
	data, err := encrypt(d.Content, recipients)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", d.Name, err)
	}
	sum := sha256.Sum256(data)
	h.Version, h.Kind, h.Name = version, d.Kind, d.Name
	h.Compression, h.Encryption, h.Hash, h.DataHash = "gzip", "age-encryption.org/v1", "SHA-256", hex.EncodeToString(sum[:])
	h.Key, h.Created = signed.KeyID(signed.PublicOf(key)), h.Created.UTC().Truncate(time.Second)
	text, err := h.signedText()
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", d.Name, err)
	}
	out, err := xml.MarshalIndent(file{
		Header: h, Data: base64.StdEncoding.EncodeToString(data), Signature: base64.StdEncoding.EncodeToString(ed25519.Sign(key, text)),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", d.Name, err)
	}
	return append([]byte(xml.Header), append(out, '\n')...), nil
}

// signedText is what is signed: the header as JSON, behind what it is.
func (h *Header) signedText() ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("write the header: %w", err)
	}
	return append([]byte("linewarden envelope\n"), text...), nil
}

func encrypt(content []byte, recipients []age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	locked, err := age.Encrypt(&out, recipients...)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	packed := gzip.NewWriter(locked)
	if _, err := packed.Write(content); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := packed.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := locked.Close(); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return out.Bytes(), nil
}

// Envelope is one that was read.
type Envelope struct {
	Header
	data      []byte
	signature []byte
	intact    bool // its data have the hash that the header says
}

// Read reads an envelope. What it says is nobody's word before Check.
func Read(r io.Reader) (*Envelope, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxEnvelope+1))
	if err != nil {
		return nil, fmt.Errorf("read the envelope: %w", err)
	}
	if len(text) > maxEnvelope {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrEnvelope, maxEnvelope)
	}
	var f file
	if err := xml.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	if f.Version != version || f.Compression != "gzip" || f.Encryption != "age-encryption.org/v1" || f.Hash != "SHA-256" {
		return nil, fmt.Errorf("%w of a form that this program reads: version %q, %s, %s, %s", ErrEnvelope, f.Version, f.Compression, f.Encryption, f.Hash)
	}
	e := &Envelope{Header: f.Header}
	if e.data, err = base64.StdEncoding.DecodeString(strings.TrimSpace(f.Data)); err != nil {
		return nil, fmt.Errorf("%w: dataUpload: %w", ErrEnvelope, err)
	}
	if e.signature, err = base64.StdEncoding.DecodeString(strings.TrimSpace(f.Signature)); err != nil {
		return nil, fmt.Errorf("%w: signature: %w", ErrEnvelope, err)
	}
	sum := sha256.Sum256(e.data)
	e.intact = hex.EncodeToString(sum[:]) == e.DataHash
	return e, nil
}

// Check checks hash and signature with the public key of the sender; it needs no
// key of the recipient. The error wraps ErrAltered and says what differs.
func (e *Envelope) Check(key ed25519.PublicKey) error {
	text, err := e.signedText()
	switch {
	case err != nil:
		return err
	case !e.intact:
		return fmt.Errorf("%w: dataUpload was altered: its SHA-256 is not the dataHash", ErrAltered)
	case ed25519.Verify(key, text, e.signature):
		return nil
	case e.Key != signed.KeyID(key):
		return fmt.Errorf("%w: it was signed with key %s, and key %s was given to check it", ErrAltered, e.Key, signed.KeyID(key))
	}
	return fmt.Errorf("%w: its header was altered: it does not fit its signature", ErrAltered)
}

// Open decrypts the document of an envelope.
func (e *Envelope) Open(identities ...age.Identity) (*Document, error) {
	open, err := age.Decrypt(bytes.NewReader(e.data), identities...)
	if _, other := errors.AsType[*age.NoIdentityMatchError](err); other {
		return nil, fmt.Errorf("open envelope %d: %w", e.Number, ErrKey)
	}
	if err != nil {
		return nil, fmt.Errorf("open envelope %d: %w", e.Number, err)
	}
	unpacked, err := gzip.NewReader(open)
	if err != nil {
		return nil, fmt.Errorf("open envelope %d: unpack: %w", e.Number, err)
	}
	content, err := io.ReadAll(io.LimitReader(unpacked, MaxContent+1))
	if err != nil {
		return nil, fmt.Errorf("open envelope %d: unpack: %w", e.Number, err)
	}
	if len(content) > MaxContent {
		return nil, fmt.Errorf("open envelope %d: its document has more than %d bytes", e.Number, MaxContent)
	}
	return &Document{Kind: e.Kind, Name: e.Name, Content: content}, nil
}
