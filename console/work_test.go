package console_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/rules"
)

// TestWhatRolesGet asks for what is new by those who may not.
func TestWhatRolesGet(t *testing.T) {
	s := serve(t, hostile())
	noc, regulator, compliance := s.token(t, accounts.NOC), s.token(t, accounts.Regulator), s.token(t, accounts.Compliance)
	shanghai := s.token(t, accounts.Compliance, "31")
	for _, c := range []struct {
		token, path string
		status      int
		has, not    string
	}{
		{noc, "/api/v1/overview", 200, `"total":2`, "noted"},
		{compliance, "/api/v1/overview", 200, "noted", ""},
		{regulator, "/api/v1/overview", 200, `"total":1`, "aaaa"},
		{shanghai, "/api/v1/overview", 200, `"total":1`, "bbbb"},
		{shanghai, "/api/v1/findings/summary", 200, `"total":1`, `"11"`},
		{shanghai, "/api/v1/findings/export?format=ndjson", 200, "aaaa", "bbbb"},
		{regulator, "/api/v1/findings/export?format=csv", 200, "bbbb", "aaaa"},
		{noc, "/api/v1/findings/export?format=json", 200, "aaaa", "王五"},
		{noc, "/api/v1/findings/export?format=json&unmasked=true", 403, "", "aaaa"},
		{noc, "/api/v1/findings/aaaa/networks", 200, "203.0.113.0/24", "203.0.113.77"},
		{compliance, "/api/v1/findings/aaaa/networks?unmasked=true", 200, "203.0.113.77", ""},
		{regulator, "/api/v1/findings/aaaa/networks", 404, "", "203.0.113"},
		{regulator, "/api/v1/findings/bbbb/traffic", 200, `"bin":"hour"`, ""},
		{noc, "/api/v1/findings/bbbb/evidence", 403, "", "PK"},
		{shanghai, "/api/v1/findings/bbbb/evidence", 404, "", "PK"},
		{shanghai, "/api/v1/findings/bbbb/ledgers", 404, "", "lines"},
		{shanghai, "/api/v1/lines/L1", 404, "", "E1"},
		{shanghai, "/api/v1/lines/L2", 200, "cross_border", ""},
		{shanghai, "/api/v1/lines/L1/heatmap", 404, "", ""},
		{shanghai, "/api/v1/lines/L1/networks", 404, "", ""},
		{regulator, "/api/v1/lines/L2", 403, "", ""},
		{shanghai, "/api/v1/allocations/tree", 200, "198.51.100.0/24", "203.0.113"},
		{shanghai, "/api/v1/allocations/detail?prefix=203.0.113.0/24", 404, "", "E2"},
		{shanghai, "/api/v1/resources?q=203.0.113.5", 200, `"domains":[]`, "secret"},
		{noc, "/api/v1/resources?q=203.0.113.5", 200, "secret.example.cn", ""},
		{noc, "/api/v1/resources?q=AS64501", 200, `"asn":64501`, ""},
		{noc, "/api/v1/resources?q=%E7%94%B2%E5%85%AC", 200, "198.51.100.0/24", ""},
		{shanghai, "/api/v1/enterprises/E2", 404, "", "乙"},
		{shanghai, "/api/v1/routes/history?prefix=203.0.113.0/24", 403, "", ""},
		{shanghai, "/api/v1/ledgers/kinds", 200, "enterprises", "asns"},
		{shanghai, "/api/v1/ledgers/kinds/enterprises/rows", 200, "甲公司", "乙公司"},
		{shanghai, "/api/v1/ledgers/kinds/asns/rows", 403, "", "64500"},
		{shanghai, "/api/v1/peers", 403, "", ""},
		{shanghai, "/api/v1/reports", 403, "", ""},
		{noc, "/api/v1/reports", 403, "", ""},
		{regulator, "/api/v1/reports", 200, "[]", ""},
		{noc, "/api/v1/manual", 200, `"language":"zh"`, ""},
		{noc, "/api/v1/manual/zh/../../guard.go", 404, "", "package"},
		{noc, "/api/v1/rules/none", 404, "", ""},
		{noc, "/api/v1/lines/L2/heatmap?zone=Mars/Base", 400, "zone:", ""},
		{noc, "/api/v1/lines/L2/heatmap?zone=Asia/Tokyo", 200, "Asia/Tokyo", ""},
		{noc, "/api/v1/lines/L2/heatmap?from=2026-03-01T00:00:00Z&to=2026-03-15T00:00:00Z", 200, `"from":"2026-03-14T23:00:00Z","to":"2026-03-15T00:00:00Z","hours":1,`, ""},
		{noc, "/api/v1/findings?state=open,lost", 400, "state:", ""},
		{noc, "/api/v1/findings?sort=body", 400, "sort:", ""},
		{noc, "/api/v1/findings?line=L2&subject=L1", 400, "line:", ""},
		{noc, "/api/v1/findings?line=L2&severity=high,critical&text=alert", 200, "aaaa", "bbbb"},
		{noc, "/api/v1/overview?days=0", 400, "days:", ""},
		{noc, "/api/v1/findings/export?format=xlsx", 400, "format:", ""},
	} {
		a := s.get(t, c.token, c.path)
		if a.status != c.status || !strings.Contains(a.body, c.has) || c.not != "" && strings.Contains(a.body, c.not) {
			t.Errorf("%s: %d, want %d with %q without %q: %.600s", c.path, a.status, c.status, c.has, c.not, a.body)
		}
	}
}

