package storage

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// Errors a caller tells apart. They come wrapped, with the remedy.
var (
	// ErrUnreachable is returned when no address of the store answers.
	ErrUnreachable = errors.New("the store does not answer")
	// ErrTLS is returned when a store and this program do not trust each other.
	ErrTLS = errors.New("no trusted connection to the store")
	// ErrAccess is returned when the store refuses the user.
	ErrAccess = errors.New("the store refuses the user")
	// ErrDatabase is returned when the database or one of its tables is missing.
	ErrDatabase = errors.New("the database is not there")
	// ErrDiskFull is returned when the store has no room on its disk.
	ErrDiskFull = errors.New("the disk of the store is full")
	// ErrMemory is returned when the store has no memory for a statement.
	ErrMemory = errors.New("the store has not enough memory")
	// ErrNewerSchema is returned when the database was made by a newer program.
	ErrNewerSchema = errors.New("the database is newer than this program")
	// ErrOldServer is returned when the server is too old for the schema.
	ErrOldServer = errors.New("the server is too old")
	// ErrConflict is returned when somebody else has imported ledgers meanwhile.
	ErrConflict = errors.New("ledgers were imported by another process at the same time")
	// ErrClosed is returned when a closed writer is used.
	ErrClosed = errors.New("the writer is closed")
	// ErrQueueFull is returned when records were dropped because the store is behind.
	ErrQueueFull = errors.New("the store is behind and the queue is full")
	// ErrRouteEvent is returned when an event of a route or peer cannot be stored.
	ErrRouteEvent = errors.New("its prefix or kind is none")
)

// remedies say what to do about an error.
var remedies = map[error]string{
	ErrUnreachable: "start it or correct storage.clickhouse.addr",
	ErrTLS:         "check storage.clickhouse.tls: the authority (ca_file), the name (server_name), the certificate of this client, and that the port is the secure one",
	ErrAccess:      "check storage.clickhouse.username and password_file, and the grants of that user",
	ErrDatabase:    "run linewarden serve once to create it, or correct storage.clickhouse.database",
	ErrDiskFull:    "free space, move storage.embedded.path to a larger disk, or shorten storage.retention.flows",
	ErrMemory:      "ask for a shorter span, or raise the memory limit of the server",
}

// The codes of ClickHouse exceptions that mean something to us.
const (
	codeTooLarge          = 101 // UNEXPECTED_PACKET_FROM_CLIENT: out of step, connect anew
	codeNotImplemented    = 48
	codeNoTable           = 60
	codeSyntax            = 62
	codeCannotWrite       = 75
	codeNoDatabase        = 81
	codeTimeout           = 159
	codeTooManyQueries    = 202
	codeSocketTimeout     = 209
	codeNetwork           = 210
	codeMemory            = 241
	codeReadOnly          = 242
	codeDiskFull          = 243
	codeTooManyParts      = 252
	codeShutdown          = 734
	codeQueryCancelled    = 394
	codeAborted           = 236
	codeUnknownUser       = 192
	codeWrongPassword     = 193
	codePasswordNeeded    = 194
	codeAccessDenied      = 497
	codeAuthFailed        = 516
	codeKeeper            = 999
	codeSystem            = 1001
	codeTableShuttingDown = 218
)

// exception returns the code and text of an exception of the server.
func exception(err error) (code int, text string, ok bool) {
	if e := new(clickhouse.Exception); errors.As(err, &e) {
		return int(e.Code), e.Message, true
	}
	if e, ok := ch.AsException(err); ok {
		return int(e.Code), e.Message, true
	}
	return 0, "", false
}

// kindOf returns the sentinel for an error of the driver, or nil.
func kindOf(err error) error {
	code, text, ok := exception(err)
	if !ok {
		switch {
		case tlsError(err):
			return ErrTLS
		case networkError(err):
			return ErrUnreachable
		}
		return nil
	}
	if strings.Contains(text, "Cannot reserve") || strings.Contains(text, "No space left") {
		return ErrDiskFull
	}
	switch code {
	case codeDiskFull:
		return ErrDiskFull
	case codeMemory:
		return ErrMemory
	case codeNoDatabase, codeNoTable:
		return ErrDatabase
	case codeUnknownUser, codeWrongPassword, codePasswordNeeded, codeAccessDenied, codeAuthFailed:
		return ErrAccess
	}
	return nil
}

// tlsError tells whether two ends that reached each other cannot agree on TLS.
func tlsError(err error) bool {
	var (
		header tls.RecordHeaderError
		alert  tls.AlertError
		cert   *tls.CertificateVerificationError
	)
	if errors.As(err, &header) || errors.As(err, &alert) || errors.As(err, &cert) {
		return true
	}
	// What the other end does not like of this client comes after the handshake.
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// lostConnection tells whether a statement failed for its connection alone.
func lostConnection(err error) bool {
	_, _, answered := exception(err)
	return !answered && !tlsError(err) && networkError(err) && !refused(err)
}

// refused tells whether there was nobody to connect to: no address answered.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)
}

// networkError tells whether the connection is at fault. The end of the
// caller's own context is not.
func networkError(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, ch.ErrClosed) ||
		errors.Is(err, clickhouse.ErrAcquireConnTimeout) || errors.Is(err, clickhouse.ErrAcquireConnNoAddress)
}

// transient tells whether the same statement may succeed a little later.
func transient(err error) bool {
	code, _, ok := exception(err)
	if !ok {
		return networkError(err)
	}
	switch code {
	case codeTimeout, codeTooManyQueries, codeSocketTimeout, codeNetwork, codeMemory, codeReadOnly, codeDiskFull,
		codeTooManyParts, codeShutdown, codeQueryCancelled, codeAborted, codeKeeper, codeTableShuttingDown, codeTooLarge:
		return true
	}
	return errors.Is(kindOf(err), ErrDiskFull)
}

// explain names the place and the remedy of an error of the driver.
func (s *Store) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	kind := kindOf(err)
	if kind == nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w at %s (database %s): %s: %w", what, kind, strings.Join(s.cfg.Addr, ", "), s.cfg.Database, remedies[kind], err)
}
