package storage_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/storage"
)

// TestKeptEvidence proves that what was kept comes back as it was, of its finding
// alone, and once where it was written twice.
func TestKeptEvidence(t *testing.T) {
	s := open(t, configure(t))
	at := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)
	want := []storage.ConfirmedEvidence{{At: at, Document: "{\"text\": \"依据 'one' \\\\\"}"}, {At: at.Add(time.Hour), Document: "two"}}
	for _, e := range []storage.ConfirmedEvidence{want[1], want[0], want[0]} {
		if err := s.KeepEvidence(t.Context(), "a", e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.KeepEvidence(t.Context(), "b", storage.ConfirmedEvidence{At: at, Document: "of another"}); err != nil {
		t.Fatal(err)
	}
	got, err := s.KeptEvidence(t.Context(), "a")
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}
