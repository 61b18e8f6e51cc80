package xml

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/linewarden/linewarden/registry"
)

// The limits of a filing: the interface specification takes this many records
// and bytes in a file.
const (
	MaxFilingRecords = 1000
	MaxFilingBytes   = 50 << 20
	// maxUnitName and maxRemark are in characters (Dwmc, Bz).
	maxUnitName = 255
	maxRemark   = 1024
)

// Filing is IP filings in the making.
type Filing struct {
	// Files are XML documents in GBK, in the order in which they are to be filed:
	// what a record of one needs is in the same file or an earlier one.
	Files [][]byte
	// Records counts what is in them by element.
	Records map[string]int
	// Left says what is not in them, and why.
	Left []registry.Problem
}

// WriteFilings writes what the ledgers say on a day as files like those of the
// interface specification for IP address filing V.3.0: units, source blocks,
// allocations and broadcasts. Names are shown as name returns them. Persons have
// neither name, telephone nor address in the ledgers, so the files have none:
// the filing system asks for them before it takes a file.
//
// What the specification has no element for, such as ids and uses, is in the
// remark (Bz) of a record, from where Converter takes it: files that are read
// back make the same ledgers.
func WriteFilings(s *registry.Snapshot, day registry.Date, name func(string) string) (*Filing, error) {
	w := &filingWriter{
		ledgers: s.Ledgers(), day: day, name: name, numbers: make(map[string]string), enterprises: make(map[string]*registry.Enterprise),
		out: &Filing{Records: make(map[string]int)},
	}
	w.index()
	w.filer = s.At(day).Carrier()
	w.sources()
	w.allocations()
	w.broadcasts()
	return w.out, w.close()
}

// filingWriter writes records into files and begins a new one when one is full.
type filingWriter struct {
	ledgers     *registry.Ledgers
	day         registry.Date
	name        func(string) string
	filer       string            // enterprise_id of who files
	numbers     map[string]string // of units, by enterprise
	enterprises map[string]*registry.Enterprise
	parents     map[netip.Prefix]bool // blocks that others were cut from

	out     *Filing
	units   []string        // of the file under way, in the order of their numbers
	named   map[string]bool // units that the file under way has
	records [3]bytes.Buffer // source blocks, allocations, broadcasts of it
	count   int             // records of it, units included
	ids     int             // of records, over all files
	failed  error
}

