package rules

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// LineFact is what every fact about the traffic of a line begins with: who held
// it, what is declared for its ends, and how much of its traffic was seen.
type LineFact struct {
	Subject Subject        `json:"subject"`
	Holders []Holder       `json:"holders"` // one after the other; the last one is whom the fact is about
	EndA    []netip.Prefix `json:"end_a"`   // declared, near
	EndZ    []netip.Prefix `json:"end_z"`   // declared, far
	// LastDay is the last day of the span on which the line was in service.
	LastDay registry.Date `json:"last_day"`
	// ScaledBytes is all that the line carried in both directions, and
	// UnscaledBytes what was exported without a known sampling rate and is in no
	// other figure.
	ScaledBytes   uint64  `json:"scaled_bytes"`
	UnscaledBytes uint64  `json:"unscaled_bytes"`
	Completeness  float64 `json:"completeness"`
	// Exporters are those with customer-side interfaces of the line.
	Exporters []string `json:"exporters"`
	// Counters say how the flows of those interfaces go together with what the
	// interfaces have counted; nil where nothing was compared.
	Counters *CounterAccount `json:"counters,omitempty"`
}

// About implements Fact.
func (f LineFact) About() (s Subject, enterpriseID, province string) {
	last := f.Holders[len(f.Holders)-1]
	return f.Subject, last.EnterpriseID, last.Province
}

// LineDay is one local day of a line: what counts for a rule, and the part of
// it that offends. Bytes are scaled.
type LineDay struct {
	Day              registry.Date `json:"day"`
	Holder           string        `json:"holder"` // enterprise_id
	Bytes            uint64        `json:"bytes"`
	Samples          uint64        `json:"samples"`
	OffendingBytes   uint64        `json:"offending_bytes"`
	OffendingSamples uint64        `json:"offending_samples"`
}

// lineTotals adds up the days of one holder.
type lineTotals struct {
	holder              Holder
	bytes, samples      uint64
	offending           uint64 // bytes
	offendingSamples    uint64
	share               float64
	days, offendingDays int
	first, last         registry.Date // with the share
}

// totalsOf adds up the days of a holder; a day offends with a share of at least
// minShare.
func totalsOf(days []LineDay, h Holder, minShare float64) lineTotals {
	t := lineTotals{holder: h}
	for i := range days {
		d := &days[i]
		if d.Holder != h.EnterpriseID {
			continue
		}
		t.days++
		t.bytes += d.Bytes
		t.samples += d.Samples
		t.offending += d.OffendingBytes
		t.offendingSamples += d.OffendingSamples
		if d.OffendingBytes == 0 || float64(d.OffendingBytes) < minShare*float64(d.Bytes) {
			continue
		}
		t.offendingDays++
		if t.first == 0 || d.Day < t.first {
			t.first = d.Day
		}
		t.last = max(t.last, d.Day)
	}
	if t.bytes > 0 {
		t.share = float64(t.offending) / float64(t.bytes)
	}
	return t
}

// reached reports whether the share was reached over the span, and on days
// enough.
func (t *lineTotals) reached(p Params) bool {
	return t.offending > 0 && t.share >= p["min_share"] && float64(t.offendingDays) >= p["min_days"]
}

// perDay is the mean of a figure over the days with data.
func (t *lineTotals) perDay(bytes uint64) uint64 {
	if t.days == 0 {
		return 0
	}
	return bytes / uint64(t.days)
}

// shareFacts are the figures every rule about a share shows; name is what the
// share is of.
func (f *LineFact) shareFacts(t *lineTotals, name string) FactSet {
	return f.Counters.into(FactSet{
		name + "_share":            round(t.share, 4),
		name + "_share_half_width": round(HalfWidth(t.share, t.samples), 4),
		name + "_bytes_per_day":    t.perDay(t.offending),
		name + "_samples":          t.offendingSamples,
		"days_with_" + name:        t.offendingDays,
		"bytes_per_day":            t.perDay(t.bytes),
		"samples":                  t.samples,
		"days":                     t.days,
		"declared_a_prefixes":      prefixNames(f.EndA),
		"declared_z_prefixes":      prefixNames(f.EndZ),
		"unscaled_bytes":           f.UnscaledBytes,
	})
}

