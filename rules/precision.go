package rules

import (
	"fmt"
	"math"
)

// Wilson returns the 95 % score interval of a share of so many of so many
// (Wilson 1927): it stays within 0 and 1 and says something also where nothing
// failed. Of nothing at all the share may be anything: 0 to 1.
func Wilson(of, all uint64) (low, high float64) {
	if all == 0 {
		return 0, 1
	}
	const z = 1.959964
	n := float64(all)
	p := float64(of) / n
	middle, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, (middle-half)/(1+z*z/n)), min(1, (middle+half)/(1+z*z/n))
}

// Adjudications is what people decided about the findings of one rule. Each
// finding counts once, by the latest decision about it: a confirmation stands
// when the case is rectified or opened again, a dismissal is taken back when the
// case is opened again, and a finding nobody has decided about is in neither.
type Adjudications struct {
	Rule      string
	Confirmed uint64
	Dismissed uint64
}

// Precision is the share of the adjudicated findings of a rule that people
// confirmed, as it is shown wherever the rule is shown.
type Precision struct {
	Confirmed uint64 `json:"confirmed"`
	Dismissed uint64 `json:"dismissed"`
	// Share, Low and High are the share of confirmed ones and its 95 % interval
	// (Wilson); null while no finding of the rule is adjudicated.
	Share *float64 `json:"share"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
}

// Precision returns the share that was confirmed.
func (a Adjudications) Precision() Precision {
	p := Precision{Confirmed: a.Confirmed, Dismissed: a.Dismissed}
	all := a.Confirmed + a.Dismissed
	if all == 0 {
		return p
	}
	low, high := Wilson(a.Confirmed, all)
	share := round(float64(a.Confirmed)/float64(all), 4)
	low, high = round(low, 4), round(high, 4)
	p.Share, p.Low, p.High = &share, &low, &high
	return p
}

// PrecisionOf returns the precision of one rule among all that were adjudicated.
func PrecisionOf(all []Adjudications, rule string) Precision {
	for _, a := range all {
		if a.Rule == rule {
			return a.Precision()
		}
	}
	return Adjudications{Rule: rule}.Precision()
}

// String writes a share with its interval and what it is of, such as
// "0.923 [0.667, 0.986] 12/13", or that nothing is adjudicated.
func (p Precision) String() string {
	if p.Share == nil {
		return "尚无裁定 not yet adjudicated"
	}
	return fmt.Sprintf("%.3f [%.3f, %.3f] %d/%d", *p.Share, *p.Low, *p.High, p.Confirmed, p.Confirmed+p.Dismissed)
}