func (w *filingWriter) index() {
	w.named, w.parents = make(map[string]bool), make(map[netip.Prefix]bool)
	var ids []string
	for i := range w.ledgers.Enterprises {
		e := &w.ledgers.Enterprises[i]
		w.enterprises[e.ID] = e
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	for i, id := range ids {
		w.numbers[id] = strconv.Itoa(i + 1)
	}
	for i := range w.ledgers.Allocations {
		if a := &w.ledgers.Allocations[i]; a.Parent.IsValid() && a.Valid.Contains(w.day) {
			w.parents[a.Parent.Masked()] = true
		}
	}
}

// leave notes a row that is not filed.
func (w *filingWriter) leave(ledger string, row int, format string, args ...any) {
	w.out.Left = append(w.out.Left, registry.Problem{File: ledger, Row: row + 2, Column: 1, Message: fmt.Sprintf(format, args...), Warning: true})
}

func (w *filingWriter) sources() {
	for i := range w.ledgers.Sources {
		r := &w.ledgers.Sources[i]
		switch {
		case !r.Prefix.IsValid():
			w.leave("sources", i, "the row has no prefix, and is not filed")
		case r.ObtainedOn > w.day:
			w.leave("sources", i, "%s was obtained after %s, and is not filed", r.Prefix, w.day)
		default:
			e := w.element("Ly", []string{w.filer})
			e.add("Bbdwid", w.numbers[w.filer])
			e.prefix(r.Prefix)
			e.add("Lydw", r.RIR)
			e.remark("obtained_on", r.ObtainedOn.String())
			w.put(0, e)
		}
	}
}

func (w *filingWriter) allocations() {
	for i := range w.ledgers.Allocations {
		a := &w.ledgers.Allocations[i]
		unit := w.enterprises[a.EnterpriseID]
		switch {
		case !a.Prefix.IsValid():
			w.leave("allocations", i, "the row has no prefix, and is not filed")
		case !a.Valid.Contains(w.day):
			continue // history
		case unit == nil && a.Use != "infrastructure":
			w.leave("allocations", i, "%s has no holder, and is not filed", a.Prefix)
		default:
			w.put(1, w.allocation(a, unit))
		}
	}
}

// allocation makes the record of an allocation.
func (w *filingWriter) allocation(a *registry.Allocation, unit *registry.Enterprise) *element {
	var needs []string
	if unit != nil && unit.Nature != "individual" {
		needs = []string{unit.ID}
	}
	e := w.element("Fpsy", needs)
	e.prefix(a.Prefix)
	way := "1"
	switch {
	case a.Use == "infrastructure":
		way = "3"
	case w.parents[a.Prefix.Masked()] && needs != nil:
		way = "2"
		e.add("Fpdx", w.numbers[unit.ID])
	}
	e.add("Fpfs", way)
	switch a.Use {
	case "subscriber_pool":
		e.add("Syfs", "2")
	case "":
		e.add("Syfs", "3")
	default:
		e.add("Syfs", "1")
	}
	e.add("Fprq", a.Valid.From.String())
	if unit != nil {
		e.add("Dwmc", w.nameOf(unit))
		e.add("Dwxz", codeOf(unit.Nature))
		e.remark("id", unit.ID)
	}
	e.place(a.Place)
	parent := ""
	if a.Parent.IsValid() {
		parent = a.Parent.String()
	}
	e.remark("use", a.Use)
	e.remark("parent", parent)
	e.remark("cloud", triText(a.Cloud))
	e.remark("filing_no", a.FilingNo)
	e.remark("valid_to", a.Valid.To.String())
	return e
}

func (w *filingWriter) broadcasts() {
	for i := range w.ledgers.Broadcasts {
		b := &w.ledgers.Broadcasts[i]
		switch {
		case !b.Prefix.IsValid() || w.enterprises[b.Announcer] == nil:
			w.leave("broadcasts", i, "the row has no prefix or no announcer, and is not filed")
		case b.Valid.Contains(w.day):
			needs := []string{b.Announcer}
			if b.Applicant != "" && b.Applicant != b.Announcer {
				needs = append(needs, b.Applicant)
			}
			e := w.element("Gbxx", needs)
			e.add("Gbdw", w.numbers[b.Announcer])
			e.add("Sqdw", w.numbers[b.Applicant])
			e.prefix(b.Prefix)
			e.remark("valid_from", b.Valid.From.String())
			e.remark("valid_to", b.Valid.To.String())
			w.put(2, e)
		}
	}
}

// nameOf is the name of an enterprise as it may be shown.
func (w *filingWriter) nameOf(e *registry.Enterprise) string {
	shown := w.name(e.Name)
	if utf8.RuneCountInString(shown) > maxUnitName && w.failed == nil {
		w.failed = fmt.Errorf("the name of enterprise %s has more than the %d characters that a filing takes", e.ID, maxUnitName)
	}
	return shown
}

// element is a record in the making.
type element struct {
	name    string
	needs   []string // units
	fields  [][2]string
	remarks []string
}

// element begins a record that names these units.
func (w *filingWriter) element(name string, needs []string) *element {
	w.ids++
	e := &element{name: name, fields: [][2]string{{"Id", strconv.Itoa(w.ids)}}}
	for _, id := range needs {
		if w.enterprises[id] != nil {
			e.needs = append(e.needs, id)
		}
	}
	return e
}

// add adds a field; one without text is left out.
func (e *element) add(name, text string) {
	if text != "" {
		e.fields = append(e.fields, [2]string{name, text})
	}
}

// remark adds what the specification has no element for.
func (e *element) remark(name, text string) {
	if text != "" || name == "use" {
		e.remarks = append(e.remarks, name+"="+url.QueryEscape(text))
	}
}

func (e *element) prefix(p netip.Prefix) {
	p = p.Masked()
	e.add("Qsip", numberOf(p.Addr()))
	e.add("Zzip", numberOf(lastOf(p)))
}

// place writes a place: the province and, where it is known, the city. The ledgers
// read a province of six digits as one of two.
func (e *element) place(p registry.Place) {
	if p == "" {
		return
	}
	e.add("Shengid", p.Province()+"0000")
	if len(p) == 6 {
		e.add("Shiid", string(p))
	}
}

// numberOf writes an address as a filing has it: IPv4 as an integer.
func numberOf(a netip.Addr) string {
	if !a.Is4() {
		return a.String()
	}
	raw := a.As4()
	return strconv.FormatUint(uint64(binary.BigEndian.Uint32(raw[:])), 10)
}

// put writes a record, with the units it names before it.
func (w *filingWriter) put(kind int, e *element) {
	more := 1
	for _, id := range e.needs {
		if !w.named[id] {
			more++
		}
	}
	if w.count+more > MaxFilingRecords {
		w.flush()
	}
	for _, id := range e.needs {
		if !w.named[id] {
			w.named[id] = true
			w.units = append(w.units, id)
			w.count++
		}
	}
	w.count++
	w.out.Records[e.name]++
	w.write(&w.records[kind], e)
}

// write writes an element in UTF-8.
func (w *filingWriter) write(b *bytes.Buffer, e *element) {
	if len(e.remarks) > 0 {
		text := remarkMark + strings.Join(e.remarks, ";")
		if len(text) > maxRemark && w.failed == nil {
			w.failed = fmt.Errorf("the remark of %s %s is longer than %d characters", e.name, e.fields[0][1], maxRemark)
		}
		e.fields = append(e.fields, [2]string{"Bz", text})
	}
	fmt.Fprintf(b, "<%s>", e.name)
	for _, f := range e.fields {
		fmt.Fprintf(b, "<%s>", f[0])
		if err := xml.EscapeText(b, []byte(f[1])); err != nil && w.failed == nil {
			w.failed = fmt.Errorf("write %s: %w", e.name, err)
		}
		fmt.Fprintf(b, "</%s>", f[0])
	}
	fmt.Fprintf(b, "</%s>\n", e.name)
}

// flush ends a file. One without a record is none.
func (w *filingWriter) flush() {
	if w.count == 0 {
		return
	}
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"GBK\"?>\n<UploadData><IP><version>V.3.0</version>\n<Bbdwlist>\n")
	slices.SortFunc(w.units, func(a, b string) int { return strings.Compare(a, b) })
	for _, id := range w.units {
		w.unit(&b, w.enterprises[id])
	}
	b.WriteString("</Bbdwlist>\n")
	for i, name := range []string{"Lyxx", "Fpxx", "Jsxx"} {
		fmt.Fprintf(&b, "<%s>\n%s</%s>\n", name, w.records[i].Bytes(), name)
		w.records[i].Reset()
	}
	b.WriteString("</IP></UploadData>\n")
	// What GBK has no character for is written by its number.
	text, err := encoding.HTMLEscapeUnsupported(simplifiedchinese.GBK.NewEncoder()).Bytes(b.Bytes())
	switch {
	case err != nil && w.failed == nil:
		w.failed = fmt.Errorf("write a filing in GBK: %w", err)
	case len(text) > MaxFilingBytes && w.failed == nil:
		w.failed = fmt.Errorf("a filing has more than %d bytes", MaxFilingBytes)
	}
	w.out.Files = append(w.out.Files, text)
	w.units, w.count = nil, 0
	clear(w.named)
}

