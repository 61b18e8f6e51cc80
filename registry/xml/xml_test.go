package xml_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xml"
)

// filing is an IP filing; 3325256704 is 198.51.100.0, 3405803776 203.0.113.0.
const filing = `<?xml version="1.0" encoding="GBK"?>
<UploadData><IP><version>V.3.0</version>
<Bbdwlist><Bbdw><Id>8</Id><Dwmc>省公司</Dwmc><Shengid>310000</Shengid></Bbdw></Bbdwlist>
<Lyxx><Ly><Id>1</Id><Qsip>3325256704</Qsip><Zzip>3325256959</Zzip><Lydw>APNIC</Lydw></Ly></Lyxx>
<Fpxx>
<Fpsy><Qsip>3325256704</Qsip><Zzip>3325256767</Zzip><Fpfs>1</Fpfs><Syfs>1</Syfs><Fprq>2025-03-01</Fprq><Dwmc>甲公司</Dwmc><Dwxz>4</Dwxz><Shengid>310000</Shengid><Shiid>310100</Shiid><Lxrxm>张三</Lxrxm><Lxrdh>13800000000</Lxrdh></Fpsy>
<Fpsy><Qsip>3325256768</Qsip><Zzip>3325256770</Zzip><Fpfs>1</Fpfs><Syfs>2</Syfs><Fprq>2025-03-01 10:00</Fprq><Dwmc>李四</Dwmc><Dwxz>5</Dwxz></Fpsy>
<Fpsy><Qsip>3325256776</Qsip><Zzip>3325256783</Zzip><Fpfs>2</Fpfs><Fpdx>8</Fpdx></Fpsy>
<Fpsy><Qsip>3325256784</Qsip><Zzip>3325256791</Zzip><Fpfs>3</Fpfs><Fprq>2024-02-30</Fprq></Fpsy>
<Fpsy><Qsip>3325256792</Qsip><Zzip>3325256799</Zzip><Fpfs>4</Fpfs></Fpsy>
<Fpsy><Qsip>3325256799</Qsip><Zzip>3325256792</Zzip><Fpfs>3</Fpfs></Fpsy>
<Fpsy><Qsip>2001:db8::</Qsip><Zzip>2001:db8:0:ffff:ffff:ffff:ffff:ffff</Zzip><Fpfs>1</Fpfs><Dwmc>甲公司</Dwmc></Fpsy>
</Fpxx>
<Jsxx><Gbxx><Gbdw>8</Gbdw><Sqdw>9</Sqdw><Qsip>203.0.113.0</Qsip><Zzip>203.0.113.255</Zzip></Gbxx></Jsxx>
</IP></UploadData>`

const datacentre = `<?xml version="1.0" encoding="UTF-8"?>
<basicInfo><provId>1</provId><newInfo>
<idcId>B1-20200001</idcId><idcName>某某数据</idcName><corp>王五</corp>
<houseInfo><houseId>7</houseId><houseProvince>110000</houseProvince><houseOfficerInfo><name>赵六</name></houseOfficerInfo>
<gatewayInfo><id>1</id><bandWidth>10000</bandWidth></gatewayInfo>
<ipSegInfo><startIp>203.0.113.0</startIp><endIp>203.0.113.255</endIp><type>0</type><useTime>2024-01-01</useTime></ipSegInfo>
<ipSegInfo><startIp>198.51.100.8</startIp><endIp>198.51.100.15</endIp><type>0</type></ipSegInfo>
<ipSegInfo><startIp>198.51.100.0</startIp><endIp>198.51.100.7</endIp><type>2</type></ipSegInfo></houseInfo>
<userInfo><id>1</id><nature>1</nature><unitName>乙公司</unitName><unitNature>4</unitNature><idType>1</idType><idNumber>91350100M000100Y43</idNumber>
<serviceInfo><serviceId>1</serviceId><regId>京ICP备1号</regId><business>1</business><domain>Example.COM</domain><domain><id>3</id><name>Example.NET</name></domain><domain><id>4</id><domainName>example.org</domainName></domain>
<housesHoldInfo><houseId>7</houseId><distributeTime>2025-01-01</distributeTime>
<ipSeg><startIp>203.0.113.8</startIp><endIp>203.0.113.11</endIp></ipSeg><ipSeg><startIp>198.51.100.8</startIp><endIp>198.51.100.15</endIp></ipSeg>
<ipTrans><internetIp><startIp>203.0.113.200</startIp><endIp>203.0.113.200</endIp></internetIp><privateIp><startIp>10.0.0.1</startIp><endIp>10.0.0.9</endIp></privateIp></ipTrans>
</housesHoldInfo></serviceInfo></userInfo>
<userInfo><id>2</id><unitName>丙公司</unitName><unitNature>4</unitNature><idType>1</idType><idNumber>911101050000000000</idNumber>
<serviceInfo><business>2</business><housesHoldInfo><houseId>7</houseId><ipTrans><internetIp><startIp>203.0.113.200</startIp></internetIp></ipTrans></housesHoldInfo></serviceInfo></userInfo>
</newInfo><deleteInfo><userInfo><unitName>丁公司</unitName></userInfo></deleteInfo></basicInfo>`

