package spool

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Policy says which entries go when the spool is full.
type Policy uint8

// The policies.
const (
	// DropOldest makes room by dropping the oldest entries.
	DropOldest Policy = iota
	// DropNewest makes Append refuse the new one with ErrFull.
	DropNewest
)

// Limits of an entry, in bytes.
const (
	MaxToken = 1 << 10
	MaxMeta  = 16 << 20
	MaxBody  = 1 << 30
)

const (
	defaultMaxBytes     = 20 << 30
	defaultSegmentBytes = 64 << 20
	leastSegmentBytes   = 1 << 10
	segmentsPerSpool    = 8 // of the default size, so that dropping one is not dropping much
)

// Config says where a spool is and how large it may become.
type Config struct {
	// Dir is the directory; it is created if its parent exists or can be.
	Dir string
	// MaxBytes is how much its segments may hold together; default 20 GiB.
	MaxBytes int64
	// SegmentBytes is the size at which a new segment is begun; at most half of
	// MaxBytes. Default 64 MiB, or an eighth of MaxBytes if that is less.
	SegmentBytes int64
	// AtFull says which entries go when there is no room.
	AtFull Policy
	// Sync makes Append and Ack wait until the disk has what they wrote. Appends
	// at the same time share one fdatasync.
	Sync bool
	// Lost is told of every entry that will not be delivered. It is called by
	// Open, Append and Next, possibly by two at once, and must not use the spool. What
	// the loss refers to belongs to the spool again when it returns. Nil is allowed.
	Lost func(Loss)
	// Logger is told of what a person should know; nil is allowed.
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	var problems []error
	if c.Dir == "" {
		problems = append(problems, errors.New("no directory is given; set storage.spool.dir"))
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = max(leastSegmentBytes, min(defaultSegmentBytes, c.MaxBytes/segmentsPerSpool))
	}
	if c.SegmentBytes < leastSegmentBytes {
		problems = append(problems, fmt.Errorf("segments of %d bytes are too small; the least is %d", c.SegmentBytes, leastSegmentBytes))
	}
	if c.MaxBytes < 2*c.SegmentBytes {
		problems = append(problems, fmt.Errorf("%d bytes are too few for segments of %d bytes; raise collector.spool.max_bytes to two of them or more",
			c.MaxBytes, c.SegmentBytes))
	}
	if c.AtFull > DropNewest {
		problems = append(problems, fmt.Errorf("there is no policy %d", c.AtFull))
	}
	if c.Lost == nil {
		c.Lost = func(Loss) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, errors.Join(problems...)
}

// Reason says why an entry will not be delivered.
type Reason uint8

// The reasons.
const (
	// Dropped entries made room for newer ones.
	Dropped Reason = iota
	// Damaged entries are on the disk no more as they were written.
	Damaged
	// Torn entries were being written when the process ended or power was lost.
	Torn
)

// String returns the reason as it is used in logs and metrics.
func (r Reason) String() string {
	switch r {
	case Dropped:
		return "dropped"
	case Damaged:
		return "damaged"
	case Torn:
		return "torn"
	}
	return "unknown"
}

// Loss is one entry that will not be delivered, or several of which nothing can
// be read.
type Loss struct {
	Reason  Reason
	ID      uint64 // number of the first
	Entries uint64 // how many; more than one only if there is neither token nor meta
	Token   string // empty if it cannot be read
	Meta    []byte // nil if it cannot be read
	Time    time.Time
}

// Stats is the state of a spool.
type Stats struct {
	Bytes     int64     // size of all segments on disk, bytes
	Entries   uint64    // entries to be delivered, damaged ones included until they are met
	Oldest    time.Time // when the oldest of them was appended; zero if there is none
	Full      bool      // the last append found no room, in the spool or on the disk
	LastError error     // of the last append or acknowledgement; nil if it went well
	Dropped   uint64    // entries lost since Open, by reason
	Damaged   uint64
	Torn      uint64
}
