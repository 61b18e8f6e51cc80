package console

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/linewarden/linewarden/console/accounts"
)

// form is what a page with a form shows.
type form struct {
	Name, Next, Token string
	Problem           string
	First             bool   // there are no users yet
	SignOn            string // where single sign-on begins, empty without
}

func (s *Console) loginPage(w http.ResponseWriter, r *http.Request, _ *caller) {
	users, err := s.Accounts.Users()
	if err != nil {
		s.accountsFailed(w, r, err)
		return
	}
	s.page(w, r, http.StatusOK, "login.html", page{Form: form{Next: localPath(r.URL.Query().Get("next")), First: len(users) == 0, SignOn: s.signOnAt()}})
}

func (s *Console) accountsFailed(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.Error("accounts are not readable", "err", err)
	s.refuse(w, r, http.StatusServiceUnavailable, because("accounts_unreadable"))
}

// localPath returns where to go after a login, if that is a page of the console.
// Browsers take a path that begins with two slashes, or a backslash, for another
// host.
func localPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") || strings.HasPrefix(path, "/api/") {
		return "/"
	}
	return path
}

// fields reads the fields of a form; false means that the request was refused.
func (s *Console) fields(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.refuse(w, r, http.StatusBadRequest, because("form"))
		return false
	}
	for _, values := range r.PostForm {
		if len(values) != 1 || !utf8.ValidString(values[0]) {
			s.refuse(w, r, http.StatusBadRequest, because("form"))
			return false
		}
	}
	return true
}

func (s *Console) login(w http.ResponseWriter, r *http.Request, c *caller) {
	if !s.fields(w, r) {
		return
	}
	name := r.PostForm.Get("name")
	who := &caller{name: name, via: "login", address: c.address}
	u, err := s.Accounts.Login(r.Context(), name, r.PostForm.Get("password"))
	switch {
	case errors.Is(err, accounts.ErrLogin), errors.Is(err, accounts.ErrLocked):
		if !s.record(w, r, who, "login_failed", name, err.Error()) {
			return
		}
		// One text for both: it must not tell which names there are.
		s.page(w, r, http.StatusUnauthorized, "login.html", page{Form: form{
			Name: name, Next: localPath(r.PostForm.Get("next")), Problem: "login", SignOn: s.signOnAt(),
		}})
	case err != nil:
		s.accountsFailed(w, r, err)
	default:
		who.Scope = u.Scope
		s.enter(w, r, who, &u, localPath(r.PostForm.Get("next")))
	}
}

// enter begins a session and shows a page.
func (s *Console) enter(w http.ResponseWriter, r *http.Request, who *caller, u *accounts.User, to string) {
	if _, ok := s.beginSession(w, r, who, sessionOf(u), ""); ok {
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// beginSession sets the cookie of a session, a new one whatever the browser had,
// records it with a detail, and returns the CSRF token that goes with it. False means that it has answered.
func (s *Console) beginSession(w http.ResponseWriter, r *http.Request, who *caller, of session, detail string) (csrf string, ok bool) {
	if !s.record(w, r, who, "login", of.user, detail) {
		return "", false
	}
	if old, err := r.Cookie(s.cookieName()); err == nil {
		s.sessions.end(old.Value)
	}
	id, csrf, err := s.sessions.begin(of)
	if err != nil {
		s.Log.Error("no session", "err", err)
		s.refuse(w, r, http.StatusServiceUnavailable, because("failed"))
		return "", false
	}
	s.setCookie(w, r, s.cookieName(), id, sessionTime)
	return csrf, true
}

func (s *Console) logout(w http.ResponseWriter, r *http.Request, c *caller) {
	if s.endSession(w, r, c) {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	}
}

// endSession takes the cookie away; false means that it has answered.
func (s *Console) endSession(w http.ResponseWriter, r *http.Request, c *caller) bool {
	if !s.record(w, r, c, "logout", c.name, "") {
		return false
	}
	if cookie, err := r.Cookie(s.cookieName()); err == nil {
		s.sessions.end(cookie.Value)
	}
	s.setCookie(w, r, s.cookieName(), "", -1)
	return true
}

func (s *Console) setupPage(w http.ResponseWriter, r *http.Request, _ *caller) {
	token := r.URL.Query().Get("token")
	if !s.mayBegin(w, r, token) {
		return
	}
	s.page(w, r, http.StatusOK, "setup.html", page{Form: form{Token: token}})
}

// mayBegin checks the link of the first administrator.
func (s *Console) mayBegin(w http.ResponseWriter, r *http.Request, token string) bool {
	users, err := s.Accounts.Users()
	switch {
	case err != nil:
		s.accountsFailed(w, r, err)
	case len(users) > 0 || !s.setup.good(token):
		s.refuse(w, r, http.StatusForbidden, because("setup_over"))
	default:
		return true
	}
	return false
}

// setUp makes the first administrator.
func (s *Console) setUp(w http.ResponseWriter, r *http.Request, c *caller) {
	if !s.fields(w, r) || !s.mayBegin(w, r, r.PostForm.Get("token")) {
		return
	}
	name, password := r.PostForm.Get("name"), r.PostForm.Get("password")
	who := &caller{name: name, Scope: accounts.Scope{Role: accounts.Admin}, via: "setup", address: c.address}
	err := accounts.CheckPassword(name, password)
	if err == nil && password != r.PostForm.Get("again") {
		err = because("passwords_differ")
	}
	if err == nil {
		if !s.record(w, r, who, "user_add", name, "the first admin") {
			return
		}
		err = s.Accounts.AddFirst(name, password)
	}
	if err != nil {
		s.page(w, r, http.StatusUnprocessableEntity, "setup.html", page{Form: form{Name: name, Token: r.PostForm.Get("token"), Problem: problemOf(http.StatusUnprocessableEntity, err, langOf(r)).Detail}})
		return
	}
	u, ok, err := s.Accounts.User(name)
	if err != nil || !ok {
		s.accountsFailed(w, r, err)
		return
	}
	s.enter(w, r, who, &u, "/")
}

// sessionAnswer says who is logged in.
type sessionAnswer struct {
	Name      string        `json:"name"`
	Role      accounts.Role `json:"role"`
	Provinces []string      `json:"provinces"` // empty is the whole country
	Via       string        `json:"via"`
	CSRF      string        `json:"csrf_token"` // empty for tokens
}

func (s *Console) session(w http.ResponseWriter, r *http.Request, c *caller) {
	s.json(w, r, http.StatusOK, sessionAnswer{c.name, c.Role, append([]string{}, c.Provinces...), c.via, c.csrf})
}
