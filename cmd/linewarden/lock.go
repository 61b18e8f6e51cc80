package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// daemonLock is the file that a daemon locks in its data directory.
const daemonLock = "serve.lock"

// lockData makes this process the only daemon on a data directory, until it
// ends or unlock is called. The lock is the kernel's: none is left behind by a
// process that was killed.
func lockData(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("data directory: %w; name another with --data", err)
	}
	name := filepath.Join(dir, daemonLock)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w; name another with --data", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another daemon runs on it; end that one, or name another directory with --data")
		}
		return nil, errors.Join(fmt.Errorf("data directory %s: %w", dir, err), f.Close())
	}
	return f.Close, nil
}

// daemonRuns tells whether a daemon holds the data directory.
func daemonRuns(dir string) bool {
	f, err := os.Open(filepath.Join(dir, daemonLock))
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // nothing was written, and this gives the lock back
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
