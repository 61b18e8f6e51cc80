package engine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// leastRoom is how much room there must be to start: below it the engine could
// not even write its own files.
const leastRoom = 32 << 20

// directory is a data directory this process has to itself.
type directory struct {
	path string
	lock *os.File
}

// Files in the data directory.
const (
	lockFile    = "lock"    // held while a process uses the directory; has its id
	addressFile = "address" // where that process listens
	dataFolder  = "data"    // the engine's own
)

// openDirectory makes the directory, checks that it can be used and locks it.
func openDirectory(path string) (*directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w; create it, or choose another storage.embedded.path", ErrPath, err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; make it writable for this user, or choose another storage.embedded.path", ErrPath, err)
	}
	d := &directory{path: path, lock: lock}
	if err := d.take(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

func (d *directory) take() error {
	err := unix.Flock(int(d.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%w: %s is open in %s; stop it, or choose another storage.embedded.path", ErrLocked, d.path, d.holder())
	}
	if err != nil {
		return fmt.Errorf("%w: lock %s: %w", ErrPath, d.path, err)
	}
	var room unix.Statfs_t
	if err := unix.Statfs(d.path, &room); err == nil && room.Bavail*uint64(room.Bsize) < leastRoom {
		return fmt.Errorf("%w: %s has %d MiB left, %d are needed to start; free space, or choose another storage.embedded.path",
			ErrDiskFull, d.path, room.Bavail*uint64(room.Bsize)>>20, leastRoom>>20)
	}
	if err := d.lock.Truncate(0); err != nil {
		return fmt.Errorf("%w: %w", ErrPath, err)
	}
	if _, err := d.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("%w: %w", ErrPath, err)
	}
	return nil
}

// holder names the process that has the lock, as well as it is known.
func (d *directory) holder() string {
	text, err := os.ReadFile(d.lock.Name())
	if id := strings.TrimSpace(string(text)); err == nil && id != "" {
		return "process " + id
	}
	return "another process"
}

// announce writes down where the engine listens, whole or not at all.
func (d *directory) announce(l net.Listener) error {
	return writeFile(filepath.Join(d.path, addressFile), unixScheme+l.Addr().String()+"\n")
}

// close gives the directory back. The lock file stays: removing it would let
// two processes lock two files of that name.
func (d *directory) close() error {
	err := os.Remove(filepath.Join(d.path, addressFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, d.lock.Close())
}

// writeFile replaces a file of this user alone.
func writeFile(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return fmt.Errorf("%w: %w", ErrPath, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("%w: %w", ErrPath, err)
	}
	return nil
}
