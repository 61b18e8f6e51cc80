package chdb

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Errors a caller tells apart.
var (
	// ErrCPU is returned when the processor lacks an instruction set the library is built for.
	ErrCPU = errors.New("the embedded engine needs x86-64-v3")
	// ErrLibrary is returned when the file is not a usable libchdb.
	ErrLibrary = errors.New("not a usable libchdb")
	// ErrConnect is returned when the engine refuses to open the data directory; it writes the cause to standard error.
	ErrConnect = errors.New("libchdb did not open the data directory")
	// ErrClosed is returned when a closed connection, stream or insert is used.
	ErrClosed = errors.New("closed")
)

// Library is libchdb loaded into this process. It stays loaded until the
// process ends; loading it twice is one Library's worth of memory.
type Library struct {
	setSignals func(int32)
	version    func() string

	connect   func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn func(unsafe.Pointer)

	query  func(conn, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr, names, nameLens, values, valueLens unsafe.Pointer, count uintptr) unsafe.Pointer
	stream func(conn, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr, names, nameLens, values, valueLens unsafe.Pointer, count uintptr) unsafe.Pointer
	insert func(conn, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr, names, nameLens, values, valueLens unsafe.Pointer, count uintptr) unsafe.Pointer

	fetch        func(conn, stream unsafe.Pointer) unsafe.Pointer
	cancelStream func(conn, stream unsafe.Pointer)

	appendInsert  func(insert, data unsafe.Pointer, length uintptr) int32
	doneInsert    func(insert unsafe.Pointer) unsafe.Pointer
	cancelInsert  func(insert unsafe.Pointer)
	insertError   func(insert unsafe.Pointer) unsafe.Pointer
	destroyInsert func(insert unsafe.Pointer)

	resultBuffer  func(unsafe.Pointer) unsafe.Pointer
	resultLength  func(unsafe.Pointer) uintptr
	resultError   func(unsafe.Pointer) unsafe.Pointer
	rowsRead      func(unsafe.Pointer) uint64
	bytesRead     func(unsafe.Pointer) uint64
	rowsWritten   func(unsafe.Pointer) uint64
	bytesWritten  func(unsafe.Pointer) uint64
	destroyResult func(unsafe.Pointer)

	classify func(conn, sql unsafe.Pointer, sqlLen uintptr, database unsafe.Pointer, databaseLen uintptr, out unsafe.Pointer) int32
}

// Load checks the processor and loads the library at path. It also keeps
// libchdb from taking over the signal handlers of the Go runtime, without
// which a nil dereference in Go would end the process instead of panicking.
func Load(path string) (*Library, error) {
	if err := checkCPU(); err != nil {
		return nil, err
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w: %w", path, ErrLibrary, err)
	}
	l := new(Library)
	for name, fn := range l.symbols() {
		address, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w: it has no %s; a libchdb of 26.7 or later is needed (make engine)", path, ErrLibrary, name)
		}
		purego.RegisterFunc(fn, address)
	}
	l.setSignals(0)
	return l, nil
}

// symbols maps the C functions to the fields they are bound to.
func (l *Library) symbols() map[string]any {
	return map[string]any{
		"chdb_set_signal_handlers_enabled": &l.setSignals,
		"chdb_version":                     &l.version,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConn,
		"chdb_query_with_params_n":         &l.query,
		"chdb_stream_query_with_params_n":  &l.stream,
		"chdb_stream_insert_with_params_n": &l.insert,
		"chdb_stream_fetch_result":         &l.fetch,
		"chdb_stream_cancel_query":         &l.cancelStream,
		"chdb_stream_append":               &l.appendInsert,
		"chdb_stream_done":                 &l.doneInsert,
		"chdb_stream_cancel_insert":        &l.cancelInsert,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_destroy_insert_stream":       &l.destroyInsert,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_error":                &l.resultError,
		"chdb_result_storage_rows_read":    &l.rowsRead,
		"chdb_result_storage_bytes_read":   &l.bytesRead,
		"chdb_result_rows_written":         &l.rowsWritten,
		"chdb_result_bytes_written":        &l.bytesWritten,
		"chdb_destroy_query_result":        &l.destroyResult,
		"chdb_classify_query_n":            &l.classify,
	}
}

// Version is the version of the library, such as "26.7.3".
func (l *Library) Version() string { return l.version() }
