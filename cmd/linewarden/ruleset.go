package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/custom"
	"github.com/linewarden/linewarden/rules/engine"
)

// ruleset is what findings are judged by: the rules, built in and custom, with
// their parameters, and the calendar of working days. It does not change once
// it is made.
type ruleset struct {
	catalogue []rules.Rule
	params    map[string]map[string]float64
	calendar  *registry.Calendar
	location  *time.Location
}

// settingProblem is something wrong with what a configuration key names.
type settingProblem struct {
	key string
	err error
}

// ruleset returns what the configuration judges by.
func (c *Config) ruleset() (*ruleset, error) {
	set, problems := c.readRuleset()
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = fmt.Errorf("%s: %w", p.key, p.err)
	}
	return set, errors.Join(errs...)
}

// readRuleset reads the files that rules.dir and registry.calendar name.
func (c *Config) readRuleset() (*ruleset, []settingProblem) {
	set := &ruleset{catalogue: rules.Catalogue(), params: c.Rules.Params, location: c.location}
	var bad []settingProblem
	if c.Rules.Dir != "" {
		own, problems := custom.Load(c.Rules.Dir)
		for _, p := range problems {
			bad = append(bad, settingProblem{"rules.dir", p})
		}
		set.catalogue = append(set.catalogue, own...)
	}
	if c.Registry.Calendar != "" {
		calendar, err := readCalendar(c.Registry.Calendar)
		if err != nil {
			bad = append(bad, settingProblem{"registry.calendar", err})
		}
		set.calendar = calendar
	}
	return set, bad
}

// readCalendar reads the file of working days.
func readCalendar(file string) (_ *registry.Calendar, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the calendar: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return parseCalendar(f, file)
}

func parseCalendar(r io.Reader, file string) (*registry.Calendar, error) {
	calendar, problems := registry.ReadCalendar(r)
	for i := range problems {
		problems[i].File = file
	}
	return calendar, firstError(problems)
}

// engine returns an engine that judges what a store holds by the set.
func (set *ruleset) engine(s *opened, findings engine.Findings) (*engine.Engine, error) {
	e, err := engine.New(
		engine.Config{Params: set.params, Location: set.location, Calendar: set.calendar},
		engine.Deps{Catalogue: tracedRules(set.catalogue), Traffic: s.Store, Routes: s.Store, Findings: findings, Log: s.log},
	)
	if err != nil {
		return nil, fmt.Errorf("prepare the rules: %w", err)
	}
	return e, nil
}

// audit judges one request against a store.
func (set *ruleset) audit(ctx context.Context, s *opened, snapshot *registry.Snapshot, req engine.Request) (*engine.Report, error) {
	e, err := set.engine(s, s.Store)
	if err != nil {
		return nil, err
	}
	if err := span(ctx, "roll up", func(ctx context.Context) error { return set.rollUp(ctx, s, snapshot, req) }); err != nil {
		return nil, err
	}
	result, err := e.Run(ctx, snapshot, req)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return result, nil
}

// find returns the rule with that id.
func (set *ruleset) find(id string) (rules.Rule, error) {
	r, ok := rules.Find(set.catalogue, id)
	if !ok {
		return r, fmt.Errorf("there is no rule %q, see linewarden rules list", id)
	}
	return r, nil
}
