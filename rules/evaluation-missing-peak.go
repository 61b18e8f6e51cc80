package rules

import (
	"context"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// DeliveryPeak is what a holder's cdn allocations gave over a span, past the
// days of grace of each.
type DeliveryPeak struct {
	Days          []PeakDay `json:"days"`
	UnscaledBytes uint64    `json:"unscaled_bytes"`
	Completeness  float64   `json:"completeness"`
	Exporters     []string  `json:"exporters"`
}

// PeakDay is one local day of all of a holder's cdn allocations together.
type PeakDay struct {
	Day     registry.Date `json:"day"`
	Hour    int           `json:"hour"`    // local, of the largest mean
	Mbps    float64       `json:"mbps"`    // mean of that hour, from the customer
	Samples uint64        `json:"samples"` // of the day
	OfHour  uint64        `json:"of_hour"` // samples of that hour, by its share of the bytes
	Bytes   uint64        `json:"bytes"`   // of the day, from the customer
	Places  []string      `json:"places"`  // of the allocations
	Blocks  []string      `json:"blocks"`  // the allocations
	Unknown bool          `json:"unknown"` // an allocation has no place
}

// measureEvaluation adds what was measured of content delivery to what the
// ledgers say.
func measureEvaluation(ctx context.Context, in Inputs, p Params) iter.Seq2[EvaluationFact, error] {
	return allocationFacts(func() ([]EvaluationFact, error) {
		facts := evaluationFacts(in.Ledgers, in.Span.Days)
		peaks, err := readPeaks(ctx, in, p)
		if err != nil {
			return nil, err
		}
		for i := range facts {
			facts[i].Delivery = peaks[facts[i].Subject.ID]
			delete(peaks, facts[i].Subject.ID)
		}
		for id, peak := range peaks {
			f := newEvaluationFact(in.Ledgers.At(in.Span.Days.To), id, in.Span.Days)
			f.Delivery = peak
			facts = append(facts, *f)
		}
		return facts, nil
	})
}

// deliverySite is a cdn allocation of a holder in one of its rows.
type deliverySite struct {
	holder  string
	place   registry.Place
	valid   registry.Validity
	started registry.Date
}

// deliverySites returns the cdn allocations of holders that were evaluated for
// B12 at all: without an evaluation there is nothing to compare with.
func deliverySites(in Inputs) map[AllocationID][]deliverySite {
	v := in.Ledgers.At(in.Span.Days.To)
	out := make(map[AllocationID][]deliverySite)
	uses := usesOf(in.Ledgers.Ledgers(), func(enterprise string) bool {
		return enterprise != "" && !v.IsCarrier(enterprise) &&
			slices.ContainsFunc(v.Evaluations(enterprise), func(e *registry.Evaluation) bool { return e.Service == "B12" })
	})
	for key, rows := range uses {
		if key.service != "B12" {
			continue
		}
		started := make(map[string][]registry.Validity)
		for _, u := range rows {
			started[u.ID] = append(started[u.ID], u.Valid)
		}
		for _, u := range rows {
			id, err := netip.ParsePrefix(u.ID)
			if u.Kind != SubjectAllocation || err != nil || !u.Valid.Overlaps(in.Span.Days) {
				continue
			}
			out[id] = append(out[id], deliverySite{key.enterprise, u.Place, u.Valid, joined(u.Valid.From, started[u.ID], 1)})
		}
	}
	return out
}

// readPeaks measures the hours of the cdn allocations, by holder.
func readPeaks(ctx context.Context, in Inputs, p Params) (map[string]*DeliveryPeak, error) {
	if in.Traffic == nil {
		return nil, nil
	}
	sites := deliverySites(in)
	if len(sites) == 0 {
		return nil, nil
	}
	list, err := in.Traffic.ExporterBooks(ctx, in.Span.Window())
	if err != nil {
		return nil, fmt.Errorf("read exporter books: %w", err)
	}
	found := make(map[string]*holderHours)
	for row, err := range in.Traffic.AllocationTotals(ctx, in.Span.Window(), in.Span.Location) {
		if err != nil {
			return nil, fmt.Errorf("read allocations: %w", err)
		}
		for _, site := range sites[row.Allocation] {
			if !site.valid.Contains(row.Day) || float64(row.Day-site.started) <= p["grace_days"] {
				continue
			}
			h := found[site.holder]
			if h == nil {
				h = &holderHours{days: make(map[registry.Date]*dayHours)}
				found[site.holder] = h
			}
			h.add(&row, site.place)
		}
	}
	books := newAllocationBooks(list)
	out := make(map[string]*DeliveryPeak, len(found))
	for id, h := range found {
		peak := &DeliveryPeak{UnscaledBytes: h.unscaled}
		for _, day := range sortedDays(h.days) {
			peak.Days = append(peak.Days, h.days[day].largest())
		}
		peak.Exporters, peak.Completeness = books.completeness(h.exporters)
		out[id] = peak
	}
	return out, nil
}

// holderHours adds up the hours of a holder's cdn allocations.
type holderHours struct {
	days      map[registry.Date]*dayHours
	exporters []netip.Addr
	unscaled  uint64
}

// dayHours is one day of them.
type dayHours struct {
	day   PeakDay
	hours [24]uint64 // bytes from the customer
	all   uint64     // bytes of both directions
}

func (h *holderHours) add(row *AllocationDay, place registry.Place) {
	h.unscaled += row.Unscaled
	h.exporters = addNew(h.exporters, row.Exporters)
	d := h.days[row.Day]
	if d == nil {
		d = &dayHours{day: PeakDay{Day: row.Day}}
		h.days[row.Day] = d
	}
	for hour, bytes := range row.OutByHour {
		d.hours[hour] += bytes
	}
	d.all += row.Out + row.In
	d.day.Bytes += row.Out
	d.day.Samples += row.Samples
	d.day.Unknown = d.day.Unknown || place == ""
	d.day.Places = addNew(d.day.Places, []string{string(place)})
	d.day.Blocks = append(d.day.Blocks, row.Allocation.String())
}

// largest finds the largest hour.
func (d *dayHours) largest() PeakDay {
	out := d.day
	for hour, bytes := range d.hours {
		if bytes > d.hours[out.Hour] {
			out.Hour = hour
		}
	}
	out.Mbps = float64(d.hours[out.Hour]) * 8 / 3600 / 1e6
	out.OfHour = uint64(float64(out.Samples) * float64(d.hours[out.Hour]) / float64(max(1, d.all)))
	slices.Sort(out.Places)
	slices.Sort(out.Blocks)
	out.Blocks = firstOf(out.Blocks, 20)
	return out
}

// capacity returns the evaluated bandwidth for the places of a day: the largest
// of each place that was evaluated, added up. known is not set where an
// evaluation does not say.
func (f *EvaluationFact) capacity(d *PeakDay) (mbps float64, known, evaluated bool) {
	largest := make(map[registry.Place]float64)
	known = true
	for i := range f.Evaluations {
		e := &f.Evaluations[i]
		if e.Service != "B12" || e.PassedOn > d.Day || !concerns(e, d) {
			continue
		}
		known = known && e.CapacityMbps > 0
		evaluated = true
		largest[coarse(e.Place)] = max(largest[coarse(e.Place)], e.CapacityMbps)
	}
	for _, c := range largest {
		mbps += c
	}
	return mbps, known, evaluated
}

// concerns reports whether an evaluation is about a place of the day; where
// either does not say it may be.
func concerns(e *registry.Evaluation, d *PeakDay) bool {
	return e.Place == "" || d.Unknown || slices.ContainsFunc(d.Places, func(p string) bool {
		return within(registry.Place(p), e.Place) || within(e.Place, registry.Place(p))
	})
}

// peakOver is what exceeded the evaluated bandwidth.
type peakOver struct {
	h        held
	day      *PeakDay // the largest
	capacity float64
	excess   float64 // of the largest, as a share of the capacity
}

// lowerEnd is the lower end of the 95 % interval of a rate from so many samples.
func lowerEnd(mbps float64, samples uint64) float64 {
	return mbps * (1 - min(1, 1.96/math.Sqrt(float64(max(1, samples)))))
}

// judgePeak compares the largest hour of each day with what was evaluated.
func (f *EvaluationFact) judgePeak(p Params) (over peakOver, reason string) {
	if f.Delivery == nil {
		return over, ""
	}
	compared := false
	for i := range f.Delivery.Days {
		d := &f.Delivery.Days[i]
		capacity, known, evaluated := f.capacity(d)
		compared = compared || evaluated
		if !evaluated || d.Mbps <= capacity {
			continue
		}
		if why := d.unsure(capacity, known, p); why != "" {
			reason = why
			continue
		}
		over.add(d, capacity)
	}
	switch {
	case compared && f.Delivery.Completeness < p["min_completeness"]:
		return peakOver{}, "low_completeness"
	case compared && f.Delivery.UnscaledBytes > f.Delivery.bytes():
		return peakOver{}, "sampling_unknown"
	case over.day != nil:
		return over, ""
	}
	return over, reason
}

// unsure says why an hour above the capacity proves nothing, or nothing. Even
// the lower end of its interval must be above: of many hours, some always are
// by chance.
func (d *PeakDay) unsure(capacity float64, known bool, p Params) string {
	switch {
	case !known:
		return "capacity_unknown"
	case float64(d.Samples) < p["min_samples"], float64(d.OfHour) < p["min_peak_samples"], lowerEnd(d.Mbps, d.OfHour) <= capacity:
		return "low_samples"
	}
	return ""
}

func (o *peakOver) add(d *PeakDay, capacity float64) {
	o.h.add(d.Day, d.Day)
	if o.day == nil || d.Mbps/capacity > o.excess {
		o.day, o.capacity, o.excess = d, capacity, d.Mbps/capacity
	}
}

func (d *DeliveryPeak) bytes() (sum uint64) {
	for i := range d.Days {
		sum += d.Days[i].Bytes
	}
	return sum
}

// explainPeak lays the figures of the peak over a judgement, which may already
// speak of places.
func (f *EvaluationFact) explainPeak(j *Judgement, over *peakOver) {
	d := over.day
	spread := d.Mbps / math.Sqrt(float64(max(1, d.OfHour)))
	confidence := round(0.5*(1+math.Erf((d.Mbps-over.capacity)/spread/math.Sqrt2))*min(1, f.Delivery.Completeness), 4)
	if j.Facts == nil {
		j.Facts = FactSet{}
		j.Confidence = confidence
	}
	j.Completeness = round(f.Delivery.Completeness, 4)
	j.Facts["peak_mbps"], j.Facts["evaluated_mbps"] = round(d.Mbps, 2), round(over.capacity, 2)
	j.Facts["peak_half_width_mbps"] = round(d.Mbps-lowerEnd(d.Mbps, d.OfHour), 2)
	j.Facts["peak_day"], j.Facts["peak_hour"] = d.Day.String(), d.Hour
	j.Facts["peak_samples"], j.Facts["days_above"], j.Facts["cdn_allocations"] = d.OfHour, over.h.days, d.Blocks
	j.Explanation.ZH += fmt.Sprintf("单位“%s”的 cdn 地址段在 %s %d 时的小时平均流出为 %.1f Mbit/s（±%.1f，该小时约 %d 个采样包），高于已评测的 %.1f Mbit/s，共 %d 天超出。补登增加带宽的评测记录或降低带宽后即可消除。请人工核实。",
		f.Subject.Name, d.Day, d.Hour, d.Mbps, d.Mbps-lowerEnd(d.Mbps, d.OfHour), d.OfHour, over.capacity, over.h.days)
	if j.Explanation.EN != "" {
		j.Explanation.EN += " "
	}
	j.Explanation.EN += fmt.Sprintf("On %s in the hour from %d:00 the cdn allocations of %s gave a mean of %.1f Mbit/s (±%.1f, about %d sampled packets in the hour), more than the evaluated %.1f Mbit/s; that was so on %d days. Filing the evaluation of the larger bandwidth or a lower bandwidth clears this. For a person to review.",
		d.Day, d.Hour, f.Subject.Name, d.Mbps, d.Mbps-lowerEnd(d.Mbps, d.OfHour), d.OfHour, over.capacity, over.h.days)
	for _, b := range firstOf(d.Blocks, 10) {
		j.Evidence = append(j.Evidence, Evidence{Kind: "traffic", Title: "hours of " + b, Ref: "allocations/" + b})
	}
	for _, e := range f.Delivery.Exporters {
		j.Evidence = append(j.Evidence, Evidence{Kind: "completeness", Title: "books of exporter " + e, Ref: "flow_books/" + e})
	}
	j.Benign = append(j.Benign,
		BenignTest{"sampling_error", Text{
			ZH: fmt.Sprintf("按采样误差取下限 %.1f Mbit/s 仍高于评测带宽", lowerEnd(d.Mbps, d.OfHour)),
			EN: fmt.Sprintf("the lower end of the interval, %.1f Mbit/s, is above it too", lowerEnd(d.Mbps, d.OfHour)),
		}},
		BenignTest{"several_evaluations", Text{ZH: "同地同业务取最大的评测带宽，各地相加", EN: "the largest capacity of each place counts, and places add up"}},
	)
}
