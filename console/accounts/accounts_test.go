package accounts_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/console/accounts"
)

const password = "correct horse battery"

// open returns accounts with one user of compliance.
func open(t *testing.T) *accounts.File {
	t.Helper()
	f := accounts.New(filepath.Join(t.TempDir(), "state", "accounts.json"))
	if empty, err := f.Empty(); err != nil || !empty {
		t.Fatal(empty, err)
	}
	if err := f.AddUser("李雷", accounts.Scope{Role: accounts.Compliance, Provinces: []string{"31"}}, password); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestLogin(t *testing.T) {
	f := open(t)
	u, err := f.Login(t.Context(), "李雷", password)
	if err != nil || u.Role != accounts.Compliance || len(u.Provinces) != 1 {
		t.Fatal(u, err)
	}
	for _, c := range [][2]string{{"李雷", "wrong horse battery"}, {"nobody", password}, {"", ""}, {"李雷", strings.Repeat("x", 1<<20)}} {
		if _, err := f.Login(t.Context(), c[0], c[1]); !errors.Is(err, accounts.ErrLogin) {
			t.Errorf("%.20q: %v", c, err)
		}
	}
	info, err := os.Stat(f.Path())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(f.Path())
	if err != nil || strings.Contains(string(text), "horse") || !strings.Contains(string(text), "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Errorf("%s, %v", text, err)
	}
}

// TestLockOut guesses from several sides at once.
func TestLockOut(t *testing.T) {
	f := open(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := f.Login(t.Context(), "李雷", fmt.Sprintf("guessed password %d", i)); err == nil {
				t.Error("a guess was right")
			}
		})
	}
	wg.Wait()
	if _, err := f.Login(t.Context(), "李雷", password); !errors.Is(err, accounts.ErrLocked) {
		t.Fatalf("after eight guesses: %v", err)
	}
	again := accounts.New(f.Path()) // as another process sees it
	if _, err := again.Login(t.Context(), "李雷", password); !errors.Is(err, accounts.ErrLocked) {
		t.Fatalf("after a restart: %v", err)
	}
	if err := again.SetPassword("李雷", "another horse battery"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Login(t.Context(), "李雷", "another horse battery"); err != nil {
		t.Fatalf("with a new password: %v", err)
	}
}

// TestFailuresAreForgotten keeps a person who mistypes now and then from being
// locked out.
func TestFailuresAreForgotten(t *testing.T) {
	f := open(t)
	for i := range 3 {
		for range 2 {
			if _, err := f.Login(t.Context(), "李雷", "mistyped password"); !errors.Is(err, accounts.ErrLogin) {
				t.Fatal(err)
			}
		}
		if _, err := f.Login(t.Context(), "李雷", password); err != nil {
			t.Fatalf("login %d: %v", i, err)
		}
	}
}

