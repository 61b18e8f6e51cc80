package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linewarden/linewarden/storage/engine/chdb"
)

// server accepts clients and owns the connections to the engine.
type server struct {
	lib      *chdb.Library
	args     []string
	log      *slog.Logger
	password string // asked for on a loopback address
	limit    int
	version  [3]int
	admin    *admin
	hurry    chan struct{} // closed when statements must stop

	sessions sync.Mutex // held while an engine connection is opened or closed
	clients  sync.WaitGroup

	mu       sync.Mutex // guards everything below
	stopping bool
	number   int
	conns    map[*conn]bool // true while a statement runs
}

func newServer(lib *chdb.Library, args []string, c *Config) (*server, error) {
	s := &server{
		lib: lib, args: args, log: c.Logger, password: c.Password, limit: c.MaxConnections,
		hurry: make(chan struct{}), conns: make(map[*conn]bool),
	}
	db, err := s.connect("admin")
	if err != nil {
		return nil, err
	}
	s.admin = &admin{db: db}
	for i, part := range strings.SplitN(lib.Version(), ".", 4) {
		if n, err := strconv.Atoi(part); err == nil && i < len(s.version) {
			s.version[i] = n
		}
	}
	return s, nil
}

// connect opens an engine connection whose statements bear a name.
func (s *server) connect(name string) (*chdb.Conn, error) {
	s.sessions.Lock()
	defer s.sessions.Unlock()
	db, err := s.lib.Connect(append([]string{"--log_comment=" + name}, s.args...)...)
	if err != nil {
		return nil, fmt.Errorf("open an engine connection: %w", err)
	}
	return db, nil
}

func (s *server) disconnect(db *chdb.Conn) {
	s.sessions.Lock()
	defer s.sessions.Unlock()
	db.Close()
}

// accept serves the clients of a listener until it is closed. Clients of a
// unix socket need no password.
func (s *server) accept(l net.Listener) error {
	for {
		client, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if errors.Is(err, errTooManyFiles) {
				// Some client will leave and give a descriptor back.
				time.Sleep(100 * time.Millisecond)
				continue
			}
			return fmt.Errorf("accept a client: %w", err)
		}
		if c := s.admit(client); c != nil {
			s.clients.Go(func() { s.host(c) })
		}
	}
}

// spareClients is how many clients above the limit are told of it.
const spareClients = 16

// admit enters a client, or sends it away when there are far too many.
func (s *server) admit(client net.Conn) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping || len(s.conns) >= s.limit+spareClients {
		if err := client.Close(); err != nil {
			s.log.Debug("closing a client", "error", err)
		}
		return nil
	}
	s.number++
	name := "client-" + strconv.Itoa(s.number)
	c := &conn{
		server: s, net: client, name: name, log: s.log.With("client", name),
		r: newReader(client), w: &writer{to: client},
		settings: make(map[string]string), types: make(map[string]*datatype),
	}
	c.private = client.LocalAddr().Network() == "unix"
	s.conns[c] = false
	return c
}

// full tells whether a client is one too many.
func (s *server) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns) > s.limit
}

// host serves a client and cleans up after it; a panic costs this client only.
func (s *server) host(c *conn) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a client connection broke down", "client", c.name, "panic", p, "stack", string(debug.Stack()))
		}
		if c.db != nil {
			s.disconnect(c.db)
		}
		if err := c.net.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			c.log.Debug("closing a client", "error", err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	}()
	if err := c.serve(); err != nil && !errors.Is(err, io.EOF) {
		c.log.Debug("a client connection ended", "error", err)
	}
}

// begin marks a client as busy; it returns false when no more statements are
// taken.
func (s *server) begin(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.conns[c] = true
	return true
}

func (s *server) end(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = false
	if s.stopping {
		s.hangUp(c)
	}
}

// hangUp closes a client; the lock is held.
func (s *server) hangUp(c *conn) {
	if err := c.net.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		c.log.Debug("closing a client", "error", err)
	}
}

// stop ends all clients: the idle ones at once, the others when their statement
// ends or at the latest when it is stopped. An error says that one could
// not be stopped; the process can only be ended then.
func (s *server) stop(quiet, deadline context.Context) error {
	s.mu.Lock()
	s.stopping = true
	for c, busy := range s.conns {
		if !busy {
			s.hangUp(c)
		}
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.clients.Wait(); close(done) }()
	select {
	case <-done:
		s.disconnect(s.admin.db)
		return nil
	case <-quiet.Done():
	}
	close(s.hurry)
	s.mu.Lock()
	for c := range s.conns {
		// A busy one may wait for its client to send or to read.
		if err := c.net.SetDeadline(time.Unix(1, 0)); err != nil {
			c.log.Debug("a client cannot be stopped", "error", err)
		}
	}
	s.mu.Unlock()
	select {
	case <-done:
		s.disconnect(s.admin.db)
		return nil
	case <-deadline.Done():
		return errors.New("the engine did not end: a statement could not be stopped")
	}
}
