package enrich

import (
	"errors"
	"math"
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
)

// RouteLookup says which autonomous system originated the route to an address.
type RouteLookup interface {
	// Origin returns the origin of the best route to addr at that time, as seen
	// by the exporter where the table knows that. It must allocate nothing and
	// be safe for concurrent use.
	Origin(exporter, addr netip.Addr, at time.Time) (asn uint32, ok bool)
}

// Config says what to enrich from.
type Config struct {
	// Ledgers must be set.
	Ledgers *Ledgers
	// Routes may be nil.
	Routes RouteLookup
	// Location is where the days of the ledgers begin; nil is UTC.
	Location *time.Location
}

// Enricher fills the labels of records. It is safe for concurrent use.
type Enricher struct {
	Config
}

// New returns an enricher.
func New(c Config) (*Enricher, error) {
	if c.Ledgers == nil {
		return nil, errors.New("enrichment needs ledgers")
	}
	if c.Location == nil {
		c.Location = time.UTC
	}
	return &Enricher{c}, nil
}

// Enrich fills the labels of each record, by the ledgers of the local day on
// which the flow began. All records of one call see the same snapshot.
func (e *Enricher) Enrich(records []flows.Record) {
	days := days{snapshot: e.Ledgers.Load(), location: e.Location, from: math.MaxInt64}
	for i := range records {
		r := &records[i]
		at := eventTime(r)
		view := days.at(at)
		labels := &r.Labels
		*labels = flows.Labels{}
		line := labelLine(view, r)
		src, dst := view.Claims(r.Src), view.Claims(r.Dst)
		labels.SrcAllocation, labels.DstAllocation = prefixOf(src.Allocation), prefixOf(dst.Allocation)
		labels.SrcNet, labels.DstNet = src.Net, dst.Net
		labels.Holder = holderOf(line, labels.LineDirection, src.Allocation, dst.Allocation)
		labels.SrcOrigin = e.origin(view, src.Network, r, r.Src, r.SrcAS, at)
		labels.DstOrigin = e.origin(view, dst.Network, r, r.Dst, r.DstAS, at)
	}
}

// eventTime is when the flow began. An exporter that says nothing about time
// leaves its arrival.
func eventTime(r *flows.Record) time.Time {
	if r.Start.IsZero() {
		return r.Received
	}
	return r.Start
}

// labelLine finds the line by the interfaces. Bytes and direction are taken
// where the port counts for its line; a port that does not count still names
// the line when no other one does.
func labelLine(view *registry.View, r *flows.Record) *registry.Line {
	in, inCounts := lineOf(view.Port(r.Source.Exporter, r.InIf))
	out, outCounts := lineOf(view.Port(r.Source.Exporter, r.OutIf))
	line := in
	switch {
	case inCounts:
		r.Labels.LineDirection = flows.FromCustomer
		if outCounts && out.ID != in.ID {
			r.Labels.PeerLine = out.ID
		}
	case outCounts:
		line = out
		r.Labels.LineDirection = flows.ToCustomer
	case in == nil:
		line = out
	}
	if line != nil {
		r.Labels.Line = line.ID
	}
	return line
}

func lineOf(port *registry.Port) (line *registry.Line, counts bool) {
	if port == nil || port.Line == nil {
		return nil, false
	}
	return port.Line, port.Counts
}

// holderOf is the holder of the near end by its allocation, else of the line.
// Where no line is crossed, the source is as near as the destination.
func holderOf(line *registry.Line, direction flows.LineDirection, src, dst *registry.Allocation) string {
	switch {
	case direction == flows.FromCustomer && src != nil:
		return src.EnterpriseID
	case direction == flows.ToCustomer && dst != nil:
		return dst.EnterpriseID
	case line != nil:
		return line.EnterpriseID
	case src != nil:
		return src.EnterpriseID
	case dst != nil:
		return dst.EnterpriseID
	}
	return ""
}

// origin asks the routes, then the ledger of other people's networks, then
// takes what the exporter said, by the routes it has, and at last asks the
// databases of the snapshot.
func (e *Enricher) origin(view *registry.View, known *registry.Network, r *flows.Record, addr netip.Addr, exported uint32, at time.Time) uint32 {
	if e.Routes != nil {
		if asn, ok := e.Routes.Origin(r.Source.Exporter, addr, at); ok {
			return asn
		}
	}
	if known != nil && known.ASN != 0 {
		return known.ASN
	}
	if exported != 0 {
		return exported
	}
	return view.RemoteASN(addr)
}

func prefixOf(a *registry.Allocation) netip.Prefix {
	if a == nil {
		return netip.Prefix{}
	}
	return a.Prefix
}

// days finds the view of a moment's local day, and remembers it: the records
// of a batch are nearly always of one day, and a day is found by two
// comparisons instead of calendar arithmetic.
type days struct {
	snapshot *registry.Snapshot
	location *time.Location
	from, to int64 // Unix seconds in which view holds, to excluded
	view     *registry.View
}

func (d *days) at(t time.Time) *registry.View {
	seconds := t.Unix()
	if seconds >= d.from && seconds < d.to {
		return d.view
	}
	day := registry.DateOf(t.In(d.location))
	d.from, d.to = day.Start(d.location).Unix(), (day + 1).Start(d.location).Unix()
	d.view = d.snapshot.At(day)
	return d.view
}
