package console_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/console/accounts"
)

// backtested is what the tests read of a backtest.
type backtested struct {
	ID, State, Step, Error string
	ErrorCode              string `json:"error_code"`
	Progress               float64
	Params                 map[string]float64
	Subjects, Total        int
	Known, Lost, Withheld  []struct {
		Key   string
		Count int
	}
	Findings []struct{ ID string }
}

func (s *site) backtested(t *testing.T, token, id string, headers ...string) backtested {
	t.Helper()
	var b backtested
	if a := s.get(t, token, "/api/v1/backtests/"+id, headers...); a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &b) != nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return b
}

func (s *site) beginBacktest(t *testing.T, token, body string) backtested {
	t.Helper()
	a := s.post(t, token, "/api/v1/backtests", body)
	var b backtested
	if err := json.Unmarshal([]byte(a.body), &b); err != nil || a.status != http.StatusAccepted || a.header.Get("Location") != "/api/v1/backtests/"+b.ID {
		t.Fatalf("%d %s %v", a.status, a.body, a.header)
	}
	return b
}

// TestBacktest runs one to its end, and compares it with the findings there are.
func TestBacktest(t *testing.T) {
	m := hostile()
	s := serve(t, m)
	token := s.token(t, accounts.Compliance)
	begun := s.beginBacktest(t, token, `{"rule":"intl-third-party","from":"2026-03-01","to":"2026-03-10","params":{"min_days":4}}`)
	await(t, s, token, begun.ID)
	b := s.backtested(t, token, begun.ID)
	if b.State != "done" || b.Progress != 1 || b.Subjects != 7 || b.Total != 2 || len(b.Findings) != 2 || len(b.Withheld) != 1 {
		t.Errorf("%+v", b)
	}
	// One is there already, one would be new, and one of those there is lost.
	if len(b.Known) != 2 || b.Known[0].Key != "none" || b.Known[1].Key != "open" || len(b.Lost) != 1 || b.Lost[0].Key != "confirmed" {
		t.Errorf("known %+v, lost %+v", b.Known, b.Lost)
	}
	// The parameters in force hold unless the request says otherwise.
	if m.judged.Params["min_share"] != 0.07 || m.judged.Params["min_days"] != 4 || m.judged.Span.To.Format("2006-01-02 15") != "2026-03-11 00" {
		t.Errorf("judged %+v", m.judged)
	}
	if a := s.get(t, token, "/api/v1/backtests/"+begun.ID); strings.Contains(a.body, "203.0.113.77") {
		t.Errorf("a third party is shown: %s", a.body)
	}
	if a := s.get(t, token, "/api/v1/backtests"); !strings.Contains(a.body, begun.ID) || strings.Contains(a.body, "cccc") {
		t.Errorf("listed %s", a.body)
	}
	if got := s.actions(t); len(got) != 1 || !strings.HasSuffix(got[0], " backtest rule/intl-third-party") {
		t.Errorf("recorded %v", got)
	}
}

