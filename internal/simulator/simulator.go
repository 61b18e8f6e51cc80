package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Config says which span a carrier lives through.
type Config struct {
	// End is the end of the last day: a midnight in Location.
	End time.Time
	// Days is the number of local days before End, 8 if zero.
	Days int
	// Seed decides everything that is random.
	Seed uint64
	// Location is the carrier's time zone, UTC+8 if nil.
	Location *time.Location
	// Scale multiplies the number of flow records, not the bytes they stand
	// for, except for sFlow, where a record is a packet; 1 if zero.
	Scale float64
}

// The limits of a Config.
const (
	defaultDays = 8
	minDays     = 4 // the three-day violator and the burst need room
	maxDays     = 31
)

// ErrConfig is returned for a Config no carrier can live through.
var ErrConfig = errors.New("invalid simulator configuration")

// Carrier is a simulated carrier: its cast, its ledgers and its traffic. It is
// immutable; Feed may be called again and sends the same.
type Carrier struct {
	cfg       Config
	days      []time.Time // local midnights, the last one is the end
	routers   []router
	lines     []line
	sessions  []*session
	ledgers   []ledger
	truth     Truth
	innocents []TruthRow
}

// Truth is what an audit of the carrier has to find.
type Truth struct {
	// Must lists findings whose absence is a miss.
	Must []TruthRow `json:"must"`
	// May lists borderline cases: neither finding nor silence is wrong.
	May []TruthRow `json:"may"`
}

// TruthRow says what is known about one rule and one subject.
type TruthRow struct {
	Rule        string `json:"rule"`
	SubjectKind string `json:"subject_kind"` // line, allocation, prefix, …
	SubjectID   string `json:"subject_id"`
	Why         string `json:"why"`
}

// New returns the carrier of a configuration. It opens and writes nothing.
func New(cfg Config) (*Carrier, error) {
	if cfg.Days == 0 {
		cfg.Days = defaultDays
	}
	if cfg.Scale == 0 {
		cfg.Scale = 1
	}
	if cfg.Location == nil {
		cfg.Location = time.FixedZone("UTC+8", 8*60*60)
	}
	days, err := cfg.midnights()
	if err != nil {
		return nil, err
	}
	c := &Carrier{cfg: cfg, days: days}
	c.assemble()
	return c, nil
}

// midnights checks the configuration and returns the borders of its days.
func (cfg Config) midnights() ([]time.Time, error) {
	end := cfg.End.In(cfg.Location)
	year, month, day := end.Date()
	switch {
	case cfg.Days < minDays || cfg.Days > maxDays:
		return nil, fmt.Errorf("%w: days is %d, allowed are %d to %d", ErrConfig, cfg.Days, minDays, maxDays)
	case cfg.Scale < 0.001 || cfg.Scale > 100:
		return nil, fmt.Errorf("%w: scale is %g, allowed is 0.001 to 100", ErrConfig, cfg.Scale)
	case !end.Equal(time.Date(year, month, day, 0, 0, 0, 0, cfg.Location)):
		return nil, fmt.Errorf("%w: end %s is not a midnight in %s", ErrConfig, end.Format(time.RFC3339Nano), cfg.Location)
	case year < 2018 || year > 2100:
		return nil, fmt.Errorf("%w: end %s is outside 2018 to 2100", ErrConfig, end.Format(time.DateOnly))
	}
	days := make([]time.Time, cfg.Days+1)
	for i := range days {
		days[i] = time.Date(year, month, day-cfg.Days+i, 0, 0, 0, 0, cfg.Location)
	}
	return days, nil
}

// Span returns the first instant of event time and the first one after it.
func (c *Carrier) Span() (from, to time.Time) {
	return c.days[0], c.days[len(c.days)-1]
}

// Truth returns what an audit over the whole span has to find, ordered by rule
// and subject.
func (c *Carrier) Truth() Truth {
	return Truth{Must: sortRows(c.truth.Must), May: sortRows(c.truth.May)}
}

// Innocents returns near misses: subjects that look like violators to a
// careless rule, each with the reason why that rule must stay silent.
func (c *Carrier) Innocents() []TruthRow { return sortRows(c.innocents) }

func sortRows(rows []TruthRow) []TruthRow {
	out := slices.Clone(rows)
	if out == nil {
		out = []TruthRow{} // an empty list in JSON, not null
	}
	slices.SortFunc(out, func(a, b TruthRow) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.SubjectKind, b.SubjectKind), cmp.Compare(a.SubjectID, b.SubjectID))
	})
	return out
}
