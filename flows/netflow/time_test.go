package netflow

import (
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// timed makes an IPFIX template of addresses and the given fields, and one
// record by it.
func timed(values []byte, fields ...testField) [][]byte {
	all := append([]testField{{8, 4}, {12, 4}}, fields...)
	return [][]byte{
		ipfix(0, set(2, tmpl(256, all...))),
		ipfix(0, set(256, ip("192.0.2.1"), ip("198.51.100.2"), values)),
	}
}

func ntpOf(t time.Time, fraction uint32) []byte {
	return cat(u32(uint32(t.Unix()+ntpEpoch)), u32(fraction))
}

func TestTimes(t *testing.T) {
	start, end := testTime.Add(-90*time.Second), testTime.Add(-30*time.Second)
	ms := func(t time.Time) []byte { return u64(uint64(t.UnixMilli())) }
	up := testTime.Add(-time.Hour) // when the system came up
	for name, c := range map[string]struct {
		values     []byte
		fields     []testField
		start, end time.Time
	}{
		"seconds": {cat(u32(uint32(start.Unix())), u32(uint32(end.Unix()))), []testField{{150, 4}, {151, 4}}, start, end},
		"milliseconds": {
			cat(ms(start.Add(7*time.Millisecond)), ms(end.Add(8*time.Millisecond))),
			[]testField{{152, 8}, {153, 8}},
			start.Add(7 * time.Millisecond), end.Add(8 * time.Millisecond),
		},
		"NTP microseconds": { // 123456 us: the fraction cut to its 21 bits
			cat(ntpOf(start, 530239482&^0x7ff), ntpOf(end, 530239482)),
			[]testField{{154, 8}, {155, 8}},
			start.Add(123456 * time.Microsecond), end.Add(123456 * time.Microsecond),
		},
		"NTP nanoseconds": { // 123456789 ns
			cat(ntpOf(start, 530242871), ntpOf(end, 1<<31)),
			[]testField{{156, 8}, {157, 8}},
			start.Add(123456789), end.Add(500 * time.Millisecond),
		},
		"deltas":            {cat(u32(90_000_001), u32(30_000_002)), []testField{{158, 4}, {159, 4}}, start.Add(-time.Microsecond), end.Add(-2 * time.Microsecond)},
		"system init":       {cat(u32(3_510_000), u32(3_570_000), ms(up)), []testField{{22, 4}, {21, 4}, {160, 8}}, start, end},
		"system init first": {cat(ms(up), u32(3_570_000), u32(3_510_000)), []testField{{160, 8}, {21, 4}, {22, 4}}, start, end},
		"system init long ago": { // two wraps of 32 bits before
			cat(ms(up.Add(-2*(1<<32)*time.Millisecond)), u32(3_510_000), u32(3_570_000)), []testField{{160, 8}, {22, 4}, {21, 4}}, start, end,
		},
		"only a duration of system time": {cat(u32(1000), u32(61_000)), []testField{{22, 4}, {21, 4}}, testTime.Add(-time.Minute), testTime},
		"finest wins":                    {cat(u32(1), ms(start), u32(2), ms(end)), []testField{{150, 4}, {152, 8}, {151, 4}, {153, 8}}, start, end},
		"start and duration":             {cat(ms(start), u32(60_000)), []testField{{152, 8}, {161, 4}}, start, end},
		"end and duration":               {cat(ms(end), u32(60_000_000)), []testField{{153, 8}, {162, 4}}, start, end},
		"observation":                    {ms(end), []testField{{323, 8}}, end, end},
		"only a start":                   {ms(start), []testField{{152, 8}}, start, start},
		"none":                           {nil, nil, testTime, testTime},
		"start after end":                {cat(ms(end), ms(start)), []testField{{152, 8}, {153, 8}}, start, start},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.MaxSkew = 10 * time.Minute })
			r := b.one(timed(c.values, c.fields...)...)
			if !r.Start.Equal(c.start) || !r.End.Equal(c.end) || r.ClockSkewed {
				t.Errorf("from %v to %v, want %v to %v (skewed %v)", r.Start, r.End, c.start, c.end, r.ClockSkewed)
			}
		})
	}
}

