package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
)

func TestBar(t *testing.T) {
	for _, c := range []struct {
		done, total, full, percent int
	}{
		{0, 100, 0, 0}, {50, 100, 15, 50}, {99, 100, 29, 99}, {100, 100, 30, 100}, {0, 0, 30, 100}, {200, 100, 30, 100},
	} {
		drawn, percent := bar(c.done, c.total)
		if len(drawn) != barWidth || strings.Count(drawn, "#") != c.full || percent != c.percent {
			t.Errorf("%d of %d: [%s] %d %%", c.done, c.total, drawn, percent)
		}
	}
}

func TestProgressOfLedgers(t *testing.T) {
	var b bytes.Buffer
	p := &progress{w: &b} // as on a terminal
	p.ledgers(registry.Progress{Step: "check", Ledger: "allocations", Done: 500_000, Total: 1_000_000})
	p.ledgers(registry.Progress{Step: "check", Ledger: "allocations", Done: 500_001, Total: 1_000_000})
	p.end()
	want := "\r\x1b[Kcheck allocations      [" + strings.Repeat("#", 15) + strings.Repeat(".", 15) + "]  50 %\r\x1b[K"
	if got := b.String(); got != want {
		t.Errorf("on a terminal: %q, want %q", got, want)
	}
	b.Reset()
	newProgress(&b).ledgers(registry.Progress{Done: 1, Total: 2})
	if b.Len() != 0 {
		t.Errorf("in a pipe: %q", b.String())
	}
}
