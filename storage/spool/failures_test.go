package spool

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// failing is a disk that fails as it is told.
type failing struct {
	write, truncate, sync error
	short                 int
}

func (f *failing) disk() disk {
	d := realDisk()
	return disk{
		write: func(file *os.File, b []byte, off int64) error {
			if f.write == nil || strings.Contains(file.Name(), positionFile) {
				return d.write(file, b, off)
			}
			return errors.Join(d.write(file, b[:min(f.short, len(b))], off), f.write)
		},
		truncate: func(file *os.File, size int64) error {
			if f.truncate != nil {
				return f.truncate
			}
			return d.truncate(file, size)
		},
		sync: func(file *os.File) error {
			if f.sync != nil {
				return f.sync
			}
			return d.sync(file)
		},
		syncDir: d.syncDir,
	}
}

// TestFailures lets every kind of change to a file fail at every stage of the
// life of a segment: no half entry, nothing lost, and it heals.
func TestFailures(t *testing.T) {
	faults := map[string]failing{
		"no space":       {write: unix.ENOSPC, short: 30},
		"quota":          {write: unix.EDQUOT, short: 100},
		"bad truncation": {write: unix.ENOSPC, short: 70, truncate: unix.EIO},
		"flush":          {sync: unix.EIO},
		"quota at flush": {sync: unix.EDQUOT},
		"hopeless":       {sync: unix.EIO, truncate: unix.EIO, write: unix.EIO},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			now := new(failing)
			cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20, SegmentBytes: 1500, Sync: true, Lost: func(l Loss) { t.Errorf("%+v", l) }}
			s, err := open(cfg, now.disk())
			if err != nil {
				t.Fatal(err)
			}
			full := errors.Is(fault.write, unix.ENOSPC) || errors.Is(errors.Join(fault.write, fault.sync), unix.EDQUOT)
			var good []uint64
			for n := uint64(1); n <= 60; n++ {
				if n%3 == 0 {
					*now = fault
				}
				_, err := s.Append(t.Context(), entryOf(n, sizeOf(n)))
				*now = failing{}
				if err == nil {
					good = append(good, n)
				}
				if failed := n%3 == 0; failed != (err != nil) || failed && errors.Is(err, ErrDiskFull) != full {
					t.Fatalf("append %d: %v", n, err)
				}
				if st := s.Stats(); st.Entries != uint64(len(good)) || st.Full != (full && err != nil) || (st.LastError == nil) != (err == nil) {
					t.Fatalf("append %d: %+v", n, st)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, cfg)
			if got := drain(t, s); !equal(got, good) {
				t.Errorf("delivered %v, want %v", got, good)
			}
		})
	}
}
