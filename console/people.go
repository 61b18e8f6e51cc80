package console

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/linewarden/linewarden/console/accounts"
)

func userAnswerOf(u *accounts.User) userAnswer {
	a := userAnswer{Name: u.Name, Role: u.Role, Provinces: append([]string{}, u.Provinces...), Created: u.Created, Changed: u.Changed}
	if time.Now().Before(u.Locked) {
		a.Locked = &u.Locked
	}
	return a
}

func tokenAnswerOf(t *accounts.Token) tokenAnswer {
	a := tokenAnswer{ID: t.ID, Name: t.Name, User: t.User, Role: t.Role, Provinces: append([]string{}, t.Provinces...), Created: t.Created}
	if !t.Expires.IsZero() {
		a.Expires = &t.Expires
	}
	return a
}

// accountFailed answers a change of accounts that was refused. What the person
// has done wrong is said; that the file cannot be written is not theirs.
func (s *Console) accountFailed(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, accounts.ErrNone):
		s.refuse(w, r, http.StatusNotFound, err)
	case errors.Is(err, accounts.ErrExists), errors.Is(err, accounts.ErrLastAdmin):
		s.refuse(w, r, http.StatusConflict, err)
	case strings.HasPrefix(err.Error(), "change accounts") || strings.HasPrefix(err.Error(), "read accounts"):
		s.accountsFailed(w, r, err)
	default:
		s.refuse(w, r, http.StatusUnprocessableEntity, err)
	}
}

func (s *Console) addUser(w http.ResponseWriter, r *http.Request, c *caller) {
	var req struct {
		Name      string        `json:"name"`
		Role      accounts.Role `json:"role"`
		Provinces []string      `json:"provinces"`
		Password  string        `json:"password"`
	}
	if status, err := readJSON(w, r, &req); err != nil {
		s.refuse(w, r, status, err)
		return
	}
	if !s.record(w, r, c, "user_add", "user/"+req.Name, string(req.Role)+" "+strings.Join(req.Provinces, ";")) {
		return
	}
	if err := s.Accounts.AddUser(req.Name, accounts.Scope{Role: req.Role, Provinces: req.Provinces}, req.Password); err != nil {
		s.accountFailed(w, r, err)
		return
	}
	s.userNow(w, r, req.Name, http.StatusCreated)
}

// userNow answers with a user as it is.
func (s *Console) userNow(w http.ResponseWriter, r *http.Request, name string, status int) {
	u, ok, err := s.Accounts.User(name)
	if err != nil || !ok {
		s.accountsFailed(w, r, errors.Join(err, accounts.ErrNone))
		return
	}
	s.json(w, r, status, userAnswerOf(&u))
}

func (s *Console) changeUser(w http.ResponseWriter, r *http.Request, c *caller) {
	var req struct {
		Role      *accounts.Role `json:"role"`
		Provinces *[]string      `json:"provinces"`
		Password  string         `json:"password"`
	}
	if status, err := readJSON(w, r, &req); err != nil {
		s.refuse(w, r, status, err)
		return
	}
	name := r.PathValue("name")
	u, ok, err := s.Accounts.User(name)
	if err == nil && !ok {
		err = accounts.ErrNone
	}
	if err != nil {
		s.accountFailed(w, r, err)
		return
	}
	if req.Role != nil || req.Provinces != nil {
		scope := u.Scope
		if req.Role != nil {
			scope.Role = *req.Role
		}
		if req.Provinces != nil {
			scope.Provinces = *req.Provinces
		}
		if !s.record(w, r, c, "user_scope", "user/"+name, string(scope.Role)+" "+strings.Join(scope.Provinces, ";")) {
			return
		}
		if err := s.Accounts.SetScope(name, scope); err != nil {
			s.accountFailed(w, r, err)
			return
		}
	}
	if req.Password != "" {
		if !s.record(w, r, c, "password_set", "user/"+name, "") {
			return
		}
		if err := s.Accounts.SetPassword(name, req.Password); err != nil {
			s.accountFailed(w, r, err)
			return
		}
	}
	s.userNow(w, r, name, http.StatusOK)
}

