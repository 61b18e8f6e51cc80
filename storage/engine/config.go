package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// Config says what the child process serves.
type Config struct {
	// Path is the directory of the data, absolute. It is made when missing.
	Path string
	// Listen is unix:///path, or host:port of a loopback address.
	Listen string
	// Library is the file of libchdb; empty to search for it.
	Library string
	// Password is asked of clients on a loopback address; when it is empty one
	// is made and written to the file "password" in Path. On a unix socket the
	// permissions of the file decide and no password is asked.
	Password string
	// MaxConnections bounds the clients; default 128.
	MaxConnections int
	// MaxMemory bounds the memory the engine tracks, in bytes; default half of
	// what the machine (or its control group) has. The resident size of the
	// process may exceed it for a short time.
	MaxMemory int64
	Logger    *slog.Logger
}

const (
	unixScheme = "unix://"
	// maxSocketPath is the longest path of a unix socket (sun_path of
	// unix(7), less the terminating zero).
	maxSocketPath = 107
	// quietTime is how long statements may run on when the engine stops.
	quietTime = 3 * time.Second
)

// Errors a caller tells apart.
var (
	// ErrLocked is returned when another process has the data directory open.
	ErrLocked = errors.New("the data directory is in use")
	// ErrNoLibrary is returned when libchdb was not found.
	ErrNoLibrary = errors.New("the engine library (libchdb) is missing")
	// ErrAddress is returned when the engine cannot listen where it should.
	ErrAddress = errors.New("cannot listen")
	// ErrPath is returned when the data directory cannot be used.
	ErrPath = errors.New("the data directory cannot be used")
	// ErrDiskFull is returned when there is no room to start in.
	ErrDiskFull = errors.New("the disk of the data directory is full")
	// ErrStart is returned when the child did not come up.
	ErrStart = errors.New("the engine did not start")
	// ErrExited is returned when the child ended by itself.
	ErrExited = errors.New("the engine ended unexpectedly")
)

func (c Config) withDefaults() (Config, error) {
	if c.MaxConnections == 0 {
		c.MaxConnections = 128
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = memoryOfMachine("/") / 2
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	var problems []error
	if !filepath.IsAbs(c.Path) {
		problems = append(problems, fmt.Errorf("path %q is not absolute", c.Path))
	}
	if c.MaxConnections < 0 {
		problems = append(problems, fmt.Errorf("max connections is %d, it must be positive", c.MaxConnections))
	}
	if c.MaxMemory < 0 {
		problems = append(problems, fmt.Errorf("memory is %d bytes, it must be positive", c.MaxMemory))
	}
	_, _, err := parseListen(c.Listen)
	return c, errors.Join(append(problems, err)...)
}

// parseListen splits an address as Listen has it, and refuses one that
// other machines could reach.
func parseListen(listen string) (network, addr string, err error) {
	if path, ok := strings.CutPrefix(listen, unixScheme); ok {
		if !filepath.IsAbs(path) {
			return "", "", fmt.Errorf("%w on %q: the path of a socket is absolute, as in unix:///run/linewarden/engine.sock", ErrAddress, listen)
		}
		if len(path) > maxSocketPath {
			return "", "", fmt.Errorf("%w on %q: the path of a socket has at most %d bytes, this one has %d; choose a shorter one", ErrAddress, listen, maxSocketPath, len(path))
		}
		return "unix", path, nil
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return "", "", fmt.Errorf("%w on %q: it is neither unix:///path nor host:port: %w", ErrAddress, listen, err)
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return "", "", fmt.Errorf("%w on %q: the engine serves this machine only; use unix:///path or 127.0.0.1:port", ErrAddress, listen)
	}
	return "tcp", listen, nil
}