// TestExports reads each format, and one that the store breaks off.
func TestExports(t *testing.T) {
	m := hostile()
	s := serve(t, m)
	token := s.token(t, accounts.Compliance)
	a := s.get(t, token, "/api/v1/findings/export?format=csv")
	if lines := strings.Split(strings.TrimSpace(a.body), "\n"); len(lines) != 3 || a.header.Get("X-Total-Count") != "2" || strings.Contains(a.body, "203.0.113.77") {
		t.Errorf("csv: %v %s", a.header, a.body)
	}
	var list []rules.Finding
	if err := json.Unmarshal([]byte(s.get(t, token, "/api/v1/findings/export?format=json").body), &list); err != nil || len(list) != 2 {
		t.Errorf("json: %d, %v", len(list), err)
	}
	if a := s.get(t, token, "/api/v1/findings/export?format=json&rule=none"); a.body != "[]\n" {
		t.Errorf("none: %q", a.body)
	}
	m.broken = true
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/findings/export?format=ndjson", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := s.Client().Do(req)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if err == nil {
		t.Error("an export that was broken off looks whole")
	}
}

// TestBulk moves two findings of which one has changed.
func TestBulk(t *testing.T) {
	s := serve(t, hostile())
	token := s.token(t, accounts.Compliance)
	const path = "/api/v1/findings/moves"
	a := s.post(t, token, path, `{"findings":[{"id":"aaaa","expected_state":"open"},{"id":"bbbb","etag":"\"old\""},{"id":"cccc","etag":"x"},{"id":"bbbb"}],"to":"reviewing","note":"n"}`)
	var got []struct {
		ID, State, Detail, ETag string
		Status                  int
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || len(got) != 4 {
		t.Fatal(a.body, err)
	}
	for i, want := range []int{201, 412, 404, 428} {
		if got[i].Status != want || (got[i].Detail == "") != (want == 201) {
			t.Errorf("%s: %+v, want %d", got[i].ID, got[i], want)
		}
	}
	if got[0].ETag != s.get(t, token, "/api/v1/findings/aaaa").header.Get("ETag") || got[0].State != "reviewing" {
		t.Errorf("moved is %+v", got[0])
	}
	for body, want := range map[string]int{
		`{"findings":[],"note":"n"}`: 422, `{}`: 422, `{"findings":[` + strings.Repeat(`{"id":"a"},`, 501) + `{"id":"a"}],"note":"n"}`: 422,
	} {
		if a := s.post(t, token, path, body); a.status != want {
			t.Errorf("%.40s: %d", body, a.status)
		}
	}
	if a := s.post(t, s.token(t, accounts.NOC), path, `{"findings":[{"id":"bbbb"}],"note":"n"}`); a.status != http.StatusForbidden {
		t.Errorf("noc: %d", a.status)
	}
}

// archived is a zip of files, by names and contents in turn.
func archived(t *testing.T, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := z.Create(files[i])
		if err == nil {
			_, err = io.WriteString(f, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestImport uploads ledgers with errors, without, and after others were
// imported.
func TestImport(t *testing.T) {
	m := hostile()
	s := serve(t, m)
	token, other := s.token(t, accounts.Compliance), s.token(t, accounts.Compliance, "31")
	id, a := s.check(t, token, "enterprises.csv", "enterprise_id,name,nonsense\nE1,<script>\u202e𠀀,x\n")
	if a.status != http.StatusCreated || !strings.Contains(a.body, `"importable":false`) || !strings.Contains(a.body, `"row":1,"column":3`) {
		t.Errorf("errors: %d %s", a.status, a.body)
	}
	if a := s.post(t, token, "/api/v1/ledgers/imports", `{"check":"`+id+`"}`); a.status != http.StatusUnprocessableEntity || m.imported != nil {
		t.Errorf("one with errors is imported: %d %s", a.status, a.body)
	}
	id, a = s.check(t, token, "all.zip", archived(t, "ledgers/enterprises.csv", goodCSV))
	if !strings.Contains(a.body, `"importable":true`) || !strings.Contains(a.body, `"added":1,"changed":0,"removed":1`) {
		t.Errorf("preview: %s", a.body)
	}
	again, _ := s.check(t, token, "enterprises.csv", goodCSV)
	if a := s.get(t, token, "/api/v1/ledgers/checks/"+id+"/changes?limit=1"); a.status != http.StatusOK || !strings.Contains(a.body, "丙公司") || a.header.Get("Link") == "" {
		t.Errorf("changes: %s", a.body)
	}
	if a := s.post(t, token, "/api/v1/ledgers/imports", `{"check":"`+id+`"}`); a.status != http.StatusCreated || len(m.imported) != 2 {
		t.Errorf("import: %d %s", a.status, a.body)
	}
	if a := s.post(t, token, "/api/v1/ledgers/imports", `{"check":"`+again+`"}`); a.status != http.StatusConflict {
		t.Errorf("import over another: %d %s", a.status, a.body)
	}
	if a := s.post(t, token, "/api/v1/ledgers/imports", `{"check":"`+id+`"}`); a.status != http.StatusNotFound {
		t.Errorf("import twice: %d %s", a.status, a.body)
	}
	kind, body := uploadOf(t, "enterprises.csv", goodCSV)
	if a := s.send(t, other, http.MethodPost, "/api/v1/ledgers/checks", kind, body); a.status != http.StatusForbidden {
		t.Errorf("of one province: %d", a.status)
	}
	for name, files := range map[string][]string{
		"none": {}, "twice": {"lines.csv", "a", "lines.csv", "b"}, "no zip": {"a.zip", "PK"}, "dots": {"..", "x"},
	} {
		kind, body := uploadOf(t, files...)
		if a := s.send(t, token, http.MethodPost, "/api/v1/ledgers/checks", kind, body); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if _, a := s.check(t, token, "a.zip", archived(t, "../../../tmp/escape.csv", "x", "readme.txt", "y")); !strings.Contains(a.body, `"importable":false`) {
		t.Errorf("names that leave: %s", a.body)
	}
	kind, body = uploadOf(t, "lines.csv", strings.Repeat("x", 65<<20))
	if a := s.send(t, token, http.MethodPost, "/api/v1/ledgers/checks", kind, body); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("oversized: %d %s", a.status, a.body)
	}
}

// TestReports makes one, and refuses a second one meanwhile.
func TestReports(t *testing.T) {
	m := hostile()
	m.hold = make(chan struct{})
	s := serve(t, m)
	token, regulator := s.token(t, accounts.Compliance), s.token(t, accounts.Regulator)
	for body, want := range map[string]string{
		`{"quarter":"2026Q9"}`: "quarter", `{"quarter":"2026Q1","x":1}`: "body", `{"quarter":"2026Q1","language":"fr"}`: "one_of",
		`{"quarter":"2026Q1","unmasked":true}`: "reason_missing", `{"quarter":"2026Q1","reason":"x"}`: "reason_needless",
	} {
		if a := s.post(t, token, "/api/v1/reports", body, "Accept-Language", "zh"); a.status/100 != 4 || !strings.Contains(a.body, `"code":"`+want+`"`) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := s.post(t, regulator, "/api/v1/reports", `{"quarter":"2026Q1"}`); a.status != http.StatusForbidden {
		t.Errorf("the regulator begins one: %d", a.status)
	}
	a := s.post(t, token, "/api/v1/reports", `{"quarter":"2026Q1"}`)
	var r struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &r); err != nil || a.status != http.StatusAccepted {
		t.Fatal(a.status, a.body, err)
	}
	path := "/api/v1/reports/" + r.ID
	for p, want := range map[string]int{path + "/download": 409, path: 200} {
		if a := s.get(t, regulator, p); a.status != want {
			t.Errorf("%s: %d %s", p, a.status, a.body)
		}
	}
	if a := s.post(t, token, "/api/v1/reports", `{"quarter":"2026Q1"}`); a.status != http.StatusConflict {
		t.Errorf("a second one: %d", a.status)
	}
	close(m.hold)
	await(t, s, token, r.ID)
	a = s.get(t, regulator, path+"/download")
	z, err := zip.NewReader(strings.NewReader(a.body), int64(len(a.body)))
	if err != nil || len(z.File) != 2 || z.File[0].Name != "manifest.json" {
		t.Errorf("download: %d %v", a.status, err)
	}
	a = s.post(t, token, "/api/v1/reports", `{"quarter":"2026Q1","unmasked":true,"reason":"case 7"}`)
	if err := json.Unmarshal([]byte(a.body), &r); err != nil {
		t.Fatal(err)
	}
	await(t, s, token, r.ID)
	if a := s.get(t, regulator, "/api/v1/reports/"+r.ID); a.status != http.StatusNotFound {
		t.Errorf("the regulator sees an unmasked report: %d", a.status)
	}
}

// TestSessionByJSON logs in as the console does.
func TestSessionByJSON(t *testing.T) {
	s := serve(t, hostile())
	s.person(t, "root1", accounts.Admin)
	s.person(t, "li", accounts.Compliance)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &http.Client{Jar: jar}
	do := func(method, path, body string, headers ...string) answer {
		return s.ask(t, b, method, path, body, append([]string{"Content-Type", "application/json"}, headers...)...)
	}
	if a := do(http.MethodGet, "/api/v1/me", ""); a.status != http.StatusOK || !strings.Contains(a.body, `"authenticated":false`) || strings.Contains(a.body, "Carrier") {
		t.Errorf("nobody is %s", a.body)
	}
	if a := do(http.MethodPost, "/api/v1/session", `{"name":"root1","password":"wrong"}`); a.status != http.StatusUnauthorized || len(a.header["Set-Cookie"]) > 0 {
		t.Errorf("wrong: %d", a.status)
	}
	if a := do(http.MethodPost, "/api/v1/session", `{"name":"root1","password":"`+password+`"}`, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden {
		t.Errorf("from another site: %d", a.status)
	}
	a := do(http.MethodPost, "/api/v1/session", `{"name":"root1","password":"`+password+`"}`)
	var me struct {
		CSRF string `json:"csrf_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &me); err != nil || a.status != http.StatusCreated || me.CSRF == "" {
		t.Fatal(a.status, a.body)
	}
	if a := do(http.MethodPatch, "/api/v1/users/li", `{"role":"noc"}`); a.status != http.StatusForbidden {
		t.Errorf("without the token of the session: %d", a.status)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"PATCH", "/api/v1/users/li", `{"role":"noc","provinces":["11"]}`, 200},
		{"PATCH", "/api/v1/users/root1", `{"role":"noc"}`, 409},
		{"PATCH", "/api/v1/users/nobody", `{"role":"noc"}`, 404},
		{"PATCH", "/api/v1/users/li", `{"role":"root"}`, 422},
		{"POST", "/api/v1/users", `{"name":"li","role":"noc","password":"` + password + `"}`, 409},
		{"POST", "/api/v1/users", `{"name":"<b>","role":"noc","password":"` + password + `"}`, 422},
		{"DELETE", "/api/v1/users/root1", ``, 409},
		{"DELETE", "/api/v1/users/li", ``, 204},
		{"DELETE", "/api/v1/tokens/none", ``, 404},
		{"POST", "/api/v1/tokens", `{"name":"x"}`, 422},
		{"POST", "/api/v1/me/password", `{"old":"no","new":"another horse battery"}`, 403},
		{"POST", "/api/v1/me/password", `{"old":"` + password + `","new":"another horse battery"}`, 204},
	} {
		if a := do(c.method, c.path, c.body, "X-CSRF-Token", me.CSRF); a.status != c.status {
			t.Errorf("%s %s %s: %d, want %d: %s", c.method, c.path, c.body, a.status, c.status, a.body)
		}
	}
	// The change of the password has begun another session.
	if err := json.Unmarshal([]byte(do(http.MethodGet, "/api/v1/me", "").body), &me); err != nil || me.CSRF == "" {
		t.Fatal(err)
	}
	if a := do(http.MethodDelete, "/api/v1/session", "", "X-CSRF-Token", me.CSRF); a.status != http.StatusNoContent {
		t.Errorf("log out: %d %s", a.status, a.body)
	}
	if a := do(http.MethodGet, "/api/v1/session", ""); a.status != http.StatusUnauthorized {
		t.Errorf("after it: %d", a.status)
	}
}

// TestApp serves a console that was built.
func TestApp(t *testing.T) {
	s := serve(t, hostile(), func(c *console.Config) {
		c.App = fstest.MapFS{
			"index.html": {Data: []byte("<!doctype html><script src=/assets/app-1.js></script>")}, "icon.svg": {Data: []byte("<svg/>")},
			"assets/app-1.js": {Data: []byte("plain")}, "assets/app-1.js.gz": {Data: []byte("zipped")}, "assets/app-1.js.br": {Data: []byte("brotli")},
		}
	})
	s.token(t, accounts.NOC) // closed to nobody
	for _, c := range []struct{ path, accept, encoding, has, cache string }{
		{"/", "", "", "doctype", "no-cache"},
		{"/findings/aaaa?x=1", "", "", "doctype", "no-cache"},
		{"/login", "", "", "doctype", "no-cache"},
		{"/icon.svg", "", "", "svg", "no-cache"},
		{"/assets/app-1.js", "gzip;q=0", "", "plain", "immutable"},
		{"/assets/app-1.js", "gzip, br", "br", "brotli", "immutable"},
		{"/assets/style.css", "", "", "{", "no-cache"},
	} {
		a := s.get(t, "", c.path, "Accept", "text/html", "Accept-Encoding", c.accept)
		policy := a.header.Get("Content-Security-Policy")
		if a.status != http.StatusOK || !strings.Contains(a.body, c.has) || a.header.Get("Content-Encoding") != c.encoding ||
			!strings.Contains(a.header.Get("Cache-Control"), c.cache) || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s: %d %v %s", c.path, a.status, a.header, a.body)
		}
	}
	for _, path := range []string{"/assets/none.js", "/assets/../index.html.go", "/api/v1/none"} {
		if a := s.get(t, "", path); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := s.get(t, "", "/api/v1/findings", "Accept", "text/html"); a.status != http.StatusUnauthorized {
		t.Errorf("the API by nobody: %d", a.status)
	}
}
