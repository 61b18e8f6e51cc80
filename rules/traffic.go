package rules

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// Traffic answers the questions of the rules that need traffic. storage
// implements it; answers come from rollups and cost with lines and
// allocations, not with flows. Days are local days of loc, answers are in the
// order of their keys, and bytes are scaled by the sampling rate; flows of
// unknown sampling are in no figure but Unscaled.
type Traffic interface {
	LineTraffic
	AllocationTraffic
	AddressTraffic
	// ExporterBooks returns the account of each exporter heard in w.
	ExporterBooks(ctx context.Context, w Window) ([]ExporterBooks, error)
}

// LineTraffic answers what lines carried.
type LineTraffic interface {
	// LineNetworks yields what each line carried between networks, per day: each
	// of those that are named, or all when none is.
	LineNetworks(ctx context.Context, w Window, loc *time.Location, lines ...string) iter.Seq2[LineNetworks, error]
	// LineSources yields the same by the network on the customer's side alone,
	// which are far fewer rows.
	LineSources(ctx context.Context, w Window, loc *time.Location, lines ...string) iter.Seq2[LineSource, error]
	// LineHours yields what each line carried per hour.
	LineHours(ctx context.Context, w Window) iter.Seq2[LineHour, error]
	// LinePairs yields, for each of the lines and each day, how many address
	// pairs were active in those of its hours that are asked for. Pairs and
	// services are counted on international lines only; other lines have none.
	LinePairs(ctx context.Context, q PairsQuestion) iter.Seq2[LinePairs, error]
	// LineServices yields the addresses in server role on the lines, per day.
	LineServices(ctx context.Context, q ServicesQuestion) iter.Seq2[LineService, error]
}

// AllocationTraffic answers what allocations did. Each day of an allocation is
// told from one side: from customer interfaces where they saw it, else from peer,
// transit and international ones, else from all others, so that flows crossing
// several exporters count once.
type AllocationTraffic interface {
	// Allocations yields the totals of each allocation, per day.
	Allocations(ctx context.Context, w Window, loc *time.Location) iter.Seq2[AllocationDay, error]
	// AllocationTotals yields the same without the counts of networks and origins,
	// which are most of the work.
	AllocationTotals(ctx context.Context, w Window, loc *time.Location) iter.Seq2[AllocationDay, error]
	// AllocationsWithin yields what Allocations does of some of them.
	AllocationsWithin(ctx context.Context, w Window, loc *time.Location, within []AllocationID) iter.Seq2[AllocationDay, error]
	// AllocationSources yields from which remote networks the allocations took,
	// as clients, per day.
	AllocationSources(ctx context.Context, w Window, loc *time.Location, within []AllocationID) iter.Seq2[AllocationSource, error]
	// AllocationEntries yields where the bytes sourced from each allocation
	// entered the carrier, per day.
	AllocationEntries(ctx context.Context, w Window, loc *time.Location) iter.Seq2[AllocationEntry, error]
}

// AddressTraffic answers what single addresses of allocations did, from the same
// side. Of subscriber pools it tells nothing.
type AddressTraffic interface {
	// AllocationHosts yields what single addresses of the allocations did, per
	// day: one row for each service port and one for all else.
	AllocationHosts(ctx context.Context, q AddressQuestion) iter.Seq2[AllocationHost, error]
	// AllocationContacts yields what addresses exchanged with remote networks by
	// tunnels and DNS, per day.
	AllocationContacts(ctx context.Context, q ContactQuestion) iter.Seq2[AllocationContact, error]
}

// PairsQuestion asks for the active address pairs of lines.
type PairsQuestion struct {
	Window   Window
	Location *time.Location
	Lines    []string
	// Hours are the UTC hours that count, by their beginning.
	Hours []time.Time
}

// ServicesQuestion asks for the addresses in server role on lines. What it says
// of the least is how an answer stays small on a day of many flows.
type ServicesQuestion struct {
	Window   Window
	Location *time.Location
	Lines    []string
	// LeastPeers is how many addresses must have used an address and port on a
	// day, and LeastNetworks how many networks the address on all its ports and
	// days.
	LeastPeers, LeastNetworks uint64
}

// AddressQuestion asks what addresses of allocations did.
type AddressQuestion struct {
	Window   Window
	Location *time.Location
	Within   []AllocationID
	// Addresses are those that are asked about: all when there is none.
	Addresses []netip.Addr
}

// Addresses asks about all addresses of allocations in the span.
func (in *Inputs) Addresses(within []AllocationID) AddressQuestion {
	return AddressQuestion{Window: in.Span.Window(), Location: in.Span.Location, Within: within}
}

// ContactQuestion asks what addresses exchanged with remote networks.
type ContactQuestion struct {
	AddressQuestion
	// Kinds are those that are asked for: all when there is none.
	Kinds []ContactKind
	// LeastBytes is how many bytes an address must have exchanged by contacts of
	// these kinds on some day, in both directions together, to be told of.
	LeastBytes uint64
	// LeastNetworks is likewise with how many networks it must have exchanged: in
	// both directions, or answers, which have one alone.
	LeastNetworks uint64
}

// LineHour is what a line carried in one UTC hour.
type LineHour struct {
	Line                     string
	Hour                     time.Time
	FromCustomer, ToCustomer uint64 // bytes
	// PeakFromCustomer is the largest rate of a minute and P95FromCustomer the
	// 95th percentile of the minutes of the hour, in bits per second, with the
	// bytes of a flow spread evenly over its duration; To likewise.
	PeakFromCustomer, P95FromCustomer uint64
	PeakToCustomer, P95ToCustomer     uint64
	Samples                           uint64
}

// LinePairs is how many address pairs of a line were active on a day.
type LinePairs struct {
	Line  string
	Day   registry.Date
	Pairs uint64
}