// judgeHolders judges each holder of a line by the holder's own days, the last
// one first.
func judgeHolders(holders []Holder, judge func(h Holder) Judgement) Judgement {
	var last Judgement
	for i, holder := range slices.Backward(holders) {
		j := judge(holder)
		if j.Outcome == Fires {
			return j
		}
		if i == len(holders)-1 {
			last = j
		}
	}
	return last
}

// withhold says why the data does not suffice to judge that many samples of the
// line, or nothing. A line without any traffic is silent, not unknown.
func (f *LineFact) withhold(samples uint64, p Params) string {
	switch {
	case f.Completeness < p["min_completeness"]:
		return "low_completeness"
	case f.UnscaledBytes > f.ScaledBytes: // what is left out may outweigh what is judged
		return "sampling_unknown"
	case samples > 0 && float64(samples) < p["min_samples"]:
		return "low_samples"
	}
	return ""
}

// withheldFor is the judgement about a line whose data does not suffice.
func (f *LineFact) withheldFor(reason string, samples, offending uint64) Judgement {
	return Judgement{
		Outcome: Withheld, Reason: reason, Completeness: round(f.Completeness, 4),
		Facts: f.Counters.into(FactSet{"samples": samples, "offending_samples": offending, "unscaled_bytes": f.UnscaledBytes}),
	}
}

// evidence points to the rows and books every finding about a line rests on.
func (f *LineFact) evidence(traffic string) []Evidence {
	id := f.Subject.ID
	ev := []Evidence{
		ledgerRow("lines", id, "line "+id),
		ledgerRow("line_endpoints", id, "declared ends of "+id),
		{Kind: "traffic", Title: traffic + " seen on " + id, Ref: "line_networks/" + id},
	}
	for _, e := range f.Exporters {
		ev = append(ev, Evidence{Kind: "completeness", Title: "books of exporter " + e, Ref: "flow_books/" + e})
	}
	return ev
}

func prefixNames(prefixes []netip.Prefix) []string {
	out := make([]string, len(prefixes))
	for i, p := range prefixes {
		out[i] = p.String()
	}
	return out
}

// lineTable holds the facts of the lines of one scope while they are measured.
type lineTable struct {
	in    Inputs
	books map[netip.Addr]ExporterBooks
	rows  map[string][]registry.Line
	facts map[string]*LineFact
	order []string                  // ids, as facts are yielded
	asns  map[uint32][]registry.ASN // rows of asns.csv
}

// newLineTable reads the books and opens a fact for each line of the scope
// (domestic or international) that touches the span.
func newLineTable(ctx context.Context, in Inputs, scope string) (*lineTable, error) {
	books, err := in.Traffic.ExporterBooks(ctx, in.Span.Window())
	if err != nil {
		return nil, fmt.Errorf("read exporter books: %w", err)
	}
	t := &lineTable{
		in: in, books: make(map[netip.Addr]ExporterBooks, len(books)),
		rows: make(map[string][]registry.Line), facts: make(map[string]*LineFact), asns: make(map[uint32][]registry.ASN),
	}
	for _, a := range in.Ledgers.Ledgers().ASNs {
		t.asns[a.ASN] = append(t.asns[a.ASN], a)
	}
	for _, b := range books {
		t.books[b.Exporter] = b
	}
	for _, rows := range linesOf(in.Ledgers, in.Span.Days, scope) {
		id := rows[0].ID
		t.order = append(t.order, id)
		t.rows[id] = rows
		t.facts[id] = t.open(rows)
	}
	return t, nil
}

