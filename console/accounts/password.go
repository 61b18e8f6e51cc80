package accounts

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The parameters of new hashes: the second recommended option of RFC 9106
// section 4, for where 2 GiB a login are too much.
const (
	hashTime    = 3
	hashMemory  = 64 << 10 // KiB
	hashThreads = 4
	saltBytes   = 16
	keyBytes    = 32
)

// The bounds of hashes that are read: a file that was tampered with must not
// make a login take all memory.
const (
	mostTime   = 16
	mostMemory = 1 << 20 // KiB
)

// The length of passwords, in characters and bytes. The upper one bounds the
// work of a login.
const (
	leastPassword = 12
	mostPassword  = 1024
)

// CheckPassword refuses passwords that are too easy to guess. It asks for length
// alone, as NIST SP 800-63B section 5.1.1 does.
func CheckPassword(user, password string) error {
	switch {
	case !utf8.ValidString(password):
		return fmt.Errorf("%w: it is not UTF-8", ErrPassword)
	case utf8.RuneCountInString(password) < leastPassword:
		return fmt.Errorf("%w: it needs at least %d characters", ErrPassword, leastPassword)
	case len(password) > mostPassword:
		return fmt.Errorf("%w: it is longer than %d bytes", ErrPassword, mostPassword)
	case strings.Count(password, password[:1])*len(password[:1]) == len(password) || strings.EqualFold(password, user):
		return fmt.Errorf("%w: it is too easy to guess", ErrPassword)
	}
	return nil
}

// hashPassword returns the hash in the PHC string format.
func hashPassword(password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	key := argon2.IDKey([]byte(password), salt, hashTime, hashMemory, hashThreads, keyBytes)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, hashMemory, hashTime, hashThreads, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

var errHash = errors.New("a stored password hash is damaged; set the password anew with linewarden user passwd")

// verifyPassword reports whether the password is the one of the hash.
func verifyPassword(hash, password string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, errHash
	}
	var (
		memory, time uint32
		threads      uint8
	)
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &threads); err != nil {
		return false, fmt.Errorf("%w: %w", errHash, err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("%w: %w", errHash, err)
	}
	key, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, fmt.Errorf("%w: %w", errHash, err)
	}
	if memory > mostMemory || time == 0 || time > mostTime || threads == 0 || len(key) < 16 || len(key) > 64 || len(salt) < 8 {
		return false, errHash
	}
	got := argon2.IDKey([]byte(password), salt, time, memory, threads, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1, nil
}
