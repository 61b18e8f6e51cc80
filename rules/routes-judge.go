package rules

import (
	"context"
	"fmt"
)

// routeParams are the parameters of the rules about routes, with how long a
// route must have been held by default.
func routeParams(hours float64) []Param {
	return []Param{
		{Name: "min_hours", Unit: "hours", Default: hours, Min: 0.01, Max: 8784, Meaning: Text{ZH: "路由在统计期内存续时长下限（各会话、各视图取并集，15 分钟以内的间断不计）", EN: "least time the route was held in the span, as the union over sessions and views with gaps under 15 minutes bridged"}},
		{Name: "min_completeness", Unit: "share", Default: 0.9, Min: 0, Max: 1, Meaning: Text{ZH: "至少一个路由会话在线的时长占比下限", EN: "least share of the span in which a session that tells routes was up"}},
		{Name: "private_asns", Unit: "0 or 1", Default: 1, Min: 0, Max: 1, Meaning: Text{ZH: "是否判定未登记的私有自治系统号（0 为不判定）", EN: "whether private AS numbers that are filed for nobody are judged (0 = they are set aside)"}},
	}
}

// routeCompleteness returns the share of the span that was observed.
func routeCompleteness(ctx context.Context, in Inputs) (float64, error) {
	routers, err := in.Routes.RouteCoverage(ctx, in.Span.Window())
	if err != nil {
		return 0, fmt.Errorf("read the coverage of routes: %w", err)
	}
	return coverage(routers, in.Span.Window()), nil
}

// judgeRouted returns a judgement without words about a condition that held for
// some time: nothing, withheld, or a finding.
func judgeRouted(r routed, completeness float64, p Params) Judgement {
	j := Judgement{Outcome: Clear, Completeness: round(completeness, 4), FirstDay: r.first, LastDay: r.last}
	if r.seconds == 0 {
		return j
	}
	if completeness < p["min_completeness"] {
		j.Outcome, j.Reason = Withheld, "low_completeness"
		j.Facts = FactSet{"hours": r.hours()}
		return j
	}
	need := p["min_hours"] * 3600
	if float64(r.seconds) < need {
		return j
	}
	j.Outcome = Fires
	// A route held just long enough may still be a mistake that was mended.
	j.Confidence = round((1-0.2*need/float64(r.seconds))*min(1, completeness), 4)
	return j
}

// longest looks at the places where something was routed without being excused,
// and returns the one where it was longest, with its state there and the names of
// all where it was for as long as the rule asks. at is nil where it was excused
// everywhere.
func longest[T, S any](places []T, unexcused func(*T) (routed, *S), name func(*T, *S) string, p Params) (most routed, state *S, at *T, names []string) {
	for i := range places {
		place := &places[i]
		r, s := unexcused(place)
		if s == nil {
			continue
		}
		if float64(r.seconds) >= p["min_hours"]*3600 {
			names = addNew(names, []string{name(place, s)})
		}
		if at == nil || r.seconds > most.seconds {
			most, state, at = r, s, place
		}
	}
	return most, state, at, names
}

// uncertain lowers a finding that rests on a number nobody is named by.
func (j *Judgement) uncertain() {
	j.Severity = Low
	j.Confidence = round(j.Confidence/2, 4)
}

// routeEvidence points to the routes about a prefix or a network, and to the
// routers that told them.
func routeEvidence(what string, routers []string) []Evidence {
	ev := []Evidence{{Kind: "routes", Title: "routes about " + what, Ref: "routes/" + what}}
	for _, r := range firstOf(routers, 20) {
		ev = append(ev, Evidence{Kind: "completeness", Title: "sessions of router " + r, Ref: "route_peers/" + r})
	}
	return ev
}

// benignShort says why a leak or a flap does not explain a route.
func benignShort(r routed, p Params) BenignTest {
	return BenignTest{Name: "short_leak", Result: Text{
		ZH: fmt.Sprintf("累计存续 %.1f 小时，下限 %g 小时", r.hours(), p["min_hours"]),
		EN: fmt.Sprintf("held for %.1f hours in all, %g are needed", r.hours(), p["min_hours"]),
	}}
}

// benignPrivate says whether the network has a number of its own.
func benignPrivate(n *RouteNetwork) BenignTest {
	t := BenignTest{Name: "private_number", Result: Text{ZH: "不是未登记的私有号码", EN: "not a private number that is filed for nobody"}}
	if n.Private {
		t.Result = Text{ZH: "私有号码且未登记，无法由号码得知归属，须向客户核实，置信度已降低", EN: "a private number filed for nobody: whose it is must be asked of the customer, the confidence is lowered"}
	}
	return t
}

// setAside reports whether a network is not judged at all.
func (n *RouteNetwork) setAside(p Params) bool { return n.Private && p["private_asns"] == 0 }
