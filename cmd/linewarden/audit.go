package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

func newAudit(g *globals) *cobra.Command {
	var from, to, rule, format string
	c := &cobra.Command{
		Use:   "audit",
		Short: "Run the rules over stored data and ledgers",
		Long: "audit judges what is stored and prints the new, repeated, reopened and ceased findings.\n" +
			"Without --from and --to each rule judges its own look-back, ending with the last complete day;\n" +
			"with them every rule judges exactly that span of event time.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.config()
			if err != nil {
				return err
			}
			set, err := cfg.ruleset()
			if err != nil {
				return err
			}
			req, err := auditRequest(cfg, set, from, to, rule)
			if err != nil {
				return err
			}
			return g.audit(cmd.Context(), cfg, set, req, format)
		},
	}
	c.Flags().StringVar(&from, "from", "", "first `time` of the span: RFC 3339, or a date in the carrier's time zone")
	c.Flags().StringVar(&to, "to", "", "end `time` of the span; a date includes that day")
	c.Flags().StringVar(&rule, "rule", "", "only this rule `id`")
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}

// auditRequest makes the request of a command line.
func auditRequest(cfg *Config, set *ruleset, from, to, rule string) (engine.Request, error) {
	req := engine.Request{Rule: rule, LastDay: lastCompleteDay(time.Now(), cfg.location)}
	if rule != "" {
		if _, ok := rules.Find(set.catalogue, rule); !ok {
			return req, usagef("--rule: there is no rule %q, see linewarden rules list", rule)
		}
	}
	w, err := parseSpan(from, to, cfg.location)
	if err != nil {
		return req, err
	}
	switch {
	case w.From.IsZero() && w.To.IsZero():
		return req, nil
	case w.From.IsZero(): // ends with the given day instead of the last one
		req.LastDay = registry.DateOf(w.To.In(cfg.location).Add(-time.Nanosecond))
		return req, nil
	case w.To.IsZero():
		w.To = (req.LastDay + 1).Start(cfg.location)
		if !w.From.Before(w.To) {
			return req, usagef("--from %s is not before the end of the last complete day; name the end with --to", from)
		}
	}
	req.Span = w
	return req, nil
}

// lastCompleteDay is the local day before the one of now.
func lastCompleteDay(now time.Time, loc *time.Location) registry.Date {
	return registry.DateOf(now.In(loc)) - 1
}

func (g *globals) audit(ctx context.Context, cfg *Config, set *ruleset, req engine.Request, format string) error {
	log := g.logger()
	return g.withStore(ctx, cfg, func(s *opened) error {
		snapshot, err := s.snapshot(ctx, cfg, log)
		if err != nil {
			return err
		}
		if len(snapshot.Ledgers().Enterprises) == 0 {
			fmt.Fprintln(g.err, "there are no ledgers yet: nothing can be judged; see linewarden registry import")
		}
		result, err := set.audit(ctx, s, snapshot, req)
		if err != nil {
			return err
		}
		if format == "json" {
			return report.WriteValue(g.out, withLists(result))
		}
		return g.printAudit(result)
	})
}

// withLists gives a report a list where it has none: a reader of JSON takes null
// for a mistake.
func withLists(r *engine.Report) *engine.Report {
	for _, list := range []*[]rules.Finding{&r.New, &r.Repeated, &r.Reopened, &r.Ceased} {
		if *list == nil {
			*list = []rules.Finding{}
		}
	}
	if r.Withheld == nil {
		r.Withheld = []engine.Withheld{}
	}
	return r
}

func (g *globals) printAudit(r *engine.Report) error {
	t := report.NewTable("变化 CHANGE", "ID", "规则 RULE", "对象 SUBJECT", "单位 HOLDER", "级别 SEVERITY", "状态 STATE")
	for _, part := range []struct {
		name     string
		findings []rules.Finding
	}{
		{"新增 new", r.New},
		{"再现 reopened", r.Reopened},
		{"重复 repeated", r.Repeated},
		{"消失 ceased", r.Ceased},
	} {
		report.ByUrgency(part.findings)
		for _, f := range part.findings {
			t.AppendRow(table.Row{part.name, f.ID, f.Rule, string(f.Subject.Kind) + " " + f.Subject.ID, f.Subject.Name, f.Severity, f.State})
		}
	}
	_, err := fmt.Fprintf(g.out, "%s\n", t.Render())
	for _, w := range r.Withheld {
		_, werr := fmt.Fprintf(g.out, "数据不足，未判定 withheld: %s %s %s (%s, completeness %.2f)\n", w.Rule, w.Subject.Kind, w.Subject.ID, w.Reason, w.Completeness)
		err = errors.Join(err, werr)
	}
	_, werr := fmt.Fprintf(g.out, "新增 new %d · 再现 reopened %d · 重复 repeated %d · 消失 ceased %d · 数据不足 withheld %d\n",
		len(r.New), len(r.Reopened), len(r.Repeated), len(r.Ceased), len(r.Withheld))
	return errors.Join(err, werr)
}