// TestV9SwitchedIsMilliseconds is the mistake of mixing the seconds of the
// header with the milliseconds of sysUptime, and that of their wrap.
func TestV9SwitchedIsMilliseconds(t *testing.T) {
	fields := []testField{{8, 4}, {12, 4}, {22, 4}, {21, 4}}
	for name, c := range map[string]struct {
		uptime, first, last uint32
		start, end          time.Duration
	}{
		"usual":                 {3_600_000, 3_597_000, 3_599_001, -3 * time.Second, -999 * time.Millisecond},
		"uptime wrapped":        {1000, 1<<32 - 2000, 500, -3 * time.Second, -500 * time.Millisecond},
		"both before the wrap":  {1000, 1<<32 - 2000, 1<<32 - 1000, -3 * time.Second, -2 * time.Second},
		"a little after export": {5000, 4000, 5020, -time.Second, 20 * time.Millisecond},
	} {
		b := newBench(t, func(c *Config) { c.MaxSkew = 10 * time.Minute })
		b.take(v9(1, 0, set(0, tmpl(256, fields...))))
		r := b.one(v9of(testDomain, 1, 1, c.uptime, set(256, ip("192.0.2.1"), ip("198.51.100.2"), u32(c.first), u32(c.last))))
		if start, end := r.Start.Sub(testTime), r.End.Sub(testTime); start != c.start || end != c.end {
			t.Errorf("%s: from %v to %v of the export time, want %v to %v", name, start, end, c.start, c.end)
		}
	}
}

func TestSystemInitOfOptionsData(t *testing.T) {
	b := newBench(t)
	up := testTime.Add(-time.Hour)
	b.take(
		ipfix(0, set(3, ipfixOptions(300, 1, testField{143, 4}, testField{160, 8}))),
		ipfix(0, set(300, u32(1), u64(uint64(up.UnixMilli())))),
	)
	r := b.one(timed(cat(u32(3_510_000), u32(3_570_000)), testField{22, 4}, testField{21, 4})...)
	if r.Start.Sub(testTime) != -90*time.Second || r.End.Sub(testTime) != -30*time.Second {
		t.Errorf("from %v to %v", r.Start, r.End)
	}
}

// TestReverseTimes has the times of the answer in each unit (RFC 5103).
func TestReverseTimes(t *testing.T) {
	at := testTime.Add(-5 * time.Second)
	for name, c := range map[string]struct {
		start, end int
		value      []byte
	}{
		"seconds":          {150, 151, u32(uint32(at.Unix()))},
		"milliseconds":     {152, 153, u64(uint64(at.UnixMilli()))},
		"NTP microseconds": {154, 155, ntpOf(at, 0)},
		"NTP nanoseconds":  {156, 157, ntpOf(at, 0)},
	} {
		b := newBench(t)
		n := len(c.value)
		out := b.take(timed(cat(u32(7), c.value, c.value),
			pen(reverseEnterprise, 2, 4), pen(reverseEnterprise, c.start, n), pen(reverseEnterprise, c.end, n))...)
		if len(out) != 2 || !out[1].Start.Equal(at) || !out[1].End.Equal(at) || !out[0].End.Equal(testTime) || out[1].Packets != 7 {
			t.Errorf("%s: %+v", name, out)
		}
		b.balance()
	}
}

