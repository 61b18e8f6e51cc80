package xml_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xml"
)

// filed are ledgers with every way an address is filed, and names that XML and
// GBK make hard.
func filed() *registry.Ledgers {
	prefix := netip.MustParsePrefix
	since := registry.Validity{From: registry.NewDate(2025, 3, 1)}
	until := registry.Validity{From: registry.NewDate(2025, 3, 1), To: registry.NewDate(2027, 12, 31)}
	return &registry.Ledgers{
		Enterprises: []registry.Enterprise{
			{ID: "C", Name: "示例电信集团有限公司", Nature: "enterprise", Place: "11"},
			{ID: "E1", Name: "甲公司 <&> \"quoted\"", Nature: "enterprise", Place: "310115", USCC: "91350100M000100Y43"},
			{ID: "E&2=x%", Name: "𠮷田（€）公司", Nature: "institution", Place: "31"},
			{ID: "E3", Name: "某部队", Nature: "military"},
			{ID: "E4", Name: "从未备案公司", Nature: "enterprise"},
		},
		ASNs: []registry.ASN{{ASN: 64500, EnterpriseID: "C"}},
		Sources: []registry.SourceBlock{
			{Prefix: prefix("198.51.100.0/24"), RIR: "APNIC", ObtainedOn: registry.NewDate(2010, 1, 2)},
			{Prefix: prefix("2001:db8::/32"), RIR: "APNIC"},
			{Prefix: prefix("0.0.0.0/8"), RIR: "CNNIC"},
		},
		Allocations: []registry.Allocation{
			{Prefix: prefix("198.51.100.0/25"), EnterpriseID: "E1", Use: "isp", Place: "310115", Valid: since, FilingNo: "沪备<1>"},
			{Prefix: prefix("198.51.100.64/26"), EnterpriseID: "E&2=x%", Parent: prefix("198.51.100.0/25"), Use: "idc", Cloud: registry.Yes, Place: "31", Valid: until},
			{Prefix: prefix("198.51.100.128/27"), EnterpriseID: "E3", Use: "subscriber_pool", Valid: since},
			{Prefix: prefix("198.51.100.160/32"), EnterpriseID: "C", Use: "infrastructure", Cloud: registry.No},
			{Prefix: prefix("198.51.100.161/32"), Use: "infrastructure", Valid: since},
			{Prefix: prefix("2001:db8:1::/48"), EnterpriseID: "E1", Valid: since},
		},
		Broadcasts: []registry.Broadcast{
			{Prefix: prefix("198.51.100.0/24"), Announcer: "C", Applicant: "E1", Valid: until},
			{Prefix: prefix("2001:db8::/32"), Announcer: "C"},
		},
	}
}

var filingDay = registry.NewDate(2026, 3, 1)

func same(name string) string { return name }

// readBack converts files, with nothing known before, and parses what comes out.
func readBack(t *testing.T, files [][]byte) *registry.Ledgers {
	t.Helper()
	c := xml.NewConverter(nil)
	for i, text := range files {
		file := fmt.Sprintf("%d.xml", i)
		if problems := c.Read(file, bytes.NewReader(text)); len(problems) > 0 {
			t.Errorf("reading %v", problems)
		}
		if problems := xml.Validate(file, bytes.NewReader(text)); len(problems) > 0 {
			t.Errorf("validating %v", problems)
		}
	}
	ledgers, problems := registry.Parse(c.Tables())
	for _, p := range problems {
		if !p.Warning {
			t.Error(p)
		}
	}
	return ledgers
}

