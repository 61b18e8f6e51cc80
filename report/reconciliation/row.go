package reconciliation

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// Name is a result of the filing systems.
type Name struct {
	// ZH is the official name, Code the element or list it is told in, and EN
	// what it says.
	ZH   string `json:"zh"`
	Code string `json:"code"`
	EN   string `json:"en"`
	// Rule is the rule whose findings are told by it.
	Rule string `json:"rule"`
}

// names are all results, in the order of the specification.
var names = []Name{
	{"未报", "Wb", "not filed", "filing-unreported"},
	{"冲突", "Ct", "conflicting", "filing-conflict"},
	{"越界", "Yj", "outside", "filing-outside"},
	{"多报", "Jrhc-1", "filed in excess", "icp-stale-access"},
	{"少报", "Jrhc-2", "filed too little", "icp-access-provider"},
	{"空壳", "Kkwzhc", "empty shell", "icp-empty-shell"},
	{"未备案", "WBAWZ", "site without a filing", "icp-unfiled"},
}

// Names lists the results of the filing systems that findings are told by.
func Names() []Name { return slices.Clone(names) }

// The kinds of address filings a result is about, as the specification numbers
// them (Wblx, Ctlx, Yjlx).
const (
	ofSource     = "1"
	ofAllocation = "2"
)

// Row is one result. Fields that a result does not have are empty.
type Row struct {
	Name string `json:"name"`
	Code string `json:"code"`
	// Kind is 1 for a source block and 2 for an allocation; empty for sites.
	Kind string `json:"kind"`
	// First and Last bound the addresses, and FirstNumber and LastNumber are
	// the same as unsigned integers of 32 bits, as filings have them (Qsip,
	// Zzip); empty for IPv6.
	First       string `json:"first_address"`
	Last        string `json:"last_address"`
	FirstNumber string `json:"first_number"`
	LastNumber  string `json:"last_number"`
	// Other is what the addresses contradict: another filing, an announcement,
	// or the block they are outside of, with whose it is.
	OtherFirst string `json:"other_first_address"`
	OtherLast  string `json:"other_last_address"`
	OtherUnit  string `json:"other_unit"`
	Domain     string `json:"domain"`
	Address    string `json:"address"`
	Filings    string `json:"filing_no"`
	Providers  string `json:"providers"`

	Unit     string `json:"unit"`
	UnitName string `json:"unit_name"`
	Province string `json:"province"`

	Finding   string      `json:"finding"`
	Rule      string      `json:"rule"`
	State     rules.State `json:"state"`
	Severity  string      `json:"severity"`
	FirstSeen time.Time   `json:"first_seen"`
	LastSeen  time.Time   `json:"last_seen"`
	// Completeness is the share of the expected data that was there.
	Completeness float64 `json:"completeness"`
	Note         string  `json:"note"`
}

// rowsOf returns the results of findings, which readers may see as they are, in
// the order of names, first addresses and domains. Findings of other rules have
// none.
func rowsOf(findings []rules.Finding) []Row {
	rows := []Row{}
	for _, n := range names {
		var own []Row
		for i := range findings {
			if f := &findings[i]; f.Rule == n.Rule {
				own = append(own, results(f, n)...)
			}
		}
		slices.SortStableFunc(own, compare)
		rows = append(rows, own...)
	}
	return rows
}

func compare(a, b Row) int {
	x, _ := netip.ParseAddr(a.First) // no address is the zero one, before all
	y, _ := netip.ParseAddr(b.First)
	if c := x.Compare(y); c != 0 {
		return c
	}
	if c := strings.Compare(a.Domain, b.Domain); c != 0 {
		return c
	}
	return strings.Compare(a.Finding, b.Finding)
}

// results are the rows of one finding: one for each thing it contradicts.
func results(f *rules.Finding, n Name) []Row {
	r := Row{
		Name: n.ZH, Code: n.Code, Unit: f.EnterpriseID, UnitName: f.Subject.Name, Province: f.Province,
		Finding: f.ID, Rule: f.Rule, State: f.State, Severity: string(f.Severity), FirstSeen: f.FirstSeen, LastSeen: f.LastSeen,
		Completeness: f.Completeness, Note: f.Explanation.ZH,
	}
	if f.Subject.Kind == rules.SubjectDomain {
		r.Domain, r.Address = f.Subject.ID, text(f, "address")
		r.Filings = strings.Join(slices.Concat(list(f, "filings"), list(f, "filing")), ";")
		r.Providers = strings.Join(slices.Concat(list(f, "providers_named"), list(f, "provider")), ";")
		return []Row{r}
	}
	r.Kind = ofAllocation
	r.First, r.Last = bounds(f.Subject.ID)
	r.FirstNumber, r.LastNumber = number(r.First), number(r.Last)
	switch f.Rule {
	case "filing-unreported":
		r.OtherFirst, r.OtherLast = bounds(text(f, "source_block"))
		r.OtherUnit = strings.Join(list(f, "origin_asns"), ";")
	case "filing-outside":
		return outside(f, r)
	case "filing-conflict":
		return conflicts(f, r)
	}
	return []Row{r}
}

// outside has a row for the parent that an allocation reaches out of, and one
// for the source blocks.
func outside(f *rules.Finding, r Row) []Row {
	var rows []Row
	for _, what := range list(f, "outside_of") {
		one := r
		if what == "sources" {
			one.Kind = ofSource
		} else {
			one.OtherFirst, one.OtherLast = bounds(text(f, "parent"))
		}
		rows = append(rows, one)
	}
	if rows == nil {
		return []Row{r}
	}
	return rows
}

// conflicts has a row for each filing or announcement that contradicts an
// allocation.
func conflicts(f *rules.Finding, r Row) []Row {
	var rows []Row
	for _, name := range []string{"overlapping_allocations", "announced"} {
		for _, entry := range list(f, name) {
			one := r
			prefix, who, _ := strings.Cut(entry, " ")
			one.OtherFirst, one.OtherLast = bounds(prefix)
			one.OtherUnit = who
			rows = append(rows, one)
		}
	}
	if rows == nil {
		return []Row{r}
	}
	return rows
}

// text is a fact that is a text, and list one that is a list or a text.
func text(f *rules.Finding, name string) string {
	s, _ := f.Facts[name].(string)
	return s
}

func list(f *rules.Finding, name string) []string {
	switch v := f.Facts[name].(type) {
	case string:
		if v != "" {
			return []string{v}
		}
	case []string:
		return v
	case []any: // a fact read back from JSON
		var out []string
		for _, e := range v {
			out = append(out, report.FactText(e))
		}
		return out
	}
	return nil
}

// bounds returns the first and last address of a prefix, or nothing.
func bounds(prefix string) (first, last string) {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		return "", ""
	}
	raw := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 1 << (7 - bit%8)
	}
	end, _ := netip.AddrFromSlice(raw)
	return p.Masked().Addr().String(), end.String()
}

// number writes an IPv4 address as an integer.
func number(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || !a.Is4() {
		return ""
	}
	raw := a.As4()
	return strconv.FormatUint(uint64(binary.BigEndian.Uint32(raw[:])), 10)
}
