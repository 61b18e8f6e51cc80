package spool

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// entryOf returns the entry the tests append as the n-th; all of it follows
// from n.
func entryOf(n uint64, size int) Entry {
	r := rand.New(rand.NewPCG(n, 7))
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(r.Uint32())
	}
	return Entry{Token: "token-" + strconv.FormatUint(n, 10), Meta: fmt.Appendf(nil, "meta of %d", n), Body: body}
}

// sizeOf is the size of the body of the n-th entry.
func sizeOf(n uint64) int { return int(n*n*37) % 700 }

// indexOf tells which entry of the tests e is, and fails if it is not exactly that.
func indexOf(tb testing.TB, e Entry) uint64 {
	tb.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(e.Token, "token-"), 10, 64)
	if err != nil {
		tb.Fatalf("token %q", e.Token)
	}
	want := entryOf(n, len(e.Body))
	if len(e.Body) != sizeOf(n) || !bytes.Equal(e.Body, want.Body) || !bytes.Equal(e.Meta, want.Meta) {
		tb.Fatalf("entry %d is not as it was appended", n)
	}
	return n
}

func mustOpen(tb testing.TB, cfg Config) *Spool {
	tb.Helper()
	s, err := Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func mustAppend(tb testing.TB, s *Spool, n uint64) {
	tb.Helper()
	if _, err := s.Append(tb.Context(), entryOf(n, sizeOf(n))); err != nil {
		tb.Fatal(err)
	}
}

// drain takes and acknowledges everything and returns the indices.
func drain(tb testing.TB, s *Spool) (got []uint64) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	for s.Stats().Entries > 0 {
		if s.onlyDamage() {
			break
		}
		e, err := s.Next(ctx)
		if err != nil {
			tb.Fatal(err)
		}
		got = append(got, indexOf(tb, e))
		if err := s.Ack(e.ID); err != nil {
			tb.Fatal(err)
		}
	}
	return got
}

// onlyDamage moves over damage and tells whether nothing else is left.
func (s *Spool) onlyDamage() bool {
	s.reading <- struct{}{}
	defer s.reading.done()
	e, err := s.take()
	return err == nil && e.ID == 0
}

func span0(from, to uint64) (all []uint64) {
	for ; from <= to; from++ {
		all = append(all, from)
	}
	return all
}

func equal(a, b []uint64) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func TestOrderAndRestart(t *testing.T) {
	for _, synced := range []bool{false, true} {
		t.Run(fmt.Sprint(synced), func(t *testing.T) {
			cfg := Config{Dir: filepath.Join(t.TempDir(), "a", "b"), MaxBytes: 1 << 20, SegmentBytes: 2048, Sync: synced}
			s := mustOpen(t, cfg)
			if _, err := os.Stat(filepath.Join(cfg.Dir, positionFile)); err == nil {
				t.Error("an idle spool writes")
			}
			before := time.Now().Add(-time.Second)
			for n := range uint64(40) {
				mustAppend(t, s, n+1)
			}
			for n := range uint64(15) {
				e, err := s.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				again, err := s.Next(t.Context())
				if err != nil || again.ID != e.ID || indexOf(t, again) != n+1 {
					t.Fatalf("the second Next gives %d, %v", again.ID, err)
				}
				if err := s.Ack(e.ID + 1); !errors.Is(err, ErrNotNext) {
					t.Fatalf("a foreign acknowledgement: %v", err)
				}
				if err := s.Ack(e.ID); err != nil {
					t.Fatal(err)
				}
			}
			if st := s.Stats(); st.Entries != 25 || st.Oldest.Before(before) || st.LastError != nil || st.Full || st.Bytes == 0 {
				t.Errorf("stats %+v", st)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Append(t.Context(), Entry{}); !errors.Is(err, ErrClosed) {
				t.Errorf("append after close: %v", err)
			}
			if _, err := s.Next(t.Context()); !errors.Is(err, ErrClosed) {
				t.Errorf("next after close: %v", err)
			}
			if err := s.Ack(16); !errors.Is(err, ErrClosed) {
				t.Errorf("ack after close: %v", err)
			}
			s = mustOpen(t, cfg)
			if st := s.Stats(); st.Entries != 25 || st.Oldest.Before(before) {
				t.Errorf("stats after restart %+v", st)
			}
			mustAppend(t, s, 41)
			if got := drain(t, s); !equal(got, span0(16, 41)) {
				t.Errorf("delivered %v", got)
			}
			if files, _ := listSegments(cfg.Dir); len(files) != 1 || s.Stats().Bytes != files[0].size {
				t.Errorf("%d segments are left, %+v", len(files), s.Stats())
			}
		})
	}
}

func TestModes(t *testing.T) {
	old := unix.Umask(0o022)
	defer unix.Umask(old)
	dir := filepath.Join(t.TempDir(), "spool")
	s := mustOpen(t, Config{Dir: dir})
	mustAppend(t, s, 1)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != dirMode {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != fileMode {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "no directory"},
		{Config{Dir: "x", MaxBytes: -1}, "too few"},
		{Config{Dir: "x", MaxBytes: 4096, SegmentBytes: 4000}, "max_bytes"},
		{Config{Dir: "x", SegmentBytes: 5}, "too small"},
		{Config{Dir: "x", AtFull: 9}, "policy 9"},
	} {
		if _, err := Open(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: file}); !errors.Is(err, ErrPath) || !strings.Contains(err.Error(), "storage.spool.dir") {
		t.Errorf("a file as directory: %v", err)
	}
	s := mustOpen(t, Config{Dir: t.TempDir(), MaxBytes: 4096})
	for _, e := range []Entry{{Token: strings.Repeat("x", MaxToken+1)}, {Meta: make([]byte, MaxMeta+1)}, {Body: make([]byte, 4096)}} {
		if _, err := s.Append(t.Context(), e); !errors.Is(err, ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
	}
}

// TestWaiting proves that Next waits for an append, the end of its context and
// Close, and that the clock may step back.
func TestWaiting(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		type answer struct {
			e   Entry
			err error
		}
		answers := make(chan answer)
		next := func(ctx context.Context) {
			e, err := s.Next(ctx)
			answers <- answer{e, err}
		}
		go next(t.Context())
		synctest.Wait()
		mustAppend(t, s, 1)
		if a := <-answers; a.err != nil || indexOf(t, a.e) != 1 {
			t.Errorf("%+v", a)
		}
		if err := s.Ack(1); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go next(ctx)
		if a := <-answers; !errors.Is(a.err, context.DeadlineExceeded) {
			t.Errorf("%+v", a)
		}
		if _, err := s.Append(ctx, Entry{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("append: %v", err)
		}
		go next(t.Context())
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if a := <-answers; !errors.Is(a.err, ErrClosed) {
			t.Errorf("%+v", a)
		}
	})
	// Outside of the bubble it is decades later than within: entries of now,
	// then of then.
	s := mustOpen(t, Config{Dir: dir})
	mustAppend(t, s, 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := mustOpen(t, Config{Dir: dir})
		mustAppend(t, s, 3)
		if got := drain(t, s); !equal(got, span0(2, 3)) {
			t.Errorf("delivered %v", got)
		}
	})
}

