package main

import (
	"context"
	"errors"
	"testing"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/flows"
)

// sinkLog notes what is asked of a sink.
type sinkLog struct{ records, flushed, closed int }

func (s *sinkLog) Append(records []flows.Record) error {
	s.records += len(records)
	return nil
}

func (s *sinkLog) Flush(context.Context) error {
	s.flushed++
	return nil
}

func (s *sinkLog) Close(context.Context) error {
	s.closed++
	return nil
}

// TestSharedSinkEndsWithItsLastUser wants what a worker wrote to be kept when it
// ends, and the others to go on.
func TestSharedSinkEndsWithItsLastUser(t *testing.T) {
	log, opened := new(sinkLog), 0
	shared := &sharedSink{open: func() (collector.FlowSink, error) {
		opened++
		return log, nil
	}}
	var users []collector.FlowSink
	for worker := range 3 {
		user, err := shared.user(worker)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, user)
	}
	for i, user := range users {
		if err := errors.Join(user.Append(make([]flows.Record, 2)), user.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		if want := (sinkLog{2 * (i + 1), min(i+1, 2), i / 2}); *log != want {
			t.Errorf("after %d ends: %+v, want %+v", i+1, *log, want)
		}
	}
	if opened != 1 {
		t.Errorf("opened %d times", opened)
	}
	failing := &sharedSink{open: func() (collector.FlowSink, error) { return nil, errors.ErrUnsupported }}
	if _, err := failing.user(0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("opening gives %v", err)
	}
}