// sorted are the ledgers a filing has, in an order of their own.
func sorted(l *registry.Ledgers) *registry.Ledgers {
	out := &registry.Ledgers{Enterprises: slices.Clone(l.Enterprises), Sources: slices.Clone(l.Sources), Allocations: slices.Clone(l.Allocations), Broadcasts: slices.Clone(l.Broadcasts)}
	slices.SortFunc(out.Enterprises, func(a, b registry.Enterprise) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(out.Sources, func(a, b registry.SourceBlock) int { return a.Prefix.Compare(b.Prefix) })
	slices.SortFunc(out.Allocations, func(a, b registry.Allocation) int { return a.Prefix.Compare(b.Prefix) })
	slices.SortFunc(out.Broadcasts, func(a, b registry.Broadcast) int { return a.Prefix.Compare(b.Prefix) })
	return out
}

var comparing = cmp.Options{cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmpopts.EquateEmpty()}

// TestFilingsAreReadBack writes ledgers and converts what was written: the same
// ledgers come out, but for the enterprise that no address is filed for.
func TestFilingsAreReadBack(t *testing.T) {
	given := filed()
	f, err := xml.WriteFilings(registry.NewSnapshot(given, []uint32{64500}), filingDay, same)
	if err != nil || len(f.Files) != 1 || len(f.Left) != 0 {
		t.Fatalf("%d files, left %v, %v", len(f.Files), f.Left, err)
	}
	want := sorted(given)
	want.Enterprises = slices.DeleteFunc(want.Enterprises, func(e registry.Enterprise) bool { return e.ID == "E4" })
	if diff := cmp.Diff(want, sorted(readBack(t, f.Files)), comparing); diff != "" {
		t.Error(diff)
	}
	if f.Records["Fpsy"] != 6 || f.Records["Ly"] != 3 || f.Records["Gbxx"] != 2 || f.Records["Bbdw"] != 4 {
		t.Errorf("records %v", f.Records)
	}
	text, err := simplifiedchinese.GBK.NewDecoder().Bytes(f.Files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`encoding="GBK"`, "<version>V.3.0</version>", "<Qsip>3325256704</Qsip><Zzip>3325256831</Zzip><Fpdx>", "<Dwmc>示例电信集团有限公司</Dwmc>", "&#134071;田"} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the file does not have %q:\n%s", part, text)
		}
	}
	again, err := xml.WriteFilings(registry.NewSnapshot(given, []uint32{64500}), filingDay, same)
	if err != nil || !bytes.Equal(again.Files[0], f.Files[0]) {
		t.Errorf("other bytes the second time, %v", err)
	}
}

// TestFilingsAreSplit writes more records than a file takes: each file can be
// checked by itself, and all of them make the ledgers.
func TestFilingsAreSplit(t *testing.T) {
	given := &registry.Ledgers{}
	for i := range 1500 {
		id := fmt.Sprintf("E%04d", i)
		given.Enterprises = append(given.Enterprises, registry.Enterprise{ID: id, Name: "公司" + id, Nature: "enterprise"})
		given.Allocations = append(given.Allocations, registry.Allocation{
			Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24), EnterpriseID: id, Use: "idc", Valid: registry.Validity{From: filingDay},
		})
	}
	f, err := xml.WriteFilings(registry.NewSnapshot(given, nil), filingDay, same)
	if err != nil || len(f.Files) != 3 {
		t.Fatalf("%d files, %v", len(f.Files), err)
	}
	if diff := cmp.Diff(sorted(given), sorted(readBack(t, f.Files)), comparing); diff != "" {
		t.Error(diff)
	}
}

// TestFilingsLeaveOut names what is not filed, writes no history, hides names as
// it is told, and never a person.
func TestFilingsLeaveOut(t *testing.T) {
	given := filed()
	given.Enterprises = append(given.Enterprises, registry.Enterprise{ID: "P", Name: "张三", Nature: "individual"})
	given.Allocations = append(given.Allocations,
		registry.Allocation{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Use: "idc"},
		registry.Allocation{Prefix: netip.MustParsePrefix("192.0.2.1/32"), EnterpriseID: "E1", Valid: registry.Validity{To: registry.NewDate(2025, 1, 1)}},
		registry.Allocation{Prefix: netip.MustParsePrefix("192.0.2.2/32"), EnterpriseID: "P"},
	)
	given.Sources = append(given.Sources, registry.SourceBlock{Prefix: netip.MustParsePrefix("192.0.2.0/24"), ObtainedOn: registry.NewDate(2026, 4, 1)})
	hide := strings.NewReplacer("某部队", "［限制类单位 E3］", "张三", "张*")
	f, err := xml.WriteFilings(registry.NewSnapshot(given, []uint32{64500}), filingDay, hide.Replace)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, p := range f.Left {
		left = append(left, p.String())
	}
	want := []string{
		"sources:5:1: 192.0.2.0/24 was obtained after 2026-03-01, and is not filed",
		"allocations:8:1: 192.0.2.0/24 has no holder, and is not filed",
	}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Error(diff)
	}
	text, err := simplifiedchinese.GBK.NewDecoder().Bytes(f.Files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"某部队", "张三", "从未备案"} {
		if strings.Contains(string(text), never) {
			t.Errorf("%s is in the file", never)
		}
	}
	long := &registry.Ledgers{
		Enterprises: []registry.Enterprise{{ID: "E", Name: strings.Repeat("长", 256)}},
		Allocations: []registry.Allocation{{Prefix: netip.MustParsePrefix("192.0.2.0/24"), EnterpriseID: "E"}},
	}
	if _, err := xml.WriteFilings(registry.NewSnapshot(long, nil), filingDay, same); err == nil || !strings.Contains(err.Error(), "name of enterprise E has more than the 255") {
		t.Errorf("a name that is too long: %v", err)
	}
}

