package rules

import (
	"time"

	// Zones must be the same on every machine, also on one without a zone
	// database of its own: a verdict is re-derived elsewhere.
	_ "time/tzdata"

	"github.com/linewarden/linewarden/registry"
)

// Offices are open in the hours that begin or end within these local hours.
const (
	officeOpens  = 7
	officeCloses = 22
)

// offices tells when people work in the offices of a country. It keeps the
// zones it has read, so it is for one goroutine.
type offices struct {
	calendar *registry.Calendar
	zones    map[string]*time.Location // by country, nil where none is known
}

// newOffices returns the offices of the world; nil is the calendar that ships.
func newOffices(cal *registry.Calendar) *offices {
	return &offices{calendar: cal, zones: make(map[string]*time.Location)}
}

// officeHours reports whether the UTC hour that begins at hour lies, in part at
// least, within 07:00-22:00 local time of a working day in a country (ISO 3166-1
// alpha-2). Who asks often keeps the offices.
func officeHours(cal *registry.Calendar, country string, hour time.Time) bool {
	return newOffices(cal).open(country, hour)
}

// open is officeHours. A country that is not known is never open.
func (o *offices) open(country string, hour time.Time) bool {
	zone := o.zone(country)
	if zone == nil {
		return false
	}
	begin := hour.In(zone)
	// Half-hour zones cut the office day inside an hour; the doubt is the
	// holder's.
	minutes := begin.Hour()*60 + begin.Minute()
	if minutes+60 <= officeOpens*60 || minutes >= officeCloses*60 {
		return false
	}
	return o.workday(country, registry.DateOf(begin))
}

// workday reports whether people work on a local day there: in the mainland by
// the calendar of holidays and make-up days, abroad from Monday to Friday. Hong
// Kong, Macao and Taiwan are abroad.
func (o *offices) workday(country string, day registry.Date) bool {
	if country == mainland {
		return o.calendar.Workday(day)
	}
	weekday := day.Start(time.UTC).Weekday()
	return weekday != time.Saturday && weekday != time.Sunday
}

// restDay reports whether people do not work on a local day of the country.
func (o *offices) restDay(country string, day registry.Date) bool { return !o.workday(country, day) }

// known reports whether the hours of that country can be told.
func (o *offices) known(country string) bool { return o.zone(country) != nil }

// zone returns the most populous time zone of a country, or nil.
func (o *offices) zone(country string) *time.Location {
	zone, ok := o.zones[country]
	if !ok {
		if name := officeZones[country]; name != "" {
			zone, _ = time.LoadLocation(name) // a test reads every zone of the table
		}
		o.zones[country] = zone
	}
	return zone
}

// mainland is the country whose working days the calendar tells.
const mainland = "CN"

// countryOf returns the country of a place of the ledgers: GB/T 2260 has codes
// for Hong Kong, Macao and Taiwan, which are not the mainland.
func countryOf(p registry.Place) string {
	switch p.Province() {
	case "81":
		return "HK"
	case "82":
		return "MO"
	case "71":
		return "TW"
	}
	return mainland
}
