package xml_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xml"
)

// TestDatacentresAreReadBack writes the file of a data centre, checks it against
// the schema, and makes the same ledgers of it.
func TestDatacentresAreReadBack(t *testing.T) {
	prefix := netip.MustParsePrefix
	since := registry.Validity{From: registry.NewDate(2025, 3, 1)}
	given := &registry.Ledgers{
		Enterprises: []registry.Enterprise{
			{ID: "IDC", Name: "某某数据", Nature: "enterprise"},
			{ID: "B", Name: "乙公司", Nature: "enterprise", USCC: "91350100M000100Y43"},
			{ID: "G", Name: "某部队", Nature: "military"},
		},
		Licences: []registry.Licence{
			{No: "B1-20200001", EnterpriseID: "IDC", Service: "B11", National: true, Status: "active"},
			{No: "B1-20200002", EnterpriseID: "G", Service: "B11", Status: "active"}, // holds no block for it
		},
		Allocations: []registry.Allocation{
			{Prefix: prefix("203.0.113.0/24"), EnterpriseID: "IDC", Use: "idc", Place: "110100", Valid: since},
			{Prefix: prefix("203.0.113.8/29"), EnterpriseID: "B", Parent: prefix("203.0.113.0/24"), Use: "idc", Place: "110100", Valid: since},
			{Prefix: prefix("203.0.113.64/26"), EnterpriseID: "G", Parent: prefix("203.0.113.0/24"), Use: "isp", Place: "110100", Valid: since},
			{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "IDC", Use: "idc", Place: "31", Valid: registry.Validity{From: registry.NewDate(2027, 1, 1)}},
		},
		Translations: []registry.Translation{{PublicPrefix: prefix("203.0.113.9/32"), SharedBy: []string{"B"}}},
		ICPFilings:   []registry.ICPFiling{{No: "京ICP备1号", Domain: "example.com", EnterpriseID: "B", Status: "active"}},
		ICPAccesses:  []registry.ICPAccess{{FilingNo: "京ICP备1号", Domain: "example.com", Provider: "IDC"}},
	}
	hide := func(name string) string { return strings.ReplaceAll(name, "某部队", "［限制类单位 G］") }
	files, err := xml.WriteDatacentres(registry.NewSnapshot(given, nil), filingDay, hide)
	if err != nil || len(files) != 1 || files[0].Licence != "B1-20200001" || files[0].Houses != 1 || files[0].Blocks != 1 || files[0].Users != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if p := xml.Validate("f.xml", bytes.NewReader(files[0].Text)); len(p) != 0 {
		t.Errorf("it does not fit the schema: %v\n%s", p, files[0].Text)
	}
	if bytes.Contains(files[0].Text, []byte("某部队")) {
		t.Errorf("a restricted body is named: %s", files[0].Text)
	}
	tables, problems := convert(t, files[0].Text)
	var got []string
	for _, row := range rows(tables) {
		if !strings.HasPrefix(row, "enterprises") && !strings.Contains(row, "203.0.113.64") {
			got = append(got, row)
		}
	}
	want := []string{
		"licences: B1-20200001,IDC,B11",
		"allocations: 203.0.113.0/24,IDC,,idc,110100,2025-03-01",
		"allocations: 203.0.113.8/29,B,203.0.113.0/24,idc,110100,2025-03-01",
		"translations: 203.0.113.9/32,B",
		"icp_filings: 京ICP备1号,example.com,B,active",
		"icp_access: 京ICP备1号,example.com,IDC,",
	}
	if diff := cmp.Diff(want, got); diff != "" || len(problems) != 0 {
		t.Errorf("%s\n%q", diff, problems)
	}
}

// TestDatacentreSchema names every kind of mistake of a data centre file.
func TestDatacentreSchema(t *testing.T) {
	house := "<houseInfo><houseId>7</houseId></houseInfo>"
	for want, text := range map[string]string{
		"idcId is missing":                      house,
		"houseType: \"3\" is not one of 1, 2":   "<idcId>x</idcId><houseInfo><houseId>7</houseId><houseType>3</houseType></houseInfo>",
		"houseProvince: \"11\" is not a code":   "<idcId>x</idcId><houseInfo><houseId>7</houseId><houseProvince>11</houseProvince></houseInfo>",
		"bandWidth: \"fast\" is not a number":   "<idcId>x</idcId><houseInfo><houseId>7</houseId><gatewayInfo><bandWidth>fast</bandWidth></gatewayInfo></houseInfo>",
		"useTime: \"2026-02-30\" is not a date": "<idcId>x</idcId><houseInfo><houseId>7</houseId><ipSegInfo><startIp>192.0.2.1</startIp><endIp>192.0.2.9</endIp><useTime>2026-02-30</useTime></ipSegInfo></houseInfo>",
		"from 192.0.2.9 to 192.0.2.1 is none":   "<idcId>x</idcId><houseInfo><houseId>7</houseId><ipSegInfo><startIp>192.0.2.9</startIp><endIp>192.0.2.1</endIp></ipSegInfo></houseInfo>",
		"unitNature: \"8\" is not one of":       "<idcId>x</idcId>" + house + "<userInfo><unitName>a</unitName><unitNature>8</unitNature></userInfo>",
		"idNumber is missing, which idType 1":   "<idcId>x</idcId>" + house + "<userInfo><unitName>a</unitName><idType>1</idType></userInfo>",
		"serviceInfo: business is missing":      "<idcId>x</idcId>" + house + "<userInfo><unitName>a</unitName><serviceInfo><serviceId>1</serviceId></serviceInfo></userInfo>",
		"the file has no houseInfo \"8\"":       "<idcId>x</idcId>" + house + "<userInfo><unitName>a</unitName><serviceInfo><business>1</business><housesHoldInfo><houseId>8</houseId></housesHoldInfo></serviceInfo></userInfo>",
		"houseInfo: houseId is there twice":     "<idcId>x</idcId><houseInfo><houseId>7</houseId><houseId>8</houseId></houseInfo>",
		"ipSeg: endIp is missing":               "<idcId>x</idcId>" + house + "<userInfo><unitName>a</unitName><serviceInfo><business>1</business><housesHoldInfo><houseId>7</houseId><ipSeg><startIp>192.0.2.1</startIp></ipSeg></housesHoldInfo></serviceInfo></userInfo>",
	} {
		var all []string
		for _, p := range xml.Validate("f.xml", strings.NewReader("<basicInfo><newInfo>"+text+"</newInfo></basicInfo>")) {
			all = append(all, p.String())
		}
		if got := strings.Join(all, "\n"); !strings.Contains(got, want) {
			t.Errorf("problems %q, want %q", got, want)
		}
	}
}
