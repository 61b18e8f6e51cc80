package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// CasesConfig says how cases are worked.
type CasesConfig struct {
	// TwoPersons makes the confirmation of a finding need two different people.
	TwoPersons bool `yaml:"two_persons"`
}

func (c *Config) casePolicy() rules.CasePolicy {
	return rules.CasePolicy{TwoPersons: c.Cases.TwoPersons, Location: c.location}
}

// actionFlags are what a person does to findings.
type actionFlags struct {
	to, note, actor, remedy, assignee, due string
}

func (f *actionFlags) bind(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.note, "note", "", "why (`text`, required)")
	flags.StringVar(&f.actor, "actor", "", "`name` of who acts (default: the user of the system)")
	flags.StringVar(&f.assignee, "assignee", "", "`name` of who works the case from now on")
	flags.StringVar(&f.due, "due", "", "`time` by which the case has to be settled: RFC 3339, or a date, which includes that day")
}

func newFindingsMove(g *globals) *cobra.Command {
	var f actionFlags
	c := &cobra.Command{
		Use: "move ID...", Short: "Move findings through the case workflow", Args: cobra.MinimumNArgs(1),
		Long: "move takes findings from one state of their case to another:\n\n" +
			"  open -> reviewing -> confirmed -> rectifying -> rectified | dismissed\n\n" +
			"open and reviewing may be dismissed; rectified, dismissed and ceased may be opened again.\n" +
			"Each move needs a note, is recorded with its time and actor, and is never erased. Confirming\n" +
			"keeps the evidence beyond its retention. Several findings are moved one by one; those that\n" +
			"cannot be moved are named and the others are moved.",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if f.to == "" {
				return usagef("--to is missing: it is one of %s", strings.Join(rules.States(), ", "))
			}
			return g.actOn(cmd.Context(), ids, &f)
		},
	}
	f.bind(c)
	c.Flags().StringVar(&f.to, "to", "", "`state` to move to: "+strings.Join(rules.States(), ", "))
	c.Flags().StringVar(&f.remedy, "remedy", "", "how the case was settled, with --to rectified: "+strings.Join(rules.Remedies(), ", "))
	return c
}

func newFindingsNote(g *globals) *cobra.Command {
	var f actionFlags
	c := &cobra.Command{
		Use: "note ID...", Short: "Add a note to findings, assign them or set when they are due", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error { return g.actOn(cmd.Context(), ids, &f) },
	}
	f.bind(c)
	return c
}

// action checks what can be checked before the store is opened.
func (f *actionFlags) action(cfg *Config) (rules.Action, error) {
	a := rules.Action{To: rules.State(f.to), Note: f.note, Actor: f.actor, Remedy: rules.Remedy(f.remedy), Assignee: f.assignee}
	if f.to != "" {
		if err := oneOf("to", f.to, rules.States()...); err != nil {
			return a, err
		}
	}
	if f.remedy != "" {
		if err := oneOf("remedy", f.remedy, rules.Remedies()...); err != nil {
			return a, err
		}
	}
	if strings.TrimSpace(f.note) == "" {
		return a, usagef("--note is missing: every action on a finding says why")
	}
	if a.Actor == "" {
		u, err := user.Current()
		if err != nil {
			return a, usagef("--actor is missing, and the system does not say who you are: %v", err)
		}
		a.Actor = u.Username
	}
	var err error
	a.Due, err = parseInstant("due", f.due, cfg.location, true)
	return a, err
}

func (g *globals) actOn(ctx context.Context, ids []string, f *actionFlags) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	action, err := f.action(cfg)
	if err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		failed := 0
		for _, id := range ids {
			changed, err := s.act(ctx, id, action)
			if err != nil {
				if len(ids) == 1 {
					return err
				}
				fmt.Fprintln(g.err, err)
				failed++
				continue
			}
			fmt.Fprintf(g.out, "%s %s %s %s: %s\n", changed.ID, changed.Rule, changed.Subject.Kind, changed.Subject.ID, changed.State)
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d findings were left as they were", failed, len(ids))
		}
		return nil
	})
}

// act lets a person act on one finding. The evidence of one that becomes
// confirmed is kept first: a case whose evidence could not be kept is not
// confirmed.
func (o *opened) act(ctx context.Context, id string, a rules.Action) (rules.Finding, error) {
	return o.actIf(ctx, id, a, func(rules.Finding) error { return nil })
}

// actIf is act, where expect agrees to the finding as it is stored then.
func (o *opened) actIf(ctx context.Context, id string, a rules.Action, expect func(f rules.Finding) error) (rules.Finding, error) {
	f, err := o.ChangeFinding(ctx, id, func(f rules.Finding) (rules.Finding, rules.Event, error) {
		if err := expect(f); err != nil {
			return f, rules.Event{}, err
		}
		now := time.Now()
		changed, event, err := o.cfg.casePolicy().Apply(f, a, now)
		if err == nil && changed.State == rules.Confirmed && f.State != rules.Confirmed {
			if err = hold(ctx, o.Store, &changed, a); err == nil {
				err = freeze(ctx, o.cfg, o.Store, &changed, now)
			}
		}
		return changed, event, err
	})
	if errors.Is(err, storage.ErrNoFinding) {
		return f, fmt.Errorf("%w %q, see linewarden findings list", console.ErrNoFinding, id)
	}
	return f, err
}

// hold keeps the rows that a finding rests on beyond their lifetime, of the whole
// time it was seen and of the window it was judged by.
func hold(ctx context.Context, s *storage.Store, f *rules.Finding, a rules.Action) error {
	r := storage.HoldRequest{Finding: f.ID, By: a.Actor, Note: a.Note, From: f.FirstSeen, To: f.LastSeen}
	if f.Window.From.Before(r.From) {
		r.From = f.Window.From
	}
	if f.Window.To.After(r.To) {
		r.To = f.Window.To
	}
	switch f.Subject.Kind {
	case rules.SubjectLine:
		r.Lines = []string{f.Subject.ID}
	case rules.SubjectAllocation, rules.SubjectPrefix:
		p, err := netip.ParsePrefix(f.Subject.ID)
		if err != nil {
			return fmt.Errorf("keep the evidence of finding %s: %w", f.ID, err)
		}
		r.Prefixes = []netip.Prefix{p}
	case rules.SubjectASN, rules.SubjectEnterprise, rules.SubjectInterface, rules.SubjectDomain:
		return nil // it rests on ledgers, on its basis and on what freeze keeps
	}
	if _, err := s.Hold(ctx, r); err != nil {
		return fmt.Errorf("keep the evidence of finding %s: %w", f.ID, err)
	}
	return nil
}
