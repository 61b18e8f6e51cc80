package rules

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// FilingUnreported is the rule filing-unreported (未报, N32-2.2.1a): a part of
// the carrier's blocks is announced and filed for nobody.
func FilingUnreported() Rule {
	return define(Spec{
		ID: "filing-unreported", Version: "1", Ledger: true, Routes: true, LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.2.1a"),
		Title:   Text{ZH: "已通告地址段未报备（疑似）", EN: "Announced address space is filed for nobody (indication)"},
		Claim: Text{
			ZH: "本运营商来源地址块中更具体的路由累计存续 24 小时以上，但没有分配或通告登记覆盖它；来源地址块本身视为已登记。",
			EN: "A route more specific than the carrier's source blocks was held for 24 hours or more, and no allocation or filed announcement covers it; the source blocks themselves count as filed.",
		},
		Params: routeParams(24)[:2],
	}, measureUnreported, judgeUnreported)
}

// Unreported is what the ledgers say on a day of a prefix inside the carrier's
// blocks.
type Unreported struct {
	Source string `json:"source"` // the block around it
	Filed  bool   `json:"filed"`  // an allocation or a broadcast covers it
}

// UnreportedFact is a prefix inside the carrier's blocks that was routed on
// days on which it was not filed.
type UnreportedFact struct {
	Subject      Subject             `json:"subject"`
	Days         registry.Validity   `json:"days"`
	Carrier      Holder              `json:"carrier"`
	Origins      []RouteNetwork      `json:"origins"` // ASN 0 is the carrier itself
	Path         string              `json:"path"`
	Routers      []string            `json:"routers"`
	Spans        Spans               `json:"spans"`
	Held         []RouteDay          `json:"held"`
	Spells       []Spell[Unreported] `json:"spells"`
	Completeness float64             `json:"completeness"`
}

// About implements Fact.
func (f UnreportedFact) About() (s Subject, enterpriseID, province string) {
	return f.Subject, f.Carrier.EnterpriseID, f.Carrier.Province
}

func measureUnreported(ctx context.Context, in Inputs, _ Params) iter.Seq2[UnreportedFact, error] {
	return func(yield func(UnreportedFact, error) bool) {
		blocks := newSourceBlocks(in.Ledgers, in.Span.Days)
		if in.Routes == nil || len(blocks.list) == 0 {
			return
		}
		completeness, err := routeCompleteness(ctx, in)
		if err != nil {
			yield(UnreportedFact{}, err)
			return
		}
		book := newNetworkBook(in.Ledgers, in.Span.Days)
		q := AnnouncementQuestion{Window: in.Span.Window(), Own: book.own(), Within: blocks.list}
		for list, err := range originsOf(ctx, in, q) {
			if err != nil {
				yield(UnreportedFact{}, err)
				return
			}
			f, unreported := blocks.fact(book, list, in.Span)
			if !unreported {
				continue
			}
			f.Completeness = completeness
			if !yield(f, nil) {
				return
			}
		}
	}
}

// sourceBlocks are the carrier's blocks, and what of them is filed.
type sourceBlocks struct {
	snapshot *registry.Snapshot
	rows     map[netip.Prefix][]*registry.SourceBlock
	list     []netip.Prefix
	// filed are the addresses of all allocations and broadcasts, by day.
	filed map[registry.Date][]netip.Prefix
}

func newSourceBlocks(s *registry.Snapshot, days registry.Validity) *sourceBlocks {
	b := &sourceBlocks{snapshot: s, rows: make(map[netip.Prefix][]*registry.SourceBlock), filed: make(map[registry.Date][]netip.Prefix)}
	set := make(map[netip.Prefix]bool)
	l := s.Ledgers()
	for i := range l.Sources {
		row := &l.Sources[i]
		if row.Prefix.IsValid() && row.ObtainedOn <= days.To && !isReserved(row.Prefix) {
			p := row.Prefix.Masked()
			b.rows[p], set[p] = append(b.rows[p], row), true
		}
	}
	b.list = sortedPrefixes(set)
	return b
}

// fact sets the routes to one prefix against the ledgers; false if it is filed
// on every day it was routed.
func (b *sourceBlocks) fact(book *networkBook, list []originRoute, span Span) (UnreportedFact, bool) {
	var spans Spans
	for i := range list {
		spans.unite(list[i].spans)
	}
	held := spans.byDay(span)
	unreported := func(d RouteDay) bool { s, ours := b.on(list[0].prefix, d.Day); return ours && !s.Filed }
	if !slices.ContainsFunc(held, unreported) {
		return UnreportedFact{}, false
	}
	v := b.snapshot.At(span.Days.To)
	carrier := holderOf(v, v.Carrier(), "")
	f := UnreportedFact{
		Subject: Subject{SubjectPrefix, list[0].prefix.String(), carrier.Name}, Days: span.Days, Carrier: carrier, Spans: spans, Held: held,
	}
	for i := range list {
		o := &list[i]
		f.Origins = append(f.Origins, book.network(o.origin))
		f.Routers = addNew(f.Routers, routerNames(o.routers))
		if f.Path == "" {
			f.Path = o.path
		}
	}
	f.Spells = spells(span.Days, func(day registry.Date) (Unreported, bool) { return b.on(list[0].prefix, day) })
	return f, true
}

