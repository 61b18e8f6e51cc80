package console

import (
	"context"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync"
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
	Browser  Browser
	Trends   Trends
	Grounds  Grounds
	Registry Ledgers
	Reports  Reports
	Daemon   Daemon
	Evidence Evidence
	Backtest Backtester
	// Adjudications tells how often people confirmed what rules found.
	Adjudications Adjudications
	// App is the built console; nil for the plain pages in its place.
	App     fs.FS
	Version string // of the program
	// SignOn is a provider of identities at which people log in as well; nil for
	// users of the console's own alone. With it the console is never open.
	SignOn SignOn
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
//	GET /login/oidc, GET /login/oidc/callback, GET /login/oidc/problem
//	GET /metrics /healthz /readyz
type Console struct {
	Config
	handler   http.Handler
	sessions  sessions
	setup     setup
	limits    limits
	attempts  attempts
	uploads   uploads
	phrases   phrasebook
	shelf     shelf[*made]
	backtests shelf[*backtestAnswer]
	glances   glances
	kinds     kinds
	work      sync.WaitGroup  // what outlives the request that began it
	life      context.Context //nolint:containedctx // the life of work, which ends with Close
	end       context.CancelFunc
}

// Close ends work that outlives its request and waits for it.
func (s *Console) Close() {
	s.end()
	s.work.Wait()
}

// New returns the console of c. Its work ends with life, or with Close, which
// must be called.
func New(life context.Context, c Config) (*Console, error) {
	s := &Console{
		Config: c, sessions: newSessions(), limits: newLimits(), attempts: newAttempts(), uploads: newUploads(), phrases: newPhrasebook(), shelf: newShelf[*made](),
		backtests: newShelf[*backtestAnswer](), glances: newGlances(), kinds: newKinds(),
	}
	s.life, s.end = context.WithCancel(life)
	if err := s.setup.begin(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	byPath := make(map[string]methods)
	for _, r := range s.routes() {
		if byPath[r.path] == nil {
			byPath[r.path] = make(methods)
		}
		byPath[r.path][r.method] = s.guarded(r)
	}
	for path, known := range byPath {
		mux.Handle(path, s.dispatch(known))
	}
	mux.HandleFunc("/", s.nothing)
	// Browsers say where a request comes from; one from another site that would
	// change something is refused whatever else it brings.
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusForbidden, because("other_site"))
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

// filters are the parameters that select findings on pages, selection those of
// the API.
func filters(more ...string) []string {
	return append([]string{"rule", "clause", "province", "enterprise", "state", "severity", "since", "until"}, more...)
}

func selection(more ...string) []string {
	return append(filters("subject_kind", "subject", "line", "text"), more...)
}

// anyQuery is for pages whose script reads the query.
var anyQuery = []string{"*"}

// api is where the API begins.
const api = "/api/v1"

// routes lists all that is answered. A test compares those of the API with
// openapi.yaml.
func (s *Console) routes() []route {
	list := []route{
		{"POST", "/login", public, []string{"lang", "next"}, s.login},
		{"POST", "/logout", loggedIn, []string{"lang"}, s.logout},
		{"GET", "/setup", public, []string{"lang", "token"}, s.setupPage},
		{"POST", "/setup", public, []string{"lang"}, s.setUp},
		{"GET", "/assets/style.css", public, nil, s.style},
		{"GET", "/healthz", public, nil, s.health},
		{"GET", "/readyz", seeHealth, nil, s.ready},
		{"GET", "/metrics", seeHealth, nil, func(w http.ResponseWriter, r *http.Request, _ *caller) { s.Metrics.ServeHTTP(w, r) }},
		{"GET", api + "/openapi.yaml", public, nil, s.openAPI},
	}
	if s.App != nil {
		list = append(list, s.appRoutes()...)
	} else {
		list = append(list,
			route{"GET", "/login", public, []string{"lang", "next"}, s.loginPage},
			route{"GET", "/{$}", seeFindings, filters("limit", "lang"), s.listPage},
			route{"GET", "/findings/{id}", seeFindings, []string{"lang"}, s.findingPage})
	}
	return slices.Concat(list, s.signOnRoutes(), s.caseRoutes(), s.networkRoutes(), s.ledgerRoutes(), s.peopleRoutes())
}

func (s *Console) caseRoutes() []route {
	return []route{
		{"GET", api + "/overview", seeFindings, []string{"days", "province"}, s.overview},
		{"GET", api + "/findings", seeFindings, selection("sort", "limit", "cursor", "unmasked"), s.list},
		{"GET", api + "/findings/summary", seeFindings, selection(), s.summarize},
		{"GET", api + "/findings/export", seeFindings, selection("format", "unmasked", "reason", "recipient", "purpose"), s.export},
		{"POST", api + "/findings/moves", act, nil, s.moveMany},
		{"GET", api + "/findings/{id}", seeFindings, []string{"unmasked"}, s.finding},
		{"POST", api + "/findings/{id}/moves", act, nil, s.move},
		{"GET", api + "/findings/{id}/traffic", seeFindings, []string{"from", "to"}, s.findingTraffic},
		{"GET", api + "/findings/{id}/networks", seeFindings, []string{"unmasked"}, s.findingNetworks},
		{"GET", api + "/findings/{id}/routes", seeFindings, nil, s.findingRoutes},
		{"GET", api + "/findings/{id}/ledgers", seeFindings, nil, s.findingLedgers},
		{"GET", api + "/findings/{id}/evidence", manage, []string{"reason", "recipient", "purpose"}, s.findingEvidence},
		{"GET", api + "/reports", seeReports, nil, s.reports},
		{"POST", api + "/reports", manage, nil, s.startReport},
		{"GET", api + "/reports/{id}", seeReports, nil, s.report},
		{"GET", api + "/reports/{id}/download", seeReports, nil, s.downloadReport},
	}
}

func (s *Console) networkRoutes() []route {
	return []route{
		{"GET", api + "/lines", seeNetwork, []string{"day", "enterprise", "province", "scope", "q", "limit", "cursor"}, s.lines},
		{"GET", api + "/lines/{id}", seeNetwork, []string{"day"}, s.line},
		{"GET", api + "/lines/{id}/traffic", seeNetwork, []string{"from", "to"}, s.traffic},
		{"GET", api + "/lines/{id}/heatmap", seeNetwork, []string{"from", "to", "zone"}, s.heatmap},
		{"GET", api + "/lines/{id}/completeness", seeNetwork, []string{"day", "from", "to"}, s.lineCompleteness},
		{"GET", api + "/lines/{id}/networks", seeNetwork, []string{"from", "to", "unmasked"}, s.lineNetworks},
		{"GET", api + "/allocations", seeNetwork, []string{"day", "enterprise", "province", "use", "limit", "cursor"}, s.allocations},
		{"GET", api + "/allocations/tree", seeNetwork, []string{"day", "prefix", "limit", "cursor"}, s.allocationTree},
		{"GET", api + "/allocations/detail", seeNetwork, []string{"prefix", "day"}, s.allocation},
		{"GET", api + "/resources", seeNetwork, []string{"q", "day"}, s.search},
		{"GET", api + "/enterprises/{id}", seeNetwork, []string{"day"}, s.enterprise},
		{"GET", api + "/routes", seeNetwork, []string{"prefix", "at", "known"}, s.routesAt},
		{"GET", api + "/routes/history", seeNetwork, []string{"prefix", "from", "to"}, s.routeHistory},
		{"GET", api + "/routes/origins", seeNetwork, []string{"prefix", "from", "to"}, s.routeOrigins},
		{"GET", api + "/exporters", seeNetwork, []string{"from", "to"}, s.exporters},
		{"GET", api + "/peers", seeNetwork, nil, s.peers},
		{"GET", api + "/system", seeNetwork, nil, s.system},
	}
}

func (s *Console) ledgerRoutes() []route {
	return []route{
		{"GET", api + "/ledgers", seeLedgers, []string{"limit", "cursor"}, s.ledgers},
		{"GET", api + "/ledgers/kinds", seeNetwork, nil, s.ledgerKinds},
		{"GET", api + "/ledgers/kinds/{ledger}/rows", seeNetwork, []string{"q", "known", "limit", "cursor"}, s.ledgerRows},
		{"POST", api + "/ledgers/checks", manage, nil, s.checkLedgers},
		{"GET", api + "/ledgers/checks/{id}", manage, nil, s.ledgerCheck},
		{"GET", api + "/ledgers/checks/{id}/changes", manage, []string{"ledger", "limit", "cursor"}, s.ledgerChanges},
		{"DELETE", api + "/ledgers/checks/{id}", manage, nil, s.dropCheck},
		{"POST", api + "/ledgers/imports", manage, nil, s.importLedgers},
		{"GET", api + "/rules", seeLedgers, nil, s.ruleList},
		{"GET", api + "/rules/{id}", seeLedgers, nil, s.rule},
		{"GET", api + "/backtests", manage, nil, s.listBacktests},
		{"POST", api + "/backtests", manage, nil, s.startBacktest},
		{"GET", api + "/backtests/{id}", manage, nil, s.backtest},
		{"DELETE", api + "/backtests/{id}", manage, nil, s.dropBacktest},
		{"GET", api + "/manual", seeLedgers, nil, s.manualList},
		{"GET", api + "/manual/{lang}/{page}", seeLedgers, nil, s.manualPage},
	}
}

func (s *Console) peopleRoutes() []route {
	return []route{
		{"GET", api + "/me", public, nil, s.me},
		{"POST", api + "/me/password", loggedIn, nil, s.changePassword},
		{"GET", api + "/session", loggedIn, nil, s.session},
		{"POST", api + "/session", public, nil, s.logIn},
		{"DELETE", api + "/session", loggedIn, nil, s.logOut},
		{"GET", api + "/users", administer, nil, s.users},
		{"POST", api + "/users", administer, nil, s.addUser},
		{"PATCH", api + "/users/{name}", administer, nil, s.changeUser},
		{"DELETE", api + "/users/{name}", administer, nil, s.removeUser},
		{"GET", api + "/tokens", administer, nil, s.tokens},
		{"POST", api + "/tokens", administer, nil, s.addToken},
		{"DELETE", api + "/tokens/{id}", administer, nil, s.revokeToken},
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

// methods are what answers a path, by the method.
type methods map[string]http.Handler

// dispatch picks by the method. Patterns hold none: one of a path with a method
// and one of a path beside it would contend.
func (s *Console) dispatch(known methods) http.Handler {
	allowed := slices.Sorted(maps.Keys(known))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if h := known[method]; h != nil {
			h.ServeHTTP(w, r)
			return
		}
		for _, m := range allowed {
			w.Header().Add("Allow", m)
		}
		s.refuse(w, r, http.StatusMethodNotAllowed, because("method", r.Method))
	})
}

func (s *Console) nothing(w http.ResponseWriter, r *http.Request) {
	if s.App != nil && r.Method == http.MethodGet && pageRequest(r) {
		s.app(w, r, nil) // an address of its own, or it says that there is none
		return
	}
	s.refuse(w, r, http.StatusNotFound, because("nothing_here"))
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
