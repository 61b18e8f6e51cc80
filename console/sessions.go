package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/linewarden/linewarden/console/accounts"
)

// The life of a session: without a request, and in all (OWASP ASVS 3.3).
const (
	idleTime    = 30 * time.Minute
	sessionTime = 12 * time.Hour
	// mostSessions bounds the table, and mostOfUser what one user has of it.
	mostSessions = 10000
	mostOfUser   = 10
)

// session is a person who has logged in. Sessions end with the daemon.
type session struct {
	user string
	// scope is what a person of the provider of identities may see; nil for
	// users of the console's own, whose scope is asked for anew.
	scope       *accounts.Scope
	changed     time.Time // when the password was set by which they logged in
	csrf        string
	began, used time.Time
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.used) >= idleTime || now.Sub(s.began) >= sessionTime
}

// sessions are those under way, by the hash of their cookie.
type sessions struct {
	mu   *sync.Mutex // guards open
	open map[[sha256.Size]byte]*session
}

func newSessions() sessions {
	return sessions{mu: new(sync.Mutex), open: make(map[[sha256.Size]byte]*session)}
}

// random returns 32 random bytes in hexadecimal.
func random() (string, error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// sessionOf is the session of a user who has shown the password.
func sessionOf(u *accounts.User) session { return session{user: u.Name, changed: u.Changed} }

// begin opens a session of somebody and returns the value of its cookie and its
// CSRF token.
func (t *sessions) begin(of session) (id, csrf string, err error) {
	if id, err = random(); err != nil {
		return "", "", err
	}
	if csrf, err = random(); err != nil {
		return "", "", err
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tidy(of.user, now)
	if len(t.open) >= mostSessions {
		return "", "", fmt.Errorf("%d sessions are open", len(t.open))
	}
	of.csrf, of.began, of.used = csrf, now, now
	t.open[sha256.Sum256([]byte(id))] = &of
	return id, csrf, nil
}

// tidy removes sessions that are over, and the oldest of a user who has many.
func (t *sessions) tidy(user string, now time.Time) {
	var (
		oldest [sha256.Size]byte
		first  *session
		n      int
	)
	for key, s := range t.open {
		switch {
		case s.over(now):
			delete(t.open, key)
		case s.user == user:
			if n++; first == nil || s.began.Before(first.began) {
				oldest, first = key, s
			}
		}
	}
	if n >= mostOfUser {
		delete(t.open, oldest)
	}
}

// find returns the session of a cookie, which is in use by that.
func (t *sessions) find(id string) (session, bool) {
	now := time.Now()
	key := sha256.Sum256([]byte(id))
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.open[key]
	if s == nil {
		return session{}, false
	}
	if s.over(now) {
		delete(t.open, key)
		return session{}, false
	}
	s.used = now
	return *s, true
}

func (t *sessions) end(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, sha256.Sum256([]byte(id)))
}

// cookieName is the name of the cookie. The prefix makes browsers refuse one
// that was not set by this host over TLS (RFC 6265bis section 4.1.3.2).
func (s *Console) cookieName() string {
	if s.Secure {
		return "__Host-linewarden"
	}
	return "linewarden"
}

func (s *Console) setCookie(w http.ResponseWriter, r *http.Request, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
		// A proxy that ends TLS says so; believing it can only make the cookie safer.
		Secure: s.Secure || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

// fromSession fills in who is logged in, if anybody is. A user who is gone, or
// whose password was set since, is not.
func (s *Console) fromSession(r *http.Request, c *caller) (bool, error) {
	cookie, err := r.Cookie(s.cookieName())
	if err != nil { // there is none
		return false, nil //nolint:nilerr // ErrNoCookie is the only error
	}
	found, ok := s.sessions.find(cookie.Value)
	if !ok {
		return false, nil
	}
	c.name, c.csrf = found.user, found.csrf
	if found.scope != nil {
		c.Scope, c.via, c.federated = *found.scope, viaSession, true
		return true, nil
	}
	u, ok, err := s.Accounts.User(found.user)
	if err != nil {
		return false, fmt.Errorf("look up a session: %w", err)
	}
	if !ok || !u.Changed.Equal(found.changed) {
		s.sessions.end(cookie.Value)
		return false, nil
	}
	c.Scope, c.via = u.Scope, viaSession
	return true, nil
}

// setupTime is how long the link for the first administrator is good.
const setupTime = time.Hour

// setup is the right to make the first administrator. Only its hash is kept.
type setup struct {
	secret string
	hash   [sha256.Size]byte
	until  time.Time
}

func (p *setup) begin() error {
	secret, err := random()
	if err != nil {
		return err
	}
	p.secret, p.hash, p.until = secret, sha256.Sum256([]byte(secret)), time.Now().Add(setupTime)
	return nil
}

func (p *setup) good(token string) bool {
	got := sha256.Sum256([]byte(token))
	return time.Now().Before(p.until) && subtle.ConstantTimeCompare(got[:], p.hash[:]) == 1
}

// SetupPath returns the path by which the first administrator is made and how
// long it is good, once; it is empty where there are users.
func (s *Console) SetupPath() (path string, until time.Time, err error) {
	users, err := s.Accounts.Users()
	if err != nil || len(users) > 0 || s.setup.secret == "" {
		return "", time.Time{}, err
	}
	path = "/setup?token=" + s.setup.secret
	s.setup.secret = ""
	return path, s.setup.until, nil
}
