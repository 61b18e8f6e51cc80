package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/linewarden/linewarden/rules"
)

// writeFacts writes the figures of a finding by name.
func writeFacts(b *strings.Builder, facts rules.FactSet) {
	fmt.Fprintln(b, "数据 Facts")
	t := NewTable("名称 NAME", "数值 VALUE")
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		t.AppendRow(table.Row{name, FactText(facts[name])})
	}
	fmt.Fprintf(b, "%s\n\n", t.Render())
}

// FactText shows one figure; lists have one entry a line.
func FactText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []string:
		return strings.Join(v, "\n")
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = FactText(e)
		}
		return strings.Join(parts, "\n")
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func writeBenign(b *strings.Builder, tests []rules.BenignTest) {
	if len(tests) == 0 {
		return
	}
	fmt.Fprintln(b, "已排除的正常解释 Innocent explanations tested")
	for _, t := range tests {
		fmt.Fprintf(b, "  %-22s %s\n  %-22s %s\n", t.Name, t.Result.ZH, "", t.Result.EN)
	}
	fmt.Fprintln(b)
}
