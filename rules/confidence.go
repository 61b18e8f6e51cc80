package rules

import "math"

// HalfWidth returns the 95 % half-width of a share p estimated from that many
// packet samples: 1.96·√(p(1-p)/samples). Without samples it is 1.
func HalfWidth(p float64, samples uint64) float64 {
	if samples == 0 {
		return 1
	}
	return min(1, 1.96*math.Sqrt(max(0, p*(1-p))/float64(samples)))
}

// ConfidenceAbove returns how sure it is that the true share is at least limit
// when p was estimated from that many samples, by the normal approximation,
// lowered by what did not arrive: between 0 and 1.
func ConfidenceAbove(p, limit float64, samples uint64, completeness float64) float64 {
	if samples == 0 {
		return 0
	}
	// The spread under the limit itself keeps p = 1 from claiming certainty.
	spread := math.Sqrt(max(p*(1-p), limit*(1-limit)) / float64(samples))
	if spread == 0 {
		return min(1, completeness)
	}
	z := (p - limit) / spread
	return 0.5 * (1 + math.Erf(z/math.Sqrt2)) * min(1, completeness)
}

// round keeps a figure of a finding to that many decimals, so that it reads
// well and repeats exactly.
func round(x float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(x*scale) / scale
}
