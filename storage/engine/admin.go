package engine

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/linewarden/linewarden/storage/engine/chdb"
)

// admin is the connection that keeps the engine open and looks after the
// statements of all others.
type admin struct {
	mu sync.Mutex // guards db: one statement at a time
	db *chdb.Conn
}

// kill tells the statements of a connection to stop.
func (a *admin) kill(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.db.Query("KILL QUERY WHERE Settings['log_comment'] = "+quote(name)+" ASYNC", "Null", nil)
	if err != nil {
		return fmt.Errorf("stop the statement of %s: %w", name, err)
	}
	r.Free()
	return nil
}

// progress returns how far the statement of a connection is.
func (a *admin) progress(name string) (p proto.Progress, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.db.Query("SELECT sum(read_rows), sum(read_bytes), toUInt64(sum(total_rows_approx)), toUInt64(sum(elapsed) * 1e9)"+
		" FROM system.processes WHERE Settings['log_comment'] = "+quote(name), "RowBinary", nil)
	if err != nil {
		return p, fmt.Errorf("read the progress of %s: %w", name, err)
	}
	defer r.Free()
	b := r.Bytes()
	if len(b) != 32 {
		return p, fmt.Errorf("read the progress of %s: %d bytes", name, len(b))
	}
	for i, figure := range []*uint64{&p.Rows, &p.Bytes, &p.TotalRows, &p.ElapsedNs} {
		*figure = binary.LittleEndian.Uint64(b[8*i:])
	}
	return p, nil
}
