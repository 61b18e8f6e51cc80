package console

import (
	"bytes"
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// dist is the console as it was built by `make console`; without that only a
// placeholder is in it.
//
//go:embed all:web/dist
var dist embed.FS

// App returns the built console, nil where it is not in the binary.
func App() fs.FS {
	files, err := fs.Sub(dist, "web/dist")
	if err != nil {
		return nil
	}
	if _, err := fs.Stat(files, "index.html"); err != nil {
		return nil
	}
	return files
}

// appPolicy lets the pages of the built console load what the console itself
// serves, and nothing else.
const appPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// app answers with the one page of the built console: its addresses are those
// that the browser shows. Who has no session gets it too; it asks for a login.
func (s *Console) app(w http.ResponseWriter, r *http.Request, _ *caller) {
	w.Header().Set("Content-Security-Policy", appPolicy)
	s.built(w, r, "index.html", "no-cache")
}

// asset answers with a file of the built console. Those of the bundle have a
// hash in their names and never change.
func (s *Console) asset(w http.ResponseWriter, r *http.Request, _ *caller) {
	name := path.Clean("/" + r.URL.Path)[1:]
	cache := "no-cache"
	if strings.HasPrefix(name, "assets/") {
		cache = "public, max-age=31536000, immutable"
	}
	s.built(w, r, name, cache)
}

// encodings are the compressed forms of a file, the best first.
func encodings() [2][2]string { return [...][2]string{{"br", ".br"}, {"gzip", ".gz"}} }

// built answers with a file, compressed as it was built where the browser takes
// that.
func (s *Console) built(w http.ResponseWriter, r *http.Request, name, cache string) {
	text, err := fs.ReadFile(s.App, name)
	if err != nil {
		s.refuse(w, r, http.StatusNotFound, because("nothing_here"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", typeOf(name))
	h.Set("Cache-Control", cache)
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", etagOf(text))
	for _, e := range encodings() {
		small, err := fs.ReadFile(s.App, name+e[1])
		if err == nil && takes(r.Header.Get("Accept-Encoding"), e[0]) {
			h.Set("Content-Encoding", e[0])
			h.Set("ETag", etagOf(small))
			text = small
			break
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}

// typeOf names the kind of a file, the same on every machine.
func typeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json", ".webmanifest":
		return "application/json"
	case ".woff2":
		return "font/woff2"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

// takes reports whether a list of encodings holds one that is not refused (RFC
// 9110 section 12.5.3).
func takes(list, encoding string) bool {
	for one := range strings.SplitSeq(list, ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(one), ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			q := strings.ReplaceAll(quality, " ", "")
			return q != "q=0" && !strings.HasPrefix(q, "q=0.000")
		}
	}
	return false
}

// appRoutes are the built console. They are public: the script holds no data and
// asks the API who may see what. Addresses that only the script knows are
// answered by nothing.
func (s *Console) appRoutes() []route {
	list := []route{
		{"GET", "/{$}", public, anyQuery, s.app},
		{"GET", "/login", public, anyQuery, s.app},
		{"GET", "/assets/{file...}", public, nil, s.asset},
	}
	entries, err := fs.ReadDir(s.App, ".")
	if err != nil {
		s.Log.Error("the built console cannot be listed", "err", err)
		return list
	}
	for _, e := range entries { // what lies beside the page, such as an icon
		if name := e.Name(); !e.IsDir() && name != "index.html" && !strings.HasPrefix(name, ".") && path.Ext(name) != ".br" && path.Ext(name) != ".gz" {
			list = append(list, route{"GET", "/" + name, public, nil, s.asset})
		}
	}
	return list
}
