package rules

import (
	"context"
	"iter"

	"github.com/linewarden/linewarden/registry"
)

func measureThirdParty(ctx context.Context, in Inputs, _ Params) iter.Seq2[ThirdPartyFact, error] {
	return func(yield func(ThirdPartyFact, error) bool) {
		lines, err := newLineTable(ctx, in, "international")
		if err != nil {
			yield(ThirdPartyFact{}, err)
			return
		}
		ledgers := lineLedgers(lines.order)
		var seen verdicts[bool]
		err = lines.eachUsage(ctx, func(f *LineFact, row *registry.Line, u *LineNetworks) {
			own := lines.own(f, row, u.Day)
			ledgers[u.Line].addThirdParty(u, row.EnterpriseID,
				len(own.a) > 0 && seen.of(u.Line, u.Day, u.Near, own.thirdParty),
				len(own.z) > 0 && seen.of(u.Line, u.Day, u.Far, own.thirdParty))
		})
		if err != nil {
			yield(ThirdPartyFact{}, err)
			return
		}
		for _, id := range lines.order {
			l := ledgers[id]
			if !yield(ThirdPartyFact{LineFact: *lines.facts[id], Days: l.sortedDays(), Networks: l.topNetworks()}, nil) {
				return
			}
		}
	}
}

// addThirdParty counts a row of which one end, or both, is a third party's.
func (l *lineLedger) addThirdParty(u *LineNetworks, holder string, near, far bool) {
	bytes := u.FromCustomer + u.ToCustomer
	l.count(u.Day, holder, bytes, u.Samples, near || far)
	if near {
		l.blame(LineNetwork{Network: u.Near, Near: true, Holder: holder}, bytes, u.Samples)
	}
	if far {
		l.blame(LineNetwork{Network: u.Far, Holder: holder}, bytes, u.Samples)
	}
}
