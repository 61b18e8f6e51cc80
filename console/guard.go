package console

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/console/audit"
	"github.com/linewarden/linewarden/rules"
)

// capability is what a route needs.
type capability uint8

const (
	public      capability = iota // anybody
	seeHealth                     // programs on this machine, and whoever logged in
	loggedIn                      // any account
	seeFindings                   // findings, without their case
	seeCases                      // notes and who acted
	seeNetwork                    // lines, allocations, routes, traffic, exporters
	seeLedgers                    // imports of ledgers, rules
	seeUnmasked                   // third parties as they were measured
	act                           // move findings
	seeReports                    // reports to the regulator
	manage                        // import ledgers, make reports and evidence
	administer                    // users, tokens, audit log
)

// capabilities says what each role may do. The empty role
// is whoever reads an open console.
func capabilities(r accounts.Role) []capability {
	switch r {
	case accounts.NOC:
		return []capability{seeFindings, seeNetwork, seeLedgers}
	case accounts.Compliance:
		return []capability{seeFindings, seeCases, seeNetwork, seeLedgers, seeUnmasked, act, seeReports, manage}
	case accounts.Regulator:
		return []capability{seeFindings, seeCases, seeLedgers, seeReports}
	case accounts.Admin:
		return []capability{seeFindings, seeCases, seeNetwork, seeLedgers, seeUnmasked, act, seeReports, manage, administer}
	case "":
		return []capability{seeFindings, seeCases, seeNetwork, seeLedgers}
	}
	return nil
}

// caller is who asks.
type caller struct {
	name string
	accounts.Scope
	via  string // session, token, open; empty for nobody
	csrf string // of a session
	// federated says that the session is of the provider of identities.
	federated bool
	address   netip.Addr
}

func (c *caller) can(need capability) bool {
	switch need {
	case public:
		return true
	case seeHealth:
		return c.via != ""
	case loggedIn:
		return c.via == viaSession || c.via == viaToken
	case seeFindings, seeCases, seeNetwork, seeLedgers, seeUnmasked, act, seeReports, manage, administer:
	}
	return c.via != "" && slices.Contains(capabilities(c.Role), need)
}

// inProvince reports whether a place is one the caller may see.
func (c *caller) inProvince(province string) bool {
	return len(c.Provinces) == 0 || slices.Contains(c.Provinces, province)
}

// narrow makes a filter select nothing that the caller may not see.
func (c *caller) narrow(f *rules.FindingFilter) {
	if len(c.Provinces) > 0 {
		f.Provinces = c.Provinces
	}
	if c.Role == accounts.Regulator {
		f.States = []rules.State{rules.Confirmed, rules.Rectifying, rules.Rectified}
	}
}

// The ways to be somebody.
const (
	viaSession = "session"
	viaToken   = "token"
	viaOpen    = "open"
)

// errCredentials means that a token was shown that is none.
var errCredentials = because("token_bad")

// identify returns who asks.
func (s *Console) identify(r *http.Request) (caller, error) {
	c := caller{address: addressOf(r)}
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, secret, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return c, errCredentials
		}
		t, ok, err := s.Accounts.Present(strings.TrimSpace(secret))
		if err != nil {
			return c, fmt.Errorf("look up a token: %w", err)
		}
		if !ok {
			return c, errCredentials
		}
		c.name, c.Scope, c.via = "token:"+t.ID, t.Scope, viaToken
		if t.User != "" {
			c.name = t.User
		}
		return c, nil
	}
	ok, err := s.fromSession(r, &c)
	if err != nil || ok {
		return c, err
	}
	if s.Loopback && s.SignOn == nil && direct(r) {
		empty, err := s.Accounts.Empty()
		if err != nil {
			return c, fmt.Errorf("look up accounts: %w", err)
		}
		if empty {
			c.name, c.via = "anonymous", viaOpen
		}
	}
	return c, nil
}

// direct reports whether a request was made on this machine, to a name of this
// machine, through no proxy. A page of another site can point a name of its own
// at 127.0.0.1 and have the browser ask; then Host is that name.
func direct(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host != "localhost" {
		addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil || !addr.Unmap().IsLoopback() {
			return false
		}
	}
	return addressOf(r).IsLoopback()
}

// addressOf returns where a connection comes from. Headers that name another
// address are not looked at: anybody can write them.
func addressOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// guarded lets a route answer those who may ask.
func (s *Console) guarded(to route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to.need == seeHealth && direct(r) {
			to.handle(w, r, &caller{})
			return
		}
		c, err := s.identify(r)
		if !s.limits.allow(&c, r) {
			w.Header().Set("Retry-After", "1")
			s.refuse(w, r, http.StatusTooManyRequests, because("too_many_requests"))
			return
		}
		if err != nil {
			s.notIdentified(w, r, err)
			return
		}
		switch {
		case !c.can(to.need) && (c.via == "" || c.via == viaOpen):
			s.askLogin(w, r)
		case !c.can(to.need):
			s.refuse(w, r, http.StatusForbidden, because("role"))
		case c.via == viaSession && to.need != public && !safe(r.Method) && !sameToken(r, c.csrf):
			s.refuse(w, r, http.StatusForbidden, because("csrf"))
		default:
			if err := checkQuery(r, to.params); err != nil {
				s.refuse(w, r, http.StatusBadRequest, err)
				return
			}
			to.handle(w, r, &c)
		}
	})
}

// notIdentified answers where it cannot be told who asks.
func (s *Console) notIdentified(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errCredentials) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		s.refuse(w, r, http.StatusUnauthorized, err)
		return
	}
	s.accountsFailed(w, r, err)
}

// askLogin sends people to the page where they log in.
func (s *Console) askLogin(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && pageRequest(r) {
		q := url.Values{"next": {r.URL.RequestURI()}}
		if langOf(r) == "en" {
			q.Set("lang", "en")
		}
		http.Redirect(w, r, "/login?"+q.Encode(), http.StatusSeeOther)
		return
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	s.refuse(w, r, http.StatusUnauthorized, because("login_needed"))
}

func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// maxForm bounds the body of a form and of a request of the API, in bytes.
const maxForm = 64 << 10

// sameToken reports whether a request brings the CSRF token of its session: in
// a header, or in a form.
func sameToken(r *http.Request, want string) bool {
	got := r.Header.Get("X-Csrf-Token")
	if got == "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
		got = r.PostFormValue("csrf")
	}
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}

// checkQuery refuses parameters a route does not know: a filter with a spelling
// mistake would silently select everything.
func checkQuery(r *http.Request, known []string) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return because("query", err)
	}
	if slices.Equal(known, anyQuery) {
		return nil
	}
	for name, values := range q {
		switch {
		case !slices.Contains(known, name):
			return because("parameter", name)
		case len(values) > 1:
			return because("parameter_twice", name)
		case !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0):
			return because("parameter_not_text", name)
		}
	}
	return nil
}

// record writes to the audit log and reports whether it is written. When it is
// not, the request has been refused.
func (s *Console) record(w http.ResponseWriter, r *http.Request, c *caller, action, object, detail string) bool {
	err := s.Audit.Add(audit.Entry{
		Actor: c.name, Role: string(c.Role), Via: c.via, Address: c.address.String(), Action: action, Object: object, Detail: detail,
	})
	if err != nil {
		s.Log.Error("the audit log cannot be written", "err", err)
		s.refuse(w, r, http.StatusServiceUnavailable, because("audit_failed"))
	}
	return err == nil
}
