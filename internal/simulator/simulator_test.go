package simulator

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// testZone is the carrier's time zone in tests.
func testZone() *time.Location { return time.FixedZone("CST", 8*60*60) }

// testCarrier returns a carrier whose last day is Tuesday, 2026-11-24.
func testCarrier(t testing.TB, change func(*Config)) *Carrier {
	t.Helper()
	cfg := Config{End: time.Date(2026, 11, 25, 0, 0, 0, 0, testZone()), Seed: 7, Location: testZone(), Scale: 0.1}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewRefusesWhatNoCarrierCanLiveThrough(t *testing.T) {
	midnight := time.Date(2026, 11, 25, 0, 0, 0, 0, testZone())
	for name, tc := range map[string]struct {
		cfg  Config
		want string
	}{
		"no end":            {Config{}, "end"},
		"not a midnight":    {Config{End: midnight.Add(time.Second), Location: testZone()}, "not a midnight"},
		"midnight of UTC":   {Config{End: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), Location: testZone()}, "not a midnight"},
		"too few days":      {Config{End: midnight, Days: 3, Location: testZone()}, "days is 3"},
		"too many days":     {Config{End: midnight, Days: 400, Location: testZone()}, "days is 400"},
		"negative scale":    {Config{End: midnight, Scale: -1, Location: testZone()}, "scale is -1"},
		"scale of nothing":  {Config{End: midnight, Scale: 1e-6, Location: testZone()}, "scale is 1e-06"},
		"before the notice": {Config{End: time.Date(2016, 1, 1, 0, 0, 0, 0, testZone()), Location: testZone()}, "outside 2018"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(tc.cfg)
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("New: %v, want ErrConfig with %q", err, tc.want)
			}
		})
	}
}

func TestSpanIsWholeLocalDays(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin") // 25 hours on 2026-10-25
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{End: time.Date(2026, 10, 27, 0, 0, 0, 0, zone), Location: zone})
	if err != nil {
		t.Fatal(err)
	}
	from, to := c.Span()
	if want := time.Date(2026, 10, 19, 0, 0, 0, 0, zone); !from.Equal(want) {
		t.Errorf("from %s, want %s", from, want)
	}
	if got := to.Sub(from); got != 8*24*time.Hour+time.Hour {
		t.Errorf("span of %s, want eight days and the hour of the clock change", got)
	}
}

func TestTruthAndInnocentsDoNotContradict(t *testing.T) {
	c := testCarrier(t, nil)
	type key struct{ rule, kind, id string }
	said := make(map[key]string)
	count := make(map[string]int)
	truth := c.Truth()
	for list, rows := range map[string][]TruthRow{"must": truth.Must, "may": truth.May, "innocent": c.Innocents()} {
		for _, r := range rows {
			k := key{r.Rule, r.SubjectKind, r.SubjectID}
			if other, twice := said[k]; twice {
				t.Errorf("%v is said twice: %s and %s", k, other, list)
			}
			said[k] = list
			count[list+" "+r.Rule]++
			if r.Why == "" || r.SubjectID == "" {
				t.Errorf("%s row %+v says too little", list, r)
			}
		}
	}
	for list, least := range map[string]int{
		"must licence-missing": 9, "must intl-user-file": 7, "must intl-third-party": 5,
		"may licence-missing": 1, "may intl-user-file": 1, "may intl-third-party": 1,
		"innocent licence-missing": 10, "innocent intl-user-file": 5, "innocent intl-third-party": 10,
	} {
		if count[list] < least {
			t.Errorf("%s: %d rows, want at least %d", list, count[list], least)
		}
	}
}

func TestTruthIsJSONOfTheInterface(t *testing.T) {
	raw, err := json.Marshal(testCarrier(t, nil).Truth())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string][]map[string]string
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || len(got["must"]) == 0 || len(got["may"]) == 0 {
		t.Fatalf("keys of truth are wrong: %s", raw)
	}
	for _, name := range []string{"rule", "subject_kind", "subject_id", "why"} {
		if got["must"][0][name] == "" {
			t.Errorf("first row has no %q: %v", name, got["must"][0])
		}
	}
	if got := len(got["must"][0]); got != 4 {
		t.Errorf("a row has %d keys, want 4", got)
	}
}
