package storage

import (
	"context"

	"github.com/linewarden/linewarden/rules"
)

// DropDeadRuns removes the rows of dead runs at once.
func (s *Store) DropDeadRuns(ctx context.Context, w rules.Window) error {
	return s.dropDeadRuns(ctx, w, 0)
}
