package console

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// The states of work that outlives the request that began it.
const (
	jobRunning   = "running"
	jobDone      = "done"
	jobFailed    = "failed"
	jobCancelled = "cancelled"
)

// jobAnswer is such work and how far it is.
type jobAnswer struct {
	ID       string     `json:"id"`
	State    string     `json:"state"`    // running, done, failed, cancelled
	Progress float64    `json:"progress"` // 0 to 1
	Step     string     `json:"step"`
	Began    time.Time  `json:"began"`
	Ended    *time.Time `json:"ended"`
	By       string     `json:"by"`
	// Error and ErrorCode say why it has failed, as a problem does.
	Error     string `json:"error"`
	ErrorCode string `json:"error_code"`

	cause  error
	cancel context.CancelFunc
}

func (j *jobAnswer) job() *jobAnswer { return j }

// say tells in a language why a job has failed, if it has.
func (j *jobAnswer) say(lang string) {
	if j.cause != nil {
		p := problemOf(0, j.cause, lang)
		j.Error, j.ErrorCode = p.Detail, p.Code
	}
}

// asJob is the job among those of the daemon.
func (j *jobAnswer) asJob(kind, title, lang string) Job {
	one := *j
	one.say(lang)
	return Job{one.ID, kind, title, one.State, one.Progress, one.Step, one.Began, one.Ended, one.By, one.Error}
}

// newJob is work that begins now.
func newJob(by string) (jobAnswer, error) {
	id, err := random()
	return jobAnswer{ID: id[:min(16, len(id))], State: jobRunning, Began: time.Now().UTC(), By: by}, err
}

// shelved is what a shelf holds: a job with what it makes.
type shelved interface{ job() *jobAnswer }

// mostShelved bounds what a shelf holds.
const mostShelved = 20

// shelf holds jobs in memory: what they make can be made again from the store.
// One is under way at a time.
type shelf[T shelved] struct {
	mu    *sync.Mutex // guards items and the fields of each
	items []T         // oldest first
}

func newShelf[T shelved]() shelf[T] { return shelf[T]{mu: new(sync.Mutex)} }

// begin puts a job on the shelf; false means that another one has not ended.
func (h *shelf[T]) begin(item T) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.ContainsFunc(h.items, func(other T) bool { return other.job().Ended == nil }) {
		return false
	}
	if len(h.items) >= mostShelved {
		h.items = slices.Delete(h.items, 0, 1)
	}
	h.items = append(h.items, item)
	return true
}

// change lets work change a job.
func (h *shelf[T]) change(work func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	work()
}

// each visits all, the newest first.
func (h *shelf[T]) each(visit func(item T)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, item := range slices.Backward(h.items) {
		visit(item)
	}
}

// find visits the job with that id, if it is there.
func (h *shelf[T]) find(id string, visit func(item T)) bool {
	found := false
	h.each(func(item T) {
		if item.job().ID == id {
			found = true
			visit(item)
		}
	})
	return found
}

// drop cancels a job that is under way, and takes one that has ended off the
// shelf.
func (h *shelf[T]) drop(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.items, func(item T) bool { return item.job().ID == id })
	if i < 0 {
		return false
	}
	if j := h.items[i].job(); j.Ended == nil {
		j.State = jobCancelled
		j.cancel()
		return true
	}
	h.items = slices.Delete(h.items, i, i+1)
	return true
}

// working is the work of a job: it tells how far it is, and returns what puts on
// the shelf what it has made.
type working func(ctx context.Context, progress func(share float64, step string)) (keep func(), err error)

// begun starts a job, which ends with the console and outlives the request;
// false means that another one is under way.
func begun[T shelved](s *Console, h *shelf[T], item T, most time.Duration, work working) bool {
	ctx, cancel := context.WithTimeout(s.life, most)
	j := item.job()
	j.cancel = cancel
	if !h.begin(item) {
		cancel()
		return false
	}
	s.work.Go(func() {
		defer cancel()
		keep, err := work(ctx, func(share float64, step string) {
			h.change(func() { j.Progress, j.Step = share, step })
		})
		if err != nil {
			s.Log.Error("a job has not been done", "job", j.ID, "err", err)
		}
		h.change(func() { j.end(keep, err) })
	})
	return true
}

// end notes what became of a job.
func (j *jobAnswer) end(keep func(), err error) {
	now := time.Now().UTC()
	j.Ended = &now
	switch {
	case j.State == jobCancelled:
	case err != nil:
		j.State, j.cause = jobFailed, causeOf(err)
	default:
		j.State, j.Progress, j.Step = jobDone, 1, ""
		keep()
	}
}

// causeOf is what people are told of an error of a job: what the store says of
// itself is for the log alone.
func causeOf(err error) error {
	switch {
	case faultOf(err) != nil:
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return because("job_too_long")
	case errors.Is(err, context.Canceled):
		return because("job_stopped")
	}
	return because("failed")
}
