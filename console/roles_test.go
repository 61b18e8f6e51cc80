package console_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/rules"
)

// TestRoles asks for everything by everybody.
func TestRoles(t *testing.T) {
	s := serve(t, hostile())
	all := []accounts.Role{accounts.NOC, accounts.Compliance, accounts.Regulator, accounts.Admin}
	tokens := make(map[accounts.Role]string)
	for _, r := range all {
		tokens[r] = s.token(t, r)
	}
	network := []accounts.Role{accounts.NOC, accounts.Compliance, accounts.Admin}
	for path, allowed := range map[string][]accounts.Role{
		"/":                                 all,
		"/api/v1/session":                   all,
		"/api/v1/findings":                  all,
		"/api/v1/findings/bbbb":             all,
		"/api/v1/ledgers":                   all,
		"/api/v1/rules":                     all,
		"/metrics":                          all,
		"/api/v1/lines":                     network,
		"/api/v1/lines/L1/traffic":          network,
		"/api/v1/lines/L2/completeness":     network,
		"/api/v1/allocations":               network,
		"/api/v1/routes?prefix=192.0.2.0":   network,
		"/api/v1/exporters":                 network,
		"/api/v1/users":                     {accounts.Admin},
		"/api/v1/tokens":                    {accounts.Admin},
		"/api/v1/audit":                     {accounts.Admin},
		"/api/v1/findings?unmasked=true":    {accounts.Compliance, accounts.Admin},
		"/api/v1/findings/bbbb?unmasked=1":  {accounts.Compliance, accounts.Admin},
		"/api/v1/findings?unmasked=false":   all,
		"/api/v1/findings/bbbb?unmasked=no": nil,
	} {
		for _, r := range all {
			want := http.StatusForbidden
			if slices.Contains(allowed, r) {
				want = http.StatusOK
			}
			if allowed == nil {
				want = http.StatusBadRequest
			}
			if a := s.get(t, tokens[r], path); a.status != want {
				t.Errorf("%s by %s: %d, want %d: %s", path, r, a.status, want, a.body)
			}
		}
		want := http.StatusUnauthorized
		if path == "/metrics" { // programs on this machine
			want = http.StatusOK
		}
		if a := s.get(t, "", path); a.status != want {
			t.Errorf("%s by nobody: %d", path, a.status)
		}
	}
	for _, r := range []accounts.Role{accounts.NOC, accounts.Regulator} {
		if a := s.post(t, tokens[r], "/api/v1/findings/bbbb/moves", `{"to":"rectifying","note":"n","expected_state":"confirmed"}`); a.status != http.StatusForbidden {
			t.Errorf("%s moves a finding: %d %s", r, a.status, a.body)
		}
	}
	for _, bad := range []string{"Bearer x", "Bearer", "Basic YTpi", "Bearer " + tokens[accounts.Admin] + "0"} {
		if a := s.get(t, "", "/api/v1/findings", "Authorization", bad); a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d", bad, a.status)
		}
	}
}

// TestViews holds what each role sees of a finding.
func TestViews(t *testing.T) {
	s := serve(t, hostile())
	noc, regulator, compliance := s.token(t, accounts.NOC), s.token(t, accounts.Regulator), s.token(t, accounts.Compliance)
	for _, path := range []string{"/api/v1/findings/aaaa", "/api/v1/findings", "/findings/aaaa", "/"} {
		for token, person := range map[string]bool{noc: false, compliance: true} {
			a := s.get(t, token, path)
			if a.status != http.StatusOK || strings.Contains(a.body, "203.0.113.77") {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
			if path == "/api/v1/findings/aaaa" && (strings.Contains(a.body, "secret note") != person || strings.Contains(a.body, "王五") != person) {
				t.Errorf("%s by noc=%v: %s", path, !person, a.body)
			}
			if !person && strings.Contains(a.body, "王五") {
				t.Errorf("noc sees who works a case: %s", a.body)
			}
		}
	}
	// The regulator sees what is confirmed, and its history from then on.
	for path, want := range map[string]int{"/api/v1/findings/aaaa": 404, "/findings/aaaa": 404, "/api/v1/findings/bbbb": 200} {
		if a := s.get(t, regulator, path); a.status != want || strings.Contains(a.body, "internal") {
			t.Errorf("regulator at %s: %d %s", path, a.status, a.body)
		}
	}
	a := s.get(t, regulator, "/api/v1/findings?state=open")
	if a.body != "[]\n" || s.store.asked.States == nil {
		t.Errorf("regulator lists %s, by %+v", a.body, s.store.asked)
	}
	// Unmasked reads are recorded, and masked ones are not.
	if a := s.get(t, compliance, "/api/v1/findings/aaaa?unmasked=true"); !strings.Contains(a.body, "203.0.113.77") {
		t.Errorf("unmasked: %s", a.body)
	}
	if got := s.actions(t); len(got) != 1 || !strings.HasSuffix(got[0], " read_unmasked finding/aaaa") {
		t.Errorf("recorded %v", got)
	}
}

// TestUnmaskedByConfig records each read where the configuration masks nothing,
// and refuses it where that cannot be recorded.
func TestUnmaskedByConfig(t *testing.T) {
	s := serve(t, hostile(), func(c *console.Config) { c.Unmasked = true })
	noc, compliance := s.token(t, accounts.NOC), s.token(t, accounts.Compliance)
	for _, path := range []string{"/findings/aaaa", "/", "/api/v1/findings", "/api/v1/findings/aaaa"} {
		s.get(t, compliance, path)
	}
	if got := s.actions(t); len(got) != 4 {
		t.Errorf("recorded %v", got)
	}
	if a := s.get(t, noc, "/api/v1/findings/aaaa"); strings.Contains(a.body, "203.0.113.77") {
		t.Errorf("noc sees %s", a.body)
	}
	if err := s.audit.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/findings/aaaa", "/api/v1/findings/aaaa"} {
		if a := s.get(t, compliance, path); a.status != http.StatusServiceUnavailable || strings.Contains(a.body, "203.0.113") {
			t.Errorf("%s without a log: %d %s", path, a.status, a.body)
		}
	}
}

