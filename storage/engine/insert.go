package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/linewarden/linewarden/storage/engine/chdb"
)

// chunkSize is how much of an insert is handed to the engine at a time.
const chunkSize = 1 << 20

// feed gathers the bytes of an insert into chunks. Once the engine has refused
// one it takes the rest of the client's data and lets it go.
type feed struct {
	to  *chdb.Insert
	buf []byte
	err error // why the engine gave up
}

func (f *feed) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part := min(len(b), chunkSize-len(f.buf))
		f.buf = append(f.buf, b[:part]...)
		b = b[part:]
		if len(f.buf) == chunkSize {
			f.flush()
		}
	}
	return n, nil
}

func (f *feed) flush() {
	if f.err == nil {
		f.err = f.to.Append(f.buf)
	}
	f.buf = f.buf[:0]
}

// insert sends the columns of the table, takes the blocks of the client and
// commits them when the client ends its data. Nothing is visible before.
func (c *conn) insert(q *query, st *statement, parameters []chdb.Param) (*proto.Profile, error) {
	columns, err := c.insertColumns(st)
	if err != nil {
		c.skipping, c.packed = true, q.compressed
		return nil, err
	}
	stream, err := c.db.Insert(st.text, "Native", parameters)
	if err != nil {
		c.skipping, c.packed = true, q.compressed
		return nil, err
	}
	defer stream.Close()
	if err := c.w.block(headerBlock(columns, c.revision), q.compressed); err != nil {
		return nil, err
	}
	rows, err := c.take(q, &feed{to: stream, buf: make([]byte, 0, chunkSize)})
	if err != nil || rows == 0 {
		return nil, err
	}
	// A client that leaves now has sent everything: its insert is finished.
	watch := c.watch(false)
	stats, err := stream.Done()
	if err = watch.end(err); err != nil {
		return nil, err
	}
	return nil, c.w.progress(proto.Progress{WroteRows: stats.RowsWritten, WroteBytes: stats.BytesWritten})
}

// take reads the blocks of an insert up to the empty one. When the engine
// refuses them the rest is left to be skipped.
func (c *conn) take(q *query, f *feed) (total uint64, err error) {
	for {
		switch code := c.r.number(); {
		case c.r.err != nil:
			return 0, fmt.Errorf("read the data of an insert: %w", c.r.err)
		case code == uint64(proto.ClientCodeCancel):
			c.skipping, c.packed = true, q.compressed
			return 0, errCancelled
		case code != uint64(proto.ClientCodeData):
			c.r.err = fmt.Errorf("packet %d in the data of an insert", code)
			return 0, c.r.err
		}
		c.r.text(maxText)
		columns, rows, err := c.scanner(c.r.block(q.compressed), f).fromClient(c.revision)
		if err != nil {
			// The border of the block is lost, and with it the connection.
			c.r.err = err
			return 0, errors.Join(err, c.w.exception(raise(codeIncorrectData, err.Error())))
		}
		total += rows
		if columns == 0 && rows == 0 {
			f.flush()
			return total, f.err
		}
		if f.err != nil {
			c.skipping, c.packed = true, q.compressed
			return 0, f.err
		}
	}
}

// insertColumns are the columns a client may send, in the order it lists them.
func (c *conn) insertColumns(st *statement) ([]tableColumn, error) {
	all, err := c.describe(st.table, nil)
	if err != nil {
		return nil, err
	}
	if st.columns == nil {
		return slices.DeleteFunc(all, func(t tableColumn) bool {
			return t.origin == "MATERIALIZED" || t.origin == "ALIAS" || t.origin == "EPHEMERAL"
		}), nil
	}
	list := make([]tableColumn, 0, len(st.columns))
	for _, name := range st.columns {
		i := slices.IndexFunc(all, func(t tableColumn) bool { return t.name == name })
		if i < 0 {
			return nil, raise(codeNoColumn, fmt.Sprintf("No such column %s in table %s", name, st.table))
		}
		list = append(list, all[i])
	}
	return list, nil
}

// insertInline feeds an insert with the data in its text. The engine would
// cut such data at the first empty line.
func (c *conn) insertInline(st *statement, parameters []chdb.Param) (err error) {
	if strings.EqualFold(st.format, "Values") { // values are expressions
		if err := refuse(words{st.data, tokens(st.data)}); err != nil {
			return err
		}
	}
	watch := c.watch(true)
	defer func() { err = watch.end(err) }()
	stream, err := c.db.Insert(st.text, st.format, parameters)
	if err != nil {
		return err
	}
	defer stream.Close()
	data := st.data
	if strings.EqualFold(st.format, "Values") {
		data = strings.TrimRight(data, "; \t\r\n")
	} else {
		data = strings.TrimPrefix(strings.TrimLeft(data, " \t\r"), "\n")
	}
	if err := stream.Append([]byte(data)); err != nil {
		return err
	}
	_, err = stream.Done()
	return err
}