// TestBacktestRefused asks for what there is not, and by those who may not.
func TestBacktestRefused(t *testing.T) {
	s := serve(t, hostile())
	token := s.token(t, accounts.Compliance)
	for body, want := range map[string]string{
		`{"rule":"none"}`: "no_rule",
		`{"rule":"intl-third-party","params":{"nothing":1}}`:                        "unknown_value",
		`{"rule":"intl-third-party","params":{"min_share":7}}`:                      "param_range",
		`{"rule":"intl-third-party","from":"2025-01-01","to":"2026-01-01"}`:         "span",
		`{"rule":"intl-third-party","from":"2026-03-09","to":"2026-03-01"}`:         "span",
		`{"rule":"intl-third-party","from":"soon"}`:                                 "time",
		`{"rule":"intl-third-party","params":{"min_share":"much"}}`:                 "body",
		`{"rule":"intl-third-party","span":1}`:                                      "body",
		`{"rule":"intl-third-party","from":"2026-03-01","to":"2026-03-09"}` + ` {}`: "body",
	} {
		if a := s.post(t, token, "/api/v1/backtests", body); a.status/100 != 4 || !strings.Contains(a.body, `"code":"`+want+`"`) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	for name, other := range map[string]string{
		"noc": s.token(t, accounts.NOC), "regulator": s.token(t, accounts.Regulator), "of a province": s.token(t, accounts.Compliance, "31"),
	} {
		for _, a := range []answer{
			s.post(t, other, "/api/v1/backtests", `{"rule":"intl-third-party"}`), s.get(t, other, "/api/v1/backtests"),
			s.get(t, other, "/api/v1/backtests/x"), s.send(t, other, http.MethodDelete, "/api/v1/backtests/x", "", ""),
		} {
			if a.status != http.StatusForbidden {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	}
	if a := s.get(t, token, "/api/v1/backtests/none"); a.status != http.StatusNotFound {
		t.Errorf("none: %d", a.status)
	}
	if got := s.actions(t); len(got) != 0 {
		t.Errorf("recorded %v", got)
	}
}

// TestBacktestCancelled ends one that is under way; until then there is no other.
func TestBacktestCancelled(t *testing.T) {
	m := hostile()
	m.hold = make(chan struct{})
	s := serve(t, m)
	token := s.token(t, accounts.Compliance)
	begun := s.beginBacktest(t, token, `{"rule":"intl-third-party"}`)
	if a := s.post(t, token, "/api/v1/backtests", `{"rule":"intl-third-party"}`); a.status != http.StatusConflict {
		t.Errorf("a second one: %d %s", a.status, a.body)
	}
	path := "/api/v1/backtests/" + begun.ID
	if a := s.send(t, token, http.MethodDelete, path, "", ""); a.status != http.StatusNoContent {
		t.Errorf("cancel: %d %s", a.status, a.body)
	}
	await(t, s, token, begun.ID)
	if b := s.backtested(t, token, begun.ID); b.State != "cancelled" || b.Error != "" || len(b.Findings) != 0 {
		t.Errorf("%+v", b)
	}
	// What has ended is forgotten, once nobody works on it.
	s.until(t, "it has ended", func() bool { return strings.Contains(s.get(t, token, path).body, `"ended":"`) })
	if a := s.send(t, token, http.MethodDelete, path, "", ""); a.status != http.StatusNoContent {
		t.Errorf("forget: %d %s", a.status, a.body)
	}
	if a := s.get(t, token, path); a.status != http.StatusNotFound {
		t.Errorf("forgotten: %d", a.status)
	}
}

// TestJobsFail tells in the language of who asks why a job has failed, and never
// in the words of the store.
func TestJobsFail(t *testing.T) {
	m := hostile()
	s := serve(t, m)
	token := s.token(t, accounts.Compliance)
	m.fail(errDown)
	begun := s.beginBacktest(t, token, `{"rule":"intl-third-party"}`)
	await(t, s, token, begun.ID)
	for lang, want := range map[string]string{"zh": "守护进程出错", "en": "this has failed in the daemon"} {
		b := s.backtested(t, token, begun.ID, "Accept-Language", lang)
		if b.State != "failed" || b.ErrorCode != "failed" || !strings.Contains(b.Error, want) {
			t.Errorf("%s: %+v", lang, b)
		}
		if a := s.get(t, token, "/api/v1/system", "Accept-Language", lang); !strings.Contains(a.body, want) || strings.Contains(a.body, "SELECT") {
			t.Errorf("%s: %s", lang, a.body)
		}
	}
	a := s.post(t, token, "/api/v1/reports", `{"quarter":"2026Q1"}`)
	var report struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &report); err != nil {
		t.Fatal(err)
	}
	await(t, s, token, report.ID)
	if a := s.get(t, token, "/api/v1/reports/"+report.ID, "Accept-Language", "zh"); !strings.Contains(a.body, `"state":"failed"`) || !strings.Contains(a.body, "守护进程出错") || strings.Contains(a.body, "SELECT") {
		t.Errorf("%s", a.body)
	}
}
