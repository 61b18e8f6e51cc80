package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/rules"
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// found are findings, one of them with a name that is out to break lines.
func found() []rules.Finding {
	return []rules.Finding{
		{ID: "F1", Rule: "licence-missing", Severity: rules.Medium, State: rules.Open, Province: "11", Title: rules.Text{ZH: "无许可", EN: "no licence"}, FirstSeen: noon},
		{ID: "F2", Rule: "intl-transit", Severity: rules.Critical, State: rules.Open, Province: "31", EnterpriseID: `E"2]\`, Title: rules.Text{ZH: "跨境\r\n转接", EN: "transit"}, FirstSeen: noon},
		{ID: "F3", Rule: "intl-transit", Severity: rules.Low, State: rules.Open, Province: "31", Title: rules.Text{ZH: "低", EN: "low"}, FirstSeen: noon},
	}
}

func ids(n News) (list []string) {
	for _, x := range n.Items {
		list = append(list, x.ID)
	}
	return list
}

func TestGroup(t *testing.T) {
	for _, c := range []struct {
		filter Filter
		want   []string
	}{
		{Filter{}, []string{"F2", "F1", "F3"}},
		{Filter{Severity: rules.Medium}, []string{"F2", "F1"}},
		{Filter{Severity: rules.High}, []string{"F2"}},
		{Filter{Rules: []string{"intl-transit"}}, []string{"F2", "F3"}},
		{Filter{Provinces: []string{"11"}}, []string{"F1"}},
		{Filter{Provinces: []string{"44"}}, nil},
	} {
		if diff := cmp.Diff(c.want, ids(Group("甲", noon, c.filter, found()))); diff != "" {
			t.Errorf("%+v: %s", c.filter, diff)
		}
	}
}

// standIn answers as the services document it, and refuses what is not signed.
type standIn struct{ secret string }

func (s standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	var m map[string]any
	if err != nil || json.Unmarshal(b, &m) != nil || r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	sum := func(key, text string) []byte {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	answer := func(ok bool, good, bad string) {
		if !ok {
			good = bad
		}
		fmt.Fprint(w, good)
	}
	switch r.URL.Path {
	case "/webhook":
		at := r.Header.Get(TimestampHeader)
		if r.Header.Get(SignatureHeader) != "v1="+hex.EncodeToString(sum(s.secret, at+"."+string(b))) {
			http.Error(w, "signature", http.StatusUnauthorized)
		}
	case "/wecom":
		markdown, _ := m["markdown"].(map[string]any)
		content, _ := markdown["content"].(string)
		answer(m["msgtype"] == "markdown" && content != "" && len(content) <= 4096, `{"errcode":0,"errmsg":"ok"}`, `{"errcode":40058,"errmsg":"markdown.content invalid"}`)
	case "/dingtalk":
		at := r.URL.Query().Get("timestamp")
		sign := base64.StdEncoding.EncodeToString(sum(s.secret, at+"\n"+s.secret))
		_, isMillis := strconv.ParseInt(at, 10, 64)
		answer(r.URL.Query().Get("access_token") == "T" && isMillis == nil && len(at) == 13 && r.URL.Query().Get("sign") == sign,
			`{"errcode":0,"errmsg":"ok"}`, `{"errcode":310000,"errmsg":"sign not match"}`)
	case "/feishu":
		at, _ := m["timestamp"].(string)
		answer(m["msg_type"] == "text" && len(at) == 10 && m["sign"] == base64.StdEncoding.EncodeToString(sum(at+"\n"+s.secret, "")),
			`{"code":0,"msg":"success","data":{}}`, `{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}`)
	}
}

// deliver posts news to a stand-in and returns what came of it.
func deliver(t *testing.T, kind Kind, address, secret string, n *News) error {
	t.Helper()
	p, err := NewPost(kind, address, secret, n, noon)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL, bytes.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range p.Header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return Answered(kind, resp.StatusCode, answer)
}

// TestPost tells stand-ins of each service of few findings and of very many.
func TestPost(t *testing.T) {
	server := httptest.NewServer(standIn{secret: "s3cret"})
	t.Cleanup(server.Close)
	few := Group("甲运营商", noon, Filter{}, found())
	many := few
	for range 2000 {
		many.Items = append(many.Items, few.Items...)
	}
	for _, kind := range []Kind{Webhook, WeCom, DingTalk, Feishu} {
		address := server.URL + "/" + string(kind) + "?access_token=T"
		for _, n := range []*News{&few, &many} {
			if err := deliver(t, kind, address, "s3cret", n); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
		if err := deliver(t, kind, address, "wrong", &few); kind != WeCom && !errors.Is(err, ErrRefused) {
			t.Errorf("%s takes a wrong signature: %v", kind, err)
		}
	}
	if _, err := NewPost("pigeon", server.URL, "", &few, noon); !errors.Is(err, ErrKind) {
		t.Errorf("a pigeon gives %v", err)
	}
	if _, err := NewPost(DingTalk, "http://x\x7f/?access_token=T", "s", &few, noon); err == nil || strings.Contains(err.Error(), "access_token") {
		t.Errorf("the error of a bad address is %v", err)
	}
	for _, answer := range []string{"", "{}", "<html>", `{"errcode":1}`} {
		if err := Answered(WeCom, http.StatusOK, []byte(answer)); !errors.Is(err, ErrRefused) {
			t.Errorf("the answer %q gives %v", answer, err)
		}
	}
	if text := many.lines("- ", 4000); len(text) > 4000 || !strings.Contains(text, "and 5") {
		t.Errorf("of many findings the last lines are %q", text[max(0, len(text)-200):])
	}
}

// message is RFC 5424 section 6.
var message = regexp.MustCompile(`^<(\d{1,3})>1 (\S+) ([\x21-\x7e]{1,255}) linewarden - finding (\[finding@32473(?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")*\]) ` + "\ufeff" + `([^\x00-\x1f]*)$`)

func TestSyslog(t *testing.T) {
	n := Group("甲", noon, Filter{}, found())
	for i, line := range Syslog(&n, "audit 1\n.example") {
		m := message.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%q is not of RFC 5424", line)
			continue
		}
		if want := strconv.Itoa(13*8 + []int{2, 5, 6}[i]); m[1] != want || m[2] != "2026-07-01T12:00:00Z" || m[3] != "audit1.example" {
			t.Errorf("the head of %q is wrong, want priority %s", line, want)
		}
		if i == 0 && (!strings.Contains(m[4], `enterprise="E\"2\]\\"`) || m[5] != "跨境  转接 / transit") {
			t.Errorf("the finding is told as %q %q", m[4], m[5])
		}
	}
	if got := hostName("\u4e2d "); got != "-" {
		t.Errorf("a host without a name is %q", got)
	}
}

func TestMail(t *testing.T) {
	n := Group("甲\r\nBcc: x@example.com", noon, Filter{}, found())
	b, err := Mail(&n, "Linewarden <audit@example.com>", []string{"合规 <a@example.com>", "b@example.com"}, "0001")
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	to, err := m.Header.AddressList("To")
	subject, serr := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || serr != nil || len(to) != 2 || to[0].Name != "合规" || !strings.Contains(subject, "3 new findings") || m.Header.Get("Bcc") != "" || m.Header.Get("Message-Id") != "<0001@example.com>" {
		t.Errorf("the head is %v, %v %v", m.Header, err, serr)
	}
	text, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body))
	if err != nil || !strings.Contains(string(text), "[critical] 跨境  转接") {
		t.Errorf("the text is %q, %v", text, err)
	}
	for line := range bytes.Lines(b) {
		if len(line) > 998+2 || !bytes.HasSuffix(line, []byte("\r\n")) {
			t.Errorf("the line %q is not of RFC 5322", line)
		}
	}
	if _, err := Mail(&n, "a@example.com\r\nBcc: x@example.com", nil, ""); err == nil {
		t.Error("a sender adds a header")
	}
	if _, err := Mail(&n, "a@example.com", []string{"nobody"}, ""); err == nil {
		t.Error("nobody is a recipient")
	}
}
