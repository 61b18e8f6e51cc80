package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/rules"
)

// SaveFindings replaces the findings with these ids and adds events to their
// history: all of it or nothing. Events get the time of the call and their place
// in the log.
func (s *Store) SaveFindings(ctx context.Context, changed []rules.Finding, events []rules.Event) error {
	if len(changed)+len(events) == 0 {
		return nil
	}
	return s.withLog(ctx, func(ctx context.Context) error { return s.appendLog(ctx, changed, events) })
}

// appendLog is SaveFindings for the one who may write to the log.
func (s *Store) appendLog(ctx context.Context, changed []rules.Finding, events []rules.Event) error {
	at := time.Now().UTC()
	version, err := s.nextVersion(ctx, at)
	if err != nil {
		return err
	}
	last, err := s.lastLink(ctx)
	if err != nil {
		return err
	}
	rows := make([][]any, 0, len(changed)+len(events))
	bodies := make(map[string][]byte, len(changed))
	for i := range changed {
		body, row, err := findingRow(&changed[i])
		if err != nil {
			return err
		}
		bodies[changed[i].ID] = body
		rows = append(rows, append([]any{changed[i].ID, version, at, uint32(len(rows)), "", ""}, row...))
	}
	for i := range events {
		e := events[i]
		e.At = at
		if e, err = e.After(last, bodies[e.Finding]); err != nil {
			return fmt.Errorf("save findings: %w", err)
		}
		last = e.Link
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("save findings: event of %s: %w", e.Finding, err)
		}
		row := []any{e.Finding, version, at, uint32(len(rows)), e.Kind, string(text)}
		rows = append(rows, append(row, "", []string{}, "", "", "", "", "", "", time.Unix(0, noInstant), time.Unix(0, noInstant), ""))
	}
	err = s.insert(ctx, "save findings", "INSERT INTO finding_events ("+eventTable().names()+")", newToken(), func(b driver.Batch) error {
		for _, row := range rows {
			if err := b.Append(row...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return errors.Join(errUnsure, err)
	}
	s.version = version
	return nil
}

// nextVersion returns a number above all that were given out, so that the
// newest state wins whatever the clock does.
func (s *Store) nextVersion(ctx context.Context, at time.Time) (uint64, error) {
	var last uint64
	err := s.query(ctx, "read the newest finding", "SELECT max(version) FROM finding_events",
		func(r driver.Rows) error { return r.Scan(&last) })
	return max(uint64(at.UnixNano()), last+1, s.version+1), err
}

// storedFinding is a finding as the column body holds it: with its basis, which
// the JSON for other programs leaves out.
type storedFinding struct {
	*rules.Finding
	Basis *rules.Basis `json:"basis,omitempty"`
}

// findingRow returns the values of findingColumns, the last of which is body.
func findingRow(f *rules.Finding) (body []byte, row []any, err error) {
	body, err = json.Marshal(storedFinding{f, f.Basis})
	if err != nil {
		return nil, nil, fmt.Errorf("save findings: %s: %w", f.ID, err)
	}
	clauses := f.Clauses
	if clauses == nil {
		clauses = []string{}
	}
	return body, []any{
		f.Rule, clauses, string(f.Subject.Kind), f.Subject.ID, f.EnterpriseID, f.Province,
		string(f.Severity), string(f.State), time.Unix(0, instantOf(f.FirstSeen)).UTC(), time.Unix(0, instantOf(f.LastSeen)).UTC(), string(body),
	}, nil
}

// Findings returns the findings that match, ordered by id.
func (s *Store) Findings(ctx context.Context, filter rules.FindingFilter) ([]rules.Finding, error) {
	tail, values := findingCondition(&filter)
	tail += " ORDER BY id"
	if filter.Limit > 0 {
		tail += " LIMIT {limit:UInt64}"
		values = append(values, clickhouse.Named("limit", strconv.Itoa(filter.Limit)))
	}
	return s.findings(ctx, tail, values)
}

// Finding returns the finding with that id, if there is one.
func (s *Store) Finding(ctx context.Context, id string) (rules.Finding, bool, error) {
	list, err := s.findings(ctx, " WHERE id = {id:String}", []any{clickhouse.Named("id", id)})
	if err != nil || len(list) == 0 {
		return rules.Finding{}, false, err
	}
	return list[0], true, nil
}

func (s *Store) findings(ctx context.Context, tail string, values []any) ([]rules.Finding, error) {
	var list []rules.Finding
	err := s.query(ctx, "read findings", "SELECT body FROM findings FINAL"+tail, func(r driver.Rows) error {
		var (
			body string
			f    rules.Finding
		)
		if err := r.Scan(&body); err != nil {
			return err
		}
		stored := storedFinding{Finding: &f}
		if err := json.Unmarshal([]byte(body), &stored); err != nil {
			return fmt.Errorf("a stored finding is damaged: %w", err)
		}
		f.Basis = stored.Basis
		list = append(list, f)
		return nil
	}, values...)
	return list, err
}

// findingCondition says in SQL what FindingFilter.Match says in Go.
func findingCondition(f *rules.FindingFilter) (clause string, values []any) {
	var terms []string
	add := func(name, term, value string) {
		if value != "" {
			terms = append(terms, term)
			values = append(values, clickhouse.Named(name, value))
		}
	}
	add("rule", "rule = {rule:String}", f.Rule)
	add("clause", "has(clauses, {clause:String})", f.Clause)
	add("province", "province = {province:String}", f.Province)
	add("enterprise", "enterprise = {enterprise:String}", f.Enterprise)
	add("state", "state = {state:String}", string(f.State))
	add("severity", "severity = {severity:String}", string(f.Severity))
	if !f.Since.IsZero() {
		add("since", "last_seen >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')", strconv.FormatInt(instantOf(f.Since), 10))
	}
	if !f.Until.IsZero() {
		add("until", "first_seen < fromUnixTimestamp64Nano({until:Int64}, 'UTC')", strconv.FormatInt(instantOf(f.Until), 10))
	}
	add("after", "id > {after:String}", f.After)
	if f.Provinces != nil {
		terms = append(terms, "province IN {provinces:Array(String)}")
		values = append(values, clickhouse.Named("provinces", stringsOf(f.Provinces)))
	}
	if f.States != nil {
		states := make([]string, len(f.States))
		for i, s := range f.States {
			states[i] = string(s)
		}
		terms = append(terms, "state IN {states:Array(String)}")
		values = append(values, clickhouse.Named("states", stringsOf(states)))
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), values
}

// Events returns the history of a finding, oldest first.
func (s *Store) Events(ctx context.Context, id string) ([]rules.Event, error) {
	var list []rules.Event
	err := s.query(ctx, "read the history of a finding",
		"SELECT event FROM finding_events WHERE id = {id:String} AND event != '' ORDER BY version, number",
		func(r driver.Rows) error {
			var (
				text string
				e    rules.Event
			)
			if err := r.Scan(&text); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				return fmt.Errorf("a stored event of %s is damaged: %w", id, err)
			}
			list = append(list, e)
			return nil
		}, clickhouse.Named("id", id))
	return list, err
}

// repairFindings writes states that are in the history and not in findings: the
// engine ended between writing the two.
func (s *Store) repairFindings(ctx context.Context) error {
	var behind bool
	err := s.query(ctx, "check findings",
		"SELECT (SELECT max(version) FROM finding_events WHERE body != '') > (SELECT max(version) FROM findings)",
		func(r driver.Rows) error {
			var n uint8
			err := r.Scan(&n)
			behind = n != 0
			return err
		})
	if err != nil || !behind {
		return err
	}
	columns := findingTable().names()
	return s.exec(ctx, "repair findings", "INSERT INTO findings ("+columns+") SELECT "+columns+
		" FROM finding_events WHERE body != '' AND version > (SELECT max(version) FROM findings)")
}
