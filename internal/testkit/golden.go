package testkit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// UpdateEnv names the environment variable that makes Golden write the files
// instead of comparing with them.
const UpdateEnv = "LINEWARDEN_UPDATE_GOLDEN"

// Golden compares got with the file at path, which is relative to the package
// under test, and fails with the first line that differs.
func Golden(tb testing.TB, path string, got []byte) {
	tb.Helper()
	if os.Getenv(UpdateEnv) != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatalf("golden: %v", err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			tb.Fatalf("golden: %v", err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		tb.Fatalf("golden: %v: set %s=1 to write it", err, UpdateEnv)
	}
	if line, w, g, differ := firstDifference(string(want), string(got)); differ {
		tb.Errorf("%s:%d differs:\n want %q\n got  %q\nset %s=1 to accept", path, line, w, g, UpdateEnv)
	}
}

// firstDifference returns the number and text of the first line in which two
// texts differ.
func firstDifference(want, got string) (line int, w, g string, differ bool) {
	if want == got {
		return 0, "", "", false
	}
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := 0; ; i++ {
		w, g = "", ""
		if i < len(wants) {
			w = wants[i]
		}
		if i < len(gots) {
			g = gots[i]
		}
		if w != g || (i >= len(wants)) != (i >= len(gots)) {
			return i + 1, w, g, true
		}
	}
}
