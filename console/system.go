package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/rules"
)

// Peer is a BGP neighbour or a router that is monitored by BMP.
type Peer struct {
	Kind    string     `json:"kind"` // bgp, bmp
	Address string     `json:"address"`
	Name    string     `json:"name"`
	ASN     uint32     `json:"asn"`
	State   string     `json:"state"`
	Since   *time.Time `json:"since"` // of the state; null where it never had another
	// Detail is why the last session ended.
	Detail string `json:"detail"`
	Routes int64  `json:"routes"`
}

// TableSize is how much one table of the store holds on disk.
type TableSize struct {
	Name  string `json:"name"`
	Rows  uint64 `json:"rows"`
	Bytes uint64 `json:"bytes"`
}

// Job is work of the daemon that takes more than a moment.
type Job struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"` // report, backtest
	Title    string     `json:"title"`
	State    string     `json:"state"`    // running, done, failed, cancelled
	Progress float64    `json:"progress"` // 0 to 1; 0 where it cannot be told
	Step     string     `json:"step"`
	Began    time.Time  `json:"began"`
	Ended    *time.Time `json:"ended"`
	By       string     `json:"by"`
	Error    string     `json:"error"`
}

// System is how the daemon is.
type System struct {
	Version        string      `json:"version"`
	Go             string      `json:"go"`
	Started        time.Time   `json:"started"`
	Now            time.Time   `json:"now"`
	Timezone       string      `json:"timezone"`
	Checks         []Check     `json:"checks"`
	Schema         int         `json:"schema"`
	NewestSchema   int         `json:"newest_schema"`
	Engine         string      `json:"engine"` // embedded, server
	EngineRestarts uint64      `json:"engine_restarts"`
	SpoolBytes     int64       `json:"spool_bytes"`
	SpoolEntries   uint64      `json:"spool_entries"`
	SpoolState     string      `json:"spool_state"`
	SpoolOldest    *time.Time  `json:"spool_oldest"`
	Tables         []TableSize `json:"tables"`
	Ledgers        string      `json:"ledgers"` // the import in force
	LedgersKnown   time.Time   `json:"ledgers_known"`
	Jobs           []Job       `json:"jobs"`
}

// Daemon tells how the program is.
type Daemon interface {
	// System tells it as far as the store answers; what it does not tell is zero.
	System(ctx context.Context) System
	Peers() []Peer
}

func (s *Console) peers(w http.ResponseWriter, r *http.Request, c *caller) {
	if s.wholeCountry(w, r, c) {
		s.json(w, r, http.StatusOK, append([]Peer{}, s.Daemon.Peers()...))
	}
}

func (s *Console) system(w http.ResponseWriter, r *http.Request, c *caller) {
	answer := s.Daemon.System(r.Context())
	version := s.Ledgers().Version()
	answer.Now, answer.Timezone = time.Now().UTC().Truncate(time.Second), s.Location.String()
	answer.Ledgers, answer.LedgersKnown = version.ID, version.Known
	answer.Checks = append([]Check{}, s.Ready(r.Context())...)
	answer.Tables, answer.Jobs = append([]TableSize{}, answer.Tables...), append([]Job{}, answer.Jobs...)
	if len(c.Provinces) > 0 { // how much there is of the whole country is not theirs to know
		answer.Tables, answer.SpoolBytes, answer.SpoolEntries = []TableSize{}, 0, 0
	}
	if c.can(seeReports) && len(c.Provinces) == 0 {
		for _, m := range s.visibleReports(c) {
			answer.Jobs = append(answer.Jobs, m.asJob("report", m.Kind+" "+m.Quarter, spoken(r)))
		}
		s.backtests.each(func(b *backtestAnswer) {
			answer.Jobs = append(answer.Jobs, b.asJob("backtest", b.Rule, spoken(r)))
		})
	}
	s.json(w, r, http.StatusOK, answer)
}

// meAnswer says who asks and how to begin.
type meAnswer struct {
	// Authenticated is set for sessions and tokens, Open where the console may be
	// read without a login.
	Authenticated bool `json:"authenticated"`
	Open          bool `json:"open"`
	// SetupNeeded is set while there is no user: the log of the daemon has the
	// link by which the first one is made.
	SetupNeeded bool          `json:"setup_needed"`
	Name        string        `json:"name"`
	Role        accounts.Role `json:"role"`
	Provinces   []string      `json:"provinces"`
	Via         string        `json:"via"`
	// Federated says that the session is of the provider of identities, where the
	// password is.
	Federated    bool     `json:"federated"`
	CSRF         string   `json:"csrf_token"`
	Capabilities []string `json:"capabilities"`
	Language     string   `json:"language"` // zh, en: what the browser prefers
	Timezone     string   `json:"timezone"`
	Carrier      string   `json:"carrier"`
	Version      string   `json:"version"`
	// SingleSignOn is where a login at the provider of identities begins, with
	// next and lang as /login takes them; empty without a provider.
	SingleSignOn string `json:"single_sign_on"`
}

func (s *Console) me(w http.ResponseWriter, r *http.Request, c *caller) {
	users, err := s.Accounts.Users()
	if err != nil {
		s.accountsFailed(w, r, err)
		return
	}
	answer := meAnswer{
		Authenticated: c.can(loggedIn), Open: c.via == viaOpen, SetupNeeded: len(users) == 0, Name: c.name, Role: c.Role,
		Provinces: append([]string{}, c.Provinces...), Via: c.via, CSRF: c.csrf, Capabilities: []string{}, Language: "zh",
		Timezone: s.Location.String(), SingleSignOn: s.signOnAt(), Federated: c.federated,
	}
	if c.via != "" {
		answer.Carrier, answer.Version = s.Carrier, s.Version
		for _, one := range capabilities(c.Role) {
			answer.Capabilities = append(answer.Capabilities, one.String())
		}
	}
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Accept-Language"))), "en") {
		answer.Language = "en"
	}
	s.json(w, r, http.StatusOK, answer)
}

// String is the name of a capability as programs read it.
func (c capability) String() string {
	return [...]string{
		public: "public", seeHealth: "health", loggedIn: "logged_in", seeFindings: "findings", seeCases: "cases", seeNetwork: "network",
		seeLedgers: "ledgers", seeUnmasked: "unmasked", act: "act", seeReports: "reports", manage: "manage", administer: "administer",
	}[c]
}

func (s *Console) rule(w http.ResponseWriter, r *http.Request, c *caller) {
	list, ok := s.ruleAnswers(w, r, c)
	if !ok {
		return
	}
	for i := range list {
		if list[i].ID == r.PathValue("id") {
			s.json(w, r, http.StatusOK, list[i])
			return
		}
	}
	s.refuse(w, r, http.StatusNotFound, because("no_rule", r.PathValue("id")))
}

// Adjudications tells what people decided about the findings of each rule, of
// these provinces if there are any.
type Adjudications func(ctx context.Context, provinces ...string) ([]rules.Adjudications, error)
