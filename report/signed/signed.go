package signed

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// The names of the manifest and its signature.
const (
	ManifestName  = "manifest.json"
	SignatureName = "manifest.sig"
	// TimestampName is a time-stamp of the manifest (RFC 3161), which may come
	// later and is not in it.
	TimestampName = "manifest.tsr"
)

// The limits of what is read to check it, whatever sizes an archive claims.
const (
	maxFileBytes = 256 << 20
	maxBytes     = 1 << 30
)

// ErrReport is the error of a directory that holds no report.
var ErrReport = errors.New("this is not a report")

// File is one file of a manifest.
type File struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Common is what every manifest begins with.
type Common struct {
	Format int    `json:"format"`
	Kind   string `json:"kind"`
	// Key is that of the signature, as KeyID names it.
	Key   string `json:"key"`
	Files []File `json:"files"`
}

// List describes files for a manifest, and names the key that will sign it.
func List(kind string, format int, files map[string][]byte, key ed25519.PrivateKey) Common {
	c := Common{Format: format, Kind: kind, Key: KeyID(PublicOf(key))}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[name])
		c.Files = append(c.Files, File{Name: name, Bytes: len(files[name]), SHA256: hex.EncodeToString(sum[:])})
	}
	return c
}

// Seal adds a manifest, which has the fields of Common, and its signature.
func Seal[M any](files map[string][]byte, manifest M, key ed25519.PrivateKey) error {
	text, err := Encode(manifest)
	if err != nil {
		return err
	}
	files[ManifestName] = text
	files[SignatureName] = []byte(base64.StdEncoding.EncodeToString(ed25519.Sign(key, text)) + "\n")
	return nil
}

// Encode writes JSON that people can read, the same for the same value.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return b.Bytes(), nil
}

// Opened is what was sealed and has been checked: a directory, or an archive of
// one.
type Opened struct {
	Common Common
	// Manifest is the text of the manifest.
	Manifest []byte
	// Problems name what was altered, left out or added; none means intact.
	Problems []string
	// Timestamp is the time-stamp of the manifest, unread; nil if there is none.
	Timestamp []byte
	dir       fs.FS
	left      int64 // bytes that may still be read
	authentic bool  // the manifest is as it was signed
}

func (o *Opened) blame(format string, args ...any) {
	o.Problems = append(o.Problems, fmt.Sprintf(format, args...))
}

// Open checks what was sealed with the public key of who signed it. The error wraps
// ErrReport when it holds no report; everything else that is wrong is in
// Problems.
func Open(dir fs.FS, key ed25519.PublicKey) (*Opened, error) {
	o := &Opened{Problems: []string{}, dir: dir, left: maxBytes}
	var err error
	if o.Manifest, err = o.Read(ManifestName); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReport, err)
	}
	if err := json.Unmarshal(o.Manifest, &o.Common); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrReport, ManifestName, err)
	}
	o.signed(key)
	if o.Timestamp, err = o.Read(TimestampName); errors.Is(err, fs.ErrNotExist) {
		o.Timestamp = nil
	} else if err != nil {
		o.blame("%s cannot be read: %v", TimestampName, err)
	}
	return o, o.compare()
}

// Read reads one of the files.
func (o *Opened) Read(name string) (content []byte, err error) {
	f, err := o.dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read it: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	most := min(maxFileBytes, o.left)
	content, err = io.ReadAll(io.LimitReader(f, most+1))
	o.left -= int64(len(content))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("%s holds more than is read: %d bytes of a file, %d of all", name, maxFileBytes, maxBytes)
	}
	return content, nil
}

// signed checks the signature of the manifest.
func (o *Opened) signed(key ed25519.PublicKey) {
	text, err := o.Read(SignatureName)
	if err != nil {
		o.blame("%s is missing: nobody signed this", SignatureName)
		return
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	switch {
	case err != nil:
		o.blame("%s is not a signature", SignatureName)
	case ed25519.Verify(key, o.Manifest, raw):
		o.authentic = true
	case o.Common.Key != KeyID(key):
		o.blame("it was signed with key %s, and key %s was given to check it", o.Common.Key, KeyID(key))
	default:
		o.blame("%s was altered, or signed with another key than %s, which it names: it does not fit its signature", ManifestName, o.Common.Key)
	}
}

// compare checks each file against the manifest.
func (o *Opened) compare() error {
	listed := []string{ManifestName, SignatureName, TimestampName}
	for _, f := range o.Common.Files {
		listed = append(listed, f.Name)
		content, err := o.Read(f.Name)
		sum := sha256.Sum256(content)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			o.blame("%s is missing", f.Name)
		case err != nil:
			o.blame("%s cannot be read: %v", f.Name, err)
		case hex.EncodeToString(sum[:]) == f.SHA256:
		case o.authentic:
			o.blame("%s was altered", f.Name)
		default: // either may be the one that was altered
			o.blame("%s is not what %s says of it", f.Name, ManifestName)
		}
	}
	err := fs.WalkDir(o.dir, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !slices.Contains(listed, name) {
			o.blame("%s was added", name)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("list what is sealed: %w", err)
	}
	return nil
}
