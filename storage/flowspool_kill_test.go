package storage_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
	"github.com/linewarden/linewarden/storage"
	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

const (
	spoolDatabase = "spool_of_a_test"
	envKills      = "LINEWARDEN_TEST_KILLS" // how many times TestKills kills; 50 are some 60 s
)

// kills is a store whose engine and collectors are killed.
type kills struct {
	*testing.T
	path   string // of the engine
	spool  string
	engine *engine.Process
	kept   map[int][]string // by run: first+count of records the spool has acknowledged
}

func (k *kills) startEngine() {
	k.Helper()
	p, err := engine.Start(context.Background(), enginetest.Config(k, k.path))
	if err != nil {
		k.Fatal(err)
	}
	k.engine = p
}

func (k *kills) killEngine() {
	k.Helper()
	killEngine(k, k.path)
	<-k.engine.Done()
}

// ingest runs a collector for a while, kills it, and remembers what it said.
func (k *kills) ingest(run int, life time.Duration, withEngine bool) {
	k.Helper()
	binary, err := os.Executable()
	if err != nil {
		k.Fatal(err)
	}
	c := exec.CommandContext(k.Context(), binary, "-test.run=^TestIngestUntilKilled$", "-test.count=1")
	c.Env = append(os.Environ(), envSpool+"="+k.spool, envAddr+"="+k.engine.Addr(), envRun+"="+strconv.Itoa(run))
	out, err := c.StdoutPipe()
	if err != nil {
		k.Fatal(err)
	}
	if err := c.Start(); err != nil {
		k.Fatal(err)
	}
	lines, ended := make(chan string, 1<<12), make(chan struct{})
	go func() {
		defer close(ended)
		r := bufio.NewReader(out)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return // what is no whole line does not count
			}
			lines <- line
		}
	}()
	for line := range lines {
		if line == "ready\n" {
			break
		}
		if strings.Contains(line, "FAIL") {
			k.Fatalf("run %d: %s", run, line)
		}
	}
	<-time.After(life)
	if withEngine {
		k.killEngine()
		<-time.After(life / 4)
	}
	if err := c.Process.Kill(); err != nil {
		k.Fatal(err)
	}
	<-ended
	if err := c.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		k.Fatalf("run %d ended by itself: %v", run, err)
	}
	close(lines)
	for line := range lines {
		if text, ok := strings.CutPrefix(line, "kept "); ok {
			k.kept[run] = append(k.kept[run], strings.Fields(text)...)
		}
	}
}

// missing returns how many records of a run that were acknowledged are not in
// the store.
func (k *kills) missing(s *storage.Store, run int) (kept, missing int) {
	k.Helper()
	text, err := s.Text(k.Context(), fmt.Sprintf(
		"SELECT arrayStringConcat(arrayMap(x -> toString(x), groupArray(bytes)), ' ') FROM flows WHERE intDiv(bytes, %d) = %d", perRun, run))
	if err != nil {
		k.Fatal(err)
	}
	there := make(map[int]bool)
	for word := range strings.FieldsSeq(text) {
		n, err := strconv.Atoi(word)
		if err != nil {
			k.Fatal(err)
		}
		there[n] = true
	}
	for _, span := range k.kept[run] {
		var first, n int
		if _, err := fmt.Sscanf(span, "%d+%d", &first, &n); err != nil {
			k.Fatal(err)
		}
		kept += n
		for i := range n {
			if !there[first+i] {
				missing++
			}
		}
	}
	return kept, missing
}

// TestKills kills a collector with kill -9 in the middle of its work, again and
// again, and often the engine with it. At any moment the stored books balance;
// in the end they say of the table exactly what is in it, nothing is there
// twice, and all that the spool had acknowledged is there.
func TestKills(t *testing.T) {
	rounds := 10
	if text := os.Getenv(envKills); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	k := &kills{T: t, path: t.TempDir(), spool: t.TempDir(), kept: make(map[int][]string)}
	k.startEngine()
	defer func() {
		if err := k.engine.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	s, err := storage.Open(t.Context(), storage.Config{Addr: []string{k.engine.Addr()}, Database: spoolDatabase})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for run := 1; run <= rounds; run++ {
		life := time.Duration(1+rand.IntN(400)) * time.Millisecond
		k.ingest(run, life, run%3 == 0)
		if run%3 == 0 {
			k.startEngine()
		}
		storedBooks(t, s)
	}
	k.settle(s)
	k.check(s, rounds)
}

// settle sends what the last process has left.
func (k *kills) settle(s *storage.Store) {
	k.Helper()
	books := flows.NewBooks()
	f := openSpool(k, s, storage.FlowSpoolConfig{Dir: k.spool, Books: books})
	flush(k, f)
	testkit.Balance(k, books)
	writeBooks(k, books, f)
	closeSpool(k, f)
}

func (k *kills) check(s *storage.Store, rounds int) {
	k.Helper()
	tableFitsBooks(k, s)
	sum := storedBooks(k, s)
	rows := count(k, s, "flows")
	distinct, err := s.Number(k.Context(), "SELECT uniqExact(bytes) FROM flows")
	if err != nil {
		k.Fatal(err)
	}
	if rows != distinct || rows != sum.Stored || rows == 0 {
		k.Errorf("%d flows, %d of them different, %d by the books", rows, distinct, sum.Stored)
	}
	acknowledged := 0
	for run := 1; run <= rounds; run++ {
		kept, missing := k.missing(s, run)
		acknowledged += kept
		if missing > 0 {
			k.Errorf("run %d: %d records are missing of %d that the spool had acknowledged", run, missing, kept)
		}
	}
	k.Logf("%d kills: %d flows, %d of them acknowledged before; lost %v", rounds, rows, acknowledged, sum.Lost)
	if acknowledged == 0 {
		k.Error("nothing was ever acknowledged")
	}
	if sum.Lost[flows.ReasonMalformed] == 0 {
		k.Error("nothing malformed is in the stored books")
	}
}
