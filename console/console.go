package console

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/console/audit"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// Store is where the console reads findings.
type Store interface {
	Findings(ctx context.Context, filter rules.FindingFilter) ([]rules.Finding, error)
	Finding(ctx context.Context, id string) (rules.Finding, bool, error)
	Events(ctx context.Context, id string) ([]rules.Event, error)
}

// Cases is where people act on findings.
type Cases interface {
	// Act lets a person act on a finding after expect has agreed to it as it is
	// stored then; nobody changes it between the two. The error of expect comes
	// back wrapped; ErrNoFinding, or what rules.CasePolicy says, likewise.
	Act(ctx context.Context, id string, a rules.Action, expect func(f rules.Finding, events []rules.Event) error) (rules.Finding, error)
}

// Network is where the console reads what was measured, and by which ledgers.
type Network interface {
	// LineHoursOf yields the hours of a line, in their order.
	LineHoursOf(ctx context.Context, line string, w rules.Window) iter.Seq2[rules.LineHour, error]
	ExporterBooks(ctx context.Context, w rules.Window) ([]rules.ExporterBooks, error)
	// RoutesAt returns the paths to what covers a prefix, as they were at an
	// instant by what was known at another one.
	RoutesAt(ctx context.Context, prefix netip.Prefix, at, known time.Time) ([]Route, error)
	// LedgerImports returns every import, oldest first.
	LedgerImports(ctx context.Context) ([]LedgerImport, error)
}

// Check is one condition of readiness.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // what is wrong, and the remedy
}

// Config is what a console serves.
type Config struct {
	Store    Store
	Cases    Cases
	Network  Network
	Accounts *accounts.File
	Audit    *audit.Log
	// Ledgers returns the ledgers in force.
	Ledgers func() *registry.Snapshot
	// Rules returns the rules in force, and the parameters that are set.
	Rules   func() ([]rules.Rule, map[string]map[string]float64)
	Metrics http.Handler
	// Ready returns the conditions of readiness, each asked anew.
	Ready    func(ctx context.Context) []Check
	Carrier  string
	Location *time.Location
	// Mask is how finely third parties are shown. Unmasked shows them as they
	// were measured to everybody who may ask for that; it is recorded.
	Mask     report.Mask
	Unmasked bool
	// Loopback says that the console is reached from this machine alone. While
	// there are no accounts it is then open for reading.
	Loopback bool
	// Secure says that it is served by TLS.
	Secure bool
	Log    *slog.Logger
}

// Console answers people and programs. Endpoints are listed in openapi.yaml,
// which is served, and besides:
//
//	GET /                         findings as a page, ?lang=en for English
//	GET /findings/{id}            one finding as a page
//	GET /login, POST /login, POST /logout, GET /setup, POST /setup
//	GET /metrics /healthz /readyz
type Console struct {
	Config
	handler  http.Handler
	sessions sessions
	setup    setup
	limits   limits
}

// New returns the console of c.
func New(c Config) (*Console, error) {
	s := &Console{Config: c, sessions: newSessions(), limits: newLimits()}
	if err := s.setup.begin(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	var paths []string
	for _, r := range s.routes() {
		mux.Handle(r.method+" "+r.path, s.guarded(r))
		if !slices.Contains(paths, r.path) {
			paths = append(paths, r.path)
			mux.Handle(r.path, s.wrongMethod(r))
		}
	}
	mux.HandleFunc("/", s.nothing)
	// Browsers say where a request comes from; one from another site that would
	// change something is refused whatever else it brings.
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusForbidden, "the request comes from another site")
	}))
	s.handler = s.secured(origin.Handler(mux))
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// route is one thing the console answers.
type route struct {
	method, path string
	need         capability
	// params are the query parameters it takes; any other is refused.
	params []string
	handle func(w http.ResponseWriter, r *http.Request, c *caller)
}

// filters are the parameters that select findings.
func filters(more ...string) []string {
	return append([]string{"rule", "clause", "province", "enterprise", "state", "severity", "since", "until"}, more...)
}

// routes lists all that is answered. A test compares those of the API with
// openapi.yaml.
func (s *Console) routes() []route {
	api := "/api/v1"
	return []route{
		{"GET", "/{$}", seeFindings, filters("limit", "lang"), s.listPage},
		{"GET", "/findings/{id}", seeFindings, []string{"lang"}, s.findingPage},
		{"GET", "/login", public, []string{"lang", "next"}, s.loginPage},
		{"POST", "/login", public, []string{"lang", "next"}, s.login},
		{"POST", "/logout", loggedIn, []string{"lang"}, s.logout},
		{"GET", "/setup", public, []string{"lang", "token"}, s.setupPage},
		{"POST", "/setup", public, []string{"lang"}, s.setUp},
		{"GET", "/assets/style.css", public, nil, s.style},
		{"GET", "/healthz", public, nil, s.health},
		{"GET", "/readyz", seeHealth, nil, s.ready},
		{"GET", "/metrics", seeHealth, nil, func(w http.ResponseWriter, r *http.Request, _ *caller) { s.Metrics.ServeHTTP(w, r) }},

		{"GET", api + "/openapi.yaml", public, nil, s.openAPI},
		{"GET", api + "/session", loggedIn, nil, s.session},
		{"GET", api + "/findings", seeFindings, filters("limit", "cursor", "unmasked"), s.list},
		{"GET", api + "/findings/{id}", seeFindings, []string{"unmasked"}, s.finding},
		{"POST", api + "/findings/{id}/moves", act, nil, s.move},
		{"GET", api + "/lines", seeNetwork, []string{"day", "enterprise", "province", "scope", "limit", "cursor"}, s.lines},
		{"GET", api + "/lines/{id}/traffic", seeNetwork, []string{"from", "to"}, s.traffic},
		{"GET", api + "/allocations", seeNetwork, []string{"day", "enterprise", "province", "use", "limit", "cursor"}, s.allocations},
		{"GET", api + "/routes", seeNetwork, []string{"prefix", "at", "known"}, s.routesAt},
		{"GET", api + "/exporters", seeNetwork, []string{"from", "to"}, s.exporters},
		{"GET", api + "/ledgers", seeLedgers, []string{"limit", "cursor"}, s.ledgers},
		{"GET", api + "/rules", seeLedgers, nil, s.ruleList},
		{"GET", api + "/users", administer, nil, s.users},
		{"GET", api + "/tokens", administer, nil, s.tokens},
		{"GET", api + "/audit", administer, []string{"limit", "cursor"}, s.auditLog},
	}
}

// secured adds the headers that keep a page from loading or being loaded by
// anything else.
func (s *Console) secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if s.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// wrongMethod answers a path that is there, by a method that is not.
func (s *Console) wrongMethod(known route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, other := range s.routes() {
			if other.path == known.path {
				w.Header().Add("Allow", other.method)
			}
		}
		s.refuse(w, r, http.StatusMethodNotAllowed, r.Method+" is not possible here")
	})
}

func (s *Console) nothing(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusNotFound, "there is nothing at this address")
}

func (s *Console) health(w http.ResponseWriter, r *http.Request, _ *caller) {
	s.json(w, r, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *Console) ready(w http.ResponseWriter, r *http.Request, _ *caller) {
	checks := s.Ready(r.Context())
	status := http.StatusOK
	for _, c := range checks {
		if !c.OK {
			status = http.StatusServiceUnavailable
		}
	}
	s.json(w, r, status, checks)
}
