package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// written is where a frame of the model lies.
type written struct {
	n        uint64 // index of the entry
	id       uint64
	file     string
	from, to int64
}

// model is what a spool should hold.
type model struct {
	frames []written // in order
	acked  uint64    // id
}

// play runs random operations on a spool and its model.
func (m *model) play(t *testing.T, s *Spool, r *rand.Rand, steps int) {
	for range steps {
		if r.IntN(5) < 3 || s.Stats().Entries == 0 {
			n := uint64(len(m.frames)) + 1
			mustAppend(t, s, n)
			m.frames = append(m.frames, written{
				n: n, id: s.next - 1, file: filepath.Base(s.active.path),
				from: s.active.size - headSize - int64(len(fmt.Sprintf("token-%dmeta of %d", n, n))+sizeOf(n)), to: s.active.size,
			})
			continue
		}
		e, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n := indexOf(t, e); e.ID != m.acked+1 || m.frames[e.ID-1].n != n {
			t.Fatalf("entry %d has number %d, acknowledged are %d", n, e.ID, m.acked)
		}
		if r.IntN(4) > 0 {
			if err := s.Ack(e.ID); err != nil {
				t.Fatal(err)
			}
			m.acked = e.ID
		}
	}
}

// copyDir is what a crash leaves.
func copyDir(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// rewrite changes a file as edit says.
func rewrite(t *testing.T, path string, edit func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, edit(b), fileMode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCrash copies the directory of a spool at random points of its life,
// damages the copy in one place, and holds what comes out of it against what
// went in: everything but the damaged entry, in order, whole, and nothing else;
// and what does not come out is reported.
func TestCrash(t *testing.T) {
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 1))
		cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20, SegmentBytes: 1024 + r.Int64N(3000), Sync: seed%16 == 0}
		s, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var m model
		for range 3 {
			m.play(t, s, r, 10+r.IntN(40))
			damage(t, cfg, &m, r)
			if r.IntN(3) == 0 { // an ordinary restart in between
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = Open(cfg); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// damage checks one copy.
func damage(t *testing.T, cfg Config, m *model, r *rand.Rand) {
	cfg.Dir = copyDir(t, cfg.Dir)
	segments, err := listSegments(cfg.Dir)
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	seg := segments[r.IntN(len(segments))]
	name, at := filepath.Base(seg.path), r.Int64N(seg.size)
	hit := func(f written) bool { return false }
	kind := []string{"nothing", "flip", "cut", "position", "insert", "vanish"}[r.IntN(6)]
	switch kind {
	case "flip":
		rewrite(t, seg.path, func(b []byte) []byte { b[at] ^= 1 << r.IntN(8); return b })
		hit = func(f written) bool { return f.file == name && f.from <= at && at < f.to }
	case "cut":
		rewrite(t, seg.path, func(b []byte) []byte { return b[:at] })
		hit = func(f written) bool { return f.file == name && f.to > at }
	case "insert":
		junk := make([]byte, 1+r.IntN(200))
		at = max(at, segmentHead)
		rewrite(t, seg.path, func(b []byte) []byte { return append(b[:at:at], append(junk, b[at:]...)...) })
		hit = func(f written) bool { return f.file == name && f.from < at && at < f.to }
	case "position":
		rewrite(t, filepath.Join(cfg.Dir, positionFile), func(b []byte) []byte { b[r.IntN(slotSize)+slotDistance*r.IntN(2)] ^= 4; return b })
	case "vanish":
		if err := os.Remove(seg.path); err != nil {
			t.Fatal(err)
		}
		hit = func(f written) bool { return f.file == name }
	}
	lost := make(map[uint64]bool)
	cfg.Lost = func(l Loss) {
		for i := range l.Entries {
			lost[l.ID+i] = true
		}
	}
	s := mustOpen(t, cfg)
	got := drain(t, s)
	var want []uint64
	hits := 0
	for _, f := range m.frames {
		switch {
		case f.id <= m.acked:
		case hit(f):
			hits++
			// The last segment alone does not tell where it ended.
			if !lost[f.id] && seg != segments[len(segments)-1] {
				t.Errorf("%s: entry %d is lost in silence", kind, f.n)
			}
		default:
			want = append(want, f.n)
		}
	}
	if kind == "position" { // some may come again
		for len(got) > len(want) {
			got = got[1:]
		}
	}
	if !equal(got, want) {
		t.Errorf("%s of %s at %d: delivered %v, want %v", kind, name, at, got, want)
	}
	if (kind == "nothing" || kind == "position") && len(lost) > 0 || len(lost) > hits+1 {
		t.Errorf("%s: %d entries are hit, %v reported", kind, hits, lost)
	}
	mustAppend(t, s, 9999)
	if got := drain(t, s); !equal(got, []uint64{9999}) {
		t.Errorf("%s: afterwards %v", kind, got)
	}
}

// TestDamagedMeta proves that a damaged body leaves its account readable.
func TestDamagedMeta(t *testing.T) {
	for _, last := range []bool{false, true} {
		var losses []string
		cfg := Config{Dir: t.TempDir(), Lost: func(l Loss) {
			losses = append(losses, fmt.Sprintf("%s %d %d %s %s", l.Reason, l.ID, l.Entries, l.Token, l.Meta))
		}}
		s := mustOpen(t, cfg)
		mustAppend(t, s, 3)
		path, end := s.active.path, s.active.size
		if !last {
			mustAppend(t, s, 5)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		rewrite(t, path, func(b []byte) []byte { b[end-1] ^= 1; return b })
		s = mustOpen(t, cfg)
		got, want, reason := drain(t, s), []uint64{5}, "damaged"
		if last {
			want, reason = nil, "torn"
		}
		if !equal(got, want) || strings.Join(losses, ";") != reason+" 1 1 token-3 meta of 3" {
			t.Errorf("delivered %v, reported %q", got, losses)
		}
		if st := s.Stats(); st.Torn+st.Damaged != 1 {
			t.Errorf("%+v", st)
		}
	}
}

// TestTornOnce proves that what is cut off is reported once.
func TestTornOnce(t *testing.T) {
	losses := 0
	cfg := Config{Dir: t.TempDir(), Lost: func(Loss) { losses++ }}
	s := mustOpen(t, cfg)
	mustAppend(t, s, 1)
	mustAppend(t, s, 2)
	path := s.active.path
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rewrite(t, path, func(b []byte) []byte { return b[:len(b)-1] })
	for range 3 {
		s = mustOpen(t, cfg)
		if st := s.Stats(); st.Entries != 1 || losses != 1 {
			t.Errorf("%+v, %d losses", st, losses)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestShift removes from one body as many bytes as the next frame has: the
// frame after that is where the next one should be, which must not be passed over.
func TestShift(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	s := mustOpen(t, cfg)
	sizes := []int64{segmentHead}
	for _, n := range []uint64{4, 1, 6, 1} { // bodies of 592, 37, 632 and 37 bytes
		mustAppend(t, s, n)
		sizes = append(sizes, s.active.size)
	}
	path := s.active.path
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	gap := sizes[2] - sizes[1]
	rewrite(t, path, func(b []byte) []byte { return append(b[:sizes[1]-gap-50:sizes[1]-gap-50], b[sizes[1]-50:]...) })
	s = mustOpen(t, cfg)
	if got := drain(t, s); !equal(got, []uint64{1, 6, 1}) {
		t.Errorf("delivered %v", got)
	}
}

// TestDamageBeforeDropped damages the last entry of the segment the sender is
// in, behind which others were dropped: it alone is damaged.
func TestDamageBeforeDropped(t *testing.T) {
	lost := make(map[Reason]uint64)
	cfg := Config{Dir: t.TempDir(), MaxBytes: 8192, SegmentBytes: 2048, Lost: func(l Loss) { lost[l.Reason] += l.Entries }}
	s := mustOpen(t, cfg)
	mustAppend(t, s, 1)
	if _, err := s.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := uint64(2); n <= 60; n++ {
		mustAppend(t, s, n)
	}
	segments, err := listSegments(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	first, rest := segments[0], segments[1].base
	if s.place.ahead() == 0 || s.place.to != rest {
		t.Fatalf("nothing was dropped behind the first segment: %+v", s.place)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	n := s.place.from - 1 // its last entry
	frame := headSize + sizeOf(n) + len(entryOf(n, 0).Token) + len(entryOf(n, 0).Meta)
	rewrite(t, first.path, func(b []byte) []byte { b[len(b)-frame] ^= 1; return b })
	s = mustOpen(t, cfg)
	waiting := s.Stats().Entries
	got := uint64(len(drain(t, s)))
	if lost[Damaged] != 1 || got != waiting-1 || got+lost[Damaged]+lost[Dropped] != 60 {
		t.Errorf("of %d there came %d; lost %v", waiting, got, lost)
	}
}

// badDisk cannot read some blocks.
type badDisk struct {
	io.ReaderAt
	from, to int64
	err      error
}

func (b badDisk) ReadAt(p []byte, off int64) (int, error) {
	if off < b.to && off+int64(len(p)) > b.from {
		n := max(0, b.from-off)
		if n > 0 {
			n2, err := b.ReaderAt.ReadAt(p[:n], off)
			return n2, errors.Join(err, b.err)
		}
		return 0, b.err
	}
	return b.ReaderAt.ReadAt(p, off)
}

// image is a segment in memory.
func image(marker uint64, entries, size int) (b []byte, ends []int) {
	b = make([]byte, segmentHead)
	for n := range uint64(entries) {
		e := entryOf(n+1, size)
		label := append([]byte(e.Token), e.Meta...)
		h := head{
			seq: n + 1, token: uint32(len(e.Token)), meta: uint32(len(e.Meta)), body: uint32(size),
			labelSum: checksum(label), bodySum: checksum(e.Body),
		}
		var f [headSize]byte
		h.put(f[:], marker)
		b = append(append(append(b, f[:]...), label...), e.Body...)
		ends = append(ends, len(b))
	}
	return b, ends
}

// scan returns the numbers of the whole frames.
func scan(file io.ReaderAt, marker uint64, end int64) (got []uint64, err error) {
	s := scanner{file: file, marker: marker, at: segmentHead, low: segmentHead}
	var c content
	for lo := uint64(1); ; {
		h, off, err := s.find(lo, 1<<32, end)
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err == nil {
			err = c.read(file, &h, off, end, true)
		}
		if err != nil {
			return got, err
		}
		lo = h.seq + 1
		if c.whole {
			got = append(got, h.seq)
		} else {
			s.retry()
		}
	}
}

func TestUnreadableBlocks(t *testing.T) {
	b, ends := image(77, 50, 3000)
	for from := int64(0); from < int64(len(b)); from += 1777 {
		bad := badDisk{bytes.NewReader(b), from / blockSize * blockSize, from/blockSize*blockSize + blockSize, unix.EIO}
		got, err := scan(bad, 77, int64(len(b)))
		var want []uint64
		begin := segmentHead
		for i, end := range ends {
			if int64(end) <= bad.from || int64(begin) >= bad.to {
				want = append(want, uint64(i)+1)
			}
			begin = end
		}
		if err != nil || !equal(got, want) {
			t.Fatalf("block at %d: %v, want %v, %v", bad.from, got, want, err)
		}
	}
	if _, err := scan(badDisk{bytes.NewReader(b), 0, 99, unix.ESTALE}, 77, int64(len(b))); !errors.Is(err, unix.ESTALE) {
		t.Errorf("an error that may pass is %v", err)
	}
}

// FuzzScan changes a segment and reads it. Frames that were not touched must
// come out, each once and in order.
func FuzzScan(f *testing.F) {
	f.Add(uint8(4), uint16(20), uint16(100), []byte{1, 2, 3}, uint16(0))
	f.Add(uint8(9), uint16(0), uint16(41), []byte("\x4d\x00\x00\x00\x00\x00\x00\x00"), uint16(7))
	f.Add(uint8(3), uint16(300), uint16(500), []byte{}, uint16(200))
	f.Fuzz(func(t *testing.T, entries uint8, size, at uint16, junk []byte, remove uint16) {
		const marker = 77
		b, ends := image(marker, int(entries)%20, int(size)%2000)
		from := min(len(b), max(segmentHead, int(at)))
		to := min(len(b), from+int(remove))
		changed := append(append(bytes.Clone(b[:from]), junk...), b[to:]...)
		got, err := scan(bytes.NewReader(changed), marker, int64(len(changed)))
		if err != nil {
			t.Fatal(err)
		}
		var want []uint64
		begin := segmentHead
		for i, end := range ends {
			if end <= from || begin >= to || bytes.Contains(changed, b[begin:end]) {
				want = append(want, uint64(i)+1)
			}
			begin = end
		}
		if !equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// FuzzHostile reads a segment of any content, lengths and checksums mended so
// that the bytes are believed.
func FuzzHostile(f *testing.F) {
	b, _ := image(77, 3, 20)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		for i := segmentHead; i+headSize <= len(b); i++ {
			if b[i] == 77 {
				var h head
				copy(b[i:], []byte{77, 0, 0, 0, 0, 0, 0, 0})
				h.seq = uint64(b[i+8])
				h.token, h.meta, h.body = uint32(b[i+24]), uint32(b[i+28])<<(b[i+29]%25), uint32(b[i+32])<<(b[i+33]%31)
				h.put(b[i:], 77)
				i += headSize
			}
		}
		got, err := scan(bytes.NewReader(b), 77, int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(got); i++ {
			if got[i] <= got[i-1] {
				t.Fatalf("order %v", got)
			}
		}
	})
}
