package rules

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// maxNamedNetworks is how many networks of others a fact lists for each holder
// of the line.
const maxNamedNetworks = 10

// LineNetwork is a network of others on a line.
type LineNetwork struct {
	Network netip.Prefix `json:"network"`
	Near    bool         `json:"near"`   // on the customer's side
	Holder  string       `json:"holder"` // of the line, when it was seen
	// What says what the ledgers know of the network, where a rule asks; empty
	// otherwise.
	What    string `json:"what,omitempty"`
	Bytes   uint64 `json:"bytes"`
	Samples uint64 `json:"samples"`
}

// side is how findings call it.
func (n *LineNetwork) side() string { return sideName(n.Near) }

func sideName(near bool) string {
	if near {
		return "near"
	}
	return "far"
}

// lineLedger adds up the days and the networks of others of one line.
type lineLedger struct {
	days     map[registry.Date]*LineDay
	networks map[LineNetwork]*LineNetwork // by all but its figures
}

func newLineLedger() *lineLedger {
	return &lineLedger{days: make(map[registry.Date]*LineDay), networks: make(map[LineNetwork]*LineNetwork)}
}

// lineLedgers returns an empty one for each line.
func lineLedgers(ids []string) map[string]*lineLedger {
	out := make(map[string]*lineLedger, len(ids))
	for _, id := range ids {
		out[id] = newLineLedger()
	}
	return out
}

func (l *lineLedger) day(d registry.Date, holder string) *LineDay {
	day := l.days[d]
	if day == nil {
		day = &LineDay{Day: d, Holder: holder}
		l.days[d] = day
	}
	return day
}

// count adds what counts on a day, and whether it offends.
func (l *lineLedger) count(d registry.Date, holder string, bytes, samples uint64, offends bool) {
	day := l.day(d, holder)
	day.Bytes += bytes
	day.Samples += samples
	if offends {
		day.OffendingBytes += bytes
		day.OffendingSamples += samples
	}
}

// blame adds to the figures of a network of others.
func (l *lineLedger) blame(key LineNetwork, bytes, samples uint64) {
	n := l.networks[key]
	if n == nil {
		n = &key
		l.networks[key] = n
	}
	n.Bytes += bytes
	n.Samples += samples
}

// sortedDays returns the days in order.
func (l *lineLedger) sortedDays() []LineDay {
	out := make([]LineDay, 0, len(l.days))
	for _, d := range l.days {
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b LineDay) int { return cmp.Compare(a.Day, b.Day) })
	return out
}

// topNetworks returns the networks with the most bytes, greatest first, no more
// than maxNamedNetworks for each holder.
func (l *lineLedger) topNetworks() []LineNetwork {
	out := make([]LineNetwork, 0, len(l.networks))
	for _, n := range l.networks {
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b LineNetwork) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), a.Network.Addr().Compare(b.Network.Addr()), cmp.Compare(a.Network.Bits(), b.Network.Bits()),
			cmp.Compare(a.side(), b.side()), cmp.Compare(a.Holder, b.Holder), cmp.Compare(a.What, b.What))
	})
	named := make(map[string]int)
	return slices.DeleteFunc(out, func(n LineNetwork) bool {
		named[n.Holder]++
		return named[n.Holder] > maxNamedNetworks
	})
}

// networkNames lists the networks seen while a holder had the line.
func networkNames(networks []LineNetwork, holder string) []string {
	out := make([]string, 0, len(networks))
	for i := range networks {
		n := &networks[i]
		if n.Holder != holder {
			continue
		}
		name := n.Network.String() + " " + n.side()
		if n.What != "" {
			name += " " + n.What
		}
		out = append(out, name)
	}
	return out
}
