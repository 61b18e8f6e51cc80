package quarterly

import (
	"slices"
	"strconv"
	"strings"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// userFile is the file of an international line as it stood at the end of the
// quarter.
type userFile struct {
	line     *registry.Line
	file     *registry.UserFile // nil if there is none
	deficits []string
}

// clauses are those a contract of an international line has to have.
var clauses = []string{"internal_use", "no_resale", "no_dc_platform", "termination"}

// userFiles returns the files of the international lines of a span.
func (m *maker) userFiles(span registry.Validity) []userFile {
	var out []userFile
	view := m.in.Ledgers.At(m.days.To)
	for _, l := range m.linesIn(span) {
		if l.Scope != "international" {
			continue
		}
		u := userFile{line: l, deficits: []string{"no_user_file"}}
		for _, f := range view.UserFiles(l.ID) {
			if d := wanting(f, m.days.To); u.file == nil || len(d) < len(u.deficits) {
				u.file, u.deficits = f, d
			}
		}
		out = append(out, u)
	}
	return out
}

// wanting names the entries that a file does not have. Whether they satisfy
// the clauses is for the rule intl-user-file.
func wanting(f *registry.UserFile, day registry.Date) []string {
	var d []string
	add := func(missing bool, name string) {
		if missing {
			d = append(d, name)
		}
	}
	add(strings.TrimSpace(f.Purpose) == "", "no_purpose")
	add(f.OfficeUseCommitted != registry.Yes || f.CommittedOn == 0 || f.CommittedOn > day, "no_office_use_commitment")
	for _, c := range clauses {
		add(!slices.Contains(f.Clauses, c), "no_clause_"+c)
	}
	add(f.ContactVerifiedOn == 0, "contact_not_verified")
	add(f.ReviewedOn == 0, "not_reviewed")
	return d
}

// internationalLines counts the files, below section 5.
func (m *maker) internationalLines() Grid {
	q, c := m.fileFigures(m.days), m.fileFigures(registry.Validity{To: m.days.To})
	row := func(zh, en, unitZH, unitEN string, quarter, ever Cell) []Cell {
		return []Cell{text(rules.Text{ZH: zh, EN: en}), text(rules.Text{ZH: unitZH, EN: unitEN}), quarter, ever}
	}
	return Grid{Title: rules.Text{ZH: "国际专线用户档案", EN: "User files of international lines"}, Columns: itemColumns(), Rows: [][]Cell{
		row("国际专线", "International lines", "条", "lines", count(q.lines), count(c.lines)),
		row("其中：已建用户档案", "of these with a user file", "条", "lines", count(q.filed), count(c.filed)),
		row("档案齐全", "Files complete", "条", "lines", count(q.complete), count(c.complete)),
		row("档案齐全率", "Files complete", "%", "%", share(q.complete, q.lines), share(c.complete, c.lines)),
		row("已签内部办公专用承诺", "Office-use commitment signed", "条", "lines", count(q.signed), count(c.signed)),
		row("承诺签署率", "Commitment signed", "%", "%", share(q.signed, q.lines), share(c.signed, c.lines)),
		row("有异常线索的线路", "Lines with an indication", "条", "lines", count(q.anomalous), count(c.anomalous)),
		row("其中：经人工确认", "of these confirmed by a person", "条", "lines", count(q.confirmed), count(c.confirmed)),
		row("其中：已停用", "of these stopped", "条", "lines", count(q.stopped), count(c.stopped)),
	}}
}

type fileFigures struct{ lines, filed, complete, signed, anomalous, confirmed, stopped int }

func (m *maker) fileFigures(span registry.Validity) fileFigures {
	var f fileFigures
	quarterly := span.From != 0
	for _, u := range m.userFiles(span) {
		f.lines++
		f.filed += one(u.file != nil)
		f.complete += one(len(u.deficits) == 0)
		f.signed += one(u.file != nil && !slices.Contains(u.deficits, "no_office_use_commitment"))
		var anomalous, confirmed, stopped bool
		for _, x := range m.ofLine[u.line.ID] {
			if quarterly && !seenIn(x, m.window) {
				continue
			}
			anomalous = true
			confirmed = confirmed || x.State == rules.Confirmed || x.State == rules.Rectifying || x.State == rules.Rectified
			stopped = stopped || x.Case != nil && x.Case.Remedy == rules.LineStopped
		}
		f.anomalous += one(anomalous)
		f.confirmed += one(confirmed)
		f.stopped += one(stopped)
	}
	return f
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// userFileColumns are the columns of user_files.csv.
var userFileColumns = []string{
	"line_id", "enterprise_id", "enterprise_name", "province", "technology", "bandwidth_mbps", "z_country", "order_origin",
	"valid_from", "valid_to", "user_file", "purpose", "office_use_committed", "committed_on", "clauses", "contact_verified_on",
	"reviewed_on", "complete", "missing",
}

func (m *maker) userFileRows() [][]string {
	var rows [][]string
	for _, u := range m.userFiles(m.days) {
		l, f := u.line, u.file
		if f == nil {
			f = &registry.UserFile{}
		}
		rows = append(rows, []string{
			l.ID, l.EnterpriseID, m.nameOf[l.EnterpriseID], l.APlace.Province(), l.Technology,
			strconv.FormatFloat(l.BandwidthMbps, 'f', -1, 64), l.ZCountry, l.OrderOrigin, l.Valid.From.String(), l.Valid.To.String(),
			f.ID, m.veil.Typed(f.Purpose), yesNo(f.OfficeUseCommitted), f.CommittedOn.String(), strings.Join(f.Clauses, ";"),
			f.ContactVerifiedOn.String(), f.ReviewedOn.String(), yesNo(triOf(len(u.deficits) == 0)), strings.Join(u.deficits, ";"),
		})
	}
	return rows
}

func triOf(b bool) registry.Tri {
	if b {
		return registry.Yes
	}
	return registry.No
}

func yesNo(t registry.Tri) string {
	switch t {
	case registry.Yes:
		return "yes"
	case registry.No:
		return "no"
	case registry.Unknown:
	}
	return ""
}
