package console

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// Store is where the console reads findings.
type Store interface {
	Findings(ctx context.Context, filter rules.FindingFilter) ([]rules.Finding, error)
	Finding(ctx context.Context, id string) (rules.Finding, bool, error)
	Events(ctx context.Context, id string) ([]rules.Event, error)
}

// Check is one condition of readiness.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // what is wrong, and the remedy
}

// Config is what a console serves.
type Config struct {
	Store   Store
	Metrics http.Handler
	// Ready returns the conditions of readiness, each asked anew.
	Ready    func(ctx context.Context) []Check
	Carrier  string
	Location *time.Location
	Log      *slog.Logger
}

// New returns the handler of all pages.
//
//	GET /                         findings as a page, ?lang=en for English
//	GET /findings/{id}            one finding as a page
//	GET /api/v1/findings          findings as a JSON array
//	GET /api/v1/findings/{id}     one finding with its events
//	GET /metrics /healthz /readyz
func New(c Config) http.Handler {
	s := &server{Config: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.listPage)
	mux.HandleFunc("GET /findings/{id}", s.findingPage)
	mux.HandleFunc("GET /api/v1/findings", s.list)
	mux.HandleFunc("GET /api/v1/findings/{id}", s.finding)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", c.Metrics)
	return secured(mux)
}

// server holds what the handlers share.
type server struct{ Config }

// secured adds the headers that keep a page from loading or being loaded by
// anything else.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	s.json(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	checks := s.Ready(r.Context())
	status := http.StatusOK
	for _, c := range checks {
		if !c.OK {
			status = http.StatusServiceUnavailable
		}
	}
	s.json(w, status, checks)
}

// problem is an error of the API (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (s *server) problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	s.write(w, status, problem{Title: http.StatusText(status), Status: status, Detail: detail})
}

func (s *server) json(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	s.write(w, status, v)
}

func (s *server) write(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		s.Log.Debug("answer not delivered", "err", err)
	}
}
