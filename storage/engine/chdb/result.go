package chdb

import (
	"errors"
	"fmt"
	"unsafe"
)

// Result is the outcome of a statement, or one chunk of a stream. Its memory
// belongs to C until Free.
type Result struct {
	lib    *Library
	handle unsafe.Pointer
}

// result turns a handle into a Result, or into the error the engine put in it.
func (l *Library) result(handle unsafe.Pointer) (*Result, error) {
	if handle == nil {
		return nil, errors.New("libchdb returned no result")
	}
	if message := l.resultError(handle); message != nil {
		text := goString(message)
		l.destroyResult(handle)
		return nil, errors.New(text)
	}
	return &Result{lib: l, handle: handle}, nil
}

// Bytes is the data of the result. It is valid until Free and must not be
// written to.
func (r *Result) Bytes() []byte {
	if r.handle == nil {
		return nil
	}
	length := r.lib.resultLength(r.handle)
	buffer := r.lib.resultBuffer(r.handle)
	if length == 0 || buffer == nil {
		return nil
	}
	return unsafe.Slice((*byte)(buffer), length)
}

// Stats are the counters of a statement.
type Stats struct {
	RowsRead, BytesRead       uint64 // From storage.
	RowsWritten, BytesWritten uint64 // By an insert, materialized views included.
}

// Stats returns what the statement has read and written.
func (r *Result) Stats() Stats {
	if r.handle == nil {
		return Stats{}
	}
	return Stats{
		RowsRead:     r.lib.rowsRead(r.handle),
		BytesRead:    r.lib.bytesRead(r.handle),
		RowsWritten:  r.lib.rowsWritten(r.handle),
		BytesWritten: r.lib.bytesWritten(r.handle),
	}
}

// Free gives the memory back. It may be called twice.
func (r *Result) Free() {
	if r.handle != nil {
		r.lib.destroyResult(r.handle)
		r.handle = nil
	}
}

// goString copies a C string.
func goString(p unsafe.Pointer) string {
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

// Stream is a SELECT whose result is fetched block by block, so that it is
// never in memory as a whole.
type Stream struct {
	conn   *Conn
	handle unsafe.Pointer
	ended  bool
}

// Stream starts a SELECT. The caller must Close the stream before it runs
// another statement on the connection.
func (c *Conn) Stream(sql, format string, params []Param) (*Stream, error) {
	if c.handle == nil {
		return nil, fmt.Errorf("stream: %w", ErrClosed)
	}
	r, err := c.lib.result(c.call(c.lib.stream, sql, format, params))
	if err != nil {
		return nil, err
	}
	return &Stream{conn: c, handle: r.handle}, nil
}

// Next fetches the next chunk, which the caller must Free. At the end it
// returns nil and no error.
func (s *Stream) Next() (*Result, error) {
	if s.handle == nil {
		return nil, fmt.Errorf("fetch: %w", ErrClosed)
	}
	if s.ended {
		return nil, nil
	}
	r, err := s.conn.lib.result(s.conn.lib.fetch(s.conn.inner(), s.handle))
	if err != nil {
		s.ended = true
		return nil, err
	}
	if len(r.Bytes()) == 0 {
		r.Free()
		s.ended = true
		return nil, nil
	}
	return r, nil
}

// Close cancels what is left of the stream and frees it.
func (s *Stream) Close() {
	if s.handle == nil {
		return
	}
	if !s.ended {
		s.conn.lib.cancelStream(s.conn.inner(), s.handle)
	}
	s.conn.lib.destroyResult(s.handle)
	s.handle = nil
}
