package rules

import (
	"time"

	"github.com/linewarden/linewarden/registry"
)

// OfficeHours are the local hours of a working day that rules take for office
// time: from the first, up to the second.
func OfficeHours() (opens, closes int) { return officeOpens, officeCloses }

// OfficeZone returns the most populous time zone of a country (ISO 3166-1
// alpha-2), or nil where none is known, as rules about office hours take it.
func OfficeZone(country string) *time.Location { return newOffices(nil).zone(country) }

// OfficeWorkday reports whether people work on a local day in a country, as rules
// about office hours take it.
func OfficeWorkday(country string, day registry.Date) bool {
	return newOffices(nil).workday(country, day)
}

// CountryOf returns the country of a place of the ledgers.
func CountryOf(p registry.Place) string { return countryOf(p) }

// ServicesFor returns the codes of the services that a use of a resource takes a
// licence for, none for uses that take none.
func ServicesFor(use string, cloud registry.Tri) []string { return servicesFor(use, cloud) }
