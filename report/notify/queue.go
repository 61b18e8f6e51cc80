package notify

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// MostWaiting bounds how many messages wait; of more the oldest goes.
	MostWaiting = 10_000
	// giveUp is how long a message is tried.
	giveUp = 72 * time.Hour
	// firstWait and longestWait bound the time between two attempts, which
	// doubles.
	firstWait, longestWait = 30 * time.Second, time.Hour
	suffix                 = ".json"
)

// Waiting is a message in the queue.
type Waiting struct {
	ID     string    `json:"id"`
	Target string    `json:"target"` // for whom, by a name of the caller's
	News   News      `json:"news"`
	Tries  int       `json:"tries"`
	Next   time.Time `json:"next"` // not before
}

// Queue keeps messages on disk until they are delivered, over restarts. It is
// safe for concurrent use within one process.
type Queue struct {
	dir string

	mu   sync.Mutex // guards everything below
	list []Waiting  // in the order of coming
	lost Lost
}

// Lost counts messages that were never delivered, since Open.
type Lost struct {
	Full    uint64 // too many waited
	GivenUp uint64 // tried for three days
	Damaged uint64 // their file could not be read
}

// Open reads the messages that wait in a directory, which it makes. Files that
// are no messages are put aside under another name, and counted.
func Open(dir string) (*Queue, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("queue of notifications: %w", err)
	}
	entries, err := os.ReadDir(dir) // in the order of names, which is that of coming
	if err != nil {
		return nil, fmt.Errorf("queue of notifications: %w", err)
	}
	q := &Queue{dir: dir}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		id, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("queue of notifications: %w", err)
		}
		var w Waiting
		if json.Unmarshal(b, &w) != nil || w.ID != id {
			q.lost.Damaged++
			if err := os.Rename(name, name+".damaged"); err != nil {
				return nil, fmt.Errorf("put a damaged notification aside: %w", err)
			}
			continue
		}
		q.list = append(q.list, w)
	}
	return q, nil
}

// Put adds a message for a target.
func (q *Queue) Put(target string, n News) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := Waiting{ID: fmt.Sprintf("%020d-%s", n.At.UnixNano(), strings.ToLower(rand.Text()[:8])), Target: target, News: n, Next: n.At}
	if err := q.write(&w); err != nil {
		return err
	}
	q.list = append(q.list, w)
	if len(q.list) > MostWaiting {
		q.lost.Full++
		return q.remove(q.list[0].ID)
	}
	return nil
}

// Due returns the messages that may be tried now, the oldest first, and at most
// one for each target: one that does not answer is not asked many times.
func (q *Queue) Due(now time.Time) []Waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	var due []Waiting
	seen := make(map[string]bool)
	for _, w := range q.list {
		if seen[w.Target] {
			continue
		}
		seen[w.Target] = true
		if !w.Next.After(now) {
			due = append(due, w)
		}
	}
	return due
}

// Done removes a message that was delivered.
func (q *Queue) Done(id string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.remove(id)
}

// Failed puts a message off that was not delivered, and drops it when it has
// been tried for three days.
func (q *Queue) Failed(id string, now time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.list, func(w Waiting) bool { return w.ID == id })
	if i < 0 {
		return nil
	}
	w := &q.list[i]
	if now.Sub(w.News.At) > giveUp {
		q.lost.GivenUp++
		return q.remove(id)
	}
	wait := longestWait
	if w.Tries < 7 { // 30 s doubled seven times is more than an hour
		wait = min(firstWait<<w.Tries, longestWait)
	}
	w.Tries++
	w.Next = now.Add(wait)
	return q.write(w)
}

// Len returns how many messages wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list)
}

// Lost returns what was never delivered.
func (q *Queue) Lost() Lost {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

// write puts a message on disk, whole or not at all.
func (q *Queue) write(w *Waiting) error {
	b, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("queue a notification: %w", err)
	}
	name := filepath.Join(q.dir, w.ID+suffix)
	if err := os.WriteFile(name+".new", b, 0o600); err != nil {
		return fmt.Errorf("queue a notification: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("queue a notification: %w", err)
	}
	return nil
}

func (q *Queue) remove(id string) error {
	q.list = slices.DeleteFunc(q.list, func(w Waiting) bool { return w.ID == id })
	if err := os.Remove(filepath.Join(q.dir, id+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take a notification out of the queue: %w", err)
	}
	return nil
}
