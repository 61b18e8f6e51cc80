package spool

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	fileMode       = 0o640
	dirMode        = 0o750
	segmentMagic   = "LWSPOOL1"
	segmentHead    = 40
	segmentSuffix  = ".seg"
	endOfNumbers   = 1 << 63 // nobody counts that far; it keeps sums from overflowing
	segmentPattern = "%020d-%016x" + segmentSuffix
)

// segment is one file of frames. Spool.mu guards what changes.
type segment struct {
	base   uint64
	marker uint64
	path   string
	size   int64 // of what is written
	end    int64 // of what is committed: may be delivered
}

// newMarker returns a number nobody can know.
func newMarker() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// createSegment makes an empty segment, or nothing.
func (s *Spool) createSegment(base uint64) (*segment, *os.File, error) {
	seg := &segment{base: base, marker: newMarker(), size: segmentHead, end: segmentHead}
	seg.path = filepath.Join(s.cfg.Dir, fmt.Sprintf(segmentPattern, base, seg.marker))
	file, err := os.OpenFile(seg.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, nil, fmt.Errorf("begin a segment: %w", err)
	}
	b := make([]byte, 0, segmentHead)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint64(b, base)
	b = binary.LittleEndian.AppendUint64(b, seg.marker)
	b = binary.LittleEndian.AppendUint64(b, uint64(time.Now().UnixNano()))
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, checksum(b))
	if err = s.disk.write(file, b, 0); err == nil {
		err = s.disk.syncDir(s.cfg.Dir)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("begin a segment: %w", errors.Join(err, file.Close(), os.Remove(seg.path)))
	}
	return seg, file, nil
}

// remove gives the room of a segment back, even if the reader has it open still.
// There is nothing in it that anybody may read.
func (seg *segment) remove() error {
	file, err := os.OpenFile(seg.path, os.O_WRONLY, 0)
	if err == nil {
		// First the name, so that a crash leaves no segment without its entries.
		err = errors.Join(os.Remove(seg.path), file.Truncate(0), file.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a segment: %w", err)
	}
	return nil
}

// listSegments returns the segments of a directory in order.
func listSegments(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []*segment
	for _, entry := range entries {
		seg := &segment{path: filepath.Join(dir, entry.Name())}
		n, err := fmt.Sscanf(entry.Name(), segmentPattern, &seg.base, &seg.marker)
		if err != nil || n != 2 || fmt.Sprintf(segmentPattern, seg.base, seg.marker) != entry.Name() || seg.base == 0 || seg.base >= endOfNumbers {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return nil, err
		}
		seg.size, seg.end = info.Size(), info.Size()
		found = append(found, seg)
	}
	// An empty one may begin with the number the next begins with.
	slices.SortFunc(found, func(a, b *segment) int {
		return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(a.size, b.size))
	})
	return found, nil
}

// disk is how files are changed; tests put failures in its place.
type disk struct {
	write    func(file *os.File, b []byte, off int64) error
	truncate func(file *os.File, size int64) error
	sync     func(file *os.File) error // what was written; not the times of the file
	syncDir  func(dir string) error
}

func realDisk() disk {
	return disk{
		write: func(file *os.File, b []byte, off int64) error {
			_, err := file.WriteAt(b, off)
			return err
		},
		truncate: func(file *os.File, size int64) error { return file.Truncate(size) },
		sync: func(file *os.File) error {
			for {
				if err := unix.Fdatasync(int(file.Fd())); !errors.Is(err, unix.EINTR) {
					return os.NewSyscallError("fdatasync", err)
				}
			}
		},
		syncDir: func(dir string) error {
			d, err := os.Open(dir)
			if err != nil {
				return err
			}
			return errors.Join(d.Sync(), d.Close())
		},
	}
}
