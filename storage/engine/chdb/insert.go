package chdb

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// Insert is an INSERT that is fed bytes in an input format. Nothing it was fed
// is visible before Done.
type Insert struct {
	lib    *Library
	handle unsafe.Pointer
	done   bool
}

// Insert starts an INSERT. The statement has no FORMAT clause and no inline
// data. The connection takes no other statement until Close.
func (c *Conn) Insert(sql, format string, params []Param) (*Insert, error) {
	if c.handle == nil {
		return nil, fmt.Errorf("insert: %w", ErrClosed)
	}
	handle := c.call(c.lib.insert, sql, format, params)
	if handle == nil {
		return nil, errors.New("libchdb returned no insert stream")
	}
	i := &Insert{lib: c.lib, handle: handle}
	if err := i.failure(); err != nil {
		i.done = true
		i.Close()
		return nil, err
	}
	return i, nil
}

// failure is the error the engine put into the stream, if any.
func (i *Insert) failure() error {
	if message := i.lib.insertError(i.handle); message != nil {
		return errors.New(goString(message))
	}
	return nil
}

// Append feeds a chunk; a chunk may end anywhere. It blocks while the engine
// is behind.
func (i *Insert) Append(data []byte) error {
	if i.handle == nil || i.done {
		return fmt.Errorf("append: %w", ErrClosed)
	}
	if len(data) == 0 {
		return nil
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&data[0])
	if i.lib.appendInsert(i.handle, unsafe.Pointer(&data[0]), uintptr(len(data))) == 0 {
		return nil
	}
	if err := i.failure(); err != nil {
		return err
	}
	return errors.New("the engine refused the data and gave no reason")
}

// Done commits the rows and tells what was written.
func (i *Insert) Done() (Stats, error) {
	if i.handle == nil || i.done {
		return Stats{}, fmt.Errorf("done: %w", ErrClosed)
	}
	i.done = true
	r, err := i.lib.result(i.lib.doneInsert(i.handle))
	if err != nil {
		return Stats{}, err
	}
	defer r.Free()
	return r.Stats(), nil
}

// Close frees the stream; an insert that is not Done is cancelled and leaves
// nothing.
func (i *Insert) Close() {
	if i.handle == nil {
		return
	}
	if !i.done {
		i.lib.cancelInsert(i.handle)
	}
	i.lib.destroyInsert(i.handle)
	i.handle = nil
}
