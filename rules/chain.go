package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Link is the place of an event in the log of all findings.
type Link struct {
	// Number counts the events of the log, from 1.
	Number uint64 `json:"number,omitempty"`
	// Body is the SHA-256 of the finding as it was stored with the event, in
	// hexadecimal; empty where no finding was.
	Body string `json:"body_sha256,omitempty"`
	// Previous is the Hash of the event before, empty for the first.
	Previous string `json:"previous,omitempty"`
	// Hash is the SHA-256 of the event as JSON without this field.
	Hash string `json:"hash,omitempty"`
}

// After puts an event behind the one whose link is last. Body is the finding as
// it is stored with it, or nothing.
func (e Event) After(last Link, body []byte) (Event, error) {
	e.Link = Link{Number: last.Number + 1, Previous: last.Hash}
	if len(body) > 0 {
		e.Body = BodyHash(body)
	}
	var err error
	e.Hash, err = e.sum()
	return e, err
}

// BodyHash is the hash of a finding as it is stored.
func BodyHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// sum hashes the event without its own hash.
func (e Event) sum() (string, error) {
	e.Hash = ""
	text, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("hash an event of finding %s: %w", e.Finding, err)
	}
	return BodyHash(text), nil
}

// ErrChain is the error of a log that was changed after it was written.
var ErrChain = errors.New("the log of findings was altered")

// Follows checks that an event is unchanged and stands directly behind the one
// whose link is last. A zero last takes any beginning: older events may have
// been removed after their retention.
func (e Event) Follows(last Link) error {
	sum, err := e.sum()
	switch {
	case err != nil:
		return err
	case sum != e.Hash:
		return fmt.Errorf("%w: event %d of finding %s at %s is not what was written", ErrChain, e.Number, e.Finding, e.At.UTC().Format("2006-01-02T15:04:05Z"))
	case last.Number == 0:
		return nil
	case e.Number != last.Number+1:
		return fmt.Errorf("%w: after event %d comes event %d of finding %s; what was between them is missing", ErrChain, last.Number, e.Number, e.Finding)
	case e.Previous != last.Hash:
		return fmt.Errorf("%w: event %d of finding %s does not continue event %d", ErrChain, e.Number, e.Finding, last.Number)
	}
	return nil
}