func TestTogether(t *testing.T) {
	for _, synced := range []bool{false, true} {
		t.Run(fmt.Sprint(synced), func(t *testing.T) {
			s := mustOpen(t, Config{Dir: t.TempDir(), MaxBytes: 1 << 22, SegmentBytes: 4096, Sync: synced})
			const writers, each = 4, 50
			var all sync.WaitGroup
			for w := range uint64(writers) {
				all.Go(func() {
					for i := range uint64(each) {
						mustAppend(t, s, w*1000+i+1)
						s.Stats()
					}
				})
			}
			next := make(map[uint64]uint64)
			for range writers * each {
				e, err := s.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				n := indexOf(t, e)
				if n%1000 != next[n/1000]+1 {
					t.Errorf("%d after %d", n, next[n/1000])
				}
				next[n/1000] = n % 1000
				if err := s.Ack(e.ID); err != nil {
					t.Fatal(err)
				}
			}
			all.Wait()
			if st := s.Stats(); st.Entries != 0 || !st.Oldest.IsZero() {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestFull fills a spool beyond its limit under both policies; the accounts
// must balance.
func TestFull(t *testing.T) {
	for _, policy := range []Policy{DropOldest, DropNewest} {
		for _, held := range []bool{false, true} {
			t.Run(fmt.Sprint(policy, held), func(t *testing.T) {
				account := make(map[uint64]string)
				enter := func(n uint64, what string) {
					if account[n] != "" {
						t.Errorf("entry %d is %s and %s", n, account[n], what)
					}
					account[n] = what
				}
				cfg := Config{Dir: t.TempDir(), MaxBytes: 8192, SegmentBytes: 2048, AtFull: policy, Lost: func(l Loss) {
					var n uint64
					if _, err := fmt.Sscanf(string(l.Meta), "meta of %d", &n); err != nil || l.Entries != 1 || l.Reason != Dropped {
						t.Errorf("%+v, %v", l, err)
					}
					enter(n, "dropped")
				}}
				s := mustOpen(t, cfg)
				const total = 100
				var first Entry
				for n := uint64(1); n <= total; n++ {
					_, err := s.Append(t.Context(), entryOf(n, sizeOf(n)))
					switch {
					case errors.Is(err, ErrFull) && policy == DropNewest:
						enter(n, "refused")
						if st := s.Stats(); !st.Full || !errors.Is(st.LastError, ErrFull) {
							t.Errorf("%+v", st)
						}
					case err != nil:
						t.Fatal(err)
					}
					if files, _ := listSegments(cfg.Dir); true {
						var sum int64
						for _, f := range files {
							sum += f.size
						}
						if sum > cfg.MaxBytes || sum != s.Stats().Bytes {
							t.Fatalf("%d bytes, %+v", sum, s.Stats())
						}
					}
					if n == 3 && held {
						if first, err = s.Next(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
				}
				if policy == DropOldest && held {
					again, err := s.Next(t.Context())
					if err != nil || again.ID != first.ID || account[1] != "" {
						t.Errorf("the entry of the sender is %q: %v", account[1], err)
					}
				}
				waiting, dropped := s.Stats().Entries, s.Stats().Dropped
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = mustOpen(t, cfg)
				if s.Stats().Entries != waiting {
					t.Errorf("%d entries after restart, %d before", s.Stats().Entries, waiting)
				}
				var last uint64
				for _, n := range drain(t, s) {
					if n <= last {
						t.Errorf("%d after %d", n, last)
					}
					last = n
					enter(n, "delivered")
				}
				counts := make(map[string]uint64)
				for _, what := range account {
					counts[what]++
				}
				if len(account) != total || counts["delivered"] != waiting || counts["dropped"] != dropped {
					t.Errorf("%d of %d in the account: %v", len(account), total, counts)
				}
				if policy == DropOldest && (dropped == 0 || account[total] != "delivered") {
					t.Errorf("not the oldest go: %v", counts)
				}
				if policy == DropNewest && (counts["refused"] == 0 || account[1] != "delivered") {
					t.Errorf("not the newest go: %v", counts)
				}
				mustAppend(t, s, 1)
				if st := s.Stats(); st.Full || st.LastError != nil {
					t.Errorf("still full: %+v", st)
				}
			})
		}
	}
}

// TestFlushTogether lets the flush of several appends fail: each of them must
// say so, however the next one goes.
func TestFlushTogether(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20, SegmentBytes: 1 << 16, Sync: true}
	now := &failing{}
	s, err := open(cfg, now.disk())
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, 1)
	var attempts []*attempt
	var ids []uint64
	for n := uint64(2); n <= 4; n++ { // written, not flushed
		id, a, err := s.admit(t.Context(), entryOf(n, sizeOf(n)))
		if err != nil {
			t.Fatal(err)
		}
		ids, attempts = append(ids, id), append(attempts, a)
	}
	if st := s.Stats(); st.Entries != 1 {
		t.Errorf("what is not flushed is delivered: %+v", st)
	}
	now.sync = unix.EIO
	if err := s.flush(ids[0], attempts[0]); !errors.Is(err, unix.EIO) {
		t.Errorf("first: %v", err)
	}
	now.sync = nil
	if err := s.flush(ids[1], attempts[1]); !errors.Is(err, unix.EIO) {
		t.Errorf("second, before the next append: %v", err)
	}
	for n := uint64(5); n <= 8; n++ {
		mustAppend(t, s, n)
	}
	if err := s.flush(ids[2], attempts[2]); !errors.Is(err, unix.EIO) {
		t.Errorf("third, after the number was given again: %v", err)
	}
	if got := drain(t, s); !equal(got, []uint64{1, 5, 6, 7, 8}) {
		t.Errorf("delivered %v", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestForeignFiles proves that files that are not ours, or cannot be, do no harm.
func TestForeignFiles(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	s := mustOpen(t, cfg)
	mustAppend(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00000000000000000001.seg", "readme", fmt.Sprintf(segmentPattern, uint64(1<<63), 5), fmt.Sprintf(segmentPattern, 1, 3)} {
		if err := os.WriteFile(filepath.Join(cfg.Dir, name), []byte("hello"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = mustOpen(t, cfg)
	mustAppend(t, s, 2)
	if got := drain(t, s); !equal(got, span0(1, 2)) {
		t.Errorf("delivered %v", got)
	}
}

// TestLayout holds the format to what doc.go says.
func TestLayout(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	s := mustOpen(t, cfg)
	mustAppend(t, s, 3)
	segments, err := listSegments(cfg.Dir)
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	b, err := os.ReadFile(segments[0].path)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	e := entryOf(3, sizeOf(3))
	f := b[segmentHead:]
	if string(b[:8]) != segmentMagic || le.Uint64(b[8:]) != 1 || le.Uint64(b[16:]) != segments[0].marker ||
		le.Uint64(f) != segments[0].marker || le.Uint64(f[8:]) != 1 || int(le.Uint16(f[24:])) != len(e.Token) ||
		int(le.Uint32(f[28:])) != len(e.Meta) || int(le.Uint32(f[32:])) != len(e.Body) ||
		string(f[48:]) != e.Token+string(e.Meta)+string(e.Body) {
		t.Errorf("% x", b)
	}
}
