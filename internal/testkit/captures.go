package testkit

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// CapturesEnv names the environment variable that says where the captures are.
const CapturesEnv = "LINEWARDEN_CAPTURES"

// capturesIndex is the file that makes a directory the captures directory.
const capturesIndex = "SCENARIOS.tsv"

// CapturesDir returns the directory of the captures: the value of
// LINEWARDEN_CAPTURES, else shared/captures beside the root of the checkout.
// Where neither is one, the test is skipped on a laptop, and fails in CI and
// where the variable names a wrong place.
func CapturesDir(tb testing.TB) string {
	tb.Helper()
	dir, err := FindCaptures(tb)
	switch {
	case err == nil:
	case os.Getenv("CI") == "" && os.Getenv(CapturesEnv) == "":
		tb.Skipf("captures: %v: set %s to the directory that holds %s", err, CapturesEnv, capturesIndex)
	default:
		tb.Fatalf("captures: %v: set %s to the directory that holds %s", err, CapturesEnv, capturesIndex)
	}
	return dir
}

// FindCaptures is CapturesDir for tests that do something else without
// captures.
func FindCaptures(tb testing.TB) (dir string, err error) {
	tb.Helper()
	dir = os.Getenv(CapturesEnv)
	if dir == "" {
		dir = filepath.Join(Root(tb), "..", "shared", "captures")
	}
	_, err = os.Stat(filepath.Join(dir, capturesIndex))
	return dir, err
}

// Capture returns the contents of the file at path below the captures
// directory. A name that ends in .gz is unpacked; the name of a file that is
// only there as .gz may be given without it.
func Capture(tb testing.TB, path string) []byte {
	tb.Helper()
	name := filepath.Join(CapturesDir(tb), filepath.FromSlash(path))
	data, err := os.ReadFile(name)
	if os.IsNotExist(err) && !strings.HasSuffix(name, ".gz") {
		name += ".gz"
		data, err = os.ReadFile(name)
	}
	if err != nil {
		tb.Fatalf("capture %s: %v: %s may name another directory of captures", path, err, CapturesEnv)
	}
	if !strings.HasSuffix(name, ".gz") {
		return data
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		tb.Fatalf("capture %s: unpack: %v", path, err)
	}
	data, err = io.ReadAll(z)
	if err != nil {
		tb.Fatalf("capture %s: unpack: %v", path, err)
	}
	return data
}

// Root returns the root of the checkout, the directory of go.mod.
func Root(tb testing.TB) string {
	tb.Helper()
	_, file, _, ok := runtime.Caller(0)
	if ok && filepath.IsAbs(file) {
		dir := filepath.Dir(filepath.Dir(filepath.Dir(file)))
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatalf("root of the checkout: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			tb.Fatalf("root of the checkout: no go.mod above the working directory")
		}
		dir = up
	}
}

// Scenario is one line of SCENARIOS.tsv.
type Scenario struct {
	// Name is the directory of the scenario, as family/name.
	Name string
	// Protocol is the protocol column as it stands.
	Protocol string
	// Files are the captures in replay order, relative to the captures
	// directory.
	Files []string
	// Golden are the files of expectations, relative likewise.
	Golden []string
	// What says what the scenario tests.
	What string
	// Counted is the structural count by an independent parser.
	Counted string
}

// Family returns the first element of the name: netflow9, sflow5, mrt.
func (s Scenario) Family() string {
	family, _, _ := strings.Cut(s.Name, "/")
	return family
}

// Scenarios returns the lines of SCENARIOS.tsv in their order.
func Scenarios(tb testing.TB) []Scenario {
	tb.Helper()
	var list []Scenario
	lines := bufio.NewScanner(bytes.NewReader(Capture(tb, capturesIndex)))
	lines.Buffer(nil, 1<<20)
	for header := true; lines.Scan(); header = false {
		if header {
			continue
		}
		col := strings.Split(lines.Text(), "\t")
		if len(col) < 6 {
			tb.Fatalf("%s: %d columns, want 6: %s", capturesIndex, len(col), lines.Text())
		}
		list = append(list, Scenario{
			Name: col[0], Protocol: col[1],
			Files: strings.Fields(col[2]), Golden: strings.Fields(col[3]),
			What: col[4], Counted: col[5],
		})
	}
	if err := lines.Err(); err != nil {
		tb.Fatalf("%s: %v", capturesIndex, err)
	}
	return list
}
