package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The lock-out: after mostFailures logins that failed in a row none is tried for
// lockTime. It is kept in the file, so that a restart does not end it.
const (
	mostFailures = 5
	lockTime     = 15 * time.Minute
)

// nobody is the hash that is verified for names that are nobody's, so that the
// time of an answer does not tell which names there are.
const nobody = "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5bm9ib2R5bm9ibw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// Login returns the user whose name and password these are. The error is
// ErrLogin or ErrLocked where the person is to blame.
func (f *File) Login(ctx context.Context, name, password string) (User, error) {
	if len(password) > mostPassword {
		return User{}, ErrLogin
	}
	select {
	case f.hashes <- struct{}{}:
		defer func() { <-f.hashes }()
	case <-ctx.Done():
		return User{}, fmt.Errorf("wait for other logins: %w", ctx.Err())
	}
	// Whoever waited sees the lock that those before it may have brought about.
	u, ok, err := f.User(name)
	if err != nil {
		return User{}, err
	}
	if ok && time.Now().Before(u.Locked) {
		return User{}, ErrLocked
	}
	hash := nobody
	if ok {
		hash = u.Hash
	}
	good, err := verifyPassword(hash, password)
	switch {
	case err != nil:
		return User{}, err
	case !ok:
		return User{}, ErrLogin
	case !good:
		return User{}, f.failed(name)
	case u.Failures > 0:
		err = f.passed(u)
	}
	return u, err
}

// failed counts a login that failed.
func (f *File) failed(name string) error {
	result := ErrLogin
	err := f.changeUser(name, func(u *User) {
		if u.Failures++; u.Failures >= mostFailures {
			u.Failures, u.Locked = 0, time.Now().Add(lockTime).UTC()
			result = ErrLocked
		}
	})
	if err != nil && !errors.Is(err, ErrNone) {
		return err
	}
	return result
}

// passed forgets the failures. Logins that failed at the same time may have
// locked the user meanwhile, and then this one does not count.
func (f *File) passed(tried User) error {
	var result error
	err := f.changeUser(tried.Name, func(u *User) {
		if time.Now().Before(u.Locked) || u.Hash != tried.Hash {
			result = ErrLocked
			return
		}
		u.Failures = 0
	})
	return errors.Join(err, result)
}

// The form of a secret: prefix, the id of the token, and 32 random bytes. The
// prefix lets scanners of repositories find one that was left there.
const (
	secretPrefix = "lwt_"
	idBytes      = 5
	secretBytes  = 32
)

// AddToken makes a token and returns its secret, which is kept nowhere. ID, Hash
// and Created of the argument are not looked at.
func (f *File) AddToken(t Token) (Token, string, error) {
	if err := checkLabel(t.Name); err != nil {
		return t, "", err
	}
	if t.User == "" {
		if err := t.Validate(); err != nil {
			return t, "", err
		}
	}
	now := time.Now().UTC()
	if !t.Expires.IsZero() && !t.Expires.After(now) {
		return t, "", fmt.Errorf("the token would expire at %s, which is past", t.Expires.Format(time.RFC3339))
	}
	random := make([]byte, idBytes+secretBytes)
	if _, err := rand.Read(random); err != nil {
		return t, "", fmt.Errorf("make a token: %w", err)
	}
	t.ID = hex.EncodeToString(random[:idBytes])
	secret := secretPrefix + t.ID + "_" + hex.EncodeToString(random[idBytes:])
	t.Hash, t.Created = digest(secret), now
	err := f.change(func(c *content) error {
		if t.User != "" {
			i := c.user(t.User)
			if i < 0 {
				return fmt.Errorf("%w: user %q", ErrNone, t.User)
			}
			t.Scope = Scope{}
		}
		c.Tokens = append(c.Tokens, t)
		return nil
	})
	return t, secret, err
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// RevokeToken removes a token by its id.
func (f *File) RevokeToken(id string) error {
	return f.change(func(c *content) error {
		n := len(c.Tokens)
		c.Tokens = slices.DeleteFunc(c.Tokens, func(t Token) bool { return t.ID == id })
		if len(c.Tokens) == n {
			return fmt.Errorf("%w: token %q", ErrNone, id)
		}
		return nil
	})
}

// Present returns the token with that secret and its scope as of now. A token
// that is unknown, revoked or expired, or whose user is gone, is none.
func (f *File) Present(secret string) (Token, bool, error) {
	rest, ok := strings.CutPrefix(secret, secretPrefix)
	id, _, cut := strings.Cut(rest, "_")
	if !ok || !cut || len(secret) > 256 {
		return Token{}, false, nil
	}
	c, err := f.read()
	if err != nil {
		return Token{}, false, err
	}
	i := slices.IndexFunc(c.Tokens, func(t Token) bool { return t.ID == id })
	if i < 0 || subtle.ConstantTimeCompare([]byte(c.Tokens[i].Hash), []byte(digest(secret))) != 1 {
		return Token{}, false, nil
	}
	t := c.Tokens[i]
	if !t.Expires.IsZero() && !time.Now().Before(t.Expires) {
		return Token{}, false, nil
	}
	if t.User != "" {
		u := c.user(t.User)
		if u < 0 {
			return Token{}, false, nil
		}
		t.Scope = c.Users[u].Scope
	}
	return t, true, nil
}
