package storage_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// rollUp brings the rollups of a window up to date.
func rollUp(tb testing.TB, s *storage.Store, w rules.Window, scope storage.Scope) storage.RolledUp {
	tb.Helper()
	done, err := s.RollUp(tb.Context(), w, func(registry.Date) storage.Scope { return scope })
	if err != nil {
		tb.Fatal(err)
	}
	return done
}
