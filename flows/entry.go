package flows

import "time"

// Entry is what the books say of one source in one minute. Entries
// of the same source and minute are added together, wherever they are kept:
// a minute may come in several of them.
type Entry struct {
	Source Source
	// Minute is the start of the minute, in UTC.
	Minute time.Time
	Count  Count
}
