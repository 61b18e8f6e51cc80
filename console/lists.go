package console

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/rules"
)

// LedgerImport is one import of ledgers.
type LedgerImport struct {
	ID    string    `json:"id"`
	Known time.Time `json:"known"` // from when on its rows are known
	// Source says where the rows came from, and Hash names what they were.
	Source string `json:"source"`
	Hash   string `json:"sha256"`
	Opened int    `json:"rows_opened"`
	Closed int    `json:"rows_closed"`
}

// ledgers lists the imports, newest first.
func (s *Console) ledgers(w http.ResponseWriter, r *http.Request, _ *caller) {
	all, err := s.Network.LedgerImports(r.Context())
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	slices.Reverse(all)
	answerSlice(s, w, r, all, s.Ledgers())
}

// ruleAnswer is a rule with its parameters.
type ruleAnswer struct {
	ID       string        `json:"id"`
	Version  string        `json:"version"`
	Clauses  []string      `json:"clauses"`
	Title    rules.Text    `json:"title"`
	Claim    rules.Text    `json:"claim"`
	Ledger   bool          `json:"ledger"` // it needs no traffic
	Needs    rules.Text    `json:"needs"`
	Lookback int           `json:"lookback_days"`
	Quiet    int           `json:"quiet_days"`
	Params   []paramAnswer `json:"params"`
	// Precision is how often people confirmed what it found.
	Precision *rules.Precision `json:"precision"`
}

type paramAnswer struct {
	Name    string     `json:"name"`
	Unit    string     `json:"unit"`
	Default float64    `json:"default"`
	Value   float64    `json:"value"`
	Min     float64    `json:"min"`
	Max     float64    `json:"max"`
	Meaning rules.Text `json:"meaning"`
}

func (s *Console) ruleList(w http.ResponseWriter, r *http.Request, c *caller) {
	if list, ok := s.ruleAnswers(w, r, c); ok {
		s.json(w, r, http.StatusOK, list)
	}
}

// ruleAnswers lists the rules; false means that it has answered. Their precision
// is that of the findings in the caller's provinces.
func (s *Console) ruleAnswers(w http.ResponseWriter, r *http.Request, c *caller) ([]ruleAnswer, bool) {
	decided, err := s.Adjudications(r.Context(), c.Provinces...)
	if err != nil {
		s.storeFailed(w, r, err)
		return nil, false
	}
	catalogue, params := s.Rules()
	list := make([]ruleAnswer, 0, len(catalogue))
	for i := range catalogue {
		spec := &catalogue[i].Spec
		values, err := spec.ParamsWith(params[spec.ID])
		if err != nil {
			s.Log.Error("parameters of a rule in force are not good", "rule", spec.ID, "err", err)
			s.refuse(w, r, http.StatusInternalServerError, because("failed"))
			return nil, false
		}
		precision := rules.PrecisionOf(decided, spec.ID)
		one := ruleAnswer{
			ID: spec.ID, Version: spec.Version, Clauses: []string{}, Title: spec.Title, Claim: spec.Claim, Ledger: spec.Ledger, Needs: spec.Needs(),
			Lookback: spec.LookbackDays, Quiet: spec.QuietDays, Params: []paramAnswer{}, Precision: &precision,
		}
		for _, c := range spec.Clauses {
			one.Clauses = append(one.Clauses, c.ID)
		}
		for _, p := range spec.Params {
			one.Params = append(one.Params, paramAnswer{p.Name, p.Unit, p.Default, values[p.Name], p.Min, p.Max, p.Meaning})
		}
		list = append(list, one)
	}
	return list, true
}

// userAnswer is a user as an administrator sees it: without the password hash.
type userAnswer struct {
	Name      string        `json:"name"`
	Role      accounts.Role `json:"role"`
	Provinces []string      `json:"provinces"`
	Created   time.Time     `json:"created"`
	Changed   time.Time     `json:"password_changed"`
	// Locked is until when no login is tried; null = not locked.
	Locked *time.Time `json:"locked_until"`
}

func (s *Console) users(w http.ResponseWriter, r *http.Request, _ *caller) {
	all, err := s.Accounts.Users()
	if err != nil {
		s.accountsFailed(w, r, err)
		return
	}
	list := make([]userAnswer, len(all))
	for i := range all {
		list[i] = userAnswerOf(&all[i])
	}
	s.json(w, r, http.StatusOK, list)
}

// tokenAnswer is a token without its hash.
type tokenAnswer struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	User      string        `json:"user"` // whose scope it has; empty = its own
	Role      accounts.Role `json:"role"`
	Provinces []string      `json:"provinces"`
	Created   time.Time     `json:"created"`
	Expires   *time.Time    `json:"expires"` // null = never
}

func (s *Console) tokens(w http.ResponseWriter, r *http.Request, _ *caller) {
	all, err := s.Accounts.Tokens()
	if err != nil {
		s.accountsFailed(w, r, err)
		return
	}
	list := make([]tokenAnswer, len(all))
	for i := range all {
		list[i] = tokenAnswerOf(&all[i])
	}
	s.json(w, r, http.StatusOK, list)
}

// auditLog lists what was done, newest first. That it was read is in it too.
func (s *Console) auditLog(w http.ResponseWriter, r *http.Request, c *caller) {
	q := r.URL.Query()
	limit, err := limitOf(q)
	var before uint64
	if cursor := q.Get("cursor"); err == nil && cursor != "" {
		if before, err = strconv.ParseUint(cursor, 10, 63); err != nil || before == 0 {
			err = because("cursor", cursor)
		}
	}
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	if !s.record(w, r, c, "read_audit", "audit", r.URL.RawQuery) {
		return
	}
	list, more, err := s.Audit.Entries(before, limit)
	if err != nil {
		s.Log.Error("the audit log cannot be read", "err", err)
		s.refuse(w, r, http.StatusServiceUnavailable, because("audit_unreadable"))
		return
	}
	if more > 0 {
		next(w, r, strconv.FormatUint(more, 10))
	}
	if altered := s.Audit.Altered(); altered != nil {
		w.Header().Set("Warning", `199 - "`+altered.Error()+`"`)
	}
	s.json(w, r, http.StatusOK, list)
}