// TestValidate names every kind of mistake by its line.
func TestValidate(t *testing.T) {
	const head = "<UploadData><IP>\n"
	record := func(text string) string { return head + text + "</IP></UploadData>" }
	for name, tt := range map[string]struct{ text, want string }{
		"good":        {record("<Fpsy><Qsip>1</Qsip><Zzip>2</Zzip><Fpfs>4</Fpfs></Fpsy>"), ""},
		"missing":     {record("<Ly><Qsip>1</Qsip><Lydw>x</Lydw></Ly>"), "f.xml:2:1: Ly: Zzip is missing"},
		"conditional": {record("<Fpsy><Qsip>1</Qsip><Zzip>2</Zzip><Fpfs>2</Fpfs></Fpsy>"), "Fpsy: Fpdx is missing, which Fpfs 2 asks for"},
		"enumeration": {record("<Fpsy><Qsip>1</Qsip><Zzip>2</Zzip><Fpfs>5</Fpfs></Fpsy>"), `Fpsy: Fpfs: "5" is not one of 1, 2, 3, 4`},
		"unknown":     {record("<Ly><Qsip>1</Qsip><Zzip>2</Zzip><Lydw>x</Lydw><Mima>1</Mima></Ly>"), "Ly: Mima is not an element of it"},
		"twice":       {record("<Ly><Qsip>1</Qsip><Zzip>2</Zzip><Lydw>x</Lydw><Lydw>y</Lydw></Ly>"), "Ly: Lydw is there twice"},
		"reversed":    {record("<Ly><Qsip>9</Qsip><Zzip>2</Zzip><Lydw>x</Lydw></Ly>"), "the range from 0.0.0.9 to 0.0.0.2 is none"},
		"address":     {record("<Ly><Qsip>x</Qsip><Zzip>2</Zzip><Lydw>x</Lydw></Ly>"), `Ly: Qsip: "x" is neither an integer`},
		"date":        {record("<Fpsy><Qsip>1</Qsip><Zzip>2</Zzip><Fpfs>4</Fpfs><Fprq>2026-02-30</Fprq></Fpsy>"), `Fprq: "2026-02-30" is not a date`},
		"place":       {record("<Bbdw><Id>1</Id><Shengid>31</Shengid></Bbdw>"), `Shengid: "31" is not a code of six digits`},
		"too long":    {record("<Bbdw><Id>1</Id><Dwmc>" + strings.Repeat("长", 256) + "</Dwmc></Bbdw>"), "Dwmc has more than 255 characters"},
		"empty":       {record(""), "the file has no record"},
		"too many":    {record(strings.Repeat("<Bbdw><Id>1</Id></Bbdw>", 1001)), "more than the 1000 records"},
		"broken":      {head, "the XML is broken"},
		"house":       {"<basicInfo><newInfo><houseInfo><ipSegInfo><startIp>192.0.2.9</startIp><endIp>192.0.2.1</endIp></ipSegInfo></houseInfo></newInfo></basicInfo>", "houseInfo: houseId is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := xml.Validate("f.xml", strings.NewReader(tt.text))
			var all []string
			for _, p := range problems {
				all = append(all, p.String())
			}
			got := strings.Join(all, "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
	if p := xml.Validate("f.xml", strings.NewReader(datacentre)); len(p) != 0 {
		t.Errorf("the data centre: %v", p)
	}
}
