package engine

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/linewarden/linewarden/storage/engine/chdb"
)

// errCancelled ends a statement that its client has cancelled: it is answered
// as if it had ended.
var errCancelled = errors.New("cancelled by the client")

// query runs a statement and answers it. The error is one of the connection;
// those of the statement go to the client.
func (c *conn) query(q *query) error {
	tables, err := c.tables(q)
	if err != nil {
		return err
	}
	if tables {
		return c.w.exception(raise(codeNotImplemented, "external tables are not taken by the embedded engine"))
	}
	profile, err := c.run(q)
	switch {
	case errors.Is(err, errCancelled):
		return c.w.end(nil)
	case err != nil && (c.w.failed() != nil || c.r.err != nil):
		return errors.Join(err, c.w.failed(), c.r.err)
	case err != nil:
		e := exceptionOf(err)
		c.log.Debug("statement failed", "code", e.code, "error", e.message)
		return c.w.exception(e)
	}
	return c.w.end(profile)
}

// tables reads the packets that follow a query before its data: tables the
// statement may use, ended by an empty block. It tells whether there were any.
func (c *conn) tables(q *query) (some bool, err error) {
	for {
		code := c.r.number()
		if c.r.err == nil && code == uint64(proto.ClientCodeCancel) {
			continue
		}
		if c.r.err == nil && code != uint64(proto.ClientCodeData) {
			c.r.err = fmt.Errorf("packet %d where the data of a query begins", code)
		}
		c.r.text(maxText)
		if c.r.err != nil {
			return false, fmt.Errorf("read a query: %w", c.r.err)
		}
		columns, rows, err := c.discard(q.compressed)
		if err != nil {
			return false, fmt.Errorf("read a query: %w", err)
		}
		if columns == 0 && rows == 0 {
			return some, nil
		}
		some = true
	}
}

// run runs a statement up to its end.
func (c *conn) run(q *query) (*proto.Profile, error) {
	st, err := parse(q.text)
	if err != nil {
		return nil, err
	}
	if st.kind != kindInsert && st.kind != kindInline {
		analysis, err := c.db.Classify(st.text)
		if err == nil && analysis.Statements > 1 {
			return nil, raise(codeSyntax, "Syntax error: multi-statements are not allowed")
		}
	}
	if err := c.apply(q.settings); err != nil {
		return nil, err
	}
	parameters := make([]chdb.Param, len(q.parameters))
	for i, p := range q.parameters {
		parameters[i] = chdb.Param{Name: p.name, Value: unquote(p.value)}
	}
	switch st.kind {
	case kindInsert:
		return c.insert(q, &st, parameters)
	case kindInline:
		return nil, c.insertInline(&st, parameters)
	case kindSelect:
		return c.stream(q, st.text, parameters)
	case kindOther:
	}
	return c.whole(q, st.text, parameters)
}

// failed returns the error that ended sending.
func (w *writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// stream runs a SELECT and sends each block as it comes.
func (c *conn) stream(q *query, sql string, parameters []chdb.Param) (_ *proto.Profile, err error) {
	watch := c.watch(true)
	defer func() { err = watch.end(err) }()
	s, err := c.db.Stream(sql, "Native", parameters)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	profile := new(proto.Profile)
	var read chdb.Stats
	for {
		r, err := s.Next()
		if err != nil {
			return nil, err
		}
		if r == nil {
			break
		}
		some := r.Stats() // since the block before
		read.RowsRead, read.BytesRead = read.RowsRead+some.RowsRead, read.BytesRead+some.BytesRead
		err = c.blocks(r.Bytes(), q.compressed, profile)
		r.Free()
		if err != nil {
			return nil, err
		}
		if watch.stopped() {
			return nil, errCancelled
		}
	}
	if profile.Blocks == 0 {
		// No rows are no bytes: the columns must be asked for.
		if err := c.header(q, sql, parameters); err != nil {
			return nil, err
		}
	}
	return profile, watch.rest(read)
}

// blocks sends all blocks in a result of the engine.
func (c *conn) blocks(data []byte, compressed bool, profile *proto.Profile) error {
	in := &chunk{data}
	for len(in.rest) > 0 {
		c.out.Reset()
		size := len(in.rest)
		s := c.scanner(in, &c.out)
		s.win = in.rest
		_, rows, err := s.fromEngine(c.revision)
		if err != nil {
			return raise(codeNotImplemented, "the embedded engine cannot send this result: "+err.Error())
		}
		if err := c.w.block(c.out.Bytes(), compressed); err != nil {
			return err
		}
		profile.Blocks++
		profile.Rows += rows
		profile.Bytes += uint64(size - len(in.rest))
	}
	if c.out.Cap() > keptBuffer {
		c.out = bytes.Buffer{}
	}
	return nil
}

// header sends a block that has the columns of a SELECT and no rows. A
// statement whose columns cannot be told ends without one.
func (c *conn) header(q *query, sql string, parameters []chdb.Param) error {
	columns, err := c.describe("("+sql+"\n)", parameters)
	if err != nil {
		c.log.Debug("no header for a statement without rows", "error", err)
		return nil
	}
	return c.w.block(headerBlock(columns, c.revision), q.compressed)
}

// tableColumn is a line of DESCRIBE.
type tableColumn struct{ name, kind, origin string }

// describe returns the columns of a table or a SELECT in brackets.
func (c *conn) describe(what string, parameters []chdb.Param) ([]tableColumn, error) {
	r, err := c.db.Query("DESCRIBE TABLE "+what, "RowBinaryWithNames", parameters)
	if err != nil {
		return nil, exceptionOf(err)
	}
	defer r.Free()
	in := newReader(strings.NewReader(string(r.Bytes())))
	width := in.number()
	if width < 3 || width > 64 {
		return nil, raise(codeEngineFailed, "the engine describes its tables in an unknown way")
	}
	for range width {
		in.text(maxName)
	}
	var list []tableColumn
	for in.err == nil {
		if _, err := in.Peek(1); err != nil {
			return list, nil
		}
		var line tableColumn
		for i := range width {
			text := in.text(maxQuery)
			switch i {
			case 0:
				line.name = text
			case 1:
				line.kind = text
			case 2:
				line.origin = text
			}
		}
		list = append(list, line)
	}
	return nil, raise(codeEngineFailed, "the engine describes its tables in an unknown way")
}

// headerBlock is a block without rows, and without info.
func headerBlock(columns []tableColumn, rev int) []byte {
	var b proto.Buffer
	b.PutInt(len(columns))
	b.PutInt(0)
	for _, column := range columns {
		b.PutString(column.name)
		b.PutString(column.kind)
		if rev >= customSerialization {
			b.PutByte(0)
		}
	}
	return b.Buf
}

// whole runs any other statement; its result, if it has one, is small.
func (c *conn) whole(q *query, sql string, parameters []chdb.Param) (_ *proto.Profile, err error) {
	watch := c.watch(true)
	defer func() { err = watch.end(err) }()
	r, err := c.db.Query(sql, "Native", parameters)
	if err != nil {
		return nil, err
	}
	defer r.Free()
	profile := new(proto.Profile)
	if err := c.blocks(r.Bytes(), q.compressed, profile); err != nil {
		return nil, err
	}
	return profile, watch.rest(r.Stats())
}
