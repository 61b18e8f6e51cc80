package registry_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
)

func TestProgress(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("enterprise_id,name\n")
	const rows = 20_000
	for i := range rows {
		fmt.Fprintf(&b, "E%d,n\n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, "enterprises.csv"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	last := make(map[string]int)
	watch := func(p registry.Progress) {
		if p.Ledger != "enterprises" || p.Done < last[p.Step] || p.Done > p.Total {
			t.Errorf("%+v after %d", p, last[p.Step])
		}
		seen[p.Step]++
		last[p.Step] = p.Done
	}
	tables, problems := registry.Read(dir, nil, watch)
	if _, more := registry.Parse(tables, watch); len(problems)+len(more) > 0 {
		t.Fatal(problems, more)
	}
	if seen["read"] != 5 || seen["check"] != 5 || last["check"] != 16384 || last["read"] < b.Len()/2 {
		t.Errorf("told %v, last %v", seen, last)
	}
}
