package accounts

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Role says what an account may see and do.
type Role string

// The roles.
const (
	// NOC watches health, lines and exporters; it sees no case.
	NOC Role = "noc"
	// Compliance works all cases.
	Compliance Role = "compliance"
	// Regulator reads what was confirmed.
	Regulator Role = "regulator"
	// Admin may do everything.
	Admin Role = "admin"
)

// Roles lists every role.
func Roles() []string {
	return []string{string(NOC), string(Compliance), string(Regulator), string(Admin)}
}

// Scope is what an account may see.
type Scope struct {
	Role Role `json:"role"`
	// Provinces are two-digit GB/T 2260 codes; empty is the whole country.
	Provinces []string `json:"provinces,omitempty"`
}

var province = regexp.MustCompile(`^[1-9][0-9]$`)

// Validate refuses roles and provinces that there are not.
func (s Scope) Validate() error {
	if !slices.Contains(Roles(), string(s.Role)) {
		return fmt.Errorf("there is no role %q, it is one of %s", s.Role, strings.Join(Roles(), ", "))
	}
	for _, p := range s.Provinces {
		if !province.MatchString(p) {
			return fmt.Errorf("%q is not the two-digit code of a province, such as 31", p)
		}
	}
	if s.Role == Admin && len(s.Provinces) > 0 {
		return errors.New("an admin sees the whole country; provinces are for the other roles")
	}
	return nil
}

// User is a person.
type User struct {
	Name string `json:"name"`
	Scope
	// Hash is the password in the form of the PHC string format.
	Hash    string    `json:"hash"`
	Created time.Time `json:"created"`
	// Changed is when the password was set; sessions from before it are over.
	Changed time.Time `json:"changed"`
	// Failures counts logins that failed since the last that did not.
	Failures int `json:"failures,omitempty"`
	// Locked is until when no login is tried; zero = not locked.
	Locked time.Time `json:"locked,omitzero"`
}

// Token lets a program use the API.
type Token struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// User is the person whose scope the token has; empty where it has one of
	// its own.
	User string `json:"user,omitempty"`
	Scope
	Hash    string    `json:"hash"` // SHA-256 of the secret, in hexadecimal
	Created time.Time `json:"created"`
	// Expires is from when on the token is refused; zero = never.
	Expires time.Time `json:"expires,omitzero"`
}

// Errors a caller tells apart.
var (
	// ErrLogin means that name and password do not belong together.
	ErrLogin = errors.New("name or password is wrong")
	// ErrLocked means that too many logins failed.
	ErrLocked = errors.New("too many logins failed, try again later or ask an administrator to set a new password")
	// ErrNone means that there is no such user or token.
	ErrNone = errors.New("there is no such account")
	// ErrExists means that the name is taken.
	ErrExists = errors.New("there is a user of that name")
	// ErrLastAdmin means that nobody would be left who may manage accounts.
	ErrLastAdmin = errors.New("this is the last admin; make another one first")
	// ErrName means that nobody may be called so, ErrPassword that a password is
	// too easy to guess, or none.
	ErrName     = errors.New("the name is not good")
	ErrPassword = errors.New("the password is not good")
	// ErrNotFirst means that there are users already.
	ErrNotFirst = errors.New("there are users already")
)

// name is what users may be called.
var name = regexp.MustCompile(`^[\pL\pN][\pL\pN._@-]{0,63}$`)

// CheckName refuses what nobody may be called: names are shown in logs, tables and
// pages.
func CheckName(text string) error {
	if !name.MatchString(text) {
		return fmt.Errorf("%w: %q is not 1 to 64 letters and digits, with . _ @ - after the first", ErrName, text)
	}
	return nil
}

// checkLabel refuses names of tokens that would not be one line.
func checkLabel(text string) error {
	if text == "" || len(text) > 128 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%q does not name a token: 1 to 128 bytes on one line", text)
	}
	return nil
}
