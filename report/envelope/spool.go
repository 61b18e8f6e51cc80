package envelope

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Spool keeps envelopes of one sender as files of a directory, numbered from 1
// without a gap, with a journal of what was done with each. It is safe for
// several processes.
type Spool struct{ dir string }

// keepAtLeast is how long envelopes are kept: the interface specification of
// filings asks for three months.
const keepAtLeast = 92 * 24 * time.Hour

// Errors that callers tell apart.
var (
	// ErrNumber is the error of a number that no envelope has.
	ErrNumber = errors.New("there is no envelope of that number")
	// ErrTooYoung is the error of who would delete envelopes too early.
	ErrTooYoung = errors.New("envelopes are kept for at least 92 days")
	// ErrSpool is the error of a spool that is not as it was left.
	ErrSpool = errors.New("the spool was changed by somebody else")
)

// The events of an envelope.
const (
	Spooled = "spooled"
	Resent  = "resent"
	Deleted = "deleted"
)

// Entry is one line of the journal.
type Entry struct {
	Number uint64    `json:"number"`
	Event  string    `json:"event"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Note   string    `json:"note"`
	// Kind, Name and Content are of the document, Content its SHA-256; SHA256
	// and Bytes are of the envelope.
	Kind      string `json:"content_type"`
	Name      string `json:"content_name"`
	Content   string `json:"content_sha256"`
	SHA256    string `json:"sha256"`
	Bytes     int    `json:"bytes"`
	Recipient string `json:"recipient"`
}

// OpenSpool returns the spool of a directory, which need not be there yet.
func OpenSpool(dir string) *Spool { return &Spool{dir} }

func (s *Spool) journal() string { return filepath.Join(s.dir, "journal.jsonl") }

// File is where the envelope of a number is.
func (s *Spool) File(number uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%06d.xml", number))
}

// alone runs work while no other process changes the spool.
func (s *Spool) alone(work func(entries []Entry) error) (err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("open the spool of envelopes: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the spool of envelopes: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the spool of envelopes: %w", err)
	}
	entries, err := s.Entries()
	if err != nil {
		return err
	}
	return work(entries)
}

// Entries reads the journal, oldest first.
func (s *Spool) Entries() ([]Entry, error) {
	text, err := os.ReadFile(s.journal())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the spool of envelopes: %w", err)
	}
	var list []Entry
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%w: line %d of %s is damaged: %w", ErrSpool, len(list)+1, s.journal(), err)
		}
		list = append(list, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the spool of envelopes: %w", err)
	}
	return list, nil
}

// note adds a line to the journal.
func (s *Spool) note(e *Entry) (err error) {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write the spool of envelopes: %w", err)
	}
	f, err := os.OpenFile(s.journal(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("write the spool of envelopes: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the spool of envelopes: %w", err)
	}
	return nil
}

// Add has seal make the envelope of a number, the next one, and keeps it. The
// number is taken once the envelope is on disk: a failure leaves no gap.
func (s *Spool) Add(d *Document, e Entry, seal func(number uint64) ([]byte, error)) (Entry, error) {
	err := s.alone(func(entries []Entry) error {
		e.Number, e.Event, e.Kind, e.Name = 1, Spooled, d.Kind, d.Name
		for i := range entries {
			e.Number = max(e.Number, entries[i].Number+1)
		}
		text, err := seal(e.Number)
		if err != nil {
			return err
		}
		content, whole := sha256.Sum256(d.Content), sha256.Sum256(text)
		e.Content, e.SHA256, e.Bytes = hex.EncodeToString(content[:]), hex.EncodeToString(whole[:]), len(text)
		if err := writeWhole(s.File(e.Number), text); err != nil {
			return err
		}
		return s.note(&e)
	})
	return e, err
}

// Again returns an envelope as it was when it was sealed, byte by byte, and notes
// that it was handed out once more.
func (s *Spool) Again(number uint64, at time.Time, by, note string) ([]byte, error) {
	var text []byte
	err := s.alone(func(entries []Entry) error {
		first, err := spooled(entries, number)
		if err != nil {
			return err
		}
		if text, err = os.ReadFile(s.File(number)); err != nil {
			return fmt.Errorf("read envelope %d: %w", number, err)
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != first.SHA256 {
			return fmt.Errorf("%w: %s is not what was sealed as envelope %d", ErrSpool, s.File(number), number)
		}
		first.Event, first.At, first.By, first.Note = Resent, at.UTC(), by, note
		return s.note(&first)
	})
	return text, err
}

// spooled finds the entry of an envelope that is still there.
func spooled(entries []Entry, number uint64) (found Entry, err error) {
	for i := range entries {
		switch e := &entries[i]; {
		case e.Number != number:
		case e.Event == Spooled:
			found = *e
		case e.Event == Deleted:
			return found, fmt.Errorf("%w: %d was deleted on %s", ErrNumber, number, e.At.Format(time.DateOnly))
		}
	}
	if found.Number == 0 {
		return found, fmt.Errorf("%w: %d", ErrNumber, number)
	}
	return found, nil
}

// Prune deletes envelopes that were sealed longer ago than keep, each after a
// line in the journal, and returns those entries. Numbers are never given twice.
func (s *Spool) Prune(keep time.Duration, at time.Time, by string) (done []Entry, err error) {
	if keep < keepAtLeast {
		return nil, fmt.Errorf("delete envelopes older than %v: %w", keep, ErrTooYoung)
	}
	err = s.alone(func(entries []Entry) error {
		for i := range entries {
			e := entries[i]
			if e.Event != Spooled || at.Sub(e.At) < keep {
				continue
			}
			if _, err := spooled(entries, e.Number); err != nil {
				continue // deleted before
			}
			e.Event, e.At, e.By, e.Note = Deleted, at.UTC(), by, "older than "+keep.String()
			if err := s.note(&e); err != nil {
				return err
			}
			if err := os.Remove(s.File(e.Number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("delete envelope %d: %w", e.Number, err)
			}
			done = append(done, e)
		}
		return nil
	})
	return done, err
}

// writeWhole writes a file that appears when it is whole.
func writeWhole(name string, content []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".envelope.*")
	if err != nil {
		return fmt.Errorf("write an envelope: %w", err)
	}
	_, err = tmp.Write(content)
	if err == nil {
		err = tmp.Sync()
	}
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write an envelope: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}
