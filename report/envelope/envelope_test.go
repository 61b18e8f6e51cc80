package envelope_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/linewarden/linewarden/report/envelope"
	"github.com/linewarden/linewarden/report/signed"
)

var (
	key    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	other  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	sealed = time.Date(2026, 3, 1, 2, 3, 4, 5, time.UTC)
)

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func document() *envelope.Document {
	return &envelope.Document{Kind: "ip-filing", Name: "ip-0001.xml", Content: []byte(strings.Repeat("<UploadData>中文</UploadData>\n", 500))}
}

func anything(*envelope.Document) error { return nil }

func seal(t *testing.T, number uint64, to age.Recipient) []byte {
	t.Helper()
	text, err := envelope.Seal(envelope.Header{Sender: "示例电信", Number: number, Created: sealed, Recipient: "某省通信管理局", Purpose: "备案"}, document(), anything, key, to)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func read(t *testing.T, text []byte) *envelope.Envelope {
	t.Helper()
	e, err := envelope.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRoundTrip(t *testing.T) {
	id := identity(t)
	text := seal(t, 17, id.Recipient())
	if bytes.Contains(text, []byte("UploadData>中文")) || len(text) > 3000 {
		t.Errorf("%d bytes, not compressed or not encrypted", len(text))
	}
	e := read(t, text)
	if err := e.Check(signed.PublicOf(key)); err != nil {
		t.Error(err)
	}
	if e.Number != 17 || e.Sender != "示例电信" || e.Recipient != "某省通信管理局" || !e.Created.Equal(sealed.Truncate(time.Second)) {
		t.Errorf("header %+v", e.Header)
	}
	d, err := e.Open(id)
	if err != nil || d.Name != "ip-0001.xml" || !bytes.Equal(d.Content, document().Content) {
		t.Errorf("opened %v, %v", d, err)
	}
	if _, err := e.Open(identity(t)); !errors.Is(err, envelope.ErrKey) {
		t.Errorf("another key opens it: %v", err)
	}
}

// TestAltered changes each part, and is told which.
func TestAltered(t *testing.T) {
	id := identity(t)
	text := string(seal(t, 17, id.Recipient()))
	data := text[strings.Index(text, "<dataUpload>")+12:]
	for name, tt := range map[string]struct {
		with *strings.Replacer
		key  ed25519.PrivateKey
		want string
	}{
		"number":    {strings.NewReplacer("<number>17<", "<number>18<"), key, "its header was altered"},
		"recipient": {strings.NewReplacer("某省", "他省"), key, "its header was altered"},
		"data":      {strings.NewReplacer(data[:40], strings.ToLower(data[:40])), key, "dataUpload was altered"},
		"key":       {strings.NewReplacer(), other, "and key " + signed.KeyID(signed.PublicOf(other)) + " was given"},
	} {
		err := read(t, []byte(tt.with.Replace(text))).Check(signed.PublicOf(tt.key))
		if !errors.Is(err, envelope.ErrAltered) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	for name, bad := range map[string]string{
		"nothing": "", "no XML": "{}", "other": "<fileLoad><commandVersion>9</commandVersion></fileLoad>",
		"base64": strings.Replace(text, "<dataUpload>", "<dataUpload>?", 1), "cut": text[:len(text)/2],
	} {
		if _, err := envelope.Read(strings.NewReader(bad)); !errors.Is(err, envelope.ErrEnvelope) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaIsAsked seals nothing that its schema refuses.
func TestSchemaIsAsked(t *testing.T) {
	no := errors.New("Ly: Zzip is missing")
	_, err := envelope.Seal(envelope.Header{}, document(), func(*envelope.Document) error { return no }, key, identity(t).Recipient())
	if !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
}

func add(t *testing.T, s *envelope.Spool, to age.Recipient, at time.Time) envelope.Entry {
	t.Helper()
	e, err := s.Add(document(), envelope.Entry{At: at, By: "wang"}, func(number uint64) ([]byte, error) {
		return envelope.Seal(envelope.Header{Number: number, Created: at}, document(), anything, key, to)
	})
	if err != nil {
		t.Error(err)
	}
	return e
}

// TestSpool numbers envelopes without a gap, hands them out again as they were,
// and never gives a number twice.
func TestSpool(t *testing.T) {
	id := identity(t)
	s := envelope.OpenSpool(t.TempDir() + "/outbox")
	if e := add(t, s, id.Recipient(), sealed); e.Number != 1 {
		t.Errorf("the first is %d", e.Number)
	}
	broken := errors.New("no")
	if _, err := s.Add(document(), envelope.Entry{At: sealed}, func(uint64) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	var together sync.WaitGroup
	for range 4 { // as of several processes: each opens its own
		together.Go(func() { add(t, s, id.Recipient(), sealed.AddDate(0, 0, 10)) })
	}
	together.Wait()
	before, err := os.ReadFile(s.File(3))
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Again(3, sealed, "wang", "接收方要求重发")
	if err != nil || !bytes.Equal(again, before) {
		t.Errorf("another envelope the second time, %v", err)
	}
	if _, err := s.Again(6, sealed, "", ""); !errors.Is(err, envelope.ErrNumber) {
		t.Errorf("number 6: %v", err)
	}
	if err := os.WriteFile(s.File(4), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Again(4, sealed, "", ""); !errors.Is(err, envelope.ErrSpool) {
		t.Errorf("a changed file: %v", err)
	}
	if _, err := s.Prune(30*24*time.Hour, sealed, ""); !errors.Is(err, envelope.ErrTooYoung) {
		t.Errorf("30 days: %v", err)
	}
	gone, err := s.Prune(100*24*time.Hour, sealed.AddDate(0, 0, 105), "wang")
	if err != nil || len(gone) != 1 || gone[0].Number != 1 {
		t.Errorf("pruned %v, %v", gone, err)
	}
	if _, err := s.Again(1, sealed, "", ""); !errors.Is(err, envelope.ErrNumber) || !strings.Contains(err.Error(), "was deleted on 2026-06-14") {
		t.Errorf("a deleted one: %v", err)
	}
	if e := add(t, s, id.Recipient(), sealed); e.Number != 6 {
		t.Errorf("the next is %d, want 6", e.Number)
	}
	events := ""
	entries, err := s.Entries()
	for _, e := range entries {
		events += e.Event[:1]
	}
	if err != nil || events != "sssssrds" {
		t.Errorf("the journal is %q, %v", events, err)
	}
}

// FuzzRead reads anything and neither crashes nor trusts it.
func FuzzRead(f *testing.F) {
	f.Add([]byte("<fileLoad><commandVersion>1</commandVersion><compressionFormat>gzip</compressionFormat><encryptAlgorithm>age-encryption.org/v1</encryptAlgorithm><hashAlgorithm>SHA-256</hashAlgorithm><dataUpload>YQ==</dataUpload></fileLoad>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := envelope.Read(bytes.NewReader(text))
		if err == nil && e.Check(signed.PublicOf(key)) == nil {
			t.Error("it is taken for signed")
		}
	})
}