// on returns what the ledgers of a day say of a prefix; false when it is in no
// block of the carrier. A block of the carrier is a filed aggregate by itself.
func (b *sourceBlocks) on(p netip.Prefix, day registry.Date) (Unreported, bool) {
	var u Unreported
	for n := p.Bits(); n >= 0; n-- {
		block := netip.PrefixFrom(p.Addr(), n).Masked()
		if slices.ContainsFunc(b.rows[block], func(r *registry.SourceBlock) bool { return r.ObtainedOn <= day }) {
			if u.Source == "" {
				u.Source = block.String()
			}
			u.Filed = u.Filed || n == p.Bits()
		}
	}
	if u.Source == "" {
		return u, false
	}
	v := b.snapshot.At(day)
	u.Filed = u.Filed || len(v.Covering(p)) > 0 || len(v.CoveringBroadcasts(p)) > 0 || b.wholeIn(p, day)
	return u, true
}

// wholeIn reports whether smaller allocations and broadcasts together cover all
// of a prefix: an aggregate of what is filed is filed.
func (b *sourceBlocks) wholeIn(p netip.Prefix, day registry.Date) bool {
	list, known := b.filed[day]
	if !known {
		set := make(map[netip.Prefix]bool)
		l := b.snapshot.Ledgers()
		for i := range l.Allocations {
			if a := &l.Allocations[i]; a.Prefix.IsValid() && a.Valid.Contains(day) {
				set[a.Prefix.Masked()] = true
			}
		}
		for i := range l.Broadcasts {
			if c := &l.Broadcasts[i]; c.Prefix.IsValid() && c.Valid.Contains(day) {
				set[c.Prefix.Masked()] = true
			}
		}
		list = sortedPrefixes(set)
		b.filed[day] = list
	}
	next := p.Masked().Addr() // the first address that nothing covers
	at, _ := slices.BinarySearchFunc(list, next, func(q netip.Prefix, a netip.Addr) int { return q.Addr().Compare(a) })
	for _, q := range list[at:] {
		if next.Less(q.Addr()) || !p.Contains(q.Addr()) {
			return false
		}
		last := lastAddr(q)
		if last.Less(next) {
			continue
		}
		if next = last.Next(); !next.IsValid() || !p.Contains(next) {
			return true
		}
	}
	return false
}

// lastAddr returns the last address of a prefix.
func lastAddr(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 1 << (7 - bit%8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

func judgeUnreported(f UnreportedFact, p Params) Judgement {
	r, state := routedOn(f.Held, f.Spells, func(u *Unreported) bool { return !u.Filed })
	j := judgeRouted(r, f.Completeness, p)
	if j.Outcome != Fires {
		return j
	}
	j.Severity = Medium
	var zh, en, origins []string
	for i := range f.Origins {
		n := &f.Origins[i]
		if n.ASN == 0 {
			zh, en = append(zh, "本运营商"), append(en, "the carrier itself")
			continue
		}
		z, e := n.names()
		zh, en, origins = append(zh, z), append(en, e), append(origins, asnText(n.ASN))
		j.Severity = High // somebody else announces it
	}
	j.Facts = FactSet{
		"source_block": state.Source, "origin_asns": origins, "hours": r.hours(), "days": r.days, "as_path": f.Path, "routers": f.Routers,
	}
	j.Explanation = Text{
		ZH: fmt.Sprintf("地址段 %s 位于来源地址块 %s 之内，在统计期内由%s通告共 %.1f 小时（最近一天 %s，AS 路径示例“%s”），但没有分配或通告登记覆盖它。补报分配或通告，或撤销该路由后即可消除。请人工核实。",
			f.Subject.ID, state.Source, strings.Join(firstOf(zh, 8), "、"), r.hours(), r.last, f.Path),
		EN: fmt.Sprintf("Prefix %s inside source block %s was announced by %s for %.1f hours of the span (last on %s, AS path %q), and no allocation or filed announcement covers it. Filing either, or withdrawing the route, clears this. For a person to review.",
			f.Subject.ID, state.Source, strings.Join(firstOf(en, 8), ", "), r.hours(), r.last, f.Path),
	}
	j.Evidence = append([]Evidence{ledgerRow("sources", state.Source, "source block "+state.Source)}, routeEvidence(f.Subject.ID, f.Routers)...)
	j.Benign = []BenignTest{
		{Name: "reserved_or_infrastructure", Result: Text{ZH: "不是保留地址，也不在用途为基础设施的登记内", EN: "neither reserved space nor in an allocation for infrastructure"}},
		{Name: "more_specific_of_holder", Result: Text{ZH: "不在任何已登记的更大地址段之内", EN: "inside no wider filing"}},
		{Name: "aggregate_of_filed", Result: Text{ZH: "其中的登记合起来不覆盖整个地址段", EN: "the filings inside it do not cover all of it"}},
		benignShort(r, p),
	}
	return j
}
