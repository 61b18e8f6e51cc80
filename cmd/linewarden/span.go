package main

import (
	"fmt"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// parseInstant reads an RFC 3339 time or a bare date, which is that day in
// loc: its beginning, or its end where the flag closes a span.
func parseInstant(flag, text string, loc *time.Location, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, loc)
	if err != nil {
		return t, usagef("--%s: %q is neither an RFC 3339 time nor a date YYYY-MM-DD", flag, text)
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

// parseSpan reads --from and --to. Both empty give an empty window; one alone
// is a usage error where both are needed.
func parseSpan(from, to string, loc *time.Location) (rules.Window, error) {
	var (
		w   rules.Window
		err error
	)
	if w.From, err = parseInstant("from", from, loc, false); err != nil {
		return w, err
	}
	if w.To, err = parseInstant("to", to, loc, true); err != nil {
		return w, err
	}
	if !w.From.IsZero() && !w.To.IsZero() && !w.From.Before(w.To) {
		return w, usageError{fmt.Errorf("--from %s is not before --to %s", from, to)}
	}
	return w, nil
}
