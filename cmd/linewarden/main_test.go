package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/linewarden/linewarden/internal/testkit"
)

// program is the binary under test, built once by TestMain. The tests run it
// as people do: in a process of its own, which starts the engine in another.
var program string

// programVariable names a program that is built already.
const programVariable = "LINEWARDEN_TEST_PROGRAM"

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	program = os.Getenv(programVariable)
	if program != "" || os.Getenv(loadVariable) != "" { // the load generator needs none
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "linewarden-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	program = filepath.Join(dir, "linewarden")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the program under test:", err)
		return 1
	}
	return m.Run()
}

// TestScripts runs the command lines of testdata/script. The command
// `code N linewarden ...` wants that exit code.
func TestScripts(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	captures, missing := testkit.FindCaptures(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("XDG_CACHE_HOME", cache) // where the engine's library is
			e.Setenv("CAPTURES", captures)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "captures" {
				return false, fmt.Errorf("there is no condition %q", name)
			}
			return missing == nil || os.Getenv("CI") != "", nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code},
	})
}

// code runs a command and checks its exit code.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [argument ...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code is %d, want %d", got, want)
	}
}
