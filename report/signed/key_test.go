package signed_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/report/signed"
)

func TestKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	first, err := signed.OpenKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := signed.OpenKey(dir)
	if err != nil || !first.Equal(second) {
		t.Errorf("another key the second time, %v", err)
	}
	public, err := signed.ReadPublic(dir)
	if err != nil || !public.Equal(first.Public()) {
		t.Errorf("the public half is another one, %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "evidence.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "evidence.key"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := signed.OpenKey(dir); err == nil || !strings.Contains(err.Error(), "put back the key") {
		t.Errorf("a damaged key: %v", err)
	}
}
