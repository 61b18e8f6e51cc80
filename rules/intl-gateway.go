package rules

import (
	"fmt"

	"github.com/linewarden/linewarden/registry"
)

// IntlGateway is the rule intl-gateway (N32-2.2.4a): an international interface
// leaves the country by no approved gateway that is live.
func IntlGateway() Rule {
	return define(Spec{
		ID: "intl-gateway", Version: "1", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: since(n32Published, "N32-2.2.4a"),
		Title:   Text{ZH: "国际接口未经已批准并开通的国际通信出入口局（疑似）", EN: "International interface without an approved, live gateway (indication)"},
		Claim: Text{
			ZH: "角色为 international 的接口当日没有登记国际通信出入口局，或该出入口局不在台账、当日无有效登记、尚未开通或已关闭。",
			EN: "An interface of role international names no gateway on that day, or one that is in no ledger, is not valid that day, is not live yet or is closed.",
		},
	}, fromLedgers(gatewayFacts), judgeGateway)
}

// GatewayState is what the ledger says of an interface's gateway.
type GatewayState struct {
	Gateway string `json:"gateway"`
	// Filed is set when the ledger has any row of the gateway, Valid when one is
	// valid on the day.
	Filed  bool   `json:"filed"`
	Valid  bool   `json:"valid"`
	Status string `json:"status"` // approved, accepted, live, closed or unknown
	Holder Holder `json:"holder"` // the operator, else the carrier
}

// GatewayFact is an international interface with its gateway over a span.
type GatewayFact struct {
	Subject Subject               `json:"subject"`
	Days    registry.Validity     `json:"days"`
	Line    string                `json:"line"`
	Spells  []Spell[GatewayState] `json:"spells"`
}

// About implements Fact.
func (f GatewayFact) About() (s Subject, enterpriseID, province string) {
	h := f.Spells[len(f.Spells)-1].State.Holder
	return f.Subject, h.EnterpriseID, h.Province
}

func gatewayFacts(s *registry.Snapshot, days registry.Validity) []GatewayFact {
	var out []GatewayFact
	seen := make(map[string]bool)
	for i := range s.Ledgers().Interfaces {
		in := &s.Ledgers().Interfaces[i]
		id := fmt.Sprintf("%s/%d", in.Exporter, in.IfIndex)
		if in.Role != "international" || seen[id] {
			continue
		}
		seen[id] = true
		list := spells(days, func(day registry.Date) (GatewayState, bool) { return gatewayOn(s.At(day), in), true })
		out = append(out, GatewayFact{Subject{SubjectInterface, id, list[len(list)-1].State.Holder.Name}, days, in.LineID, list})
	}
	return out
}

func gatewayOn(v *registry.View, in *registry.Interface) GatewayState {
	g := GatewayState{Gateway: in.Gateway}
	operator, place := v.Carrier(), registry.Place("")
	if e := v.Exporter(in.Exporter); e != nil {
		place = e.Place
	}
	if in.Gateway != "" {
		g.Filed = len(v.GatewayHistory(in.Gateway)) > 0
		if row := v.Gateway(in.Gateway); row != nil {
			g.Valid, g.Status = true, row.Status
			if row.Operator != "" {
				operator = row.Operator
			}
			if place == "" {
				place = row.Place
			}
		}
	}
	g.Holder = holderOf(v, operator, place)
	return g
}

// fault says what is wrong with a gateway; nothing when it is live or when its
// status is unknown.
func (g *GatewayState) fault() string {
	switch {
	case g.Gateway == "":
		return "no_gateway_named"
	case !g.Filed:
		return "gateway_not_in_ledger"
	case !g.Valid:
		return "gateway_not_valid"
	case g.Status == "approved", g.Status == "accepted":
		return "gateway_not_live_yet"
	case g.Status == "closed":
		return "gateway_closed"
	}
	return ""
}

func gatewayFaultText(fault string) Text {
	switch fault {
	case "no_gateway_named":
		return Text{ZH: "没有登记国际通信出入口局", EN: "names no gateway"}
	case "gateway_not_in_ledger":
		return Text{ZH: "登记的出入口局不在台账中", EN: "names a gateway that is in no ledger"}
	case "gateway_not_valid":
		return Text{ZH: "登记的出入口局当日无有效登记", EN: "names a gateway that is not valid that day"}
	case "gateway_not_live_yet":
		return Text{ZH: "登记的出入口局尚未开通", EN: "names a gateway that is not live yet"}
	}
	return Text{ZH: "登记的出入口局已关闭", EN: "names a gateway that is closed"}
}

func judgeGateway(f GatewayFact, _ Params) Judgement {
	h, g := holding(f.Spells, func(g *GatewayState) bool { return g.fault() != "" })
	if g == nil {
		if unknown, _ := holding(f.Spells, func(g *GatewayState) bool { return g.Status == "" }); unknown.days > 0 {
			return withheld("gateway_status_unknown")
		}
		return clearJudgement()
	}
	fault := g.fault()
	j := h.fires(f.Days, High)
	if fault == "gateway_not_live_yet" {
		j.Severity = Medium
	}
	j.Holder = heldBy(f, g.Holder)
	j.Facts = FactSet{"fault": fault, "gateway": g.Gateway, "gateway_status": g.Status, "line": f.Line, "days": h.days}
	said := gatewayFaultText(fault)
	j.Explanation = Text{
		ZH: fmt.Sprintf("国际接口 %s（线路 %s）截至 %s：%s（出入口局“%s”，状态“%s”）。登记已批准并开通的出入口局，或更正接口角色后即可消除。请人工核实。", f.Subject.ID, orDash(f.Line), h.last, said.ZH, orDash(g.Gateway), orDash(g.Status)),
		EN: fmt.Sprintf("International interface %s (line %s) %s on %s (gateway %s, status %s). Filing an approved, live gateway or correcting the role of the interface clears this. For a person to review.", f.Subject.ID, orDash(f.Line), said.EN, h.last, orDash(g.Gateway), orDash(g.Status)),
	}
	j.Evidence = []Evidence{ledgerRow("interfaces", f.Subject.ID, "interface "+f.Subject.ID)}
	if g.Filed {
		j.Evidence = append(j.Evidence, ledgerRow("gateways", g.Gateway, "gateway "+g.Gateway))
	}
	j.Benign = []BenignTest{
		{Name: "another_row_of_the_gateway", Result: Text{ZH: "该出入口局没有当日有效且已开通的登记", EN: "no row of the gateway is valid and live that day"}},
		{Name: "not_international", Result: Text{ZH: "接口登记角色为 international", EN: "the interface is filed with role international"}},
	}
	return j
}

func orDash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}
