package notify

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func openQueue(t *testing.T, dir string) *Queue {
	t.Helper()
	q, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func put(t *testing.T, q *Queue, target string, at time.Time) {
	t.Helper()
	if err := q.Put(target, News{Carrier: target, At: at}); err != nil {
		t.Fatal(err)
	}
}

// TestQueue keeps messages over a restart, in order, one for each target at a time.
func TestQueue(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "q")
	q := openQueue(t, dir)
	put(t, q, "a", noon)
	put(t, q, "a", noon.Add(time.Second))
	put(t, q, "b", noon.Add(2*time.Second))
	if err := os.WriteFile(filepath.Join(dir, "9-torn.json"), []byte(`{"id":`), 0o600); err != nil {
		t.Fatal(err)
	}

	q = openQueue(t, dir)
	due := q.Due(noon.Add(time.Minute))
	if q.Len() != 3 || len(due) != 2 || due[0].Target != "a" || due[1].Target != "b" || !due[0].News.At.Equal(noon) {
		t.Fatalf("after a restart %d wait, due are %+v", q.Len(), due)
	}
	if lost := q.Lost(); lost != (Lost{Damaged: 1}) {
		t.Errorf("lost are %+v", lost)
	}
	if err := q.Done(due[1].ID); err != nil {
		t.Fatal(err)
	}
	// What fails waits twice as long each time, also over a restart, and what is
	// behind it for the same target waits too.
	now := noon.Add(time.Minute)
	for try, seconds := range []int{30, 60, 120, 240, 480, 960, 1920, 3600, 3600} {
		if err := q.Failed(due[0].ID, now); err != nil {
			t.Fatal(err)
		}
		q = openQueue(t, dir)
		next := now.Add(time.Duration(seconds) * time.Second)
		if early, late := q.Due(next.Add(-time.Second)), q.Due(next); len(early) != 0 || len(late) != 1 || late[0].Tries != try+1 {
			t.Fatalf("after %d tries due are %+v, then %+v", try+1, early, late)
		}
		now = next
	}
	if err := q.Failed(due[0].ID, noon.Add(73*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if lost := q.Lost(); lost.GivenUp != 1 || q.Len() != 1 || len(q.Due(now)) != 1 {
		t.Errorf("lost are %+v, %d wait", lost, q.Len())
	}
	if err := q.Failed("nothing", now); err != nil {
		t.Error(err)
	}
}

// TestQueueFull drops the oldest.
func TestQueueFull(t *testing.T) {
	q := openQueue(t, t.TempDir())
	for i := range MostWaiting {
		q.list = append(q.list, Waiting{ID: "old", Target: "a", News: News{At: noon.Add(time.Duration(i))}})
	}
	q.list[0].ID = "oldest"
	put(t, q, "b", noon)
	if q.Len() != MostWaiting || q.Lost().Full != 1 || q.list[0].ID != "old" {
		t.Errorf("%d wait, lost are %+v", q.Len(), q.Lost())
	}
}
