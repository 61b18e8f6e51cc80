package rules

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// lineCountries are where the two ends of a line are.
type lineCountries struct{ near, far string }

func countriesOf(row *registry.Line) lineCountries {
	return lineCountries{countryOf(row.APlace), row.ZCountry}
}

// outside reports whether people work at neither end in the UTC hour.
func (c lineCountries) outside(o *offices, hour time.Time) bool {
	return !o.open(c.near, hour) && !o.open(c.far, hour)
}

// restAt reports whether a day is one of rest at both ends.
func (c lineCountries) restAt(o *offices, day registry.Date) bool {
	return o.restDay(c.near, day) && (!o.known(c.far) || o.restDay(c.far, day))
}

// officeLines folds the hours of international lines into one fact each.
type officeLines struct {
	lines   *lineTable
	offices *offices
	days    map[string]map[registry.Date]*OfficeDay
}

func measureNonOffice(ctx context.Context, in Inputs, _ Params) iter.Seq2[NonOfficeFact, error] {
	return func(yield func(NonOfficeFact, error) bool) {
		lines, err := newLineTable(ctx, in, "international")
		if err != nil {
			yield(NonOfficeFact{}, err)
			return
		}
		o := &officeLines{lines: lines, offices: newOffices(in.Calendar), days: make(map[string]map[registry.Date]*OfficeDay)}
		// What carries a sampling rate and what does not is told by networks.
		err = lines.eachUsage(ctx, func(*LineFact, *registry.Line, *LineNetworks) {})
		if err == nil {
			err = o.addHours(ctx)
		}
		if err == nil {
			err = o.addPairs(ctx)
		}
		if err != nil {
			yield(NonOfficeFact{}, err)
			return
		}
		for _, id := range lines.order {
			if !yield(NonOfficeFact{LineFact: *lines.facts[id], Days: o.sorted(id)}, nil) {
				return
			}
		}
	}
}

// addHours reads what the lines carried, and sorts it by the hours of both
// ends. Days are local days of the near end.
func (o *officeLines) addHours(ctx context.Context) error {
	for h, err := range o.lines.in.Traffic.LineHours(ctx, o.lines.in.Span.Window()) {
		if err != nil {
			return fmt.Errorf("read line hours: %w", err)
		}
		row, day := o.rowAt(h.Line, h.Hour)
		if row == nil || h.Samples == 0 {
			continue
		}
		d := o.day(h.Line, row, day)
		bytes := h.FromCustomer + h.ToCustomer
		d.Bytes += bytes
		d.Samples += h.Samples
		if countriesOf(row).outside(o.offices, h.Hour) {
			d.OutsideBytes += bytes
			d.OutsideSamples += h.Samples
		}
	}
	return nil
}

// rowAt returns the row of a line at an hour and the local day of its near end,
// or nil where the rule has nothing to ask: the carrier's own lines.
func (o *officeLines) rowAt(line string, hour time.Time) (*registry.Line, registry.Date) {
	rows := o.lines.rows[line]
	for i := range rows {
		row := &rows[i]
		day := registry.DateOf(hour.In(o.offices.zone(countryOf(row.APlace))))
		if row.Valid.Contains(day) && !o.lines.in.Ledgers.At(day).IsCarrier(row.EnterpriseID) {
			return row, day
		}
	}
	return nil, 0
}

func (o *officeLines) day(line string, row *registry.Line, day registry.Date) *OfficeDay {
	days := o.days[line]
	if days == nil {
		days = make(map[registry.Date]*OfficeDay)
		o.days[line] = days
	}
	d := days[day]
	if d == nil {
		c := countriesOf(row)
		d = &OfficeDay{Day: day, Holder: row.EnterpriseID, Near: c.near, Far: c.far, FarKnown: o.offices.known(c.far), Rest: c.restAt(o.offices, day)}
		days[day] = d
	}
	return d
}

// addPairs asks how many address pairs were active outside the office hours of
// both ends, one question for the lines between the same two countries.
func (o *officeLines) addPairs(ctx context.Context) error {
	groups := make(map[lineCountries][]string)
	for _, id := range o.lines.order {
		for i := range o.lines.rows[id] {
			c := countriesOf(&o.lines.rows[id][i])
			if len(o.days[id]) > 0 && !slices.Contains(groups[c], id) {
				groups[c] = append(groups[c], id)
			}
		}
	}
	order := make([]lineCountries, 0, len(groups))
	for c := range groups {
		order = append(order, c)
	}
	slices.SortFunc(order, func(a, b lineCountries) int { return cmp.Or(cmp.Compare(a.near, b.near), cmp.Compare(a.far, b.far)) })
	window := o.lines.in.Span.Window()
	for _, c := range order {
		q := PairsQuestion{Window: window, Location: o.offices.zone(c.near), Lines: groups[c]}
		for hour := window.From.UTC().Truncate(time.Hour); hour.Before(window.To); hour = hour.Add(time.Hour) {
			if c.outside(o.offices, hour) {
				q.Hours = append(q.Hours, hour)
			}
		}
		for p, err := range o.lines.in.Traffic.LinePairs(ctx, q) {
			if err != nil {
				return fmt.Errorf("read line pairs: %w", err)
			}
			if d := o.days[p.Line][p.Day]; d != nil && d.Near == c.near && d.Far == c.far {
				d.Pairs = p.Pairs
			}
		}
	}
	return nil
}

// sorted returns the days of a line in order. A day of rest on which nothing
// was carried, between days with data, is a day too: it is what the contrast is
// about.
func (o *officeLines) sorted(line string) []OfficeDay {
	seen := sortedDays(o.days[line])
	if len(seen) == 0 {
		return nil
	}
	var out []OfficeDay
	for day := seen[0]; day <= seen[len(seen)-1]; day++ {
		if d := o.days[line][day]; d != nil {
			out = append(out, *d)
			continue
		}
		row := o.lines.rowOn(line, day)
		if row == nil || o.lines.in.Ledgers.At(day).IsCarrier(row.EnterpriseID) || !countriesOf(row).restAt(o.offices, day) {
			continue
		}
		c := countriesOf(row)
		out = append(out, OfficeDay{Day: day, Holder: row.EnterpriseID, Near: c.near, Far: c.far, FarKnown: o.offices.known(c.far), Rest: true})
	}
	return out
}
