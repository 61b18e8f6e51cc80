package netflow

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

func TestRates(t *testing.T) {
	float := func(p float64) []byte { return u64(math.Float64bits(p)) }
	for name, c := range map[string]struct {
		fields []testField
		values []byte
		rate   uint64 // 0: nothing said
	}{
		"interval":                       {[]testField{{34, 4}}, u32(2048), 2048},
		"interval zero":                  {[]testField{{34, 4}}, u32(0), 0},
		"interval and algorithm":         {[]testField{{34, 4}, {35, 1}}, cat(u32(100), []byte{2}), 100},
		"random interval":                {[]testField{{49, 1}, {50, 4}}, cat([]byte{2}, u32(500)), 500},
		"count based":                    {[]testField{{305, 4}, {306, 4}}, cat(u32(1), u32(999)), 1000},
		"count based, ten of forty":      {[]testField{{305, 4}, {306, 4}}, cat(u32(10), u32(30)), 4},
		"count based, all":               {[]testField{{304, 2}, {305, 4}, {306, 4}}, cat(u16(1), u32(1), u32(0)), 1},
		"packet interval alone":          {[]testField{{305, 4}}, u32(1000), 1000},
		"time based":                     {[]testField{{304, 1}, {307, 4}, {308, 4}}, cat([]byte{2}, u32(10), u32(990)), 100},
		"n of N":                         {[]testField{{309, 4}, {310, 4}}, cat(u32(2), u32(1000)), 500},
		"n of N beside an interval":      {[]testField{{304, 2}, {305, 4}, {309, 4}, {310, 4}}, cat(u16(3), u32(1), u32(1), u32(4096)), 4096},
		"count based beside n of N":      {[]testField{{304, 2}, {305, 4}, {306, 4}, {309, 4}, {310, 4}}, cat(u16(1), u32(1), u32(9), u32(1), u32(4096)), 10},
		"probability":                    {[]testField{{311, 8}}, float(0.01), 100},
		"probability of 32 bits":         {[]testField{{311, 4}}, u32(math.Float32bits(0.125)), 8},
		"probability of nothing":         {[]testField{{311, 8}}, float(0), 0},
		"probability that is no number":  {[]testField{{311, 8}}, float(math.NaN()), 0},
		"no algorithm, time based":       {[]testField{{307, 4}, {308, 4}}, cat(u32(1), u32(9)), 10},
		"algorithm without its elements": {[]testField{{304, 1}, {307, 4}, {308, 4}}, cat([]byte{1}, u32(1), u32(9)), 10},
		"probabilistic":                  {[]testField{{304, 1}, {309, 4}, {310, 4}, {311, 8}}, cat([]byte{4}, u32(1), u32(2), float(0.1)), 10},
		"two of three is one and a half": {[]testField{{309, 4}, {310, 4}}, cat(u32(2), u32(3)), 2},
		"more than all":                  {[]testField{{309, 4}, {310, 4}}, cat(u32(3), u32(2)), 0},
		"overflow":                       {[]testField{{305, 8}, {306, 8}}, cat(u64(2), u64(math.MaxUint64)), 0},
		"larger than can be":             {[]testField{{50, 8}}, u64(1 << 40), 0},
		"little-endian 1001":             {[]testField{{34, 4}}, []byte{0xe9, 3, 0, 0}, 1001},
		"little-endian 256":              {[]testField{{34, 4}}, []byte{0, 1, 0, 0}, 256},
		"little-endian 1":                {[]testField{{34, 4}}, []byte{1, 0, 0, 0}, 1},
		"large and in network order":     {[]testField{{34, 4}}, u32(100_000), 100_000},
	} {
		r := withFields(t, c.values, c.fields...)
		if c.rate != 0 && (r.SamplingRate != c.rate || r.SamplingSource != flows.SamplingRecord) {
			t.Errorf("%s: rate %d from %v, want %d", name, r.SamplingRate, r.SamplingSource, c.rate)
		}
		if c.rate == 0 && (r.SamplingRate != 1 || r.SamplingSource != flows.SamplingNone) {
			t.Errorf("%s: rate %d from %v, want none", name, r.SamplingRate, r.SamplingSource)
		}
		// The same in options data.
		b := newBench(t)
		b.take(ipfix(0, set(3, ipfixOptions(300, 1, append([]testField{{143, 4}}, c.fields...)...))), ipfix(0, set(300, u32(1), c.values)))
		b.take(ipfix(1, set(2, tmpl(256, basic...))))
		r = b.one(ipfix(1, set(256, basicRecord(1))))
		if c.rate != 0 && (r.SamplingRate != c.rate || r.SamplingSource != flows.SamplingOptions) ||
			c.rate == 0 && (r.SamplingRate != 1 || r.SamplingSource != flows.SamplingNone) {
			t.Errorf("%s in options: rate %d from %v, want %d", name, r.SamplingRate, r.SamplingSource, c.rate)
		}
		b.balance()
	}
}

