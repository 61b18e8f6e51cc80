package report_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// privateLedgers are a pool of subscribers, blocks and a line of a person, a
// military body, and a firm whose addresses are nobody's secret.
func privateLedgers() *registry.Snapshot {
	prefix := netip.MustParsePrefix
	return registry.NewSnapshot(&registry.Ledgers{
		Enterprises: []registry.Enterprise{
			{ID: "P", Name: "张三丰", Nature: "individual"},
			{ID: "M", Name: "某部队", NameEN: "A Unit", Nature: "military"},
			{ID: "F", Name: "甲公司", Nature: "enterprise"},
		},
		Allocations: []registry.Allocation{
			{Prefix: prefix("198.51.100.0/22"), EnterpriseID: "F", Use: "subscriber_pool"},
			{Prefix: prefix("203.0.113.8/29"), EnterpriseID: "P", Use: "enterprise"},
			{Prefix: prefix("203.0.113.64/26"), EnterpriseID: "F", Use: "enterprise"},
			{Prefix: prefix("2001:db8:1:200::/56"), Use: "subscriber_pool"},
			{Prefix: prefix("2001:db8:2::/48"), EnterpriseID: "F", Use: "enterprise"},
		},
		Lines:         []registry.Line{{ID: "L1", EnterpriseID: "P"}, {ID: "L2", EnterpriseID: "F"}},
		LineEndpoints: []registry.LineEndpoint{{LineID: "L1", Prefix: prefix("192.0.2.128/28")}, {LineID: "L2", Prefix: prefix("192.0.2.64/28")}},
	}, nil)
}

// TestVeil shows what may be shown, and no finer than it may.
func TestVeil(t *testing.T) {
	p := report.Privacy{Mask: report.Mask{V4: 24, V6: 48}}
	veil := p.Veil(privateLedgers())
	for given, want := range map[string]string{
		"地址 198.51.101.7（动态）":                  "地址 198.51.101.0/24（动态）",
		"198.51.100.0/22":                      "198.51.100.0/22",
		"198.51.100.128/25":                    "198.51.100.0/24",
		"allocations/203.0.113.8/29":           "allocations/203.0.113.0/24",
		"203.0.113.9, 203.0.113.65.":           "203.0.113.0/24, 203.0.113.65.",
		"203.0.113.0/24":                       "203.0.113.0/24",
		"192.0.2.130-192.0.2.131":              "192.0.2.0/24-192.0.2.0/24",
		"192.0.2.66":                           "192.0.2.66",
		"2001:db8:1:2ff::5/128 far":            "2001:db8:1:200::/56 far",
		"2001:db8:2::1":                        "2001:db8:2::1",
		"2026-03-01T10:00:00Z 1.5 a.b 12:30":   "2026-03-01T10:00:00Z 1.5 a.b 12:30",
		"张三丰与某部队（A Unit）和甲公司":                  "张*与［限制类单位 M］（[restricted body M]）和甲公司",
		"日均 13800138000 字节":                    "日均 13800138000 字节",
		"999.1.1.1 and 198.51.100.7/33 and ::": "999.1.1.1 and 198.51.100.7/33 and ::",
	} {
		if got := veil.Replace(given); got != want {
			t.Errorf("%q is shown as %q, want %q", given, got, want)
		}
		if got := new(report.Veil).Replace(given); got != given {
			t.Errorf("without a veil %q is shown as %q", given, got)
		}
	}
	open := report.Privacy{Unmasked: true}
	if got := open.Veil(privateLedgers()).Typed("张三丰 13800138000"); got != "张三丰 13800138000" {
		t.Errorf("unmasked, it is %q", got)
	}
}

// TestTyped masks how persons are reached in what people wrote.
func TestTyped(t *testing.T) {
	p := report.Privacy{}
	veil := p.Veil(privateLedgers())
	for given, want := range map[string]string{
		"联系李四 13800138000，":              "联系李四 138****8000，",
		"身份证 110101199003071234 已核":      "身份证 110***********1234 已核",
		"身份证 11010119900307123X":         "身份证 110***********123X",
		"电话 010-12345678 或 075512345678": "电话 010*****5678 或 075*****5678",
		"邮箱 li.si@example.com。":          "邮箱 l***@。",
		"信用代码 91350100M000100Y43":        "信用代码 91350100M000100Y43",
		"工单 2026110100012":               "工单 2026110100012",
		"198.51.100.7":                   "198.51.100.0/24",
	} {
		if got := veil.Typed(given); got != want {
			t.Errorf("%q is shown as %q, want %q", given, got, want)
		}
	}
}

// TestFindingsAreVeiled looks for a person's address in every text of a finding.
func TestFindingsAreVeiled(t *testing.T) {
	p := report.Privacy{Mask: report.Mask{V4: 24, V6: 48}}
	const secret = "203.0.113.9"
	f := rules.Finding{
		Subject:     rules.Subject{Kind: rules.SubjectPrefix, ID: secret + "/32", Name: secret},
		Title:       rules.Text{ZH: secret, EN: secret},
		Explanation: rules.Text{ZH: "地址" + secret + "，", EN: secret + "."},
		Facts:       rules.FactSet{"address": secret, "list": []string{secret}, "read": []any{secret, 1.5}},
		Evidence:    []rules.Evidence{{Title: secret, Ref: "routes/" + secret + "/32"}},
		Benign:      []rules.BenignTest{{Name: "x", Result: rules.Text{ZH: secret, EN: secret}}},
	}
	given := string(write(t, "json", []rules.Finding{f}))
	masked := string(write(t, "json", p.Findings([]rules.Finding{f}, p.Veil(privateLedgers()))))
	if strings.Contains(masked, secret) || !strings.Contains(masked, "203.0.113.0/24") {
		t.Errorf("it is shown as %s", masked)
	}
	if again := string(write(t, "json", []rules.Finding{f})); again != given {
		t.Error("what it was given is another thing now")
	}
	events := p.Events([]rules.Event{{Actor: "李四", Note: "已致电 13800138000"}}, p.Veil(privateLedgers()))
	if events[0].Actor != "李*" || events[0].Note != "已致电 138****8000" {
		t.Errorf("events %+v", events)
	}
}
