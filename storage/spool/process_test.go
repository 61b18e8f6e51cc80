package spool

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// childVariable makes the test binary a child that does what it says.
const childVariable = "SPOOL_TEST_CHILD"

func TestMain(m *testing.M) {
	switch what, arg, _ := strings.Cut(os.Getenv(childVariable), " "); what {
	case "run":
		childRun(arg)
	case "full":
		childFull(arg)
	default:
		goleak.VerifyTestMain(m)
		return
	}
	os.Exit(0)
}

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child returns a command that runs this binary as a child.
func child(t *testing.T, what string, before ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(before, self)
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = append(os.Environ(), childVariable+"="+what)
	return c
}

// childRun appends and delivers until it is killed, and prints what was
// acknowledged to it: "a" and the index of an append, "k" and the index of an
// entry that is done with.
func childRun(arg string) {
	var cfg Config
	var first uint64
	_, err := fmt.Sscan(arg, &cfg.Sync, &first, &cfg.Dir)
	die(err)
	cfg.MaxBytes, cfg.SegmentBytes = 1<<30, 4096
	s, err := Open(cfg)
	die(err)
	ctx := context.Background()
	go func() {
		for n := first; ; n++ {
			_, err := s.Append(ctx, entryOf(n, sizeOf(n)))
			die(err)
			_, err = os.Stdout.WriteString("a " + strconv.FormatUint(n, 10) + "\n")
			die(err)
		}
	}()
	for {
		e, err := s.Next(ctx)
		die(err)
		die(s.Ack(e.ID))
		_, err = os.Stdout.WriteString("k " + strings.TrimPrefix(e.Token, "token-") + "\n")
		die(err)
	}
}

// TestKill kills a process that uses a spool, again and again, at points nobody
// chose. What was acknowledged to it must hold.
func TestKill(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 30, SegmentBytes: 4096, Lost: func(l Loss) {
		if l.Reason != Torn {
			t.Errorf("%+v", l)
		}
	}}
	var appended, acked uint64
	for round := range 24 {
		c := child(t, fmt.Sprintf("run %t %d %s", round%4 == 0, appended+1, cfg.Dir))
		c.Stderr = os.Stderr
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := 1 + rand.IntN(400)
		for scan := bufio.NewScanner(out); scan.Scan(); lines-- {
			what, index, _ := strings.Cut(scan.Text(), " ")
			n, err := strconv.ParseUint(index, 10, 64)
			switch {
			case err != nil:
				// The line was cut by the end of the process.
			case what == "a" && n == appended+1:
				appended = n
			case what == "k" && n == acked+1:
				acked = n
			default:
				t.Fatalf("%s after %d and %d", scan.Text(), appended, acked)
			}
			if lines == 0 {
				if err := c.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := c.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		s, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		// One append and one acknowledgement may have been done and not printed.
		low := acked + 1
		n := s.Stats().Entries
		if n == 0 && low == appended {
			low++
		}
		for i := range n {
			e, err := s.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			index := indexOf(t, e)
			if i == 0 && index == low+1 {
				low++
			}
			if index != low+i || index > appended+1 {
				t.Fatalf("round %d: entry %d at place %d; appended %d, acknowledged %d", round, index, i, appended, acked)
			}
			if i%2 == 0 && i > n/2 { // leave some to the next round
				acked = index - 1
				break
			}
			if err := s.Ack(e.ID); err != nil {
				t.Fatal(err)
			}
			acked = index
		}
		if low+n-1 < appended {
			t.Fatalf("round %d: of %d to %d there are %d entries", round, low, appended, n)
		}
		appended = low + n - 1
		acked = max(acked, low-1)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if appended < 100 {
		t.Errorf("only %d appends in all", appended)
	}
	t.Logf("%d appends", appended)
}

// childFull fills a small file system to the last byte, with and without help.
func childFull(dir string) {
	ctx := context.Background()
	cfg := Config{Dir: filepath.Join(dir, "spool"), MaxBytes: 1 << 30, SegmentBytes: 1 << 20}
	s, err := Open(cfg)
	die(err)
	body := bytes.Repeat([]byte("spool"), 20_000)
	fill := func() (n int) {
		for {
			_, err := s.Append(ctx, Entry{Token: "t", Meta: []byte("m"), Body: body})
			switch {
			case err == nil:
				n++
			case errors.Is(err, ErrDiskFull) && errors.Is(err, syscall.ENOSPC) && s.Stats().Full && s.Stats().LastError != nil:
				return n
			default:
				die(fmt.Errorf("a full disk is %w", err))
			}
		}
	}
	check := func(what string, entries int) {
		if st := s.Stats(); st.Entries != uint64(entries) {
			die(fmt.Errorf("%s: %d entries, want %d", what, st.Entries, entries))
		}
	}
	take := func(n int) {
		for range n {
			e, err := s.Next(ctx)
			die(err)
			if !bytes.Equal(e.Body, body) {
				die(errors.New("an entry is damaged"))
			}
			die(s.Ack(e.ID))
		}
	}
	n := fill()
	check("full", n)
	take(n - 3) // while it is full
	check("taken", 3)
	if fill() == 0 {
		die(errors.New("it does not heal"))
	}
	die(s.Close())
	s, err = Open(cfg) // while it is full
	die(err)
	st := s.Stats()
	if st.Torn+st.Damaged > 0 {
		die(fmt.Errorf("half an entry: %+v", st))
	}
	take(int(st.Entries))
	// Now somebody else fills the disk, and the spool has what it needs to hand
	// out what it holds, and to take more when there is room again.
	for range 3 {
		_, err := s.Append(ctx, Entry{Body: body})
		die(err)
	}
	hog := filepath.Join(dir, "hog")
	if err := os.WriteFile(hog, make([]byte, 64<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		die(fmt.Errorf("the disk is not full: %w", err))
	}
	more := fill()
	check("hogged", 3+more)
	take(3 + more)
	die(os.Remove(hog))
	if fill() < n/2 {
		die(errors.New("it does not heal when the disk does"))
	}
	die(s.Close())
	// One segment fills the disk: when all of it is done with, it must go.
	cfg.SegmentBytes = 1 << 29
	s, err = Open(cfg)
	die(err)
	take(int(s.Stats().Entries))
	n = fill()
	take(n)
	if fill() < n/2 {
		die(errors.New("it is full of what is done with"))
	}
	die(s.Close())
	fmt.Println("filled", n)
}

// TestFullDisk uses a file system of a few megabytes, in a mount namespace of
// the test's own.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted here: %v: %s", err, bytes.TrimSpace(out))
	}
	script := `mount -t tmpfs -o size=8m tmpfs "$1" && shift && exec "$@"`
	out, err := child(t, "full "+dir, "unshare", "-rm", "sh", "-c", script, "sh", dir).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("filled")) {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, Config{Dir: dir})
	_, err := Open(Config{Dir: dir})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) || !strings.Contains(err.Error(), "storage.spool.dir") {
		t.Errorf("opened twice: %v", err)
	}
}