// sampled is basic with a FLOW_SAMPLER_ID.
var sampled = append([]testField{{48, 1}}, basic...)

func sampledRecord(id byte) []byte { return cat([]byte{id}, basicRecord(uint32(id))) }

var (
	samplerTable = v9Options(300, 1, testField{1, 4}, testField{48, 1}, testField{49, 1}, testField{50, 4})
	ofSystem     = v9Options(301, 1, testField{1, 4}, testField{34, 4}, testField{35, 1})
	ofIf         = v9Options(302, 1, testField{2, 4}, testField{34, 4})
	ofCard       = v9Options(303, 1, testField{3, 4}, testField{34, 4})
	ofTmpl       = v9Options(304, 1, testField{5, 2}, testField{34, 4})
)

func samplerRow(id byte, rate uint32) []byte { return cat(u32(0), []byte{id, 2}, u32(rate)) }

// TestSeveralSamplers is the mistake of keeping one rate per domain.
func TestSeveralSamplers(t *testing.T) {
	b := newBench(t)
	b.take(v9(2, 0, set(0, tmpl(256, sampled...)), set(1, samplerTable)), v9(2, 1, set(300, samplerRow(1, 100), samplerRow(2, 2000))))
	out := b.take(v9(2, 2, set(256, sampledRecord(1), sampledRecord(2))))
	if len(out) != 2 || out[0].SamplingRate != 100 || out[1].SamplingRate != 2000 || out[1].SamplingSource != flows.SamplingOptions {
		t.Errorf("%+v", out)
	}
	// A record that names neither is not scaled by a guess.
	b.take(v9(1, 3, set(0, tmpl(257, basic...))))
	if r := b.one(v9(1, 4, set(257, basicRecord(1)))); r.SamplingRate != 0 || r.SamplingSource != flows.SamplingNone {
		t.Errorf("rate %d from %v for a record of either sampler", r.SamplingRate, r.SamplingSource)
	}
	b.balance()
	want := flows.Source{Exporter: b.from.Addr(), Domain: testDomain, Version: flows.NetFlow9}
	if got := b.d.Sampling()[want]; len(got) != 2 || got[0] != 100 || got[1] != 2000 {
		t.Errorf("rates in use %v", b.d.Sampling())
	}
}

func TestOnlySampler(t *testing.T) {
	b := newBench(t)
	b.take(v9(2, 0, set(0, tmpl(257, basic...)), set(1, samplerTable)), v9(1, 1, set(300, samplerRow(1, 100))))
	if r := b.one(v9(1, 2, set(257, basicRecord(1)))); r.SamplingRate != 100 {
		t.Errorf("rate %d", r.SamplingRate)
	}
	b.balance()
}

// TestSelectorOfIPFIX has the elements of PSAMP, with 306 that others ignore.
func TestSelectorOfIPFIX(t *testing.T) {
	b := newBench(t)
	b.take(
		ipfix(0, set(3, ipfixOptions(300, 1, testField{302, 4}, testField{304, 2}, testField{305, 4}, testField{306, 4}))),
		ipfix(0, set(300, u32(5), u16(1), u32(1), u32(999), u32(6), u16(1), u32(1), u32(99))),
		ipfix(2, set(2, tmpl(256, append([]testField{{302, 4}}, basic...)...))),
	)
	out := b.take(ipfix(2, set(256, u32(6), basicRecord(1), u32(5), basicRecord(2))))
	if len(out) != 2 || out[0].SamplingRate != 100 || out[1].SamplingRate != 1000 {
		t.Errorf("%+v", out)
	}
	if n := b.sum().SequenceGaps; n != 0 {
		t.Errorf("%d records missing: options data counts in the sequence", n)
	}
	b.balance()
}

func TestScopes(t *testing.T) {
	in := append([]testField{{10, 4}, {14, 4}}, basic...)
	record := func(in, out uint32) []byte { return cat(u32(in), u32(out), basicRecord(1)) }
	b := newBench(t)
	b.take(
		v9(3, 0, set(0, tmpl(256, in...), tmpl(257, in...)), set(1, ofIf, ofSystem, ofCard, ofTmpl)),
		v9(4, 1, set(302, u32(7), u32(70), u32(8), u32(80)), set(301, u32(0), u32(1000), []byte{2}), set(304, u16(257), u32(30))),
	)
	for _, c := range []struct {
		template uint16
		in, out  uint32
		rate     uint64
	}{{256, 7, 9, 70}, {256, 9, 8, 80}, {256, 9, 9, 1000}, {257, 7, 9, 30}} {
		if out := b.take(v9(1, 2, set(c.template, record(c.in, c.out)))); len(out) != 1 || out[0].SamplingRate != c.rate {
			t.Errorf("%+v: %+v", c, out)
		}
	}
	// A line card speaks for its domain; the card announced last counts.
	b.at = b.at.Add(time.Second)
	b.take(v9(1, 3, set(303, u32(3), u32(500))))
	if out := b.take(v9(1, 4, set(256, record(9, 9)))); len(out) != 1 || out[0].SamplingRate != 500 {
		t.Errorf("%+v", out)
	}
	b.balance()
}

