package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/linewarden/linewarden/console/manual"
)

// manualPage is a page of the manual.
type manualPage struct {
	Language string `json:"language"` // zh, en
	Page     string `json:"page"`
	Title    string `json:"title"`
}

// manualList lists the pages of both languages in the order of reading.
func (s *Console) manualList(w http.ResponseWriter, r *http.Request, _ *caller) {
	list := []manualPage{}
	for _, language := range []string{manual.Chinese, manual.English} {
		for _, p := range manual.Pages(language) {
			list = append(list, manualPage{language, p.ID, p.Title})
		}
	}
	s.json(w, r, http.StatusOK, list)
}

func (s *Console) manualPage(w http.ResponseWriter, r *http.Request, _ *caller) {
	language := r.PathValue("lang")
	page, ok := manual.Find(language, r.PathValue("page"))
	if !ok || language != manual.Chinese && language != manual.English {
		s.refuse(w, r, http.StatusNotFound, because("no_manual_page"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/markdown; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", etagOf([]byte(page.Text)))
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(page.Text))
}
