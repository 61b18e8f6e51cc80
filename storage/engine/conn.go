package engine

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/linewarden/linewarden/storage/engine/chdb"
)

// greetTime is how long a client may take to greet.
const greetTime = 10 * time.Second

// conn serves one client over one connection of the engine. Its goroutine
// reads packets and runs statements; a watch runs beside each statement.
type conn struct {
	server *server
	net    net.Conn
	log    *slog.Logger
	db     *chdb.Conn
	name   string // the log comment of its statements
	// private tells that it came by a socket for this user alone.
	private bool

	r        *reader
	w        *writer
	revision int

	settings map[string]string // what statements have set
	skipping bool              // the data of a failed insert is on its way
	packed   bool              // that data is compressed
	types    map[string]*datatype
	out      bytes.Buffer // a block on its way to the client
}

// scanner returns a scanner that knows the types seen before.
func (c *conn) scanner(in input, out io.Writer) *scanner {
	s := newScanner(in, out)
	s.types = c.types
	return s
}

// serve greets and then answers until the client leaves or the server stops.
func (c *conn) serve() error {
	if err := c.greet(); err != nil {
		return err
	}
	for {
		code := c.r.number()
		if err := c.r.err; err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("read a packet: %w", err)
		}
		if !c.server.begin(c) {
			return nil
		}
		err := c.answer(proto.ClientCode(code), code)
		c.server.end(c)
		if err != nil {
			return err
		}
	}
}

// answer handles a packet outside a statement.
func (c *conn) answer(code proto.ClientCode, raw uint64) error {
	switch {
	case raw > 0xff:
	case code == proto.ClientCodePing:
		return c.w.pong()
	case code == proto.ClientCodeCancel:
		return nil // what it was meant for has ended
	case code == proto.ClientCodeQuery:
		c.skipping = false
		q, err := c.r.query(c.revision)
		if err != nil {
			return fmt.Errorf("read a query: %w", err)
		}
		return c.query(&q)
	case code == proto.ClientCodeData && c.skipping:
		return c.skipData()
	}
	e := raise(codeUnexpected, fmt.Sprintf("Unexpected packet %d", raw))
	return errors.Join(e, c.w.exception(e))
}

// skipData reads over a block of an insert that has failed already.
func (c *conn) skipData() error {
	c.r.text(maxText)
	if c.r.err != nil {
		return c.r.err
	}
	columns, rows, err := c.discard(c.packed)
	c.skipping = columns > 0 || rows > 0
	return err
}

// discard reads over a block.
func (c *conn) discard(compressed bool) (columns, rows uint64, err error) {
	s := c.scanner(c.r.block(compressed), io.Discard)
	s.mute = true
	return s.fromClient(c.revision)
}

// greet exchanges greetings and opens the session.
func (c *conn) greet() error {
	if err := c.net.SetDeadline(time.Now().Add(greetTime)); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	h, err := c.r.hello()
	if errors.Is(err, io.EOF) && h.client == "" {
		return nil // somebody looked whether an engine is there
	}
	if err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	c.revision, c.w.revision = h.revision, h.revision
	if err := c.open(h); err != nil {
		return errors.Join(err, c.w.exception(exceptionOf(err)))
	}
	version := c.server.version
	err = c.w.send(func(b *proto.Buffer) {
		info := proto.ServerHello{
			Name: "ClickHouse", Major: version[0], Minor: version[1], Patch: version[2],
			Revision: revision, Timezone: "UTC", DisplayName: "linewarden",
		}
		info.EncodeAware(b, c.revision)
	})
	if err != nil {
		return err
	}
	if proto.FeatureAddendum.In(c.revision) {
		if c.r.text(maxText); c.r.err != nil {
			return fmt.Errorf("greet: %w", c.r.err)
		}
	}
	if err := c.net.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	return nil
}

// open checks who it is and opens the engine connection.
func (c *conn) open(h hello) error {
	want := c.server.password
	if want != "" && !c.private && subtle.ConstantTimeCompare([]byte(want), []byte(h.password)) != 1 {
		return raise(codeAuthentication, "Authentication failed: the password is incorrect; it stands in the file password of the engine's directory")
	}
	if c.server.full() {
		return raise(codeTooMany, fmt.Sprintf("Too many connections: the embedded engine serves %d at a time", c.server.limit))
	}
	db, err := c.server.connect(c.name)
	if err != nil {
		return fmt.Errorf("open a session: %w", err)
	}
	c.db = db
	if h.database == "" || h.database == "default" {
		return nil
	}
	return c.exec("USE " + backquote(h.database))
}

// exec runs a statement of the server itself that has no result.
func (c *conn) exec(sql string) error {
	r, err := c.db.Query(sql, "Null", nil)
	if err != nil {
		return exceptionOf(err)
	}
	r.Free()
	return nil
}

// backquote writes a name as an identifier.
func backquote(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

// quote writes a text as a literal.
func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// apply brings the settings of the session to those of the statement. What an
// earlier statement had set and this one does not is set back.
func (c *conn) apply(list []setting) error {
	want := make(map[string]setting, len(list))
	for _, s := range list {
		if s.name == "log_comment" {
			continue // it names the connection
		}
		if s.custom {
			s.value = unquote(s.value)
		}
		want[s.name] = s
	}
	if err := c.unset(want); err != nil {
		return err
	}
	var changes []setting
	for name, s := range want {
		if old, ok := c.settings[name]; !ok || old != s.value {
			changes = append(changes, s)
		}
	}
	if len(changes) == 0 || c.set(changes...) == nil {
		return nil
	}
	// One by one, to leave out those that are unknown and not important.
	for _, s := range changes {
		err := c.set(s)
		if err != nil && (s.important || exceptionOf(err).code != codeUnknownSetting) {
			return err
		}
	}
	return nil
}

// unset sets back what is not wanted any more.
func (c *conn) unset(want map[string]setting) error {
	for name := range c.settings {
		if _, ok := want[name]; ok {
			continue
		}
		if err := c.exec("SET " + backquote(name) + " = DEFAULT"); err != nil {
			return err
		}
		delete(c.settings, name)
	}
	return nil
}

// set runs one SET and remembers what it has set.
func (c *conn) set(list ...setting) error {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(backquote(s.name) + " = " + quote(s.value))
	}
	if err := c.exec("SET " + b.String()); err != nil {
		return err
	}
	for _, s := range list {
		c.settings[s.name] = s.value
	}
	return nil
}
