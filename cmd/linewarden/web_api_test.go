package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/rules"
)

// works asks the daemon what takes it more than a look-up: pictures of findings
// and lines, evidence and a report that verify, an import that is in force at
// once.
func (r *running) works(t *testing.T, token string) {
	t.Helper()
	_, body, header := r.api(t, token, http.MethodGet, "/api/v1/findings?rule=licence-missing&province=31&sort=-last_seen", "")
	var found []rules.Finding
	if err := json.Unmarshal([]byte(body), &found); err != nil || len(found) != 1 || header.Get("X-Total-Count") != "1" {
		t.Fatalf("%.300s (%v)", body, err)
	}
	one := "/api/v1/findings/" + found[0].ID
	for path, want := range map[string]string{
		"/api/v1/me":       `"authenticated":true`,
		"/api/v1/overview": `"by_rule":[{"key":"licence-missing"`,
		"/api/v1/findings/summary?text=" + "%3Dcmd()":      `"total":`,
		"/api/v1/findings/export?format=csv":               found[0].ID,
		one + "/traffic":                                   `"bin":"day"`,
		one + "/routes":                                    `[]`,
		one + "/networks":                                  `"pairs":[]`,
		one + "/ledgers":                                   `"ledger":"allocations"`,
		"/api/v1/lines/L1":                                 `"if_index":10`,
		"/api/v1/lines/L1/heatmap":                         `"zone":"Asia/Tokyo"`,
		"/api/v1/lines/L1/networks":                        `"observed":[]`,
		"/api/v1/allocations/tree":                         `"licensed":false`,
		"/api/v1/allocations/detail?prefix=203.0.113.0/24": found[0].ID,
		"/api/v1/resources?q=203.0.113.9":                  `"prefix":"203.0.113.0/24"`,
		"/api/v1/enterprises/E1":                           `<script>甲𠀀`,
		"/api/v1/routes/history?prefix=198.51.100.0/24":    `[]`,
		"/api/v1/routes/origins?prefix=198.51.100.0/24":    `[]`,
		"/api/v1/ledgers/kinds":                            `"ledger":"lines"`,
		"/api/v1/ledgers/kinds/lines/rows?q=iplc":          `"total":1`,
		"/api/v1/rules/licence-missing":                    `"precision":{"confirmed":0`,
		"/api/v1/peers":                                    `[]`,
		"/api/v1/system":                                   `"engine":"embedded"`,
		"/api/v1/manual":                                   `"language":"en"`,
	} {
		if status, body, _ := r.api(t, token, http.MethodGet, path, ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %s: %.700s", path, status, want, body)
		}
	}
	dir := t.TempDir()
	if status, body, _ := r.api(t, token, http.MethodGet, one+"/evidence", ""); status != http.StatusUnprocessableEntity {
		t.Errorf("evidence without a reason: %d %.300s", status, body)
	}
	status, body, _ := r.api(t, token, http.MethodGet, one+"/evidence?reason=hearing&recipient=MIIT", "")
	file := filepath.Join(dir, "e.zip")
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil || status != http.StatusOK {
		t.Fatalf("evidence: %d %.300s (%v)", status, body, err)
	}
	if out := r.command("verify", file); !strings.Contains(out, "intact") {
		t.Errorf("evidence: %s", out)
	}
	r.report(t, token, dir)
	r.backtest(t, token)
	r.upload(t, token)
}

// report makes a report and verifies what was downloaded of it.
func (r *running) report(t *testing.T, token, dir string) {
	t.Helper()
	status, body, _ := r.api(t, token, http.MethodPost, "/api/v1/reports", `{"quarter":"2026Q1"}`)
	var made struct{ ID, State, Error string }
	if err := json.Unmarshal([]byte(body), &made); err != nil || status != http.StatusAccepted {
		t.Fatalf("%d %s", status, body)
	}
	r.until("the report is made", func() bool {
		_, body, _ := r.api(t, token, http.MethodGet, "/api/v1/reports/"+made.ID, "")
		return json.Unmarshal([]byte(body), &made) == nil && made.State != "running"
	})
	_, body, _ = r.api(t, token, http.MethodGet, "/api/v1/reports/"+made.ID+"/download", "")
	z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatalf("the report is %+v: %v", made, err)
	}
	to := filepath.Join(dir, "report")
	if err := os.CopyFS(to, fs.FS(z)); err != nil {
		t.Fatal(err)
	}
	if out := r.command("verify", to); !strings.Contains(out, "intact") {
		t.Errorf("report: %s", out)
	}
}

// backtest judges by a rule what it has judged before: it raises the same, and no
// finding is written.
func (r *running) backtest(t *testing.T, token string) {
	t.Helper()
	_, before, _ := r.api(t, token, http.MethodGet, "/api/v1/findings", "")
	status, body, header := r.api(t, token, http.MethodPost, "/api/v1/backtests", `{"rule":"licence-missing","from":"2026-03-01","to":"2026-03-02"}`)
	if status != http.StatusAccepted {
		t.Fatalf("%d %s", status, body)
	}
	var one struct {
		State, Error string
		Total        int
		Known        []struct{ Key string }
		Findings     []rules.Finding
	}
	r.until("the backtest is done", func() bool {
		_, body, _ = r.api(t, token, http.MethodGet, header.Get("Location"), "")
		return json.Unmarshal([]byte(body), &one) == nil && one.State != "running"
	})
	if one.State != "done" || one.Total != 2 || len(one.Findings) != 2 || len(one.Known) != 1 || one.Known[0].Key != "open" {
		t.Errorf("backtest: %s", body)
	}
	if _, after, _ := r.api(t, token, http.MethodGet, "/api/v1/findings", ""); after != before {
		t.Errorf("the findings have changed: %s", after)
	}
}

// upload imports another line, which is in force at once.
func (r *running) upload(t *testing.T, token string) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	f, err := form.CreateFormFile("file", "lines.csv")
	if err == nil {
		_, err = io.WriteString(f, "line_id,enterprise_id,scope,technology,use,a_place,z_country,valid_from\n"+
			"L1,E1,international,iplc,enterprise,110000,JP,2025-01-01\nL2,E1,domestic,dia,enterprise,310000,,2025-01-01\n")
	}
	if err != nil || form.Close() != nil {
		t.Fatal(err)
	}
	status, body, _ := r.api(t, token, http.MethodPost, "/api/v1/ledgers/checks", b.String(), "Content-Type", form.FormDataContentType())
	var check struct {
		ID         string
		Importable bool
		Added      int
	}
	if err := json.Unmarshal([]byte(body), &check); err != nil || status != http.StatusCreated || !check.Importable || check.Added != 1 {
		t.Fatalf("check: %d %s", status, body)
	}
	status, body, _ = r.api(t, token, http.MethodPost, "/api/v1/ledgers/imports", `{"check":"`+check.ID+`"}`)
	if status != http.StatusCreated || !strings.Contains(body, `"source":"console:token:`) {
		t.Errorf("import: %d %s", status, body)
	}
	if status, body, _ := r.api(t, token, http.MethodGet, "/api/v1/lines/L2", ""); status != http.StatusOK {
		t.Errorf("the line that was imported: %d %s", status, body)
	}
}
