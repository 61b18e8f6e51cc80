package rules

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// IntlDatacentre is the rule intl-datacentre (N32-2.2.4d): a share of what an
// international line carries runs between a data centre, cloud or CDN of
// another enterprise at home and one abroad.
func IntlDatacentre() Rule {
	return define(Spec{
		ID: "intl-datacentre", Version: "1", LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.2.4d"),
		Title:   Text{ZH: "国际专线连接境内外数据中心（疑似）", EN: "International line joins data centres at home and abroad (indication)"},
		Claim: Text{
			ZH: "国际专线上有相当比例的流量，一端是境内其他单位的数据中心、云或内容分发节点，另一端是境外（含港澳台）的数据中心、云或内容分发节点；持有单位自有并登记的数据中心不计。",
			EN: "A share of an international line's traffic runs between a data centre, cloud or CDN of another enterprise at home and one abroad (Hong Kong, Macao and Taiwan included); the holder's own declared data centre does not count.",
		},
		Params: []Param{
			{Name: "min_share", Unit: "share of bytes", Default: 0.05, Min: 0.001, Max: 1, Meaning: Text{ZH: "数据中心之间流量占比下限", EN: "least share of bytes between data centres, over the span and on a day that counts"}},
			{Name: "min_samples", Unit: "packets", Default: 500, Min: 1, Max: 1e9, Meaning: Text{ZH: "专线采样包数下限", EN: "least sampled packets of the line"}},
			{Name: "min_offending_samples", Unit: "packets", Default: 100, Min: 1, Max: 1e9, Meaning: Text{ZH: "数据中心之间采样包数下限", EN: "least sampled packets between data centres"}},
			{Name: "min_days", Unit: "days", Default: 3, Min: 1, Max: 366, Meaning: Text{ZH: "达到占比的天数下限", EN: "least days on which the share is reached"}},
			{Name: "min_completeness", Unit: "share", Default: 0.9, Min: 0, Max: 1, Meaning: Text{ZH: "数据完整性下限", EN: "least completeness of the flow data"}},
		},
	}, measureDatacentre, judgeDatacentre)
}

// DatacentreFact is what an international line carried between data centres.
// What offends has one of another enterprise at home at one end, and one abroad
// at the other.
type DatacentreFact struct {
	LineFact
	Days     []LineDay        `json:"days"`
	Networks []LineNetwork    `json:"networks"` // of the data centres, greatest first
	Aside    []DatacentreSide `json:"aside"`    // by holder
}

// DatacentreSide is what was looked at while one holder had the line and does
// not offend, in scaled bytes.
type DatacentreSide struct {
	Holder string `json:"holder"` // enterprise_id
	// OwnBytes ran between a data centre of the holder or its group, as filed or
	// declared, and one abroad.
	OwnBytes uint64 `json:"own_bytes"`
	// OneSidedBytes have a data centre of others at one end only.
	OneSidedBytes uint64 `json:"one_sided_bytes"`
}

// siteKind is what stands behind a network.
type siteKind uint8

const (
	siteOther  siteKind = iota
	siteOwn             // a data centre of the holder at home, filed or declared
	siteHome            // a data centre of another at home
	siteAbroad          // a data centre abroad, whoever has it
)

// site is a network with what the ledgers know of it.
type site struct {
	kind siteKind
	what string
}

// isDatacentre reports whether a kind of networks.csv hosts.
func isDatacentre(kind string) bool { return kind == "cloud" || kind == "datacentre" || kind == "cdn" }

// declaredDatacentre reports whether a declared end is one.
func declaredDatacentre(e *registry.LineEndpoint) bool { return e.Kind == "datacentre" }

