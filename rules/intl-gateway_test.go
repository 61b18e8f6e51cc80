package rules_test

import (
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestIntlGateway(t *testing.T) {
	const id = "192.0.2.1/7"
	row := func(status, from, to string) registry.Gateway {
		return registry.Gateway{ID: "GW", Status: status, Valid: validity(t, from, to), Operator: "CT"}
	}
	for _, tt := range []struct {
		name, gateway, role string
		rows                []registry.Gateway
		want                rules.Outcome
		ceased              bool
		fault               string
	}{
		{name: "live", gateway: "GW", rows: []registry.Gateway{row("live", "", "")}},
		{name: "none named", want: rules.Fires, fault: "no_gateway_named"},
		{name: "in no ledger", gateway: "GW", want: rules.Fires, fault: "gateway_not_in_ledger"},
		{name: "closed", gateway: "GW", rows: []registry.Gateway{row("closed", "", "")}, want: rules.Fires, fault: "gateway_closed"},
		{name: "approved only", gateway: "GW", rows: []registry.Gateway{row("approved", "", "")}, want: rules.Fires, fault: "gateway_not_live_yet"},
		{name: "accepted only", gateway: "GW", rows: []registry.Gateway{row("accepted", "", "")}, want: rules.Fires, fault: "gateway_not_live_yet"},
		{name: "over", gateway: "GW", rows: []registry.Gateway{row("live", "", "2026-02-28")}, want: rules.Fires, fault: "gateway_not_valid"},
		{name: "live up to the last day", gateway: "GW", rows: []registry.Gateway{row("live", "", "2026-03-08")}},
		{name: "live from inside the span", gateway: "GW", rows: []registry.Gateway{row("accepted", "2020-01-01", "2026-03-03"), row("live", "2026-03-04", "")}, want: rules.Fires, ceased: true, fault: "gateway_not_live_yet"},
		{name: "closed inside the span", gateway: "GW", rows: []registry.Gateway{row("live", "", "2026-03-03"), row("closed", "2026-03-04", "")}, want: rules.Fires, fault: "gateway_closed"},
		{name: "unknown status", gateway: "GW", rows: []registry.Gateway{row("", "", "")}, want: rules.Withheld},
		{name: "not international", role: "peer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			if tt.role == "" {
				tt.role = "international"
			}
			l.Exporters = []registry.Exporter{{Address: netip.MustParseAddr("192.0.2.1"), Place: "310000"}}
			l.Interfaces = []registry.Interface{{Exporter: netip.MustParseAddr("192.0.2.1"), IfIndex: 7, Role: tt.role, Gateway: tt.gateway, LineID: "I1"}}
			l.Gateways = tt.rows
			got := judge(t, rules.IntlGateway(), l, nil, "2026-03-01", "2026-03-08")[id]
			complete(t, got)
			if got.Outcome != tt.want || got.Ceased != tt.ceased || tt.want == rules.Fires && (got.Facts["fault"] != tt.fault || got.subject.Kind != rules.SubjectInterface) {
				t.Errorf("outcome %v, ceased %v, facts %v: %s", got.Outcome, got.Ceased, got.Facts, got.Explanation.EN)
			}
		})
	}
}
