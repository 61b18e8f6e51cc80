package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// Formats are the names WriteFindings takes.
func Formats() []string { return []string{"table", "json", "csv", "xlsx"} }

// WriteFindings writes findings in one of the Formats. Times are given in loc.
func WriteFindings(w io.Writer, format string, findings []rules.Finding, loc *time.Location) error {
	return WriteExport(w, format, findings, loc, nil)
}

// WriteExport is WriteFindings for what leaves the house: how it is to be handled
// stands on it, so that no row is read without. A nil h says nothing.
func WriteExport(w io.Writer, format string, findings []rules.Finding, loc *time.Location, h *Handling) error {
	switch format {
	case "table":
		return writeTable(w, findings, loc, h)
	case "json":
		if h == nil {
			return WriteJSON(w, findings)
		}
		handled := make([]Handled, len(findings))
		for i := range findings {
			handled[i] = Handled{&findings[i], h}
		}
		return WriteJSON(w, handled)
	case "csv":
		return writeCSV(w, findings, loc, h)
	case "xlsx":
		return writeWorkbook(w, findings, loc, h)
	}
	return fmt.Errorf("there is no format %q, it is one of %s", format, strings.Join(Formats(), ", "))
}

// Handled is a finding of an export in JSON.
type Handled struct {
	*rules.Finding
	Handling *Handling `json:"handling"`
}

// WriteJSON writes a list as indented JSON with a line end. A nil list is
// written as an empty array.
func WriteJSON[T any](w io.Writer, values []T) error {
	if values == nil {
		values = []T{}
	}
	return WriteValue(w, values)
}

// WriteValue writes one value as indented JSON with a line end.
func WriteValue(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// columns are the headings of CSV and workbook: the names of the JSON fields.
var columns = []string{
	"id", "rule", "rule_version", "clauses", "subject_kind", "subject_id", "subject_name", "enterprise_id", "province",
	"severity", "confidence", "state", "first_seen", "last_seen", "window_from", "window_to", "completeness",
	"title_zh", "title_en", "explanation_zh", "explanation_en", "facts", "evidence",
}

// row returns the cells of one finding, in the order of columns.
func row(f *rules.Finding, loc *time.Location) ([]string, error) {
	facts, err := json.Marshal(f.Facts)
	if err != nil {
		return nil, fmt.Errorf("facts of finding %s: %w", f.ID, err)
	}
	refs := make([]string, len(f.Evidence))
	for i, e := range f.Evidence {
		refs[i] = e.Ref
	}
	at := func(t time.Time) string { return t.In(loc).Format(time.RFC3339) }
	share := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	return []string{
		f.ID, f.Rule, f.RuleVersion, strings.Join(f.Clauses, ";"), string(f.Subject.Kind), f.Subject.ID, f.Subject.Name,
		f.EnterpriseID, f.Province, string(f.Severity), share(f.Confidence), string(f.State),
		at(f.FirstSeen), at(f.LastSeen), at(f.Window.From), at(f.Window.To), share(f.Completeness),
		f.Title.ZH, f.Title.EN, f.Explanation.ZH, f.Explanation.EN, string(facts), strings.Join(refs, ";"),
	}, nil
}

// Inert keeps a spreadsheet from taking a cell of a CSV file for a formula.
func Inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func writeCSV(w io.Writer, findings []rules.Finding, loc *time.Location, h *Handling) error {
	// Spreadsheets take a file without this mark for the local code page.
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	head := columns
	if h != nil {
		head = append(slices.Clone(columns), "handling")
	}
	if err := out.Write(head); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	for i := range findings {
		cells, err := row(&findings[i], loc)
		if err != nil {
			return err
		}
		if h != nil {
			cells = append(cells, h.Line())
		}
		for c := range cells {
			cells[c] = Inert(cells[c])
		}
		if err := out.Write(cells); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// ByUrgency orders findings for a reader: open before closed, then severity,
// rule and subject.
func ByUrgency(findings []rules.Finding) {
	slices.SortFunc(findings, func(a, b rules.Finding) int {
		if c := closed(a.State) - closed(b.State); c != 0 {
			return c
		}
		if c := severityRank(b.Severity) - severityRank(a.Severity); c != 0 {
			return c
		}
		if c := strings.Compare(a.Rule, b.Rule); c != 0 {
			return c
		}
		return strings.Compare(a.Subject.ID, b.Subject.ID)
	})
}

func closed(s rules.State) int {
	switch s {
	case rules.Ceased, rules.Rectified, rules.Dismissed:
		return 1
	case rules.Open, rules.Reviewing, rules.Confirmed, rules.Rectifying:
	}
	return 0
}

func severityRank(s rules.Severity) int {
	return slices.Index([]rules.Severity{rules.Low, rules.Medium, rules.High, rules.Critical}, s)
}
