package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

func newRules(g *globals) *cobra.Command {
	return group("rules", "Show the rules, test them and try them on the past",
		newRulesList(g), newRulesShow(g), newRulesTest(g), newRulesBacktest(g))
}

// ruleRow is a rule as other programs read it.
type ruleRow struct {
	ID       string      `json:"id"`
	Version  string      `json:"version"`
	Clauses  []string    `json:"clauses"`
	Binding  []binding   `json:"clauses_bind"`
	Title    rules.Text  `json:"title"`
	Claim    rules.Text  `json:"claim"`
	Ledger   bool        `json:"ledger"`
	Needs    rules.Text  `json:"needs"`
	Lookback int         `json:"lookback_days"`
	Quiet    int         `json:"quiet_days"`
	Params   []ruleParam `json:"params"`
	// Precision is how many of the findings that people decided about they
	// confirmed; null where the store could not be asked.
	Precision *rules.Precision `json:"precision"`
}

// binding is between which days a clause binds; empty is without end.
type binding struct {
	Clause string `json:"clause"`
	From   string `json:"from"`
	To     string `json:"to"`
}

func (b binding) String() string {
	return fmt.Sprintf("%s (%s)", b.Clause, strings.TrimSpace(b.From+" – "+b.To))
}

type ruleParam struct {
	Name    string     `json:"name"`
	Unit    string     `json:"unit"`
	Default float64    `json:"default"`
	Value   float64    `json:"value"`
	Min     float64    `json:"min"`
	Max     float64    `json:"max"`
	Meaning rules.Text `json:"meaning"`
}

func (g *globals) ruleRows(ctx context.Context) ([]ruleRow, error) {
	cfg, err := g.config()
	if err != nil {
		return nil, err
	}
	set, err := cfg.ruleset()
	if err != nil {
		return nil, err
	}
	decided, known := g.adjudications(ctx, cfg)
	var rows []ruleRow
	for _, r := range set.catalogue {
		values, err := r.Spec.ParamsWith(cfg.Rules.Params[r.Spec.ID])
		if err != nil {
			return nil, err
		}
		row := ruleRow{
			ID: r.Spec.ID, Version: r.Spec.Version, Title: r.Spec.Title, Claim: r.Spec.Claim, Ledger: r.Spec.Ledger, Needs: r.Spec.Needs(),
			Lookback: r.Spec.LookbackDays, Quiet: r.Spec.QuietDays,
			Clauses: []string{}, Binding: []binding{}, Params: []ruleParam{},
		}
		for _, c := range r.Spec.Clauses {
			row.Clauses = append(row.Clauses, c.ID)
			row.Binding = append(row.Binding, binding{c.ID, c.Valid.From.String(), c.Valid.To.String()})
		}
		for _, p := range r.Spec.Params {
			row.Params = append(row.Params, ruleParam{
				Name: p.Name, Unit: p.Unit, Default: p.Default, Value: values[p.Name], Min: p.Min, Max: p.Max, Meaning: p.Meaning,
			})
		}
		if known {
			p := rules.PrecisionOf(decided, r.Spec.ID)
			row.Precision = &p
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func newRulesList(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "list", Short: "List the rules, with how many of their findings people confirmed", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rows, err := g.ruleRows(cmd.Context())
			if err != nil {
				return err
			}
			if format == "json" {
				return report.WriteJSON(g.out, rows)
			}
			t := report.NewTable("规则 RULE", "条款 CLAUSES", "数据 NEEDS", "回看 LOOK-BACK", "查准率 PRECISION [95 %]", "说明 TITLE")
			for _, r := range rows {
				t.AppendRow(table.Row{r.ID, strings.Join(r.Clauses, "\n"), r.Needs.ZH + "\n" + r.Needs.EN, fmt.Sprintf("%d d", r.Lookback), precisionText(r.Precision), r.Title.ZH + "\n" + r.Title.EN})
			}
			_, err = fmt.Fprintln(g.out, t.Render())
			return err
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}

func newRulesShow(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "show ID", Short: "Show one rule: what it claims and its parameters", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rows, err := g.ruleRows(cmd.Context())
			if err != nil {
				return err
			}
			for _, r := range rows {
				if r.ID == args[0] {
					return showRule(g, r, format)
				}
			}
			return fmt.Errorf("there is no rule %q, see linewarden rules list", args[0])
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}

func showRule(g *globals, r ruleRow, format string) error {
	if format == "json" {
		return report.WriteJSON(g.out, []ruleRow{r})
	}
	clauses := make([]string, len(r.Binding))
	for i, b := range r.Binding {
		clauses[i] = b.String()
	}
	fmt.Fprintf(g.out, "%s v%s\n%s\n%s\n\n%s\n%s\n\n数据 needs: %s %s\n条款 clauses: %s\n回看 look-back: %d d   静默 quiet span: %d d\n查准率 precision (confirmed of adjudicated, 95 %% interval): %s\n\n",
		r.ID, r.Version, r.Title.ZH, r.Title.EN, r.Claim.ZH, r.Claim.EN, r.Needs.ZH, r.Needs.EN, strings.Join(clauses, ", "), r.Lookback, r.Quiet, precisionText(r.Precision))
	t := report.NewTable("参数 PARAMETER", "值 VALUE", "默认 DEFAULT", "范围 RANGE", "单位 UNIT", "含义 MEANING")
	for _, p := range r.Params {
		t.AppendRow(table.Row{p.Name, p.Value, p.Default, fmt.Sprintf("%v – %v", p.Min, p.Max), p.Unit, p.Meaning.ZH + "\n" + p.Meaning.EN})
	}
	_, err := fmt.Fprintln(g.out, t.Render())
	return err
}