// linesOf groups the rows of the lines of a scope that touch the days by line,
// ordered by line and start.
func linesOf(s *registry.Snapshot, days registry.Validity, scope string) [][]registry.Line {
	var rows []registry.Line
	for _, l := range s.Ledgers().Lines {
		if l.Scope == scope && l.Valid.Overlaps(days) {
			rows = append(rows, l)
		}
	}
	slices.SortFunc(rows, func(a, b registry.Line) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Valid.From, b.Valid.From))
	})
	var out [][]registry.Line
	for start := 0; start < len(rows); {
		end := start
		for end < len(rows) && rows[end].ID == rows[start].ID {
			end++
		}
		out = append(out, rows[start:end])
		start = end
	}
	return out
}

// open starts the fact of a line from its ledger rows.
func (t *lineTable) open(rows []registry.Line) *LineFact {
	last := rows[len(rows)-1]
	view := t.in.Ledgers.At(lastDayIn(last.Valid, t.in.Span.Days))
	f := &LineFact{Subject: Subject{Kind: SubjectLine, ID: last.ID}, LastDay: view.Day()}
	for i := range rows {
		h := Holder{rows[i].EnterpriseID, displayName(view.Enterprise(rows[i].EnterpriseID), rows[i].EnterpriseID), rows[i].APlace.Province()}
		if n := len(f.Holders); n == 0 || f.Holders[n-1] != h {
			f.Holders = append(f.Holders, h)
		}
	}
	f.Subject.Name = f.Holders[len(f.Holders)-1].Name
	for _, e := range view.Endpoints(last.ID) {
		switch {
		case !e.Prefix.IsValid():
		case e.End == "a":
			f.EndA = append(f.EndA, e.Prefix)
		case e.End == "z":
			f.EndZ = append(f.EndZ, e.Prefix)
		}
	}
	all, exporters := LineBooks(view.LinePorts(last.ID), t.books)
	f.Exporters, f.Completeness = exporters, all.Completeness()
	if len(all.Counted) > 0 {
		account := AccountCounters(all.Counted)
		f.Counters = &account
	}
	return f
}

// LineBooks returns the account of a line, which is that of the exporters at which
// it is counted and of the counters of its own interfaces alone, and their
// addresses in order.
func LineBooks(ports []*registry.Port, books map[netip.Addr]ExporterBooks) (all ExporterBooks, exporters []string) {
	var counted []CountedInterface
	for _, p := range ports {
		name, one := p.Interface.Exporter.String(), books[p.Interface.Exporter]
		if !p.Counts {
			continue
		}
		counted = append(counted, one.of(p.Interface.IfIndex)...)
		if slices.Contains(exporters, name) {
			continue
		}
		exporters = append(exporters, name)
		one.Counted = nil // of the line's interfaces alone
		all.Add(one)
	}
	slices.Sort(exporters)
	all.Counted = counted
	return all, exporters
}

// rowOn returns the row of a line of the table on a day, or nil.
func (t *lineTable) rowOn(line string, day registry.Date) *registry.Line {
	rows := t.rows[line]
	for i := range rows {
		if rows[i].Valid.Contains(day) {
			return &rows[i]
		}
	}
	return nil
}

// mostNamedLines is how many lines a question names: a longer list costs more
// than it saves.
const mostNamedLines = 4096

// named returns the lines a question about the table names; none asks for all.
func (t *lineTable) named() []string {
	if len(t.order) <= mostNamedLines {
		return t.order
	}
	return nil
}

// eachUsage reads what the lines of the table carried between networks, and
// keeps their totals. Rows without a packet have no figures to visit.
func (t *lineTable) eachUsage(ctx context.Context, visit func(f *LineFact, row *registry.Line, u *LineNetworks)) error {
	if len(t.order) == 0 {
		return nil // and naming none would ask for all
	}
	for u, err := range t.in.Traffic.LineNetworks(ctx, t.in.Span.Window(), t.in.Span.Location, t.named()...) {
		if err != nil {
			return fmt.Errorf("read line networks: %w", err)
		}
		f, row := t.carried(u.Line, u.Day)
		if row == nil {
			continue
		}
		f.UnscaledBytes += u.Unscaled
		if u.Samples == 0 {
			continue
		}
		f.ScaledBytes += u.FromCustomer + u.ToCustomer
		visit(f, row, &u)
	}
	return nil
}

