package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/linewarden/linewarden/rules"
)

//go:embed pages/*.html pages/style.css openapi.yaml
var files embed.FS

// page is what the templates see.
type page struct {
	Lang     string // zh-CN, en
	Carrier  string
	Caller   caller
	Findings []rules.Finding
	More     bool // there are more findings than the page shows
	Finding  findingAnswer
	Form     form
	Problem  problem
	Location *time.Location
	query    url.Values
}

// T picks the text in the language of the page.
func (p page) T(t rules.Text) string {
	if p.Lang == "en" {
		return t.EN
	}
	return t.ZH
}

// Say picks between the two languages.
func (p page) Say(zh, en string) string { return p.T(rules.Text{ZH: zh, EN: en}) }

// At shows an instant in the carrier's time zone.
func (p page) At(t time.Time) string { return t.In(p.Location).Format("2006-01-02 15:04") }

// Percent shows a share.
func (p page) Percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

// In is the query of the same page in another language.
func (p page) In(lang string) string {
	q := maps.Clone(p.query)
	q.Set("lang", lang)
	return "?" + q.Encode()
}

// LoggedIn reports whether somebody is.
func (p page) LoggedIn() bool { return p.Caller.via == viaSession }

// Who is the name of who is logged in.
func (p page) Who() string { return p.Caller.name }

// CSRF is the token that forms have to bring.
func (p page) CSRF() string { return p.Caller.csrf }

func langOf(r *http.Request) string {
	if r.URL.Query().Get("lang") == "en" {
		return "en"
	}
	return "zh-CN"
}

func (s *Console) listPage(w http.ResponseWriter, r *http.Request, c *caller) {
	filter, err := s.filterOf(r.URL.Query())
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	if !s.recordPage(w, r, c, "findings") {
		return
	}
	c.narrow(&filter)
	limit := filter.Limit
	filter.Limit++
	found, err := s.Store.Findings(r.Context(), filter)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	more := len(found) > limit
	s.page(w, r, http.StatusOK, "findings.html", page{Caller: *c, Findings: s.shown(c, found[:min(limit, len(found))], s.pagesUnmasked(c)), More: more})
}

// pagesUnmasked reports whether pages show third parties as they were measured.
func (s *Console) pagesUnmasked(c *caller) bool { return s.Unmasked && c.can(seeUnmasked) }

func (s *Console) recordPage(w http.ResponseWriter, r *http.Request, c *caller, object string) bool {
	return !s.pagesUnmasked(c) || s.record(w, r, c, "read_unmasked", object, "page")
}

func (s *Console) findingPage(w http.ResponseWriter, r *http.Request, c *caller) {
	answer, ok := s.lookUp(w, r, c)
	if !ok || !s.recordPage(w, r, c, "finding/"+answer.ID) {
		return
	}
	s.page(w, r, http.StatusOK, "finding.html", page{Caller: *c, Finding: s.view(c, answer, s.pagesUnmasked(c))})
}

func (s *Console) page(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	p.Lang, p.Carrier, p.Location, p.query = langOf(r), s.Carrier, s.Location, r.URL.Query()
	t, err := template.ParseFS(files, "pages/*.html")
	var out bytes.Buffer
	if err == nil {
		err = t.ExecuteTemplate(&out, name, p)
	}
	if err != nil {
		s.Log.Error("page not made", "page", name, "err", err)
		http.Error(w, "the page could not be made; see the log of the daemon", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if _, err := out.WriteTo(w); err != nil {
		s.Log.Debug("page not delivered", "err", err)
	}
}

func (s *Console) style(w http.ResponseWriter, r *http.Request, _ *caller) {
	s.file(w, r, "pages/style.css", "text/css; charset=utf-8")
}

func (s *Console) openAPI(w http.ResponseWriter, r *http.Request, _ *caller) {
	s.file(w, r, "openapi.yaml", "application/yaml")
}

// file answers with a file of the binary.
func (s *Console) file(w http.ResponseWriter, r *http.Request, name, kind string) {
	text, err := files.ReadFile(name)
	if err != nil {
		s.Log.Error("a file is not in the binary", "file", name, "err", err)
		s.refuse(w, r, http.StatusInternalServerError, because("failed"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", etagOf(text))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}
