package console

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/linewarden/linewarden/console/oidc"
)

// SignOn is a provider of identities at which people log in.
type SignOn interface {
	// Begin returns where to send a browser, and what Finish needs when it is back.
	Begin(ctx context.Context) (to string, a oidc.Attempt, err error)
	// Finish proves who came back; the error is one of package oidc.
	Finish(ctx context.Context, a oidc.Attempt, answer url.Values) (oidc.Person, error)
}

var _ SignOn = (*oidc.Provider)(nil)

// signOnPath is where a login at the provider begins; it comes back to
// SignOnReturn, and what went wrong is told at signOnProblem.
const (
	signOnPath    = "/login/oidc"
	SignOnReturn  = signOnPath + "/callback"
	signOnProblem = signOnPath + "/problem"
)

// The bounds of logins that are under way at the provider.
const (
	attemptTime  = 10 * time.Minute
	mostAttempts = 10000
)

// attempt is a login under way.
type attempt struct {
	oidc.Attempt
	next, lang string
	until      time.Time
}

// attempts are those under way, by the hash of the cookie of their browser.
type attempts struct {
	mu   *sync.Mutex // guards open
	open map[[sha256.Size]byte]attempt
}

func newAttempts() attempts {
	return attempts{mu: new(sync.Mutex), open: make(map[[sha256.Size]byte]attempt)}
}

// keep remembers an attempt; false means that there are too many.
func (t *attempts) keep(id string, a attempt) bool {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.open) >= mostAttempts {
		for key, old := range t.open {
			if now.After(old.until) {
				delete(t.open, key)
			}
		}
		if len(t.open) >= mostAttempts {
			return false
		}
	}
	t.open[sha256.Sum256([]byte(id))] = a
	return true
}

// take returns an attempt, once.
func (t *attempts) take(id string) attempt {
	key := sha256.Sum256([]byte(id))
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.open[key]
	delete(t.open, key)
	if time.Now().After(a.until) {
		return attempt{}
	}
	return a
}

func (s *Console) signOnRoutes() []route {
	if s.SignOn == nil {
		return nil
	}
	return []route{
		{"GET", signOnPath, public, []string{"lang", "next"}, s.signOn},
		{"GET", SignOnReturn, public, anyQuery, s.signedOn}, // providers add what they like
		{"GET", signOnProblem, public, []string{"lang", "problem"}, s.signOnFailed},
	}
}

// attemptCookie names the cookie that ties a login to the browser it began in.
func (s *Console) attemptCookie() string { return s.cookieName() + "-login" }

// signOn sends people to the provider.
func (s *Console) signOn(w http.ResponseWriter, r *http.Request, _ *caller) {
	to, begun, err := s.SignOn.Begin(r.Context())
	if err != nil {
		s.Log.Error("single sign-on is not possible", "err", err)
		s.refuse(w, r, http.StatusBadGateway, err)
		return
	}
	id, err := random()
	if err != nil {
		s.Log.Error("no login", "err", err)
		s.refuse(w, r, http.StatusServiceUnavailable, because("failed"))
		return
	}
	q := r.URL.Query()
	if !s.attempts.keep(id, attempt{begun, localPath(q.Get("next")), langOf(r), time.Now().Add(attemptTime)}) {
		s.refuse(w, r, http.StatusServiceUnavailable, because("sign_on_full"))
		return
	}
	s.setCookie(w, r, s.attemptCookie(), id, attemptTime)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// signedOn takes back who was at the provider.
func (s *Console) signedOn(w http.ResponseWriter, r *http.Request, c *caller) {
	var begun attempt
	if cookie, err := r.Cookie(s.attemptCookie()); err == nil {
		begun = s.attempts.take(cookie.Value)
	}
	s.setCookie(w, r, s.attemptCookie(), "", -1)
	answer, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, because("query", err))
		return
	}
	person, err := s.SignOn.Finish(r.Context(), begun.Attempt, answer)
	who := &caller{name: federatedName(person.Name), Scope: person.Scope, via: "oidc", address: c.address}
	if err != nil {
		s.Log.Warn("a single sign-on has failed", "address", c.address, "err", err)
		if !s.record(w, r, who, "login_failed", person.Subject, err.Error()) {
			return
		}
		code := "sign_on_unproven"
		if f := faultOf(err); f != nil {
			code = f.code
		}
		q := url.Values{"problem": {code}}
		if begun.lang == english {
			q.Set("lang", english)
		}
		http.Redirect(w, r, signOnProblem+"?"+q.Encode(), http.StatusSeeOther)
		return
	}
	if _, ok := s.beginSession(w, r, who, session{user: who.name, scope: &who.Scope}, "subject "+person.Subject); ok {
		http.Redirect(w, r, begun.next, http.StatusSeeOther)
	}
}

// federatedName is what people of the provider are called. No user of the
// console's own can have such a name.
func federatedName(name string) string { return "oidc:" + name }

// signOnFailed says why somebody was not let in, at an address that can be read
// again and in the other language.
func (s *Console) signOnFailed(w http.ResponseWriter, r *http.Request, _ *caller) {
	code := r.URL.Query().Get("problem")
	if _, ok := problemTexts[code]; !ok || !strings.HasPrefix(code, "sign_on_") {
		s.refuse(w, r, http.StatusNotFound, because("nothing_here"))
		return
	}
	s.refuse(w, r, http.StatusForbidden, because(code))
}

// signOnAt is where single sign-on begins, empty without.
func (s *Console) signOnAt() string {
	if s.SignOn == nil {
		return ""
	}
	return signOnPath
}