// siteOf tells what stands behind a network on the holder's line.
func siteOf(own ownAddresses, n netip.Prefix) site {
	if !n.IsValid() {
		return site{}
	}
	if filed := own.view.Covering(n); len(filed) > 0 {
		a := filed[0]
		switch {
		case a.Use != "idc" && a.Use != "cdn":
			return site{}
		case countryOf(a.Place) != mainland:
			return site{siteAbroad, a.Use + " of " + a.EnterpriseID + " in " + countryOf(a.Place)}
		}
		return own.atHome(n, a.Use+" of "+a.EnterpriseID)
	}
	r := remoteOf(own.view, n)
	switch {
	case isDatacentre(r.Kind) && r.Foreign():
		return site{siteAbroad, describeRemote(r)}
	case isDatacentre(r.Kind) && r.Country == mainland:
		return own.atHome(n, describeRemote(r))
	case r.Country != mainland && own.declaredAs(n, func(e *registry.LineEndpoint) bool { return e.End == "z" && declaredDatacentre(e) }):
		return site{siteAbroad, "declared data centre"}
	}
	return site{}
}

// atHome tells the holder's own data centre at home from that of another. A
// data centre declared as an office is not a declared data centre.
func (o ownAddresses) atHome(n netip.Prefix, what string) site {
	undeclared := ownAddresses{view: o.view, holder: o.holder}
	if !undeclared.thirdParty(n) || o.declaredAs(n, declaredDatacentre) {
		return site{siteOwn, what}
	}
	return site{siteHome, what}
}

func describeRemote(r registry.Remote) string {
	name := r.Kind
	if r.Operator != "" {
		name += " of " + r.Operator
	}
	return name + " in " + r.Country
}

func measureDatacentre(ctx context.Context, in Inputs, _ Params) iter.Seq2[DatacentreFact, error] {
	return func(yield func(DatacentreFact, error) bool) {
		lines, err := newLineTable(ctx, in, "international")
		if err != nil {
			yield(DatacentreFact{}, err)
			return
		}
		making := make(map[string]*datacentreLine, len(lines.order))
		for _, id := range lines.order {
			making[id] = &datacentreLine{newLineLedger(), make(map[string]*DatacentreSide)}
		}
		var seen verdicts[site]
		err = lines.eachUsage(ctx, func(f *LineFact, row *registry.Line, u *LineNetworks) {
			own := lines.own(f, row, u.Day)
			if own.view.IsCarrier(row.EnterpriseID) {
				return
			}
			say := func(n netip.Prefix) site { return siteOf(own, n) }
			near, far := seen.of(u.Line, u.Day, u.Near, say), seen.of(u.Line, u.Day, u.Far, say)
			making[u.Line].add(u, row.EnterpriseID, near, far)
		})
		if err != nil {
			yield(DatacentreFact{}, err)
			return
		}
		for _, id := range lines.order {
			if !yield(making[id].fact(*lines.facts[id]), nil) {
				return
			}
		}
	}
}

// datacentreLine is the fact about one line in the making.
type datacentreLine struct {
	ledger *lineLedger
	aside  map[string]*DatacentreSide // by holder
}

// add counts what a line carried between two sites.
func (l *datacentreLine) add(u *LineNetworks, holder string, near, far site) {
	bytes := u.FromCustomer + u.ToCustomer
	joins := func(kind siteKind) bool {
		return near.kind == kind && far.kind == siteAbroad || near.kind == siteAbroad && far.kind == kind
	}
	side := l.aside[holder]
	if side == nil {
		side = &DatacentreSide{Holder: holder}
		l.aside[holder] = side
	}
	offends := joins(siteHome)
	l.ledger.count(u.Day, holder, bytes, u.Samples, offends)
	switch {
	case offends:
		l.ledger.blame(LineNetwork{Network: u.Near, Near: true, Holder: holder, What: near.what}, bytes, u.Samples)
		l.ledger.blame(LineNetwork{Network: u.Far, Holder: holder, What: far.what}, bytes, u.Samples)
	case joins(siteOwn):
		side.OwnBytes += bytes
	case near.kind >= siteHome || far.kind >= siteHome:
		side.OneSidedBytes += bytes
	}
}

func (l *datacentreLine) fact(f LineFact) DatacentreFact {
	out := DatacentreFact{LineFact: f, Days: l.ledger.sortedDays(), Networks: l.ledger.topNetworks()}
	for _, holder := range slices.Sorted(maps.Keys(l.aside)) {
		out.Aside = append(out.Aside, *l.aside[holder])
	}
	return out
}