// TestTimesThatCannotBe has values beyond what nanoseconds can say.
func TestTimesThatCannotBe(t *testing.T) {
	for _, value := range []uint64{1<<64 - 1, 1 << 62, 1 << 63} {
		b := newBench(t, func(c *Config) { c.MaxSkew = 10 * time.Minute })
		r := b.one(timed(cat(u64(value), u64(value), u64(value)), testField{152, 8}, testField{153, 8}, testField{161, 8})...)
		if !r.Start.Equal(testTime) || !r.End.Equal(testTime) || !r.ClockSkewed {
			t.Errorf("%x: from %v to %v", value, r.Start, r.End)
		}
		b = newBench(t, func(c *Config) { c.MaxSkew = 10 * time.Minute })
		if r = b.one(timed(cat(u64(uint64(testTime.UnixMilli())), u64(value)), testField{152, 8}, testField{161, 8})...); r.Start.After(r.End) {
			t.Errorf("%x as duration: from %v to %v", value, r.Start, r.End)
		}
	}
}

func TestNTPOfTheNextEra(t *testing.T) {
	at := time.Date(2036, 2, 7, 6, 28, 17, 0, time.UTC) // 2^32 s after 1900, and one more
	if got := time.Unix(0, ntp(cat(u32(1), u32(0)), time.Nanosecond)).UTC(); !got.Equal(at) {
		t.Errorf("%v, want %v", got, at)
	}
}

func TestSkewedClocks(t *testing.T) {
	datagrams := func() [][]byte {
		return timed(cat(u64(uint64(testTime.Add(-time.Minute).UnixMilli())), u64(uint64(testTime.UnixMilli()))), testField{152, 8}, testField{153, 8})
	}
	for _, c := range []struct {
		off          time.Duration // of arrival
		skew         time.Duration
		keep, skewed bool
	}{
		{9 * time.Minute, 10 * time.Minute, false, false},
		{-9 * time.Minute, 10 * time.Minute, false, false},
		{11 * time.Minute, 10 * time.Minute, false, true},
		{-11 * time.Minute, 10 * time.Minute, false, true},
		{11 * time.Minute, 10 * time.Minute, true, false},
		{1000 * time.Hour, 0, false, false},
	} {
		b := newBench(t, func(config *Config) { config.MaxSkew, config.KeepEventTime = c.skew, c.keep })
		b.at = testTime.Add(c.off)
		r := b.one(datagrams()...)
		start, end, exported := testTime.Add(-time.Minute), testTime, testTime
		if c.skewed {
			start, end = b.at, b.at
		}
		if c.skew > 0 && c.off.Abs() > c.skew && !c.keep {
			exported = b.at
		}
		if !r.Start.Equal(start) || !r.End.Equal(end) || r.ClockSkewed != c.skewed || !r.Exported.Equal(exported) || !r.Received.Equal(b.at) {
			t.Errorf("%+v: from %v to %v, skewed %v, exported %v", c, r.Start, r.End, r.ClockSkewed, r.Exported)
		}
		if got := b.sum().ClockSkewed; got != 0 != c.skewed {
			t.Errorf("%+v: %d counted as skewed", c, got)
		}
		b.balance()
	}
}

// TestStartOfAnotherEpoch keeps a nonsense start from making a flow of years.
func TestStartOfAnotherEpoch(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxSkew = 10 * time.Minute })
	r := b.one(timed(cat(u32(0), u32(uint32(testTime.Unix()))), testField{150, 4}, testField{151, 4})...)
	if !r.Start.Equal(testTime) || !r.End.Equal(testTime) || !r.ClockSkewed {
		t.Errorf("from %v to %v", r.Start, r.End)
	}
}

func TestPayloadWithoutArrival(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxSkew = 10 * time.Minute })
	b.at = time.Time{}
	r := b.one(v5(1, 1, 0, 0))
	exported := testTime.Add(500 * time.Millisecond)
	if !r.Received.Equal(exported) || !r.Exported.Equal(exported) || r.ClockSkewed {
		t.Errorf("received %v, exported %v", r.Received, r.Exported)
	}
	b.balance()
	b.books.Drain(func(_ flows.Source, minute time.Time, _ *flows.Count) {
		if !minute.Equal(exported.Truncate(time.Minute)) {
			t.Errorf("booked in %v", minute)
		}
	})
}