func TestIPFIXScopes(t *testing.T) {
	b := newBench(t)
	b.take(
		ipfix(0, set(3, ipfixOptions(300, 1, testField{10, 4}, testField{34, 4}), ipfixOptions(301, 1, testField{145, 2}, testField{34, 4}))),
		ipfix(0, set(300, u32(7), u32(70)), set(301, u16(257), u32(30))),
		ipfix(2, set(2, tmpl(256, append([]testField{{10, 4}}, basic...)...), tmpl(257, basic...))),
	)
	out := b.take(ipfix(2, set(256, u32(7), basicRecord(1), u32(8), basicRecord(1)), set(257, basicRecord(1))))
	if len(out) != 3 || out[0].SamplingRate != 70 || out[1].SamplingRate != 1 || out[2].SamplingRate != 30 {
		t.Errorf("%+v", out)
	}
	b.balance()
}

// TestRateOfItsTime changes a rate and sends a record of before.
func TestRateOfItsTime(t *testing.T) {
	timedFields := append([]testField{{153, 8}, {48, 1}}, basic...)
	record := func(end time.Time) []byte { return cat(u64(uint64(end.UnixMilli())), []byte{1}, basicRecord(1)) }
	header := func(at time.Time, sets ...[]byte) []byte {
		p := v9(1, 0, sets...)
		copy(p[8:], u32(uint32(at.Unix())))
		return p
	}
	b := newBench(t)
	later := testTime.Add(time.Minute)
	b.take(v9(2, 0, set(0, tmpl(256, timedFields...)), set(1, samplerTable)), v9(1, 1, set(300, samplerRow(1, 100))))
	b.at = later
	b.take(header(later, set(300, samplerRow(1, 400))))
	for end, want := range map[time.Duration]uint64{-time.Hour: 100, 0: 100, 59 * time.Second: 100, time.Minute: 400, time.Hour: 400} {
		if out := b.take(header(later, set(256, record(testTime.Add(end))))); len(out) != 1 || out[0].SamplingRate != want {
			t.Errorf("a record that ended %v after the first rate has %d, want %d", end, out[0].SamplingRate, want)
		}
	}
	b.balance()
}

func TestHistory(t *testing.T) {
	var h history
	for _, add := range [][2]int64{{100, 1}, {200, 1}, {300, 2}, {250, 1}, {280, 2}, {300, 3}, {150, 5}} {
		h.add(add[0], uint64(add[1]))
	}
	for at, want := range map[int64]uint64{0: 1, 100: 1, 150: 5, 279: 5, 280: 2, 299: 2, 300: 3, 1 << 40: 3} {
		if got := h.at(at); got != want {
			t.Errorf("at %d: %d, want %d (%+v)", at, got, want, h)
		}
	}
	for i := range int64(100) {
		h.add(1000+i, uint64(i+10))
	}
	if h.n != maxHistory || h.at(1<<40) != 109 {
		t.Errorf("%+v", h)
	}
	h.add(1, 7) // older than all, and there is no room
	if h.n != maxHistory || h.at(0) == 7 {
		t.Errorf("%+v", h)
	}
}

func TestLedger(t *testing.T) {
	calls := 0
	ledger := func(c *Config) {
		c.Sampling = func(a netip.Addr) uint64 {
			calls++
			if a.String() != "192.0.2.9" {
				t.Errorf("asked for %v", a)
			}
			return 64
		}
	}
	b := newBench(t, ledger)
	b.take(v9(2, 0, set(0, tmpl(256, basic...), tmpl(257, append([]testField{{34, 4}}, basic...)...))))
	out := b.take(v9(2, 1, set(256, basicRecord(1), basicRecord(2))))
	if len(out) != 2 || out[0].SamplingRate != 64 || out[0].SamplingSource != flows.SamplingLedger || calls != 1 {
		t.Errorf("%d calls, %+v", calls, out)
	}
	// What the exporter says counts more.
	if r := b.one(v9(1, 2, set(257, u32(10), basicRecord(1)))); r.SamplingRate != 10 || r.SamplingSource != flows.SamplingRecord {
		t.Errorf("%+v", r)
	}
	b.take(v9(2, 3, set(1, ofSystem), set(301, u32(0), u32(20), []byte{2})))
	if r := b.one(v9(1, 4, set(256, basicRecord(1)))); r.SamplingRate != 20 || r.SamplingSource != flows.SamplingOptions {
		t.Errorf("%+v", r)
	}
	b.balance()
}
