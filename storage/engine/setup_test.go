package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLibraryIsTheOneThatIsFetched compares the version that is searched for
// with the one that the script fetches.
func TestLibraryIsTheOneThatIsFetched(t *testing.T) {
	script, err := os.ReadFile("../../deploy/engine/fetch.sh")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), "version='"+libraryVersion+"'") {
		t.Errorf("deploy/engine/fetch.sh does not fetch %s", libraryVersion)
	}
}

func TestFindLibrary(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv(libraryEnv, "")
	if _, err := findLibrary(""); err == nil || !strings.Contains(err.Error(), cache) {
		t.Errorf("got %v", err)
	}
	place := filepath.Join(cache, "linewarden", "engine", libraryVersion, libraryName)
	if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(place, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := findLibrary(""); err != nil || got != place {
		t.Errorf("%s, %v", got, err)
	}
	other := filepath.Join(cache, "other.so")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(libraryEnv, other)
	if got, err := findLibrary(""); err != nil || got != other {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := findLibrary(place); err != nil || got != place {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := findLibrary(cache); err == nil {
		t.Error("a folder was taken")
	}
}

func TestMemoryOfMachine(t *testing.T) {
	root := t.TempDir()
	if got := memoryOfMachine(root); got != usualMemory {
		t.Errorf("got %d", got)
	}
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("proc/meminfo", "MemTotal:       24000000 kB\nMemFree: 1 kB\n")
	if got := memoryOfMachine(root); got != 24000000<<10 {
		t.Errorf("got %d", got)
	}
	write("sys/fs/cgroup/memory.max", "max\n")
	if got := memoryOfMachine(root); got != 24000000<<10 {
		t.Errorf("got %d", got)
	}
	write("sys/fs/cgroup/memory.max", "1073741824\n")
	if got := memoryOfMachine(root); got != 1<<30 {
		t.Errorf("got %d", got)
	}
}

// TestFetchRefusesAnotherPackage: what does not have the checksum is not
// installed, and nothing is left behind.
func TestFetchRefusesAnotherPackage(t *testing.T) {
	cache := t.TempDir()
	archive := filepath.Join(cache, "other.tgz")
	if err := os.WriteFile(archive, []byte("another package"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "../../deploy/engine/fetch.sh", archive)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+cache)
	output, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "nothing was installed") {
		t.Errorf("%v: %s", err, output)
	}
	left, err := filepath.Glob(filepath.Join(cache, "linewarden", "engine", libraryVersion, "*"))
	hidden, herr := filepath.Glob(filepath.Join(cache, "linewarden", "engine", libraryVersion, ".*"))
	if err != nil || herr != nil || len(left)+len(hidden) > 0 {
		t.Errorf("left: %v %v", left, hidden)
	}
}
