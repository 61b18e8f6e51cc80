package evidence

import (
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

// custody checks the history of the case: each event has its own hash from the
// log of the carrier, which whoever has the key of a package cannot make for
// other words without a gap to the rest of that log. What lies between the events
// of one finding is in no package.
func (v *Verdict) custody(o *signed.Opened) {
	text, err := o.Read(eventsName)
	if errors.Is(err, fs.ErrNotExist) {
		return // it is named as missing
	}
	var events []rules.Event
	if err == nil {
		err = json.Unmarshal(text, &events)
	}
	if err != nil {
		v.blame("%s cannot be read: %v", eventsName, err)
		return
	}
	var last uint64
	for _, e := range events {
		if e.Number == 0 {
			continue // from before the log was a chain
		}
		if err := e.Follows(rules.Link{}); err != nil {
			v.blame("%s: %v", eventsName, err)
		}
		switch {
		case e.Finding != v.Manifest.Finding:
			v.blame("%s: event %d is about finding %s", eventsName, e.Number, e.Finding)
		case e.Number <= last:
			v.blame("%s: event %d comes after event %d", eventsName, e.Number, last)
		}
		last = e.Number
	}
	if end := LastLink(events); end != v.Manifest.Log {
		v.blame("%s ends with event %d, and %s says that it ends with event %d", eventsName, end.Number, signed.ManifestName, v.Manifest.Log.Number)
	}
}
