package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/rules"
)

// FindingQuestion selects findings as people look through them: a filter, what
// narrows it further, an order and a place in it.
type FindingQuestion struct {
	// Filter says what the asker may see and simple conditions. Its After and
	// Limit are not looked at where this question has its own.
	Filter rules.FindingFilter
	// Rules, Provinces, States and Severities select findings of one of them
	// each; empty selects all.
	Rules, Provinces, States, Severities []string
	// SubjectKind and Subject name what the finding is about; empty is anything.
	SubjectKind, Subject string
	// Text is looked for in the id, the subject and its name, the enterprise and
	// the title, whatever the case. It is not looked for in the facts: who may
	// see them masked only could otherwise ask for what is behind the mask.
	Text string
	// Sort is the order, by id where it is empty, and Descending turns it round.
	Sort       FindingSort
	Descending bool
	// After, when not nil, is the finding that the page before ended with.
	After *FindingPlace
	// Limit bounds how many findings are returned; 0 is all of them.
	Limit int
}

// FindingSort is an order of findings; findings that are alike in it are in the
// order of their ids.
type FindingSort string

// The orders.
const (
	SortID        FindingSort = ""
	SortFirstSeen FindingSort = "first_seen"
	SortLastSeen  FindingSort = "last_seen"
	SortSeverity  FindingSort = "severity"
)

// FindingPlace is where a finding stands in an order: nanoseconds since 1970
// for times, 1 to 4 for severities, 0 for ids.
type FindingPlace struct {
	Key int64
	ID  string
}

// severityRank orders severities; what is none of them comes first.
const severityRank = "toInt64(indexOf(['low', 'medium', 'high', 'critical'], toString(severity)))"

// key is the expression that is sorted by.
func (s FindingSort) key() (string, error) {
	switch s {
	case SortID:
		return "toInt64(0)", nil
	case SortFirstSeen:
		return "toUnixTimestamp64Nano(first_seen)", nil
	case SortLastSeen:
		return "toUnixTimestamp64Nano(last_seen)", nil
	case SortSeverity:
		return severityRank, nil
	}
	return "", fmt.Errorf("read findings: there is no order %q", string(s))
}

// PlaceOf says where a finding stands in an order.
func (s FindingSort) PlaceOf(f *rules.Finding) FindingPlace {
	p := FindingPlace{ID: f.ID}
	switch s {
	case SortID:
	case SortFirstSeen:
		p.Key = instantOf(f.FirstSeen)
	case SortLastSeen:
		p.Key = instantOf(f.LastSeen)
	case SortSeverity:
		for i, severity := range []rules.Severity{rules.Low, rules.Medium, rules.High, rules.Critical} {
			if severity == f.Severity {
				p.Key = int64(i) + 1
			}
		}
	}
	return p
}

// escapedInJSON reports whether a character stands otherwise in JSON, as the
// bodies of findings are written.
func escapedInJSON(r rune) bool {
	return r < ' ' || strings.ContainsRune("\"\\<>&\u2028\u2029\ufffd", r)
}

// textTerm finds a text in what people know a finding by. The bodies, most of the
// table, are searched in rows as they lie: to find out first which of them are the
// newest ones (FINAL) takes longer than the search does. A row that is older than
// the newest of its finding has another version, and is not among those asked for.
func textTerm(text string) string {
	const found = "positionCaseInsensitiveUTF8(%s, {text:String}) > 0"
	within := fmt.Sprintf(found, `concat(id, '\n', subject, '\n', enterprise, '\n',
    (JSONExtract(body, 'Tuple(subject Tuple(name String), title Tuple(zh String, en String))') AS said).1.1, '\n', said.2.1, '\n', said.2.2)`)
	if !strings.ContainsFunc(text, escapedInJSON) {
		// This costs a tenth of reading the JSON, and leaves few rows for that.
		within = fmt.Sprintf(found, "body") + " AND " + within
	}
	return "(id, version) IN (SELECT id, version FROM findings WHERE " + within + ")"
}

// condition says in SQL what the question selects, without its place.
func (q *FindingQuestion) condition() (clause string, values []any) {
	filter := q.Filter
	filter.After, filter.Limit = "", 0
	clause, values = findingCondition(&filter)
	var terms []string
	among := func(column, name string, list []string) {
		if len(list) > 0 {
			terms = append(terms, column+" IN {"+name+":Array(String)}")
			values = append(values, clickhouse.Named(name, stringsOf(list)))
		}
	}
	among("rule", "rules", q.Rules)
	among("province", "in_provinces", q.Provinces)
	among("state", "in_states", q.States)
	among("severity", "severities", q.Severities)
	if q.SubjectKind != "" {
		terms = append(terms, "subject_kind = {subject_kind:String}")
		values = append(values, clickhouse.Named("subject_kind", q.SubjectKind))
	}
	if q.Subject != "" {
		terms = append(terms, "subject = {subject:String}")
		values = append(values, clickhouse.Named("subject", q.Subject))
	}
	if q.Text != "" {
		terms = append(terms, textTerm(q.Text))
		values = append(values, clickhouse.Named("text", q.Text))
	}
	if len(terms) == 0 {
		return clause, values
	}
	word := " WHERE "
	if clause != "" {
		word = " AND "
	}
	return clause + word + strings.Join(terms, " AND "), values
}

