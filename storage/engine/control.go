package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/linewarden/linewarden/storage/engine/chdb"
)

// controlEnv names the file descriptor of the socket to the parent.
const controlEnv = "LINEWARDEN_ENGINE_CONTROL"

// control is the child's end of a socket to its parent. Its start is told
// there, and its parent's end is noticed there. It is nil in a process that
// somebody started by hand.
type control struct{ conn net.Conn }

// status is what a child tells.
type status struct {
	Ready bool   `json:"ready,omitempty"`
	Kind  string `json:"kind,omitempty"`  // of the error, from errorKinds
	Error string `json:"error,omitempty"` // text of it
}

// errorKinds carry errors over to the parent.
var errorKinds = map[string]error{
	"locked": ErrLocked, "library": ErrNoLibrary, "address": ErrAddress, "path": ErrPath, "disk": ErrDiskFull,
	"cpu": chdb.ErrCPU, "unusable": chdb.ErrLibrary, "connect": chdb.ErrConnect,
}

// openControl takes the socket over from the parent.
func openControl() *control {
	n, err := strconv.Atoi(os.Getenv(controlEnv))
	if err != nil || n < 3 {
		return nil
	}
	file := os.NewFile(uintptr(n), "control")
	defer func() { _ = file.Close() }()
	c, err := net.FileConn(file)
	if err != nil {
		return nil
	}
	return &control{c}
}

// whileParentLives ends the context when the parent ends.
func (c *control) whileParentLives(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if c == nil {
		return ctx, cancel
	}
	go func() {
		// The parent sends nothing: what ends this is the end of one side.
		_, _ = c.conn.Read(make([]byte, 1))
		cancel()
	}()
	return ctx, cancel
}

func (c *control) tell(s status) {
	if c == nil {
		return
	}
	// A parent that is gone is noticed by the read.
	_ = json.NewEncoder(c.conn).Encode(s)
}

func (c *control) ready() { c.tell(status{Ready: true}) }

func (c *control) failed(err error) {
	s := status{Error: err.Error()}
	for name, kind := range errorKinds {
		if errors.Is(err, kind) {
			s.Kind = name
		}
	}
	c.tell(s)
}

func (c *control) close() error {
	if c == nil {
		return nil
	}
	if err := c.conn.Close(); err != nil {
		return fmt.Errorf("close the control socket: %w", err)
	}
	return nil
}

// err is the error a child has told of.
func (s status) err() error {
	if kind, ok := errorKinds[s.Kind]; ok {
		return &childError{s.Error, kind}
	}
	return errors.New(s.Error)
}

// childError is an error of the child, of a kind its parent knows.
type childError struct {
	text string
	kind error
}

func (e *childError) Error() string { return e.text }
func (e *childError) Unwrap() error { return e.kind }

// shortHash is a short name for a long one.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