// eachSource reads what the lines of the table carried by the networks on the
// customer's side, and keeps their totals.
func (t *lineTable) eachSource(ctx context.Context, visit func(f *LineFact, row *registry.Line, u *LineSource)) error {
	if len(t.order) == 0 {
		return nil // and naming none would ask for all
	}
	for u, err := range t.in.Traffic.LineSources(ctx, t.in.Span.Window(), t.in.Span.Location, t.named()...) {
		if err != nil {
			return fmt.Errorf("read line sources: %w", err)
		}
		f, row := t.carried(u.Line, u.Day)
		if row == nil {
			continue
		}
		f.UnscaledBytes += u.Unscaled
		if u.FromCustomer+u.ToCustomer == 0 {
			continue
		}
		f.ScaledBytes += u.FromCustomer + u.ToCustomer
		visit(f, row, &u)
	}
	return nil
}

// carried returns the fact of a line and its row on a day; the row is nil where
// the table has no line in service then.
func (t *lineTable) carried(line string, day registry.Date) (*LineFact, *registry.Line) {
	f := t.facts[line]
	if f == nil {
		return nil, nil
	}
	return f, t.rowOn(line, day)
}

// amount writes a number of bytes for people, in binary units.
func amount(bytes uint64) string {
	const units = "KMGTPE"
	if bytes < 1024 {
		return fmt.Sprintf("%d B", bytes)
	}
	value, i := float64(bytes)/1024, 0
	for ; value >= 1024 && i < len(units)-1; i++ {
		value /= 1024
	}
	return fmt.Sprintf("%.1f %ciB", value, units[i])
}

// judgeShare settles what rules about a share of a line's traffic have in
// common: with less data than it takes it withholds, and it fires when the
// share was reached over the span and on days enough. The figures, texts and
// evidence of what fires are the rule's.
func (f *LineFact) judgeShare(t *lineTotals, p Params) (j Judgement, fires bool) {
	if why := f.withhold(t.samples, p); why != "" {
		return f.withheldFor(why, t.samples, t.offendingSamples), false
	}
	j = Judgement{Outcome: Clear, Completeness: round(f.Completeness, 4), FirstDay: t.first, LastDay: t.last}
	switch {
	case !t.reached(p):
		return j, false
	case t.holder.EnterpriseID == "":
		return f.withheldFor("holder_unknown", t.samples, t.offendingSamples), false
	case float64(t.offendingSamples) < p["min_offending_samples"]:
		return f.withheldFor("low_samples", t.samples, t.offendingSamples), false
	}
	j.Outcome = Fires
	j.Holder = heldBy(f, t.holder)
	j.Severity = High
	if t.share >= 0.3 {
		j.Severity = Critical
	}
	j.Confidence = round(ConfidenceAbove(t.share, p["min_share"], t.samples, f.Completeness), 4)
	return j, true
}

// relativeError is the 95 % half-width of a volume relative to itself, by the
// samples of a part that is small beside the whole: 1.96/√samples, at most 1.
func relativeError(samples uint64) float64 {
	if samples == 0 {
		return 1
	}
	return min(1, 1.96/math.Sqrt(float64(samples)))
}

// confidenceOfCount returns how sure it is of what was counted in so many
// samples, such as the networks an address served: sampling can only have missed
// some of them, but few packets may be noise. It grows with the samples as their
// relative error 1.96/√samples shrinks, and is lowered by what did not arrive.
func confidenceOfCount(samples uint64, completeness float64) float64 {
	return (1 - relativeError(samples)) * min(1, completeness)
}
