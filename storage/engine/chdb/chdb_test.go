package chdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// library loads libchdb where the engine finds it.
var library = sync.OnceValues(func() (*Library, error) {
	path := os.Getenv("LINEWARDEN_ENGINE_LIB")
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		found, err := filepath.Glob(filepath.Join(cache, "linewarden", "engine", "*", "libchdb.so"))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("no library, run make engine: %w", err)
		}
		path = found[len(found)-1]
	}
	return Load(path)
})

// folder is the one directory this process may open.
var folder = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "chdb") })

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := folder(); err == nil {
		_ = os.RemoveAll(path)
	}
	os.Exit(code)
}

func connect(tb testing.TB) *Conn {
	tb.Helper()
	lib, err := library()
	if err != nil {
		tb.Fatal(err)
	}
	path, err := folder()
	if err != nil {
		tb.Fatal(err)
	}
	c, err := lib.Connect("--path=" + path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

func text(tb testing.TB, c *Conn, sql string, params ...Param) string {
	tb.Helper()
	r, err := c.Query(sql, "TSV", params)
	if err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	defer r.Free()
	return strings.TrimSuffix(string(r.Bytes()), "\n")
}

func TestQuery(t *testing.T) {
	c := connect(t)
	if got := text(t, c, "SELECT {a:String}, {b:UInt8}", Param{"a", `it's\t`}, Param{"b", "7"}); got != `it\'s\t`+"\t7" {
		t.Errorf("got %q", got)
	}
	r, err := c.Query("SELECT nothing", "TSV", nil)
	if err == nil || !strings.HasPrefix(err.Error(), "Code: 47. DB::Exception: ") || r != nil {
		t.Errorf("got %v, %v", r, err)
	}
	if got := text(t, c, "SELECT ''"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestStream(t *testing.T) {
	c := connect(t)
	for _, whole := range []bool{true, false} {
		s, err := c.Stream("SELECT number FROM numbers(300000)", "RowBinary", nil)
		if err != nil {
			t.Fatal(err)
		}
		var bytes, chunks int
		var read uint64
		for {
			r, err := s.Next()
			if err != nil {
				t.Fatal(err)
			}
			if r == nil {
				break
			}
			bytes, chunks, read = bytes+len(r.Bytes()), chunks+1, read+r.Stats().RowsRead
			r.Free()
			r.Free()
			if !whole {
				break
			}
		}
		s.Close()
		if whole && (bytes != 8*300000 || chunks < 3 || read == 0) {
			t.Errorf("%d bytes in %d chunks, %d rows read", bytes, chunks, read)
		}
	}
	s, err := c.Stream("SELECT throwIf(number = 200000) FROM numbers(300000)", "RowBinary", nil)
	for r := new(Result); err == nil && r != nil; r, err = s.Next() {
		r.Free()
	}
	if err == nil || !strings.Contains(err.Error(), "Code: 395") {
		t.Errorf("got %v", err)
	}
	s.Close()
	if got := text(t, c, "SELECT 1"); got != "1" {
		t.Errorf("got %q", got)
	}
}

func TestInsert(t *testing.T) {
	c, other := connect(t), connect(t)
	for _, sql := range []string{"CREATE DATABASE IF NOT EXISTS d ENGINE = Atomic", "CREATE TABLE d.t (n UInt64) ENGINE = MergeTree ORDER BY n"} {
		text(t, c, sql)
	}
	i, err := c.Insert("INSERT INTO d.t", "TSV", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"1\n2", "3\n", "", "10\n\n"[:3]} {
		if err := i.Append([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if got := text(t, other, "SELECT count() FROM d.t"); got != "0" {
		t.Errorf("%s rows are visible before the end", got)
	}
	stats, err := i.Done()
	if err != nil || stats.RowsWritten != 3 {
		t.Errorf("%+v, %v", stats, err)
	}
	i.Close()
	i, err = c.Insert("INSERT INTO d.t", "TSV", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Append([]byte("5\n")); err != nil {
		t.Fatal(err)
	}
	i.Close()
	if got := text(t, c, "SELECT count(), sum(n) FROM d.t"); got != "3\t34" {
		t.Errorf("got %s", got)
	}
	if _, err := c.Insert("INSERT INTO d.nothing", "TSV", nil); err == nil || !strings.Contains(err.Error(), "Code: 60") {
		t.Errorf("got %v", err)
	}
}

func TestClassify(t *testing.T) {
	c := connect(t)
	for sql, want := range map[string]Analysis{
		"SELECT 1": {1, ClassReadOnly}, "SELECT 1; SELECT 2": {2, ClassReadOnly}, "DROP TABLE t": {1, ClassMutating},
		"SYSTEM SHUTDOWN": {1, ClassControl}, "SELEC 1": {0, ClassUnknown}, "": {0, ClassUnknown},
	} {
		if got, err := c.Classify(sql); err != nil || got != want {
			t.Errorf("%q: %+v, %v", sql, got, err)
		}
	}
}

func TestClosed(t *testing.T) {
	c := connect(t)
	lib, err := library()
	if err != nil {
		t.Fatal(err)
	}
	path, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	second, err := lib.Connect("--path=" + path)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	second.Close()
	if _, err := second.Query("SELECT 1", "TSV", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := second.Stream("SELECT 1", "TSV", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := second.Insert("INSERT INTO t", "TSV", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if got := text(t, c, "SELECT 1"); got != "1" {
		t.Errorf("got %q", got)
	}
}

// TestGoKeepsItsSignals: with the library loaded a nil dereference in Go is
// still a panic, and not the end of the process.
func TestGoKeepsItsSignals(t *testing.T) {
	c := connect(t)
	text(t, c, "SELECT 1")
	defer func() {
		if err, ok := recover().(runtime.Error); !ok {
			t.Errorf("got %v", err)
		}
	}()
	var nothing *Analysis
	t.Log(nothing.Statements)
}

func TestLoadRefuses(t *testing.T) {
	if _, err := Load("/nowhere/libchdb.so"); !errors.Is(err, ErrLibrary) {
		t.Errorf("got %v", err)
	}
	if _, err := Load("libc.so.6"); !errors.Is(err, ErrLibrary) || !strings.Contains(err.Error(), "make engine") {
		t.Errorf("got %v", err)
	}
	err := checkFeatures([]cpuFeature{{"AVX2", false}, {"FMA", true}, {"BMI2", false}})
	if !errors.Is(err, ErrCPU) || !strings.Contains(err.Error(), "AVX2, BMI2") || strings.Contains(err.Error(), "FMA") {
		t.Errorf("got %v", err)
	}
	if err := checkFeatures([]cpuFeature{{"AVX2", true}}); err != nil {
		t.Errorf("got %v", err)
	}
}
