package rules

import (
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// TestOfficeZonesAreRead reads the zone of every country: a name that is not in
// the database would leave the country without office hours.
func TestOfficeZonesAreRead(t *testing.T) {
	if len(officeZones) != 249 { // the entries of ISO 3166-1
		t.Errorf("%d countries", len(officeZones))
	}
	o := newOffices(nil)
	for country, name := range officeZones {
		if _, err := time.LoadLocation(name); err != nil {
			t.Errorf("%s: %v", country, err)
		}
		if len(country) != 2 || !o.known(country) {
			t.Errorf("%s has no hours", country)
		}
	}
	for _, country := range []string{"", "XX", "cn"} {
		if o.known(country) || officeHours(nil, country, time.Date(2026, 2, 25, 4, 0, 0, 0, time.UTC)) {
			t.Errorf("%q has office hours", country)
		}
	}
}

func TestOfficeHours(t *testing.T) {
	tests := []struct {
		country, hour string
		want          bool
	}{
		// Wednesday, 2026-02-25, and the mainland at +08:00.
		{"CN", "2026-02-24T22:00:00Z", false}, // 06-07
		{"CN", "2026-02-24T23:00:00Z", true},  // 07-08
		{"CN", "2026-02-25T13:00:00Z", true},  // 21-22
		{"CN", "2026-02-25T14:00:00Z", false}, // 22-23
		{"CN", "2026-03-01T04:00:00Z", false}, // Sunday
		{"CN", "2026-03-06T23:00:00Z", false}, // Saturday 07:00 there, Friday here
		{"CN", "2026-02-28T04:00:00Z", true},  // a Saturday made up for the Spring Festival
		{"CN", "2026-10-01T04:00:00Z", false}, // National Day, a Thursday
		// New York goes from -05:00 to -04:00 on 2026-03-08.
		{"US", "2026-03-06T11:00:00Z", false}, // 06-07
		{"US", "2026-03-06T12:00:00Z", true},
		{"US", "2026-03-07T02:00:00Z", true}, // Friday, 21-22
		{"US", "2026-03-07T03:00:00Z", false},
		{"US", "2026-03-09T10:00:00Z", false},
		{"US", "2026-03-09T11:00:00Z", true}, // 07-08, in summer time
		{"US", "2026-03-10T02:00:00Z", false},
		// India at +05:30: the hour of 06:30 and that of 21:30 count.
		{"IN", "2026-02-25T00:00:00Z", false},
		{"IN", "2026-02-25T01:00:00Z", true},
		{"IN", "2026-02-25T16:00:00Z", true},
		{"IN", "2026-02-25T17:00:00Z", false},
		// Abroad nobody keeps the mainland's calendar.
		{"HK", "2026-02-25T04:00:00Z", true},
		{"HK", "2026-02-28T04:00:00Z", false},
		{"SG", "2026-10-01T04:00:00Z", true},
	}
	for _, tt := range tests {
		hour, err := time.Parse(time.RFC3339, tt.hour)
		if err != nil {
			t.Fatal(err)
		}
		if got := officeHours(nil, tt.country, hour); got != tt.want {
			t.Errorf("%s at %s: %v", tt.country, tt.hour, got)
		}
	}
}

func TestRestDays(t *testing.T) {
	o := newOffices(nil)
	saturday := registry.NewDate(2026, 2, 28)
	for d, want := range map[registry.Date]bool{saturday - 1: false, saturday: true, saturday + 1: true, saturday + 2: false} {
		if o.restDay("US", d) != want || o.workday("US", d) == want {
			t.Errorf("%s abroad: rest %v", d, !want)
		}
		if o.restDay("CN", d) == o.calendar.Workday(d) {
			t.Errorf("%s in the mainland is not by the calendar", d)
		}
	}
}

func TestCountryOfPlace(t *testing.T) {
	for place, want := range map[registry.Place]string{"11": "CN", "440300": "CN", "81": "HK", "820000": "MO", "71": "TW", "": "CN"} {
		if got := countryOf(place); got != want {
			t.Errorf("%q is in %s", place, got)
		}
	}
}
