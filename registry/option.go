package registry

import "time"

// Option adds to a Snapshot what is not in its ledgers.
type Option func(*Snapshot)

// Version names the import that ledgers came from, so that what was judged by
// them can be traced to their rows.
type Version struct {
	ID    string    `json:"id"`    // of the import, empty if unknown
	Known time.Time `json:"known"` // from when on the rows were known
}

// WithVersion says which import the ledgers are.
func WithVersion(v Version) Option { return func(s *Snapshot) { s.version = v } }

// WithRemotes gives a source of countries and origins for addresses of which
// the ledgers know neither; nil is none.
func WithRemotes(r RemoteLookup) Option { return func(s *Snapshot) { s.remotes = r } }

// Version returns which import the ledgers are, as WithVersion said. A nil
// Snapshot is of none.
func (s *Snapshot) Version() Version {
	if s == nil {
		return Version{}
	}
	return s.version
}
