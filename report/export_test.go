package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/linewarden/linewarden/report"
)

// TestExportsSayHowTheyAreHandled reads what stands on an export in each format.
func TestExportsSayHowTheyAreHandled(t *testing.T) {
	privacy := report.Privacy{Unmasked: true, Reason: "案件移送", By: "clerk", Recipient: "某局", Purpose: "核查"}
	h := privacy.Handling()
	write := func(format string) string {
		var b bytes.Buffer
		if err := report.WriteExport(&b, format, findings(), shanghai, &h); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(write("csv"), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if last := len(rows[0]) - 1; rows[0][last] != "handling" || rows[1][last] != h.Line() || rows[2][last] != h.Line() {
		t.Errorf("the last column is %q, %q", rows[0][last], rows[1][last])
	}
	for _, want := range []string{"未脱敏", "案件移送", "unmasked by: clerk", "某局", "核查"} {
		if !strings.Contains(h.Line(), want) {
			t.Errorf("%q does not say %s", h.Line(), want)
		}
	}
	if table := write("table"); !strings.HasSuffix(table, h.Line()+"\n") {
		t.Errorf("the table ends with %q", table[max(0, len(table)-200):])
	}
	var list []report.Handled
	if err := json.Unmarshal([]byte(write("json")), &list); err != nil || len(list) != 2 || *list[1].Handling != h || list[1].ID != findings()[1].ID {
		t.Errorf("%+v, %v", list, err)
	}
	book, err := excelize.OpenReader(strings.NewReader(write("xlsx")))
	if err != nil {
		t.Fatal(err)
	}
	layout, err := book.GetPageLayout("findings")
	if err != nil || *layout.Orientation != "landscape" || *layout.FitToWidth != 1 || len(book.GetDefinedName()) != 4 {
		t.Errorf("the sheet is printed as %+v, %v", layout, err)
	}
	sheet, err := book.GetRows("handling")
	if err != nil || len(sheet) != 8 || sheet[2][1] != "案件移送" {
		t.Errorf("%q, %v", sheet, err)
	}
}
