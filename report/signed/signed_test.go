package signed_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/linewarden/linewarden/report/signed"
)

// TestRoundTrip seals two files, opens them, and opens them with one changed.
func TestRoundTrip(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	public, _ := key.Public().(ed25519.PublicKey)
	files := map[string][]byte{"a.csv": []byte("a\n"), "b.json": []byte("{}\n")}
	if err := signed.Seal(files, signed.List("test", 1, files, key), key); err != nil {
		t.Fatal(err)
	}
	dir := fstest.MapFS{}
	for name, content := range files {
		dir[name] = &fstest.MapFile{Data: content}
	}
	o, err := signed.Open(dir, public)
	if err != nil || len(o.Problems) > 0 || o.Common.Kind != "test" || len(o.Common.Files) != 2 {
		t.Fatalf("%+v, %v", o, err)
	}
	dir["a.csv"] = &fstest.MapFile{Data: []byte("b\n")}
	dir["manifest.sig"] = &fstest.MapFile{Data: []byte("?")}
	o, err = signed.Open(dir, public)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(o.Problems, "; "); got != "manifest.sig is not a signature; a.csv is not what manifest.json says of it" {
		t.Errorf("the problems are %q", got)
	}
	dir["manifest.json"] = &fstest.MapFile{Data: []byte("{")}
	if _, err := signed.Open(dir, public); !errors.Is(err, signed.ErrReport) {
		t.Errorf("a broken manifest gives %v", err)
	}
}
