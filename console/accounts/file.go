package accounts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// mostAccounts bounds the file.
const mostAccounts = 10000

// content is what the file holds.
type content struct {
	Users  []User  `json:"users"`
	Tokens []Token `json:"tokens"`
}

// File holds all accounts. It is safe for concurrent use, by several processes
// too.
type File struct {
	path   string
	hashes chan struct{} // one for each password that may be hashed at a time

	mu   sync.Mutex // guards what follows
	seen os.FileInfo
	have content
}

// mostHashes bounds the passwords that are hashed at a time, each of which takes
// 64 MiB.
const mostHashes = 2

// New returns the accounts of a file, which need not be there yet.
func New(path string) *File { return &File{path: path, hashes: make(chan struct{}, mostHashes)} }

// Path is where the accounts are.
func (f *File) Path() string { return f.path }

// read returns what the file holds now. It is read when it was replaced. A file
// that others may read, or that is damaged, is an error and never empty.
func (f *File) read() (content, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		f.seen, f.have = nil, content{}
		return f.have, nil
	}
	if err != nil {
		return content{}, fmt.Errorf("read accounts: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return content{}, fmt.Errorf("read accounts: others may read or write %s; make it private with chmod 600", f.path)
	}
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() {
		return f.have, nil
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return content{}, fmt.Errorf("read accounts: %w", err)
	}
	var c content
	if err := json.Unmarshal(text, &c); err != nil {
		return content{}, fmt.Errorf("read accounts: %s is damaged: %w; restore it from a copy", f.path, err)
	}
	f.seen, f.have = info, c
	return c, nil
}

// change replaces the file with what work makes of it. Work gets copies of the
// lists, and an error of its own leaves the file as it is.
func (f *File) change(work func(c *content) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o750); err != nil {
		return fmt.Errorf("change accounts: %w", err)
	}
	lock, err := os.OpenFile(f.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("change accounts: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("change accounts: lock %s: %w", lock.Name(), err)
	}
	before, err := f.read()
	if err != nil {
		return err
	}
	c := content{Users: slices.Clone(before.Users), Tokens: slices.Clone(before.Tokens)}
	if err := work(&c); err != nil {
		return err
	}
	if len(c.Users)+len(c.Tokens) > mostAccounts {
		return fmt.Errorf("change accounts: more than %d users and tokens", mostAccounts)
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("change accounts: %w", err)
	}
	return f.replace(append(text, '\n'))
}

// replace writes the file under another name and renames it, so that neither a
// reader nor a loss of power sees half of it.
func (f *File) replace(text []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(f.path), ".accounts.*") // mode 0600
	if err != nil {
		return fmt.Errorf("change accounts: %w", err)
	}
	_, err = tmp.Write(text)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), f.path)
	}
	if err != nil {
		return fmt.Errorf("change accounts: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}

// Empty reports whether there is neither a user nor a token.
func (f *File) Empty() (bool, error) {
	c, err := f.read()
	return len(c.Users)+len(c.Tokens) == 0, err
}

// Users returns every user, in the order of names.
func (f *File) Users() ([]User, error) {
	c, err := f.read()
	list := slices.Clone(c.Users)
	slices.SortFunc(list, func(a, b User) int { return compare(a.Name, b.Name) })
	return list, err
}

// Tokens returns every token, oldest first.
func (f *File) Tokens() ([]Token, error) {
	c, err := f.read()
	return slices.Clone(c.Tokens), err
}

// User returns the user of that name.
func (f *File) User(name string) (User, bool, error) {
	c, err := f.read()
	if i := c.user(name); i >= 0 {
		return c.Users[i], true, err
	}
	return User{}, false, err
}

func (c *content) user(name string) int {
	return slices.IndexFunc(c.Users, func(u User) bool { return u.Name == name })
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// AddUser makes a user.
func (f *File) AddUser(name string, s Scope, password string) error {
	return f.addUser(name, s, password, func(*content) error { return nil })
}

// AddFirst makes the first user, an admin. ErrNotFirst means that somebody else
// was faster.
func (f *File) AddFirst(name, password string) error {
	return f.addUser(name, Scope{Role: Admin}, password, func(c *content) error {
		if len(c.Users) > 0 {
			return ErrNotFirst
		}
		return nil
	})
}

func (f *File) addUser(name string, s Scope, password string, check func(c *content) error) error {
	if err := errors.Join(CheckName(name), s.Validate(), CheckPassword(name, password)); err != nil {
		return err
	}
	hash, err := hashPassword(password)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	return f.change(func(c *content) error {
		if err := check(c); err != nil {
			return err
		}
		if c.user(name) >= 0 {
			return fmt.Errorf("%w: %s", ErrExists, name)
		}
		c.Users = append(c.Users, User{Name: name, Scope: s, Hash: hash, Created: now, Changed: now})
		return nil
	})
}

// SetPassword replaces the password of a user, unlocks it and ends its sessions.
func (f *File) SetPassword(name, password string) error {
	if err := CheckPassword(name, password); err != nil {
		return err
	}
	hash, err := hashPassword(password)
	if err != nil {
		return err
	}
	return f.changeUser(name, func(u *User) {
		u.Hash, u.Changed, u.Failures, u.Locked = hash, time.Now().UTC(), 0, time.Time{}
	})
}

// SetScope replaces the role and the provinces of a user; its sessions go on by
// them. The last admin stays one: nobody could make another.
func (f *File) SetScope(name string, s Scope) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return f.change(func(c *content) error {
		i := c.user(name)
		if i < 0 {
			return fmt.Errorf("%w: user %q", ErrNone, name)
		}
		others := slices.ContainsFunc(c.Users, func(u User) bool { return u.Role == Admin && u.Name != name })
		if c.Users[i].Role == Admin && s.Role != Admin && !others {
			return ErrLastAdmin
		}
		c.Users[i].Scope = Scope{Role: s.Role, Provinces: slices.Clone(s.Provinces)}
		return nil
	})
}

// RemoveUser removes a user with its tokens.
func (f *File) RemoveUser(name string) error {
	return f.change(func(c *content) error {
		i := c.user(name)
		if i < 0 {
			return fmt.Errorf("%w: user %q", ErrNone, name)
		}
		c.Users = slices.Delete(c.Users, i, i+1)
		c.Tokens = slices.DeleteFunc(c.Tokens, func(t Token) bool { return t.User == name })
		return nil
	})
}

func (f *File) changeUser(name string, work func(u *User)) error {
	return f.change(func(c *content) error {
		i := c.user(name)
		if i < 0 {
			return fmt.Errorf("%w: user %q", ErrNone, name)
		}
		work(&c.Users[i])
		return nil
	})
}