func TestRefused(t *testing.T) {
	f := open(t)
	noc := accounts.Scope{Role: accounts.NOC}
	for name, err := range map[string]error{
		"short":      f.AddUser("a", noc, "short"),
		"same":       f.AddUser("a", noc, strings.Repeat("x", 20)),
		"own name":   f.AddUser("somebody.long", noc, "somebody.long"),
		"long":       f.AddUser("a", noc, strings.Repeat("xy", 1000)),
		"bytes":      f.AddUser("a", noc, "\xff\xfe0123456789abcdef"),
		"markup":     f.AddUser("<b>", noc, password),
		"two lines":  f.AddUser("a\nb", noc, password),
		"bidi":       f.AddUser("a\u202eb", noc, password),
		"no name":    f.AddUser("", noc, password),
		"role":       f.AddUser("a", accounts.Scope{Role: "root"}, password),
		"province":   f.AddUser("a", accounts.Scope{Role: accounts.NOC, Provinces: []string{"310000"}}, password),
		"admin":      f.AddUser("a", accounts.Scope{Role: accounts.Admin, Provinces: []string{"31"}}, password),
		"twice":      f.AddUser("李雷", noc, password),
		"not first":  f.AddFirst("a", password),
		"no user":    f.SetPassword("a", password),
		"not there":  f.RemoveUser("a"),
		"no token":   f.RevokeToken("a"),
		"token name": second(f.AddToken(accounts.Token{Name: "a\nb", Scope: noc})),
		"token role": second(f.AddToken(accounts.Token{Name: "a"})),
		"token user": second(f.AddToken(accounts.Token{Name: "a", User: "b"})),
		"past":       second(f.AddToken(accounts.Token{Name: "a", Scope: noc, Expires: time.Now().Add(-time.Minute)})),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// TestScope changes what people may see, and keeps the last admin.
func TestScope(t *testing.T) {
	f := open(t)
	if err := f.AddUser("root1", accounts.Scope{Role: accounts.Admin}, password); err != nil {
		t.Fatal(err)
	}
	if err := f.SetScope("李雷", accounts.Scope{Role: accounts.NOC, Provinces: []string{"11"}}); err != nil {
		t.Fatal(err)
	}
	if u, ok, err := f.User("李雷"); err != nil || !ok || u.Role != accounts.NOC || u.Provinces[0] != "11" {
		t.Errorf("%+v, %v", u, err)
	}
	for name, s := range map[string]accounts.Scope{
		"root1": {Role: accounts.NOC}, "nobody": {Role: accounts.NOC}, "李雷": {Role: "root"},
	} {
		if err := f.SetScope(name, s); err == nil {
			t.Errorf("%s was given %+v", name, s)
		}
	}
}

func second(_ accounts.Token, _ string, err error) error { return err }

func TestTokens(t *testing.T) {
	f := open(t)
	own, secret, err := f.AddToken(accounts.Token{Name: "grafana", Scope: accounts.Scope{Role: accounts.NOC}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	_, personal, err := f.AddToken(accounts.Token{Name: "script", User: "李雷"})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(f.Path()); err != nil || strings.Contains(string(text), secret) {
		t.Errorf("the secret is in the file (%v)", err)
	}
	if got, ok, err := f.Present(secret); !ok || err != nil || got.Role != accounts.NOC || got.ID != own.ID {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	if got, ok, err := f.Present(personal); !ok || err != nil || got.Role != accounts.Compliance || got.Provinces[0] != "31" {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	for _, bad := range []string{"", "lwt_", "lwt_" + own.ID + "_", secret + "0", secret[:len(secret)-1] + "g", strings.Repeat("lwt_a_", 1000), own.Hash} {
		if _, ok, err := f.Present(bad); ok || err != nil {
			t.Errorf("%.40q is a token (%v)", bad, err)
		}
	}
	if err := errors.Join(f.RevokeToken(own.ID), f.RemoveUser("李雷")); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{secret, personal} {
		if _, ok, err := f.Present(gone); ok || err != nil {
			t.Errorf("a token that is gone is there (%v)", err)
		}
	}
}

func TestTokenExpires(t *testing.T) {
	f := open(t)
	_, secret, err := f.AddToken(accounts.Token{Name: "short", Scope: accounts.Scope{Role: accounts.NOC}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(text), `"expires": "`)
	if !ok {
		t.Fatal("the file has no time of expiry")
	}
	past := before + `"expires": "2001` + after[4:]
	if err := os.WriteFile(f.Path(), []byte(past+" "), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := f.Present(secret); ok || err != nil {
		t.Errorf("a token that expired is taken (%v)", err)
	}
}

// TestDamage makes sure that accounts that cannot be read are never taken for
// none: that would open what they close.
func TestDamage(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"half":     func(p string) error { return os.WriteFile(p, []byte(`{"users":[`), 0o600) },
		"nothing":  func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"readable": func(p string) error { return os.Chmod(p, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			if err := spoil(f.Path()); err != nil {
				t.Fatal(err)
			}
			if empty, err := f.Empty(); err == nil {
				t.Errorf("accounts are empty: %v", empty)
			}
			if _, err := f.Login(t.Context(), "李雷", password); err == nil {
				t.Error("a login passed")
			}
			if err := f.AddFirst("thief", password); err == nil {
				t.Error("there is a first user again")
			}
		})
	}
	f := open(t)
	text, err := os.ReadFile(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{"m=4294967295,t=3,p=4", "m=65536,t=0,p=4", "m=65536,t=4294967295,p=4", "m=65536,t=3,p=0", "m=x"} {
		bad := strings.Replace(string(text), "m=65536,t=3,p=4", hash, 1)
		if err := os.WriteFile(f.Path(), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := accounts.New(f.Path()).Login(t.Context(), "李雷", password); err == nil || errors.Is(err, accounts.ErrLogin) {
			t.Errorf("%s: %v", hash, err)
		}
	}
}

// TestChangedTogether has several processes change the file at once.
func TestChangedTogether(t *testing.T) {
	f := open(t)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if _, _, err := accounts.New(f.Path()).AddToken(accounts.Token{Name: fmt.Sprint(i), User: "李雷"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, err := f.Tokens(); err != nil || len(list) != 6 {
		t.Errorf("%d of 6 tokens, %v", len(list), err)
	}
}
