package console_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/accounts"
)

// TestProblemTexts holds the texts of problems against the sources and against
// the description of the API: each is used, each is in both languages, and names
// the same things in both.
func TestProblemTexts(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "problem_texts.go" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(text)
	}
	verb := regexp.MustCompile(`%[a-z]`)
	for code, text := range console.ProblemTexts {
		if !strings.Contains(sources.String(), `"`+code+`"`) {
			t.Errorf("%s is told by nobody", code)
		}
		if text.EN == "" || !regexp.MustCompile(`\p{Han}`).MatchString(text.ZH) || !slices.Equal(verb.FindAllString(text.EN, -1), verb.FindAllString(text.ZH, -1)) {
			t.Errorf("%s is not the same in both languages: %+v", code, text)
		}
	}
	for _, m := range regexp.MustCompile(`because\("([a-z_]*)"`).FindAllStringSubmatch(sources.String(), -1) {
		if _, ok := console.ProblemTexts[m[1]]; !ok {
			t.Errorf("%q has no text", m[1])
		}
	}
	s := serve(t, hostile())
	_, list, _ := strings.Cut(s.get(t, "", "/api/v1/openapi.yaml").body, "    ProblemCode:")
	_, list, _ = strings.Cut(list, "enum: [")
	list, _, _ = strings.Cut(list, "]")
	described := strings.Split(list, ", ")
	if want := append(slices.Collect(maps.Keys(console.ProblemTexts)), "other"); !slices.Equal(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(described))) {
		t.Errorf("described are %v, there are %v", described, want)
	}
}

// TestProblemsAreInBothLanguages asks for what people run into.
func TestProblemsAreInBothLanguages(t *testing.T) {
	s := serve(t, hostile())
	token := s.token(t, accounts.Admin)
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		code, zh, en       string
	}{
		"filter":     {"GET", "/api/v1/findings?severity=worst", "", nil, "unknown_value", "没有 \"worst\" 这个值", `there is no "worst"`},
		"session":    {"GET", "/api/v1/findings", "", []string{"Authorization", ""}, "login_needed", "请先在 /login 登录", "log in"},
		"not there":  {"GET", "/api/v1/findings/none", "", nil, "no_finding", "没有编号为", "there is no finding"},
		"move":       {"POST", "/api/v1/findings/aaaa/moves", `{"to":"rectified","remedy":"line_stopped","note":"n","expected_state":"open"}`, nil, "move_not_possible", "不能这样流转", "not permitted"},
		"no note":    {"POST", "/api/v1/findings/aaaa/moves", `{"to":"reviewing","expected_state":"open"}`, nil, "note_missing", "写明理由", "needs a note"},
		"concurrent": {"POST", "/api/v1/findings/aaaa/moves", `{"to":"reviewing","note":"n"}`, []string{"If-Match", `"other"`}, "stale", "已被他人修改", "has changed"},
		"import":     {"POST", "/api/v1/ledgers/imports", `{"check":"gone"}`, nil, "no_upload", "请重新上传", "upload it again"},
		"no form":    {"POST", "/api/v1/ledgers/checks", `{}`, nil, "upload_type", "以表单上传", "a form with files"},
		"user":       {"POST", "/api/v1/users", `{"name":"li","role":"noc","password":"short"}`, nil, "password_weak", "至少 12 个字符", "at least 12"},
		"bulk":       {"POST", "/api/v1/findings/moves", `{"findings":[]}`, nil, "findings_empty", "没有选择", "is empty"},
	} {
		for accept, want := range map[string]string{"zh-CN,zh;q=0.9,en;q=0.8": c.zh, "en-US,zh;q=0.5": c.en, "": c.en, "fr, *;q=0.1": c.en} {
			headers := append([]string{"Accept-Language", accept, "Content-Type", "application/json", "Authorization", "Bearer " + token}, c.headers...)
			a := s.ask(t, browser(t), c.method, c.path, c.body, headers...)
			var p struct{ Title, Detail, Code string }
			if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status < 400 || p.Code != c.code || !strings.Contains(p.Detail, want) || p.Title == "" {
				t.Errorf("%s in %q: %d %s", name, accept, a.status, a.body)
			}
		}
	}
	a := s.post(t, token, "/api/v1/findings/moves", `{"findings":[{"id":"aaaa","etag":"\"x\""}],"to":"reviewing","note":"n"}`, "Accept-Language", "zh")
	if a.status != http.StatusOK || !strings.Contains(a.body, `"code":"stale"`) || !strings.Contains(a.body, "已被他人修改") {
		t.Errorf("bulk: %d %s", a.status, a.body)
	}
}
