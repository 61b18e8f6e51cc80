package custom

import (
	"fmt"
	"net/netip"

	"github.com/linewarden/linewarden/registry"
)

// subject is what the ledgers say of the line or allocation a fact is about, on
// the last day of the span on which it was filed. What does not apply, or is
// not known, is empty.
type subject struct {
	Kind          string  `json:"kind" cel:"kind"`
	ID            string  `json:"id" cel:"id"`
	EnterpriseID  string  `json:"enterprise_id" cel:"enterprise_id"`
	Nature        string  `json:"nature" cel:"nature"` // of the enterprise
	Place         string  `json:"place" cel:"place"`
	Use           string  `json:"use" cel:"use"`
	Scope         string  `json:"scope" cel:"scope"`
	Technology    string  `json:"technology" cel:"technology"`
	BandwidthMbps float64 `json:"bandwidth_mbps" cel:"bandwidth_mbps"`
	ZCountry      string  `json:"z_country" cel:"z_country"`
	OrderOrigin   string  `json:"order_origin" cel:"order_origin"`
	FilingNo      string  `json:"filing_no" cel:"filing_no"`
}

// row is one row of a table.
type row interface {
	// days are those the row tells of.
	days() registry.Validity
	// packets is how many were really seen.
	packets() float64
	// volume orders rows where there are too many.
	volume() float64
	// text names the row to people.
	text() string
}

// lineDay is what a line carried on one local day.
type lineDay struct {
	Date         registry.Date `json:"date"`
	Day          string        `json:"day" cel:"day"`
	Workday      bool          `json:"workday" cel:"workday"`
	FromCustomer float64       `json:"from_customer" cel:"from_customer"` // bytes
	ToCustomer   float64       `json:"to_customer" cel:"to_customer"`     // bytes
	Networks     float64       `json:"networks" cel:"networks"`           // distinct far networks
	Samples      float64       `json:"samples" cel:"samples"`
	Unscaled     float64       `json:"unscaled" cel:"unscaled"` // bytes of unknown sampling
}

func (r lineDay) days() registry.Validity { return registry.Validity{From: r.Date, To: r.Date} }
func (r lineDay) packets() float64        { return r.Samples }
func (r lineDay) volume() float64         { return r.FromCustomer + r.ToCustomer }
func (r lineDay) text() string {
	return fmt.Sprintf("%s from_customer=%.0f to_customer=%.0f networks=%.0f", r.Day, r.FromCustomer, r.ToCustomer, r.Networks)
}

// lineNetworks is what a line carried between two networks over the span.
type lineNetworks struct {
	First        registry.Date `json:"first"`
	Last         registry.Date `json:"last"`
	Near         string        `json:"near" cel:"near"` // network on the customer's side
	Far          string        `json:"far" cel:"far"`
	FarCountry   string        `json:"far_country" cel:"far_country"` // empty if unknown
	FarKind      string        `json:"far_kind" cel:"far_kind"`       // as in networks.csv
	FromCustomer float64       `json:"from_customer" cel:"from_customer"`
	ToCustomer   float64       `json:"to_customer" cel:"to_customer"`
	DaysSeen     float64       `json:"days" cel:"days"`
	Samples      float64       `json:"samples" cel:"samples"`
	Unscaled     float64       `json:"unscaled" cel:"unscaled"`
}

func (r lineNetworks) days() registry.Validity { return registry.Validity{From: r.First, To: r.Last} }
func (r lineNetworks) packets() float64        { return r.Samples }
func (r lineNetworks) volume() float64         { return r.FromCustomer + r.ToCustomer }
func (r lineNetworks) text() string            { return r.Far }

// allocationDay is what an allocation did on one local day.
type allocationDay struct {
	Date           registry.Date `json:"date"`
	Day            string        `json:"day" cel:"day"`
	Workday        bool          `json:"workday" cel:"workday"`
	Out            float64       `json:"out" cel:"out"` // bytes from the allocation
	In             float64       `json:"in" cel:"into"` // bytes to it; in is a word of CEL
	WebOut         float64       `json:"web_out" cel:"web_out"`
	ServedNetworks float64       `json:"served_networks" cel:"served_networks"`
	ServedASNs     float64       `json:"served_asns" cel:"served_asns"`
	FilledNetworks float64       `json:"filled_networks" cel:"filled_networks"`
	FilledASNs     float64       `json:"filled_asns" cel:"filled_asns"`
	OutByHour      []float64     `json:"out_by_hour" cel:"out_by_hour"` // 24 local hours
	IntoByHour     []float64     `json:"in_by_hour" cel:"into_by_hour"`
	Samples        float64       `json:"samples" cel:"samples"`
	Unscaled       float64       `json:"unscaled" cel:"unscaled"`
}

func (r allocationDay) days() registry.Validity { return registry.Validity{From: r.Date, To: r.Date} }
func (r allocationDay) packets() float64        { return r.Samples }
func (r allocationDay) volume() float64         { return r.Out + r.In }
func (r allocationDay) text() string {
	return fmt.Sprintf("%s out=%.0f into=%.0f served_networks=%.0f served_asns=%.0f", r.Day, r.Out, r.In, r.ServedNetworks, r.ServedASNs)
}

// allocationHost is what one address of an allocation did on one local day.
type allocationHost struct {
	Date         registry.Date `json:"date"`
	Day          string        `json:"day" cel:"day"`
	Workday      bool          `json:"workday" cel:"workday"`
	Address      string        `json:"address" cel:"address"`
	Port         int64         `json:"port" cel:"port"` // it serves on; 0 is all else
	Out          float64       `json:"out" cel:"out"`
	In           float64       `json:"in" cel:"into"`
	Peers        float64       `json:"peers" cel:"peers"`
	Networks     float64       `json:"networks" cel:"networks"`         // of peers where port is not 0
	ASNs         float64       `json:"asns" cel:"asns"`                 // the same
	HoursActive  float64       `json:"hours_active" cel:"hours_active"` // local hours of 24
	Sessions     float64       `json:"sessions" cel:"sessions"`
	PeakSessions float64       `json:"peak_sessions" cel:"peak_sessions"`
	Samples      float64       `json:"samples" cel:"samples"`
}

func (r allocationHost) days() registry.Validity { return registry.Validity{From: r.Date, To: r.Date} }
func (r allocationHost) packets() float64        { return r.Samples }
func (r allocationHost) volume() float64         { return r.Out + r.In }
func (r allocationHost) text() string {
	host := r.Address
	if addr, err := netip.ParseAddr(r.Address); err == nil && r.Port > 0 {
		host = netip.AddrPortFrom(addr, uint16(r.Port)).String()
	}
	return fmt.Sprintf("%s %s out=%.0f into=%.0f peers=%.0f networks=%.0f", r.Day, host, r.Out, r.In, r.Peers, r.Networks)
}
