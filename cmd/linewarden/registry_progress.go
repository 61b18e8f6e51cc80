package main

import (
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// barWidth is how many signs a full bar has.
const barWidth = 30

// bar draws how much of total is done, and says how many of a hundred.
func bar(done, total int) (drawn string, percent int) {
	if total <= 0 || done > total {
		done, total = 1, 1
	}
	full := barWidth * done / total
	return strings.Repeat("#", full) + strings.Repeat(".", barWidth-full), 100 * done / total
}

// ledgers is a registry.Watch that draws a bar for the ledger at hand.
func (p *progress) ledgers(at registry.Progress) {
	drawn, percent := bar(at.Done, at.Total)
	p.say("%-5s %-16s [%s] %3d %%", at.Step, at.Ledger, drawn, percent)
}
