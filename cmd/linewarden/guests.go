package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// guestsFile is locked shared by each command that uses the engine of another
// one, and by that one alone when it is about to stop the engine. The lock is
// the kernel's: none is left behind by a process that was killed.
const guestsFile = "guests.lock"

// guestTime is how often a lock that is held is tried again.
const guestTime = 100 * time.Millisecond

// enterEngine announces a guest of the engine on path. It returns nil when
// there is no such directory, or the engine there is about to stop.
func enterEngine(path string) (*os.File, error) {
	f, err := lockGuests(path, syscall.LOCK_SH)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil //nolint:nilnil // no engine to be a guest of
	}
	return f, err
}

// awaitGuests waits until no other command uses the engine on path, and keeps
// new ones out until the returned file is closed. It gives up when ctx ends.
func awaitGuests(ctx context.Context, path string, log *slog.Logger) (*os.File, error) {
	for said := false; ; {
		f, err := lockGuests(path, syscall.LOCK_EX)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) {
			return f, err
		}
		if !said {
			log.Warn("another command uses the engine that this one has started; waiting for it to end", "path", path)
			said = true
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the engine on %s is stopped under another command: %w", path, ctx.Err())
		case <-time.After(guestTime):
		}
	}
}

// lockGuests takes a lock on the file of the guests, if it is free.
func lockGuests(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, guestsFile), os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("engine directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}
