package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/linewarden/linewarden/rules"
)

//go:embed pages/*.html
var pageFiles embed.FS

// page is what the templates see.
type page struct {
	Lang     string // zh-CN, en
	Carrier  string
	Findings []rules.Finding
	Finding  findingAnswer
	Location *time.Location
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

func langOf(r *http.Request) string {
	if r.URL.Query().Get("lang") == "en" {
		return "en"
	}
	return "zh-CN"
}

func (s *server) listPage(w http.ResponseWriter, r *http.Request) {
	filter, err := s.filterOf(r.URL.Query())
	if err != nil {
		s.problem(w, http.StatusBadRequest, err.Error())
		return
	}
	found, err := s.Store.Findings(r.Context(), filter)
	if err != nil {
		s.storeFailed(w, err)
		return
	}
	s.page(w, "findings.html", page{Lang: langOf(r), Findings: found})
}

func (s *server) findingPage(w http.ResponseWriter, r *http.Request) {
	answer, status, err := s.lookUp(r)
	switch {
	case status == http.StatusNotFound:
		http.NotFound(w, r)
	case err != nil:
		s.storeFailed(w, err)
	default:
		s.page(w, "finding.html", page{Lang: langOf(r), Finding: answer})
	}
}

func (s *server) page(w http.ResponseWriter, name string, p page) {
	p.Carrier, p.Location = s.Carrier, s.Location
	t, err := template.ParseFS(pageFiles, "pages/*.html")
	var out bytes.Buffer
	if err == nil {
		err = t.ExecuteTemplate(&out, name, p)
	}
	if err != nil {
		s.Log.Error("page not made", "page", name, "err", err)
		s.problem(w, http.StatusInternalServerError, "the page could not be made; see the log of the daemon")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if _, err := out.WriteTo(w); err != nil {
		s.Log.Debug("page not delivered", "err", err)
	}
}