// page adds the order, the place and the limit.
func (q *FindingQuestion) page() (tail string, values []any, err error) {
	key, err := q.Sort.key()
	if err != nil {
		return "", nil, err
	}
	tail, values = q.condition()
	than, order := ">", ""
	if q.Descending {
		than, order = "<", " DESC"
	}
	if q.After != nil {
		word := " WHERE "
		if tail != "" {
			word = " AND "
		}
		values = append(values, clickhouse.Named("after_id", q.After.ID))
		if q.Sort == SortID {
			tail += word + "id " + than + " {after_id:String}"
		} else {
			tail += word + "(" + key + ", id) " + than + " ({after_key:Int64}, {after_id:String})"
			values = append(values, clickhouse.Named("after_key", strconv.FormatInt(q.After.Key, 10)))
		}
	}
	tail += " ORDER BY "
	if q.Sort != SortID {
		tail += key + order + ", "
	}
	tail += "id" + order
	if q.Limit > 0 {
		tail += " LIMIT {limit:UInt64}"
		values = append(values, clickhouse.Named("limit", strconv.Itoa(q.Limit)))
	}
	return tail, values, nil
}

// FindingPage returns the findings of a question in its order.
func (s *Store) FindingPage(ctx context.Context, q FindingQuestion) ([]rules.Finding, error) {
	tail, values, err := q.page()
	if err != nil {
		return nil, err
	}
	if q.Limit == 0 || q.Sort == SortID {
		return s.findings(ctx, tail, values)
	}
	// The bodies are most of the table: only those of the page are read.
	var ids []string
	err = s.query(ctx, "read findings", "SELECT id FROM findings FINAL"+tail, func(r driver.Rows) error {
		var id string
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	}, values...)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	found, err := s.findings(ctx, " PREWHERE id IN {ids:Array(String)}", []any{clickhouse.Named("ids", stringsOf(ids))})
	if err != nil {
		return nil, err
	}
	byID := make(map[string]rules.Finding, len(found))
	for i := range found {
		byID[found[i].ID] = found[i]
	}
	list := make([]rules.Finding, 0, len(ids))
	for _, id := range ids {
		if f, ok := byID[id]; ok { // else its retention ended in between
			list = append(list, f)
		}
	}
	return list, nil
}

// EachFinding yields the findings of a question, ordered by id, as they are
// read: never all are in memory.
func (s *Store) EachFinding(ctx context.Context, q FindingQuestion) iter.Seq2[rules.Finding, error] {
	return func(yield func(rules.Finding, error) bool) {
		tail, values := q.condition()
		ended := false
		err := s.query(ctx, "read findings", "SELECT body FROM findings FINAL"+tail+" ORDER BY id", func(r driver.Rows) error {
			var body string
			if err := r.Scan(&body); err != nil {
				return err
			}
			var f rules.Finding
			if err := json.Unmarshal([]byte(body), &f); err != nil {
				return fmt.Errorf("a stored finding is damaged: %w", err)
			}
			if !yield(f, nil) {
				ended = true
				return errEnough
			}
			return nil
		}, values...)
		if err != nil && !ended {
			yield(rules.Finding{}, err)
		}
	}
}

// FindingCount is how many findings are alike in what tells them apart.
type FindingCount struct {
	Rule, Severity, State, Province string
	Clauses                         []string
	Count                           uint64
}

// CountFindings counts the findings of a question by what tells them apart.
func (s *Store) CountFindings(ctx context.Context, q FindingQuestion) ([]FindingCount, error) {
	clause, values := q.condition()
	var list []FindingCount
	err := s.query(ctx, "count findings",
		"SELECT rule, severity, state, province, clauses, count() FROM findings FINAL"+clause+
			" GROUP BY rule, severity, state, province, clauses ORDER BY rule, severity, state, province, clauses",
		func(r driver.Rows) error {
			var c FindingCount
			if err := r.Scan(&c.Rule, &c.Severity, &c.State, &c.Province, &c.Clauses, &c.Count); err != nil {
				return err
			}
			list = append(list, c)
			return nil
		}, values...)
	return list, err
}
