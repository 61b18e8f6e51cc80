package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/linewarden/linewarden/rules"
)

// namesFile holds what things are called, Chinese first, by kind and code. The
// console is built with it, so that both tell of a thing by one name.
//
//go:embed names.json
var namesFile []byte

// names reads namesFile once.
var names = sync.OnceValue(func() map[string]map[string][2]string { //nolint:gochecknoglobals // a table
	var tables map[string]map[string][2]string
	if err := json.Unmarshal(namesFile, &tables); err != nil {
		panic(fmt.Sprintf("names.json of this program: %v", err)) // tests read it
	}
	return tables
})

// The kinds of things that have names.
const (
	SubjectNames = "subject" // kinds of subjects
	EventNames   = "event"   // kinds of events of a case
	LedgerNames  = "ledger"
	ColumnNames  = "column" // of ledgers
	FigureNames  = "figure" // facts
	BenignNames  = "benign" // innocent explanations
	UnitNames    = "unit"   // of parameters
)

// NameOf is what something of a kind is called: the code itself where it has no
// name.
func NameOf(kind, code string) rules.Text {
	name, known := names()[kind][code]
	if !known {
		return rules.Text{ZH: code, EN: code}
	}
	return rules.Text{ZH: name[0], EN: name[1]}
}

// ProvinceName names a province by its code of GB/T 2260.
func ProvinceName(code string) rules.Text {
	if code == "" {
		return rules.Text{ZH: "未知", EN: "unknown"}
	}
	return NameOf("province", code)
}

// StateName is a state as a reader is told it.
func StateName(s rules.State) rules.Text { return NameOf("state", string(s)) }

// SeverityName is a severity as a reader is told it.
func SeverityName(s rules.Severity) rules.Text { return NameOf("severity", string(s)) }

// RemedyName is a remedy as a reader is told it; no remedy has no name.
func RemedyName(r rules.Remedy) rules.Text { return NameOf("remedy", string(r)) }

// Grouped sets commas between the thousands of a decimal number. Anything else
// stays as it is.
func Grouped(number string) string {
	whole, rest, _ := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if whole == "" || strings.Trim(whole, "0123456789") != "" {
		return number
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return sign + whole
}
