package registry

import (
	"net/netip"
	"strings"
)

// target is a ledger that others refer to.
type target struct {
	ledger string
	ids    map[string]struct{}
	// absent is set when the ledger has no row at all, silent when it cannot be
	// said which rows it has.
	absent, silent bool
	missing        map[string]*deadEnd
	order          []*deadEnd
}

// deadEnd is an id that leads nowhere, where it was first named and how often.
type deadEnd struct {
	id          string
	from        string // ledger
	row, column int
	times       int
}

// refer notes that a cell names a row of another ledger.
func (in *reading) refer(c *cell, ledger, id string) {
	t := in.targets[ledger]
	if t == nil {
		t = newTarget(ledger, in.tables[ledger])
		in.targets[ledger] = t
	}
	if t.silent {
		return
	}
	if _, there := t.ids[id]; there {
		return
	}
	if t.absent {
		id = "" // one dead end for all
	}
	d := t.missing[id]
	if d == nil {
		d = &deadEnd{id: id, from: c.in.ledger, row: c.row, column: c.column}
		t.missing[id] = d
		t.order = append(t.order, d)
	}
	d.times++
}

// newTarget lists the ids of a ledger as they stand in its text, so that a row
// with a mistake in another column does not make every reference to it one.
func newTarget(ledger string, t *Table) *target {
	out := &target{ledger: ledger, missing: make(map[string]*deadEnd)}
	if t == nil || len(t.Rows) == 0 && !t.Partial {
		out.absent = true
		return out
	}
	column := columnOf(t, keyOf(ledger))
	if column < 0 || t.Partial {
		out.silent = true
		return out
	}
	out.ids = make(map[string]struct{}, len(t.Rows))
	for _, r := range t.Rows {
		if column < len(r.Fields) {
			out.ids[canonical(ledger, r.Fields[column])] = struct{}{}
		}
	}
	return out
}

func keyOf(ledger string) string {
	for _, s := range schemas() {
		if s.title() == ledger {
			return s.keyColumns()[0]
		}
	}
	return ""
}

// canonical returns the one way in which an id is compared.
func canonical(ledger, text string) string {
	text = plainID(text)
	switch ledger {
	case "exporters":
		if a, err := netip.ParseAddr(text); err == nil {
			return a.Unmap().WithZone("").String()
		}
	case "allocations":
		if p, err := netip.ParsePrefix(text); err == nil {
			return p.Masked().String()
		}
	}
	return text
}

// plainID returns an id without what would be a mistake in it.
func plainID(text string) string {
	text = strings.TrimSpace(text)
	if isASCII(text) {
		return text
	}
	return narrow(text)
}

// warnOfDeadEnds warns of ids that lead nowhere, once for each.
func (in *reading) warnOfDeadEnds() {
	for _, name := range ledgerNames() {
		t := in.targets[name]
		if t == nil {
			continue
		}
		for _, d := range t.order {
			in.warnOfDeadEnd(t, d)
		}
	}
}

func (in *reading) warnOfDeadEnd(t *target, d *deadEnd) {
	said := in.said[d.from]
	file := t.ledger + ".csv"
	if table := in.tables[t.ledger]; table != nil {
		file = table.fileOf()
	}
	switch {
	case t.absent && d.times == 1:
		said.warn(d.row, d.column, "%s is missing or empty, and this row refers to it", file)
	case t.absent:
		said.warn(d.row, d.column, "%s is missing or empty, and %d cells refer to it, this one first", file, d.times)
	case d.times == 1:
		said.warn(d.row, d.column, "%s %s is not in %s", keyOf(t.ledger), quoted(d.id), file)
	default:
		said.warn(d.row, d.column, "%s %s is not in %s; it is named %d times, here first", keyOf(t.ledger), quoted(d.id), file, d.times)
	}
}
