package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// stacked is an error as some libraries have them.
type stacked struct{}

func (stacked) Error() string { return "refused" }

func (stacked) Format(s fmt.State, _ rune) {
	if s.Flag('+') {
		fmt.Fprint(s, "refused\n    somewhere.go:1")
		return
	}
	fmt.Fprint(s, "refused")
}

// TestLogsHaveNoStacks keeps an error of a library to what it says.
func TestLogsHaveNoStacks(t *testing.T) {
	var out bytes.Buffer
	g := &globals{streams: streams{err: &out}}
	g.loggerAt(slog.LevelInfo).Info("store", "error", fmt.Errorf("write: %w", error(stacked{})), "bare", stacked{}, "rows", 3)
	if got := out.String(); strings.Contains(got, "somewhere") || !strings.Contains(got, `error="write: refused" bare=refused rows=3`) {
		t.Errorf("logged %s", got)
	}
}