func gbk(tb testing.TB, text string) []byte {
	tb.Helper()
	out, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// rows writes tables as CSV without quotes.
func rows(tables []registry.Table) []string {
	var out []string
	for _, t := range tables {
		for _, r := range t.Rows {
			out = append(out, t.Name+": "+strings.Join(r.Fields, ","))
		}
	}
	return out
}

// known gives readable ids to the enterprises of these tests.
func known() []registry.Table {
	t := registry.Table{Name: "enterprises", Columns: []string{"enterprise_id", "name"}}
	for id, name := range map[string]string{"A": "甲公司", "B": "乙公司", "C": "丙公司", "IDC": "某某数据"} {
		t.Rows = append(t.Rows, registry.Row{Fields: []string{id, name}})
	}
	return []registry.Table{t}
}

func convert(t *testing.T, text []byte) (tables []registry.Table, problems []string) {
	t.Helper()
	c := xml.NewConverter(known())
	for _, p := range c.Read("f.xml", bytes.NewReader(text)) {
		s := p.String()
		if p.Warning {
			s += " (warning)"
		}
		problems = append(problems, s)
	}
	tables = c.Tables()
	if _, bad := registry.Parse(tables); slices.ContainsFunc(bad, func(p registry.Problem) bool { return !p.Warning }) {
		t.Errorf("the ledgers cannot be imported: %v", bad)
	}
	return tables, problems
}

func TestFiling(t *testing.T) {
	tables, problems := convert(t, gbk(t, filing))
	want := []string{
		"enterprises: bbdw-8,省公司,,,310000", "enterprises: A,甲公司,,enterprise,310100", "enterprises: n-individuals,（个人用户）,,individual,", "enterprises: bbdw-9,,,,",
		"sources: 198.51.100.0/24,APNIC",
		"allocations: 198.51.100.0/26,A,,,310100,2025-03-01",
		"allocations: 198.51.100.64/31,n-individuals,,subscriber_pool,,2025-03-01", "allocations: 198.51.100.66/32,n-individuals,,subscriber_pool,,2025-03-01",
		"allocations: 198.51.100.72/29,bbdw-8,,,,",
		"allocations: 198.51.100.80/29,,,infrastructure,,",
		"allocations: 2001:db8::/48,A,,,,",
		"broadcasts: 203.0.113.0/24,bbdw-8,bbdw-9",
	}
	if diff := cmp.Diff(want, rows(tables)); diff != "" {
		t.Error(diff)
	}
	wantProblems := []string{
		`f.xml:9:1: Fprq: "2024-02-30" is not a date of the form YYYY-MM-DD, and is taken for unknown (warning)`,
		"f.xml:11:1: Fpsy: the range from 198.51.100.95 to 198.51.100.88 is none; the record is left out",
		"f.xml:1:1: 1 × reserved block (Fpfs 4): this is in no ledger, and left out (warning)",
	}
	if diff := cmp.Diff(wantProblems, problems); diff != "" {
		t.Error(diff)
	}
}

func TestDataCentre(t *testing.T) {
	tables, problems := convert(t, []byte(datacentre))
	want := []string{
		"enterprises: IDC,某某数据,,enterprise,", "enterprises: B,乙公司,91350100M000100Y43,enterprise,", "enterprises: C,丙公司,,enterprise,",
		"licences: B1-20200001,IDC,B11",
		"allocations: 203.0.113.0/24,IDC,,idc,110000,2024-01-01", "allocations: 198.51.100.8/29,B,,idc,110000,2025-01-01",
		"allocations: 203.0.113.8/30,B,203.0.113.0/24,idc,110000,2025-01-01",
		"translations: 203.0.113.200/32,B;C",
		"icp_filings: 京ICP备1号,example.com,B,active",
		"icp_filings: 京ICP备1号,example.net,B,active",
		"icp_filings: 京ICP备1号,example.org,B,active",
		"icp_access: 京ICP备1号,example.com,IDC,203.0.113.8/30;198.51.100.8/29",
		"icp_access: 京ICP备1号,example.net,IDC,203.0.113.8/30;198.51.100.8/29",
		"icp_access: 京ICP备1号,example.org,IDC,203.0.113.8/30;198.51.100.8/29",
	}
	if diff := cmp.Diff(want, rows(tables)); diff != "" {
		t.Error(diff)
	}
	if len(problems) != 2 || !strings.Contains(strings.Join(problems, "\n"), "1 × gatewayInfo") {
		t.Errorf("problems %q", problems)
	}
}

// TestPersonsAreLeftOut looks for the persons of both files in all that comes
// out.
func TestPersonsAreLeftOut(t *testing.T) {
	for _, text := range [][]byte{gbk(t, filing), []byte(datacentre)} {
		tables, problems := convert(t, text)
		all := strings.Join(append(rows(tables), problems...), "\n")
		for _, name := range []string{"张三", "李四", "王五", "赵六", "13800000000"} {
			if strings.Contains(all, name) {
				t.Errorf("%s is in what was made of a filing", name)
			}
		}
	}
}

func TestNewNamesGetStableIDs(t *testing.T) {
	c, d := xml.NewConverter(nil), xml.NewConverter(nil)
	c.Read("a.xml", strings.NewReader(datacentre))
	c.Read("b.xml", strings.NewReader(datacentre)) // the same once more changes nothing
	d.Read("a.xml", strings.NewReader(datacentre))
	if diff := cmp.Diff(rows(d.Tables()), rows(c.Tables())); diff != "" {
		t.Error(diff)
	}
	if id := c.Tables()[0].Rows[0].Fields[0]; len(id) != 18 || !strings.HasPrefix(id, "n-") {
		t.Errorf("id %q", id)
	}
}

func TestRefused(t *testing.T) {
	deep := "<UploadData><IP><Fpsy>" + strings.Repeat("<a>", 50) + strings.Repeat("</a>", 50) + "</Fpsy></IP></UploadData>"
	wide := "<UploadData><IP><Fpsy>" + strings.Repeat("<a/>", 100_001) + "</Fpsy></IP></UploadData>"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":    {"", "f.xml:1:1: the file is neither an IP filing"},
		"other root": {"<html/>", "the file is neither an IP filing"},
		"ICP":        {"<UploadData>\n<ICP/></UploadData>", "f.xml:2:1: the file holds filings of kind ICP; only IP is read"},
		"broken":     {"<UploadData>\n<IP></UploadData>", "f.xml:2:1: the XML is broken"},
		"cut short":  {"<UploadData><IP><Ly><Qsip>1", "the XML is broken"},
		"doctype":    {`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><UploadData/>`, "document type declaration"},
		"charset":    {`<?xml version="1.0" encoding="KOI8-R"?><UploadData/>`, `the character set "KOI8-R" is not read`},
		"deep":       {deep, "more than 100000 elements, or they lie deeper than 24"},
		"wide":       {wide, "more than 100000 elements"},
		"long":       {"<UploadData><IP><Ly><Lydw>" + strings.Repeat("x", 5000) + "</Lydw></Ly></IP></UploadData>", "longer than 4096 bytes"},
		"large":      {"<UploadData>" + strings.Repeat(" ", xml.MaxFileBytes), "more than 67108864 bytes"},
		"entity":     {"<UploadData><IP><Ly><Lydw>&x;</Lydw></Ly></IP></UploadData>", "the XML is broken"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := convert(t, []byte(c.text))
			if len(problems) != 1 || !strings.Contains(problems[0], c.want) {
				t.Errorf("problems %q, want %q", problems, c.want)
			}
		})
	}
}

