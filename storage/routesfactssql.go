package storage

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// outsideVPNs selects events up to the end of a window that are of no VPN
// (RFC 4364): of what comes later nothing changes the answer.
const outsideVPNs = "at < fromUnixTimestamp64Micro({until:Int64}, 'UTC') AND distinguisher = 0 AND peer_distinguisher = 0"

// maxRanges is how many ranges of prefixes the table is asked for. Blocks that
// are more are joined over the narrowest gaps, and what lies in the gaps is
// left out as it arrives.
const maxRanges = 64

func microsText(t time.Time) string { return strconv.FormatInt(microsOf(t), 10) }

// blocks are the prefixes a question is about, as ranges of stored addresses.
type blocks struct {
	all  bool
	runs []addrRun // in order, apart from one another
	bits map[netip.Prefix]bool
	// shortest is the least length among the prefixes, by family.
	shortest [2]int
}

// addrRun is a run of addresses of one family, in stored form, both included.
type addrRun struct{ from, to netip.Addr }

// newBlocks returns the set of some prefixes; of none it holds everything.
func newBlocks(prefixes []netip.Prefix) blocks {
	b := blocks{all: len(prefixes) == 0, bits: make(map[netip.Prefix]bool, len(prefixes)), shortest: [2]int{129, 129}}
	for _, p := range prefixes {
		if !p.IsValid() {
			continue
		}
		p = p.Masked()
		b.bits[p] = true
		family := familyIndex(p)
		b.shortest[family] = min(b.shortest[family], p.Bits())
		low, high := span(p)
		b.runs = append(b.runs, addrRun{low, high})
	}
	slices.SortFunc(b.runs, func(x, y addrRun) int { return x.from.Compare(y.from) })
	var joined []addrRun
	for _, r := range b.runs {
		if n := len(joined); n > 0 && !joined[n-1].to.Less(r.from) {
			if joined[n-1].to.Less(r.to) {
				joined[n-1].to = r.to
			}
			continue
		}
		joined = append(joined, r)
	}
	b.runs = joined
	return b
}

func familyIndex(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 0
	}
	return 1
}

// hold reports whether a prefix is inside of or equal to one of the blocks.
func (b *blocks) hold(p netip.Prefix) bool {
	if b.all {
		return true
	}
	for n := p.Bits(); n >= b.shortest[familyIndex(p)]; n-- {
		if b.bits[netip.PrefixFrom(p.Addr(), n).Masked()] {
			return true
		}
	}
	return false
}

// condition selects what may be in the blocks by the order of the table. Its
// text comes from here alone, the values are parameters.
func (b *blocks) condition() (string, []any) {
	if b.all {
		return "1", nil
	}
	if len(b.runs) == 0 {
		return "0", nil
	}
	var (
		places []string
		values []any
	)
	for i, r := range coarse(b.runs, maxRanges) {
		low, high := fmt.Sprintf("low%d", i), fmt.Sprintf("high%d", i)
		places = append(places, "prefix BETWEEN toIPv6({"+low+":String}) AND toIPv6({"+high+":String})")
		values = append(values, clickhouse.Named(low, r.from.String()), clickhouse.Named(high, r.to.String()))
	}
	return "(" + strings.Join(places, " OR ") + ")", values
}

// coarse joins runs over the narrowest gaps until there are no more than most.
func coarse(runs []addrRun, most int) []addrRun {
	if len(runs) <= most {
		return runs
	}
	gaps := make([]int, 0, len(runs)-1)
	for i := range len(runs) - 1 {
		gaps = append(gaps, gapBits(runs[i].to, runs[i+1].from))
	}
	ordered := slices.Sorted(slices.Values(gaps))
	widest := ordered[len(ordered)-most+1] // gaps of this width and wider stay
	out := runs[:1:1]
	for i, r := range runs[1:] {
		if gaps[i] >= widest && len(out) < most {
			out = append(out, r)
			continue
		}
		out[len(out)-1].to = r.to
	}
	return out
}

// gapBits returns the size of a gap as a power of two.
func gapBits(from, to netip.Addr) int {
	a, b := from.As16(), to.As16()
	high, borrow := bits.Sub64(binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(a[8:]), 0)
	top, _ := bits.Sub64(binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(a[:8]), borrow)
	if top > 0 {
		return 64 + bits.Len64(top)
	}
	return bits.Len64(high)
}

// pathsNaming selects all events of the paths that at some time came from one
// of the networks or went through one: the networks are looked for once in each
// distinct AS path, and only the paths that name one are read.
func pathsNaming(asns []uint32) (string, []any) {
	const key = "(prefix, prefix_bits, router, peer, peer_distinguisher, view, distinguisher, path_id)"
	return key + ` IN (
SELECT ` + key + ` FROM routes
WHERE ` + outsideVPNs + ` AND kind = 'announce' AND (peer_as IN {asns:Array(UInt32)} OR as_path IN (
SELECT as_path FROM (SELECT DISTINCT as_path FROM routes WHERE ` + outsideVPNs + `) ARRAY JOIN extractAll(as_path, '[0-9]+') AS word
WHERE toUInt32OrZero(word) IN {asns:Array(UInt32)})))`, []any{clickhouse.Named("asns", numbersText(asns))}
}

// numbersText writes numbers as an array of the store.
func numbersText(numbers []uint32) string {
	text := []byte{'['}
	for i, n := range numbers {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendUint(text, uint64(n), 10)
	}
	return string(append(text, ']'))
}
