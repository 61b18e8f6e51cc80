package chdb

import (
	"fmt"
	"runtime"
	"unsafe"
)

// Param is one query parameter: the value of a {name:Type} placeholder, in the
// escaped text form ClickHouse reads a field of a tab-separated file in.
type Param struct {
	Name  string
	Value string
}

// Conn is one connection, which is one session with settings, a current
// database and temporary tables of its own. It runs one statement at a time:
// its methods must not be called concurrently.
type Conn struct {
	lib    *Library
	handle unsafe.Pointer // chdb_connection *
}

// Connect opens a connection. All connections of a process must name the same
// --path; the first one starts the engine and closing the last one stops it.
func (l *Library) Connect(args ...string) (*Conn, error) {
	var pins runtime.Pinner
	defer pins.Unpin()
	argv := make([]*byte, 0, len(args)+2)
	for _, arg := range append([]string{"linewarden"}, args...) {
		text := append([]byte(arg), 0)
		pins.Pin(&text[0])
		argv = append(argv, &text[0])
	}
	argv = append(argv, nil)
	pins.Pin(&argv[0])
	handle := l.connect(int32(len(argv)-1), unsafe.Pointer(&argv[0]))
	if handle == nil || *(*unsafe.Pointer)(handle) == nil {
		return nil, ErrConnect
	}
	return &Conn{lib: l, handle: handle}, nil
}

// Close ends the session. Every result, stream and insert of the connection
// must have been closed before.
func (c *Conn) Close() {
	if c.handle != nil {
		c.lib.closeConn(c.handle)
		c.handle = nil
	}
}

// inner is the chdb_connection that statements are given.
func (c *Conn) inner() unsafe.Pointer { return *(*unsafe.Pointer)(c.handle) }

// statementCall is the shape all three functions that take a statement share.
type statementCall func(conn, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr, names, nameLens, values, valueLens unsafe.Pointer, count uintptr) unsafe.Pointer

// call pins everything C will read and calls fn.
func (c *Conn) call(fn statementCall, sql, format string, params []Param) unsafe.Pointer {
	var pins runtime.Pinner
	defer pins.Unpin()
	text := func(s string) unsafe.Pointer {
		if s == "" {
			return unsafe.Pointer(&empty[0])
		}
		p := unsafe.StringData(s)
		pins.Pin(p)
		return unsafe.Pointer(p)
	}
	n := len(params)
	// One element more than needed, so that there is an address to pass.
	names, values := make([]unsafe.Pointer, n+1), make([]unsafe.Pointer, n+1)
	nameLens, valueLens := make([]uintptr, n+1), make([]uintptr, n+1)
	for i, p := range params {
		names[i], nameLens[i] = text(p.Name), uintptr(len(p.Name))
		values[i], valueLens[i] = text(p.Value), uintptr(len(p.Value))
	}
	pins.Pin(&names[0])
	pins.Pin(&values[0])
	pins.Pin(&nameLens[0])
	pins.Pin(&valueLens[0])
	return fn(c.inner(), text(sql), uintptr(len(sql)), text(format), uintptr(len(format)),
		unsafe.Pointer(&names[0]), unsafe.Pointer(&nameLens[0]),
		unsafe.Pointer(&values[0]), unsafe.Pointer(&valueLens[0]), uintptr(n))
}

// empty gives empty strings an address.
var empty = [1]byte{}

// Query runs a statement and returns its whole result in the given format.
// The caller must Free the result.
func (c *Conn) Query(sql, format string, params []Param) (*Result, error) {
	if c.handle == nil {
		return nil, fmt.Errorf("query: %w", ErrClosed)
	}
	return c.lib.result(c.call(c.lib.query, sql, format, params))
}

// Class says what a statement would do.
type Class uint32

// The classes of statements, by how much outlives them.
const (
	ClassReadOnly       Class = 0 // Leaves no trace.
	ClassMutating       Class = 1 // Changes a database.
	ClassMutatingGlobal Class = 2 // Changes something beside the databases, such as a user.
	ClassControl        Class = 3 // SET, USE, SYSTEM, KILL and other statements about the session or the engine.
	ClassUnknown        Class = 4 // Did not parse.
)

// Analysis is what the engine's parser says about a text.
type Analysis struct {
	Statements int // How many statements the text holds; 0 when it did not parse.
	Class      Class
}

// analysisV1 mirrors chdb_query_analysis_v1.
type analysisV1 struct {
	size, statements, flags, class uint32
}

// Classify parses a text without running it.
func (c *Conn) Classify(sql string) (Analysis, error) {
	if c.handle == nil {
		return Analysis{}, fmt.Errorf("classify: %w", ErrClosed)
	}
	if sql == "" {
		return Analysis{Class: ClassUnknown}, nil
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	out := new(analysisV1)
	out.size = uint32(unsafe.Sizeof(*out))
	pins.Pin(out)
	pins.Pin(unsafe.StringData(sql))
	state := c.lib.classify(c.inner(), unsafe.Pointer(unsafe.StringData(sql)), uintptr(len(sql)), nil, 0, unsafe.Pointer(out))
	if state != 0 {
		return Analysis{}, fmt.Errorf("classify: the engine refused to parse")
	}
	return Analysis{Statements: int(out.statements), Class: Class(out.class)}, nil
}