// unit writes the record of an enterprise.
func (w *filingWriter) unit(b *bytes.Buffer, u *registry.Enterprise) {
	e := &element{name: "Bbdw", fields: [][2]string{{"Id", w.numbers[u.ID]}}}
	e.add("Dwmc", w.nameOf(u))
	e.place(u.Place)
	e.remark("id", u.ID)
	e.remark("uscc", u.USCC)
	e.remark("nature", u.Nature)
	w.out.Records["Bbdw"]++
	w.write(b, e)
}

func (w *filingWriter) close() error {
	w.flush()
	if w.failed != nil {
		return fmt.Errorf("write a filing: %w", w.failed)
	}
	return nil
}

// codeOf is the code of a kind of unit, as natureOf reads it.
func codeOf(nature string) string {
	switch nature {
	case "military":
		return "1"
	case "government":
		return "2"
	case "institution":
		return "3"
	case "enterprise":
		return "4"
	case "individual":
		return "5"
	case "social":
		return "6"
	}
	return ""
}

func triText(t registry.Tri) string {
	switch t {
	case registry.Yes:
		return "yes"
	case registry.No:
		return "no"
	case registry.Unknown:
	}
	return ""
}

// remarkMark begins a remark that this package wrote.
const remarkMark = "lw1;"

// remarks reads the remark of a record, if it is one of this package.
func (n *node) remarks() map[string]string {
	text, ours := strings.CutPrefix(n.first("Bz"), remarkMark)
	if !ours {
		return nil
	}
	found := make(map[string]string)
	for part := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(value); ok && err == nil {
			found[name] = plain
		}
	}
	return found
}