// TestProvinces confines an account to Shanghai.
func TestProvinces(t *testing.T) {
	s := serve(t, hostile())
	token := s.token(t, accounts.Compliance, "31")
	for path, want := range map[string]struct {
		status   int
		has, not string
	}{
		"/api/v1/findings":                    {200, "aaaa", "bbbb"},
		"/api/v1/findings?province=11":        {200, "[]", "bbbb"},
		"/api/v1/findings/aaaa":               {200, "aaaa", ""},
		"/api/v1/findings/bbbb":               {404, "", "L1"},
		"/findings/bbbb":                      {404, "", "L1"},
		"/":                                   {200, "aaaa", "bbbb"},
		"/api/v1/lines":                       {200, "L2", "L1"},
		"/api/v1/lines?province=11":           {200, "[]", "L1"},
		"/api/v1/lines?day=all":               {200, "L0", "L1"},
		"/api/v1/lines/L1/traffic":            {404, "", ""},
		"/api/v1/lines/L2/traffic":            {200, "L2", ""},
		"/api/v1/lines/L1/completeness":       {404, "", ""},
		"/api/v1/allocations":                 {200, "198.51.100.0/24", "203.0.113"},
		"/api/v1/routes?prefix=198.51.100.7":  {200, "198.51.100.7/32", ""},
		"/api/v1/routes?prefix=203.0.113.7":   {403, "", "origins"},
		"/api/v1/routes?prefix=198.51.0.0/16": {403, "", "origins"},
		"/api/v1/exporters":                   {200, "edge", "192.0.2.9"},
	} {
		a := s.get(t, token, path)
		if a.status != want.status || !strings.Contains(a.body, want.has) || want.not != "" && strings.Contains(a.body, want.not) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if s.store.asked.Provinces == nil {
		t.Errorf("the store was asked for all provinces: %+v", s.store.asked)
	}
	body := `{"to":"rectifying","note":"n","expected_state":"confirmed"}`
	if a := s.post(t, token, "/api/v1/findings/bbbb/moves", body); a.status != http.StatusNotFound {
		t.Errorf("a finding of another province moves: %d %s", a.status, a.body)
	}
	// No finding of an unknown province is anybody's.
	s.store.findings[0].Province = ""
	if a := s.get(t, token, "/api/v1/findings"); a.body != "[]\n" {
		t.Errorf("listed %s", a.body)
	}
}

func TestMove(t *testing.T) {
	s := serve(t, hostile())
	token, reader := s.token(t, accounts.Compliance), s.token(t, accounts.NOC)
	const path = "/api/v1/findings/aaaa/moves"
	tag := s.get(t, token, "/api/v1/findings/aaaa").header.Get("ETag")
	for body, want := range map[string]int{
		``:                                    400,
		`{"to":"reviewing","note":"n","x":1}`: 400,
		`{"to":"reviewing","note":"n"} {}`:    400,
		`[]`:                                  400,
		`{"to":"reviewing","note":"` + strings.Repeat("x", 70000) + `"}`:                  413,
		`{"to":"reviewing","note":"` + strings.Repeat("x", 5000) + `"}`:                   422,
		`{"to":"reviewing","note":" "}`:                                                   422,
		`{"to":"flying","note":"n"}`:                                                      422,
		`{"to":"reviewing","note":"n","remedy":"line_stopped"}`:                           422,
		`{"to":"rectified","note":"n","remedy":"line_stopped"}`:                           409, // open does not go there
		`{"to":"reviewing","note":"n","expected_state":"confirmed"}`:                      409,
		`{"to":"reviewing","note":"n","due":"soon"}`:                                      400,
		`{"to":"reviewing","note":"n","expected_state":"` + strings.Repeat("y", 9) + `"}`: 409,
	} {
		if a := s.post(t, token, path, body, "If-Match", tag); a.status != want || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.60s: %d, want %d: %s", body, a.status, want, a.body)
		}
	}
	good := `{"to":"reviewing","note":"看一看 𠀀 \u202e <b>=cmd()","assignee":"李雷"}`
	if a := s.post(t, token, path, good); a.status != http.StatusPreconditionRequired {
		t.Errorf("nothing seen: %d %s", a.status, a.body)
	}
	if a := s.post(t, token, path, good, "If-Match", tag, "Content-Type", "text/plain"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("a form is taken: %d", a.status)
	}
	if len(s.actions(t)) != 0 {
		t.Errorf("recorded %v", s.actions(t))
	}
	a := s.post(t, token, path, good, "If-Match", tag)
	var moved struct {
		State  rules.State
		Events []rules.Event
	}
	if err := json.Unmarshal([]byte(a.body), &moved); err != nil || a.status != http.StatusCreated || moved.State != rules.Reviewing {
		t.Fatalf("%d %s (%v)", a.status, a.body, err)
	}
	last := moved.Events[len(moved.Events)-1]
	if last.Note != "看一看 𠀀 \u202e <b>=cmd()" || !strings.HasPrefix(last.Actor, "token:") {
		t.Errorf("event %+v", last)
	}
	if got := s.actions(t); len(got) != 1 || !strings.HasSuffix(got[0], " move finding/aaaa") {
		t.Errorf("recorded %v", got)
	}
	// The second one is told.
	if a := s.post(t, token, path, good, "If-Match", tag); a.status != http.StatusPreconditionFailed || !strings.Contains(a.body, "has changed") {
		t.Errorf("the second move: %d %s", a.status, a.body)
	}
	// The tag of the answer is good for the next move; a note changes it.
	tag = a.header.Get("ETag")
	if tag != s.get(t, reader, "/api/v1/findings/aaaa").header.Get("ETag") {
		t.Error("the answer has another tag than the finding")
	}
	if a := s.post(t, token, path, `{"note":"one more"}`, "If-Match", tag); a.status != http.StatusCreated {
		t.Errorf("a note: %d %s", a.status, a.body)
	}
	if a := s.post(t, token, path, `{"to":"confirmed","note":"n"}`, "If-Match", tag); a.status != http.StatusPreconditionFailed {
		t.Errorf("a move over a note: %d %s", a.status, a.body)
	}
}