// FuzzConvert makes ledgers of anything: what comes out can be parsed or is
// told to be wrong, and holds no prefix that is none.
func FuzzConvert(f *testing.F) {
	f.Add(gbk(f, filing))
	f.Add([]byte(datacentre))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := xml.NewConverter(nil)
		c.Read("f.xml", bytes.NewReader(text))
		for _, table := range c.Tables() {
			if !slices.Contains([]string{"sources", "allocations", "broadcasts", "translations"}, table.Name) {
				continue
			}
			for _, r := range table.Rows {
				if p, err := netip.ParsePrefix(r.Fields[0]); err != nil || p != p.Masked() {
					t.Errorf("prefix %q: %v", r.Fields[0], err)
				}
			}
		}
	})
}

// TestRangesAreExact turns ranges into prefixes and adds their addresses up:
// they must follow one another from the first address to the last.
func TestRangesAreExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ranges := [][2]uint32{{0, math.MaxUint32}, {math.MaxUint32, math.MaxUint32}, {1, math.MaxUint32 - 1}, {0, 0}, {255, 256}}
	for range 500 {
		a, b := random.Uint32(), random.Uint32()
		ranges = append(ranges, [2]uint32{min(a, b), max(a, b)}, [2]uint32{a, a | 0xff})
	}
	for _, r := range ranges {
		text := fmt.Sprintf("<UploadData><IP><Ly><Qsip>%d</Qsip><Zzip>%d</Zzip></Ly></IP></UploadData>", r[0], r[1])
		c := xml.NewConverter(nil)
		if problems := c.Read("f.xml", strings.NewReader(text)); len(problems) > 0 {
			t.Fatal(problems)
		}
		next := uint64(r[0])
		for _, row := range c.Tables()[0].Rows {
			p := netip.MustParsePrefix(row.Fields[0])
			if b := p.Addr().As4(); uint64(binary.BigEndian.Uint32(b[:])) != next || p != p.Masked() {
				t.Fatalf("%v: %s does not begin at %d", r, p, next)
			}
			next += 1 << (32 - p.Bits())
		}
		if next != uint64(r[1])+1 {
			t.Fatalf("%v ends at %d", r, next)
		}
	}
}