// side returns the account of a holder.
func (f *DatacentreFact) side(holder string) DatacentreSide {
	for _, s := range f.Aside {
		if s.Holder == holder {
			return s
		}
	}
	return DatacentreSide{Holder: holder}
}

func judgeDatacentre(f DatacentreFact, p Params) Judgement {
	return judgeHolders(f.Holders, func(h Holder) Judgement {
		return judgeDatacentreOf(&f, totalsOf(f.Days, h, p["min_share"]), p)
	})
}

func judgeDatacentreOf(f *DatacentreFact, t lineTotals, p Params) Judgement {
	j, fires := f.judgeShare(&t, p)
	if !fires {
		return j
	}
	aside := f.side(t.holder.EnterpriseID)
	j.Facts = f.shareFacts(&t, "datacentre")
	j.Facts["third_party_networks"] = networkNames(f.Networks, t.holder.EnterpriseID)
	j.Facts["own_datacentre_bytes"] = aside.OwnBytes
	j.Facts["one_sided_bytes"] = aside.OneSidedBytes
	j.Explanation = f.explain(&t)
	j.Evidence = append(f.evidence("data centres"), Evidence{Kind: "ledger_row", Title: "networks that host", Ref: "networks"})
	j.Benign = datacentreBenign(&t, &aside, p)
	return j
}

func (f *DatacentreFact) explain(t *lineTotals) Text {
	half := 100 * HalfWidth(t.share, t.samples)
	return Text{
		ZH: fmt.Sprintf("国际专线 %s（%s）在 %d 天内有 %.1f%%（±%.1f 个百分点，按 %d 个采样包估计，日均 %s）的流量，一端在境内其他单位的数据中心、云或内容分发节点，另一端在境外的数据中心、云或内容分发节点；其中 %d 天达到判定比例。该线路应仅供持有单位内部办公专用，登记两端为 A端 %d 段、Z端 %d 段。若境内一端为持有单位自有数据中心，请以 datacentre 类型登记为线路端点；否则停止该连接后即可消除。请人工核实。",
			f.Subject.ID, t.holder.Name, t.days, 100*t.share, half, t.samples, amount(t.perDay(t.offending)), t.offendingDays, len(f.EndA), len(f.EndZ)),
		EN: fmt.Sprintf("Over %d days %.1f %% (±%.1f percentage points, from %d sampled packets; %s a day) of the bytes of international line %s (%s) run between a data centre, cloud or CDN of another enterprise at home and one abroad; the share was reached on %d days. The line is for the holder's own offices, with %d prefixes declared at A and %d at Z. If the data centre at home is the holder's own, declaring it as an end of kind datacentre clears this; otherwise ending the connection does. For a person to review.",
			t.days, 100*t.share, half, t.samples, amount(t.perDay(t.offending)), f.Subject.ID, t.holder.Name, t.offendingDays, len(f.EndA), len(f.EndZ)),
	}
}

func datacentreBenign(t *lineTotals, aside *DatacentreSide, p Params) []BenignTest {
	return []BenignTest{
		{Name: "own_declared_datacentre", Result: Text{
			ZH: fmt.Sprintf("持有单位及同集团自有或登记的数据中心已排除（%s）", amount(aside.OwnBytes)),
			EN: fmt.Sprintf("data centres filed or declared for the holder or its group are set aside (%s)", amount(aside.OwnBytes)),
		}},
		{Name: "office_using_a_cloud", Result: Text{
			ZH: fmt.Sprintf("仅一端为数据中心的流量不计（%s）", amount(aside.OneSidedBytes)),
			EN: fmt.Sprintf("traffic with a data centre at one end only does not count (%s)", amount(aside.OneSidedBytes)),
		}},
		{Name: "passing_use", Result: Text{
			ZH: fmt.Sprintf("%d 天达到比例，下限 %.0f 天", t.offendingDays, p["min_days"]),
			EN: fmt.Sprintf("the share was reached on %d days, %.0f are needed", t.offendingDays, p["min_days"]),
		}},
	}
}
