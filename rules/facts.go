package rules

import (
	"net/netip"

	"github.com/linewarden/linewarden/registry"
)

// LineNetworks is what one line carried between one pair of networks on one
// local day. Networks are the most specific ledger prefixes that cover the
// addresses, or their /24 or /48 where none does, as they were at ingest.
type LineNetworks struct {
	Line string
	Day  registry.Date
	// Near is the network on the customer's side of the interface, Far the
	// other one.
	Near, Far netip.Prefix
	// FromCustomer and ToCustomer are bytes scaled by the sampling rate.
	FromCustomer, ToCustomer uint64
	// Samples is the number of packets that were really seen.
	Samples uint64
	// Unscaled is the number of exported bytes whose sampling rate is not
	// known; they are in no other figure.
	Unscaled uint64
}

// ExporterBooks is the account of one exporter over a span.
type ExporterBooks struct {
	Exporter netip.Addr
	// Received, Stored and Missed count records; Missed is what the sequence
	// numbers say never arrived.
	Received, Stored, Missed uint64
	// Minutes is the number of minutes in which something arrived.
	Minutes uint64
}

// Completeness is the share of the expected records that were stored, between
// 0 and 1; an exporter that was never heard has completeness 0.
func (b ExporterBooks) Completeness() float64 {
	expected := b.Received + b.Missed
	if expected == 0 {
		return 0
	}
	return min(1, float64(b.Stored)/float64(expected))
}
