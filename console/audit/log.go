package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Entry is one thing that was done.
type Entry struct {
	Number uint64    `json:"number"` // from 1; set by the log
	At     time.Time `json:"at"`     // set by the log
	Actor  string    `json:"actor"`
	Role   string    `json:"role"`
	// Via is session, token, open, login, or command.
	Via     string `json:"via"`
	Address string `json:"address"` // of the client
	// Action is what was done, such as login_failed, move or read_unmasked.
	Action string `json:"action"`
	// Object is what it was done to, and Detail what there is to say of it.
	Object string `json:"object"`
	Detail string `json:"detail"`
	// Previous is the Hash of the entry before, empty for the first one.
	Previous string `json:"previous"`
	// Hash is the SHA-256 of the entry as JSON with an empty Hash.
	Hash string `json:"hash"`
}

func (e Entry) sum() (string, error) {
	e.Hash = ""
	text, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("hash an entry of the audit log: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

const (
	// mostText bounds each text of an entry, in bytes: some come from people who
	// are not logged in.
	mostText = 512
	// stride is how many entries there are to one place of the index.
	stride = 256
	// mostLine bounds a line that is read, in bytes.
	mostLine = 64 << 10
)

// ErrAltered is the error of a log that was changed after it was written.
var ErrAltered = errors.New("the audit log was altered")

// Log is an audit log. It is safe for concurrent use, by several processes too.
type Log struct {
	mu      sync.Mutex // guards what follows
	file    *os.File
	size    int64   // how far the file was read
	last    Entry   // the last one that was read
	count   uint64  // how many entries were read
	index   []int64 // where each entry begins whose place, from 0, is a multiple of stride
	altered error
}

// Open opens or begins the log of a file and checks it from beginning to end. A
// log that was altered is opened all the same, so that what follows is recorded,
// and Altered tells.
func Open(path string) (*Log, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	l := &Log{file: file}
	if err := l.locked(l.follow); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// Close ends the use of the log.
func (l *Log) Close() error {
	if err := l.file.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("close the audit log: %w", err)
	}
	return nil
}

// Altered returns an error that wraps ErrAltered where the log is not what was
// written.
func (l *Log) Altered() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.altered
}

// locked runs work while no other process writes.
func (l *Log) locked(work func() error) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fd := int(l.file.Fd())
	if err := syscall.Flock(fd, syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the audit log: %w", err)
	}
	defer func() {
		if uerr := syscall.Flock(fd, syscall.LOCK_UN); uerr != nil {
			err = errors.Join(err, fmt.Errorf("unlock the audit log: %w", uerr))
		}
	}()
	return work()
}

// follow reads what was added since, by this or another process.
func (l *Log) follow() error {
	info, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	if info.Size() < l.size {
		l.note(fmt.Errorf("%w: it is shorter than it was", ErrAltered))
		l.size, l.count, l.index = 0, 0, nil
	}
	return lines(l.file, l.size, info.Size(), func(at int64, line []byte, whole bool) bool {
		l.take(at, line, whole)
		l.size = at + int64(len(line))
		if whole {
			l.size++
		}
		return true
	})
}

// take checks an entry against the one before.
func (l *Log) take(at int64, line []byte, whole bool) {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil || !whole {
		// A process that died while it wrote leaves half a line, which add ends.
		l.note(fmt.Errorf("%w: what stands after entry %d is no entry", ErrAltered, l.last.Number))
		return
	}
	switch sum, err := e.sum(); {
	case err != nil || sum != e.Hash:
		l.note(fmt.Errorf("%w: entry %d is not what was written", ErrAltered, e.Number))
	case e.Number != l.last.Number+1 || e.Previous != l.last.Hash:
		l.note(fmt.Errorf("%w: entry %d does not follow entry %d", ErrAltered, e.Number, l.last.Number))
	}
	l.last = e
	if l.count%stride == 0 {
		l.index = append(l.index, at)
	}
	l.count++
}

// note keeps the first thing that is wrong.
func (l *Log) note(err error) {
	if l.altered == nil {
		l.altered = err
	}
}

// Add records what was done. What is not recorded must not be done: the caller
// refuses it when there is an error.
func (l *Log) Add(e Entry) error {
	for _, text := range []*string{&e.Actor, &e.Role, &e.Via, &e.Address, &e.Action, &e.Object, &e.Detail} {
		*text = clip(*text)
	}
	return l.locked(func() error {
		if err := l.follow(); err != nil {
			return err
		}
		e.Number, e.At, e.Previous = l.last.Number+1, time.Now().UTC(), l.last.Hash
		var err error
		if e.Hash, err = e.sum(); err != nil {
			return err
		}
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write the audit log: %w", err)
		}
		return l.write(append(text, '\n'))
	})
}

// write adds a line, behind the end of a line.
func (l *Log) write(line []byte) error {
	if l.size > 0 {
		end := make([]byte, 1)
		if _, err := l.file.ReadAt(end, l.size-1); err != nil {
			return fmt.Errorf("write the audit log: %w", err)
		}
		if end[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := l.file.Write(line); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return l.follow()
}

func clip(text string) string {
	if len(text) > mostText {
		text = text[:mostText] + "…"
	}
	return string(bytes.ToValidUTF8([]byte(text), []byte("\uFFFD")))
}

// Entries returns at most limit entries, newest first, of those with a place
// before the given one; 0 is the end. Next is what to give for the page after
// them, 0 where there is none. Places count entries from 1.
func (l *Log) Entries(before uint64, limit int) (list []Entry, next uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.follow(); err != nil {
		return nil, 0, err
	}
	end := l.count
	if before > 0 {
		end = min(end, before-1)
	}
	begin := end - min(end, uint64(max(limit, 0)))
	if begin == end {
		return []Entry{}, 0, nil
	}
	place := begin / stride * stride
	err = lines(l.file, l.index[begin/stride], l.size, func(_ int64, line []byte, _ bool) bool {
		var e Entry
		if json.Unmarshal(line, &e) != nil {
			return true
		}
		if place >= begin {
			list = append(list, e)
		}
		place++
		return place < end
	})
	if begin > 0 {
		next = begin + 1
	}
	slices.Reverse(list)
	return list, next, err
}

// lines calls visit for each line between two places of a file, until it
// returns false. Whole is false for what no newline ends.
func lines(r io.ReaderAt, from, to int64, visit func(at int64, line []byte, whole bool) bool) error {
	const block = 64 << 10
	var (
		pending []byte
		at      = from
		buffer  = make([]byte, block)
	)
	for pos := from; pos < to; {
		n, err := r.ReadAt(buffer[:min(block, to-pos)], pos)
		if n == 0 && err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
		pos += int64(n)
		pending = append(pending, buffer[:n]...)
		for {
			i := bytes.IndexByte(pending, '\n')
			if i < 0 {
				break
			}
			if !visit(at, pending[:i], true) {
				return nil
			}
			at += int64(i) + 1
			pending = pending[i+1:]
		}
		if len(pending) > mostLine {
			visit(at, pending, false) // no line of ours: it is told and left behind
			at += int64(len(pending))
			pending = nil
		}
	}
	if len(pending) > 0 {
		visit(at, pending, false)
	}
	return nil
}