func (s *Console) removeUser(w http.ResponseWriter, r *http.Request, c *caller) {
	name := r.PathValue("name")
	if name == c.name && c.via == viaSession {
		s.refuse(w, r, http.StatusConflict, because("this_is_you"))
		return
	}
	if !s.record(w, r, c, "user_remove", "user/"+name, "") {
		return
	}
	if err := s.Accounts.RemoveUser(name); err != nil {
		s.accountFailed(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Console) addToken(w http.ResponseWriter, r *http.Request, c *caller) {
	var req struct {
		Name      string        `json:"name"`
		User      string        `json:"user"`
		Role      accounts.Role `json:"role"`
		Provinces []string      `json:"provinces"`
		Expires   *time.Time    `json:"expires"`
	}
	if status, err := readJSON(w, r, &req); err != nil {
		s.refuse(w, r, status, err)
		return
	}
	if (req.User == "") == (req.Role == "") {
		s.refuse(w, r, http.StatusUnprocessableEntity, because("token_scope"))
		return
	}
	t := accounts.Token{Name: req.Name, User: req.User, Scope: accounts.Scope{Role: req.Role, Provinces: req.Provinces}}
	if req.Expires != nil {
		t.Expires = req.Expires.UTC()
	}
	if !s.record(w, r, c, "token_create", "token/"+req.Name, req.User+string(req.Role)) {
		return
	}
	t, secret, err := s.Accounts.AddToken(t)
	if err != nil {
		s.accountFailed(w, r, err)
		return
	}
	s.json(w, r, http.StatusCreated, struct {
		Token  tokenAnswer `json:"token"`
		Secret string      `json:"secret"`
	}{tokenAnswerOf(&t), secret})
}

func (s *Console) revokeToken(w http.ResponseWriter, r *http.Request, c *caller) {
	id := r.PathValue("id")
	if !s.record(w, r, c, "token_revoke", "token/"+id, "") {
		return
	}
	if err := s.Accounts.RevokeToken(id); err != nil {
		s.accountFailed(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// logIn begins a session for a program of the browser.
func (s *Console) logIn(w http.ResponseWriter, r *http.Request, c *caller) {
	var req struct {
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if status, err := readJSON(w, r, &req); err != nil {
		s.refuse(w, r, status, err)
		return
	}
	who := &caller{name: req.Name, via: "login", address: c.address}
	u, err := s.Accounts.Login(r.Context(), req.Name, req.Password)
	switch {
	case errors.Is(err, accounts.ErrLogin), errors.Is(err, accounts.ErrLocked):
		if s.record(w, r, who, "login_failed", req.Name, err.Error()) {
			// One text for both: it must not tell which names there are.
			s.refuse(w, r, http.StatusUnauthorized, because("login_failed"))
		}
		return
	case err != nil:
		s.accountsFailed(w, r, err)
		return
	}
	who.Scope = u.Scope
	csrf, ok := s.beginSession(w, r, who, sessionOf(&u), "")
	if ok {
		s.json(w, r, http.StatusCreated, sessionAnswer{u.Name, u.Role, append([]string{}, u.Provinces...), viaSession, csrf})
	}
}

func (s *Console) logOut(w http.ResponseWriter, r *http.Request, c *caller) {
	if s.endSession(w, r, c) {
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Console) changePassword(w http.ResponseWriter, r *http.Request, c *caller) {
	var req struct {
		Old string `json:"old"`
		New string `json:"new"`
	}
	if status, err := readJSON(w, r, &req); err != nil {
		s.refuse(w, r, status, err)
		return
	}
	if c.via != viaSession || c.federated {
		s.refuse(w, r, http.StatusForbidden, because("password_not_here"))
		return
	}
	_, err := s.Accounts.Login(r.Context(), c.name, req.Old)
	switch {
	case errors.Is(err, accounts.ErrLogin), errors.Is(err, accounts.ErrLocked):
		if s.record(w, r, c, "login_failed", c.name, "change of the password") {
			s.refuse(w, r, http.StatusForbidden, err)
		}
		return
	case err != nil:
		s.accountsFailed(w, r, err)
		return
	}
	if !s.record(w, r, c, "password_set", "user/"+c.name, "by itself") {
		return
	}
	if err := s.Accounts.SetPassword(c.name, req.New); err != nil {
		s.accountFailed(w, r, err)
		return
	}
	u, ok, err := s.Accounts.User(c.name)
	if err != nil || !ok {
		s.accountsFailed(w, r, err)
		return
	}
	// The password ends all sessions, this one too: it goes on as a new one.
	if _, ok := s.beginSession(w, r, c, sessionOf(&u), ""); ok {
		w.WriteHeader(http.StatusNoContent)
	}
}
