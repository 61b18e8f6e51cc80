package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/linewarden/linewarden/console/audit"
)

func open(t *testing.T, path string) *audit.Log {
	t.Helper()
	l, err := audit.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func add(t *testing.T, l *audit.Log, objects ...string) {
	t.Helper()
	for _, o := range objects {
		if err := l.Add(audit.Entry{Actor: "李雷", Action: "move", Object: o}); err != nil {
			t.Error(err)
		}
	}
}

// TestPages reads many entries back, page by page.
func TestPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, path)
	const n = 600
	for i := range n {
		add(t, l, fmt.Sprint(i))
	}
	for _, log := range []*audit.Log{l, open(t, path)} {
		want, before := n-1, uint64(0)
		for {
			page, next, err := log.Entries(before, 70)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				if e.Object != fmt.Sprint(want) || e.Number != uint64(want+1) || e.At.IsZero() {
					t.Fatalf("entry %+v, want %d", e, want)
				}
				want--
			}
			if before = next; next == 0 {
				break
			}
		}
		if want != -1 || log.Altered() != nil {
			t.Errorf("%d entries are missing, %v", want+1, log.Altered())
		}
	}
	for _, c := range []struct {
		before uint64
		limit  int
		want   int
	}{{0, 0, 0}, {1, 5, 0}, {3, 5, 2}, {1 << 60, 5, 5}} {
		if page, _, err := l.Entries(c.before, c.limit); err != nil || len(page) != c.want {
			t.Errorf("%+v: %d entries, %v", c, len(page), err)
		}
	}
}

// TestTwoProcesses writes through two logs at once: there is one chain.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	var wg sync.WaitGroup
	for range 2 {
		l := open(t, path)
		wg.Go(func() { add(t, l, strings.Split(strings.Repeat("x", 20), "")...) })
	}
	wg.Wait()
	l := open(t, path)
	if page, _, err := l.Entries(0, 100); err != nil || len(page) != 40 || l.Altered() != nil {
		t.Errorf("%d entries, %v, %v", len(page), err, l.Altered())
	}
}

// TestAltered changes the file as somebody might who has something to hide, and
// as a process does that dies.
func TestAltered(t *testing.T) {
	for name, spoil := range map[string]func(text []byte) []byte{
		"changed": func(b []byte) []byte { return bytes.Replace(b, []byte(`"b"`), []byte(`"z"`), 1) },
		"removed": func(b []byte) []byte { i := bytes.IndexByte(b, '\n'); return b[i+1:] },
		"between": func(b []byte) []byte {
			l := bytes.SplitAfter(b, []byte("\n"))
			return bytes.Join([][]byte{l[0], l[2]}, nil)
		},
		"half":    func(b []byte) []byte { return b[:len(b)-20] },
		"garbage": func(b []byte) []byte { return append(b, "\x00\xff{}\n"...) },
		"endless": func(b []byte) []byte { return append(b, strings.Repeat("x", 200<<10)...) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			add(t, open(t, path), "a", "b", "c")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, spoil(text), 0o600); err != nil {
				t.Fatal(err)
			}
			l := open(t, path)
			if err := l.Altered(); !errors.Is(err, audit.ErrAltered) {
				t.Errorf("nobody noticed: %v", err)
			}
			add(t, l, "after")
			page, _, err := l.Entries(0, 10)
			if err != nil || len(page) == 0 || page[0].Object != "after" {
				t.Errorf("what follows is not recorded: %+v, %v", page, err)
			}
		})
	}
}

// TestShortened cuts the file while it is in use.
func TestShortened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, path)
	add(t, l, "a", "b")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	add(t, l, "c")
	if page, _, err := l.Entries(0, 10); err != nil || len(page) != 1 || !errors.Is(l.Altered(), audit.ErrAltered) {
		t.Errorf("%+v, %v, %v", page, err, l.Altered())
	}
}

// TestHostileTexts keeps one entry on one line, whatever its texts are.
func TestHostileTexts(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "audit.jsonl"))
	add(t, l, "a\nb", "\xff\xfe", strings.Repeat("长", 10000), `{"number":1}`, "\u2028")
	page, _, err := l.Entries(0, 10)
	if err != nil || len(page) != 5 || l.Altered() != nil {
		t.Fatalf("%d entries, %v, %v", len(page), err, l.Altered())
	}
	if len(page[2].Object) > 1000 {
		t.Errorf("an entry holds %d bytes", len(page[2].Object))
	}
}