// TestMovedMeanwhile has somebody else be faster between the check and the move.
func TestMovedMeanwhile(t *testing.T) {
	m := hostile()
	s := serve(t, m)
	m.before = sync.OnceFunc(func() { m.findings[0].State = rules.Reviewing })
	token := s.token(t, accounts.Compliance)
	a := s.post(t, token, "/api/v1/findings/aaaa/moves", `{"to":"dismissed","note":"n","expected_state":"open"}`)
	if a.status != http.StatusConflict || m.findings[0].State != rules.Reviewing {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := s.actions(t); len(got) != 2 || !strings.Contains(got[1], "move_failed") {
		t.Errorf("recorded %v", got)
	}
}

// TestRate lets one account ask too often; others are answered.
func TestRate(t *testing.T) {
	s := serve(t, hostile())
	one, other := s.token(t, accounts.NOC), s.token(t, accounts.NOC)
	refused := 0
	for range 600 {
		if a := s.get(t, one, "/api/v1/session"); a.status == http.StatusTooManyRequests {
			refused++
			if a.header.Get("Retry-After") == "" || a.header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("refused by %v", a.header)
			}
			break
		}
	}
	if refused == 0 {
		t.Error("600 requests at once are answered")
	}
	if a := s.get(t, other, "/api/v1/session"); a.status != http.StatusOK {
		t.Errorf("another account gets %d", a.status)
	}
}
