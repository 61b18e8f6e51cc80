// Package mmdb reads databases of the MaxMind DB format (version 2.0 of its
// specification): the country and the origin of addresses of which ledgers and
// routes know neither. Any vendor's file will do; country.iso_code (or
// registered_country.iso_code) and autonomous_system_number, or asn, are taken,
// all else is left alone.
//
// It implements registry.RemoteLookup. It imports registry and the reader of
// the format; only cmd may import it.
package mmdb
