package netflow

import (
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

func TestDataBeforeItsTemplate(t *testing.T) {
	b := newBench(t)
	if out := b.take(v9(3, 0, set(256, basicRecord(1), basicRecord(2), basicRecord(3)))); len(out) != 0 || b.d.Parked() == 0 {
		t.Fatalf("%d records, %d bytes parked", len(out), b.d.Parked())
	}
	arrived := b.at
	b.at = b.at.Add(2 * time.Minute)
	out := b.take(v9(1, 1, set(0, tmpl(257, basic...))))
	if len(out) != 0 {
		t.Fatal("the template of another id released the data")
	}
	out = b.take(v9(1, 2, set(0, tmpl(256, basic...))))
	if len(out) != 3 || out[2].Bytes != 3 || !out[0].Received.Equal(arrived) {
		t.Fatalf("%+v", out)
	}
	if sum := b.sum(); sum.Records != 3 || sum.SequenceGaps != 0 {
		t.Error(describe(sum))
	}
	b.balance()
	// Each record is in the books of the minute that it says.
	b.books.Drain(func(_ flows.Source, _ time.Time, c *flows.Count) {
		if c.Records != c.Stored {
			t.Errorf("a minute does not balance: %s", describe(c))
		}
	})
}

func TestTemplateBehindItsData(t *testing.T) {
	b := newBench(t)
	if out := b.take(v9(3, 0, set(256, basicRecord(1), basicRecord(2)), set(0, tmpl(256, basic...)))); len(out) != 2 {
		t.Errorf("%d records", len(out))
	}
	b.balance()
}

// TestWhatAHeaderLeaves counts data that is never decoded.
func TestWhatAHeaderLeaves(t *testing.T) {
	known, unknown := set(300, basicRecord(1)), make([]byte, 84)
	for name, c := range map[string]struct {
		datagram []byte
		lost     uint64
	}{
		"v9, all of it":                {v9(4, 1, set(256, unknown)), 4},
		"v9, beside a known one":       {v9(5, 1, known, set(256, unknown)), 4},
		"v9, beside a template":        {v9(5, 1, set(0, tmpl(310, basic...)), set(256, unknown)), 4},
		"v9, two":                      {v9(10, 1, set(256, unknown), set(257, unknown)), 10},
		"v9, two, but one is claimed":  {v9(1, 1, set(256, unknown), set(257, unknown)), 2},
		"v9, claims less than it has":  {v9(0, 1, known, set(256, unknown)), 1},
		"ipfix counts no records":      {ipfix(0, set(256, unknown)), 1},
		"ipfix, two":                   {ipfix(0, set(256, unknown), set(257, unknown)), 2},
		"v9, an empty set":             {v9(0, 1, set(256)), 1},
		"v9, more than fit":            {v9(65535, 1, set(256, unknown)), 88},
		"v9, more, and an empty set":   {v9(65535, 1, set(256)), 4},
		"v9, options data without any": {v9(2, 1, set(400, u32(1), u32(2))), 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.take(v9(1, 0, set(0, tmpl(300, basic...))))
			b.take(c.datagram)
			stored := uint64(len(b.all))
			b.all = b.d.Expire(b.at.Add(time.Hour), b.all)
			if sum := b.sum(); sum.Lost[flows.ReasonUnknownTemplate] != c.lost || sum.Records != stored+c.lost {
				t.Error(describe(sum))
			}
			b.balance()
		})
	}
}

func TestExpiry(t *testing.T) {
	b := newBench(t, func(c *Config) { c.ParkingAge = time.Minute })
	data := v9(2, 0, set(256, basicRecord(1), basicRecord(2)))
	b.take(data)
	b.all = b.d.Expire(b.at.Add(59*time.Second), b.all)
	if n := b.sum().TotalLost(); n != 0 {
		t.Fatalf("%d lost before their time", n)
	}
	b.all = b.d.Expire(b.at.Add(time.Minute), b.all)
	if sum := b.sum(); sum.Lost[flows.ReasonUnknownTemplate] != 2 {
		t.Error(describe(sum))
	}
	// A template too late, with nobody calling Expire.
	b.take(data)
	b.at = b.at.Add(61 * time.Second)
	if out := b.take(v9(1, 1, set(0, tmpl(256, basic...)))); len(out) != 0 || b.sum().Lost[flows.ReasonParkedTooLong] != 2 {
		t.Errorf("%d records, %s", len(out), describe(b.sum()))
	}
	b.balance()
}

func TestFlushOfWhatWaits(t *testing.T) {
	b := newBench(t)
	b.take(v9(2, 0, set(256, basicRecord(1), basicRecord(2))))
	b.balance()
	if sum := b.sum(); sum.Lost[flows.ReasonShutdown] != 2 {
		t.Error(describe(sum))
	}
}

func TestParkingIsBounded(t *testing.T) {
	b := newBench(t, func(c *Config) { c.ParkingBytes = 3*(setOverhead+42) + 10 })
	for i := range uint32(5) {
		b.take(v9(2, i, set(256, basicRecord(1), basicRecord(2))))
	}
	if sum := b.sum(); sum.Lost[flows.ReasonParkingFull] != 4 {
		t.Error(describe(sum))
	}
	// Over all exporters.
	b.from = netip.MustParseAddrPort("192.0.2.10:2055")
	b.take(v9(2, 0, set(256, basicRecord(1), basicRecord(2))))
	if sum := b.sum(); sum.Lost[flows.ReasonParkingFull] != 6 {
		t.Error(describe(sum))
	}
	b.from = netip.MustParseAddrPort("192.0.2.9:2055")
	if out := b.take(v9(1, 5, set(0, tmpl(256, basic...)))); len(out) != 6 {
		t.Errorf("%d records", len(out))
	}
	b.balance()
}

func TestRecordsWaitForTheirSampler(t *testing.T) {
	b := newBench(t)
	if out := b.take(v9(1, 0, set(0, tmpl(256, sampled...))), v9(3, 1, set(256, sampledRecord(1), sampledRecord(2), sampledRecord(1)))); len(out) != 0 {
		t.Fatalf("%+v", out)
	}
	if sum := b.sum(); sum.Records != 3 {
		t.Error(describe(sum))
	}
	out := b.take(v9(1, 2, set(1, samplerTable)), v9(1, 3, set(300, samplerRow(1, 100))))
	if len(out) != 2 || out[0].SamplingRate != 100 || out[1].SamplingSource != flows.SamplingOptions {
		t.Fatalf("%+v", out)
	}
	out = b.take(v9(1, 4, set(300, samplerRow(2, 200))))
	if len(out) != 1 || out[0].SamplingRate != 200 || out[0].Bytes != 2 {
		t.Fatalf("%+v", out)
	}
	if sum := b.sum(); sum.Records != 3 || sum.Unscaled != 0 {
		t.Error(describe(sum))
	}
	b.balance()
}

// TestOptionsInTheSameDatagram has the options data behind the flows.
func TestOptionsInTheSameDatagram(t *testing.T) {
	b := newBench(t)
	out := b.take(v9(5, 0,
		set(0, tmpl(256, sampled...), tmpl(257, basic...)), set(256, sampledRecord(1)), set(257, basicRecord(1)),
		set(1, samplerTable), set(300, samplerRow(1, 100))))
	if len(out) != 2 || out[0].SamplingRate != 100 || out[1].SamplingRate != 100 {
		t.Errorf("%+v", out)
	}
	b.balance()
}

func TestRecordsWaitForAnAnnouncedRate(t *testing.T) {
	b := newBench(t)
	b.take(v9(2, 0, set(0, tmpl(256, basic...)), set(1, ofSystem)))
	if out := b.take(v9(1, 1, set(256, basicRecord(1)))); len(out) != 0 {
		t.Fatalf("%+v", out)
	}
	if out := b.take(v9(1, 2, set(301, u32(0), u32(100), []byte{2}))); len(out) != 1 || out[0].SamplingRate != 100 {
		t.Fatalf("%+v", out)
	}
	b.balance()

	// The data says that nothing is sampled.
	b = newBench(t)
	b.take(v9(2, 0, set(0, tmpl(256, basic...)), set(1, ofSystem)), v9(1, 1, set(256, basicRecord(1))))
	if out := b.take(v9(1, 2, set(301, u32(0), u32(0), []byte{0}))); len(out) != 1 || out[0].SamplingRate != 1 {
		t.Fatalf("%+v", out)
	}
	b.balance()

	// The template is withdrawn, by becoming one without a rate.
	b = newBench(t)
	b.take(v9(2, 0, set(0, tmpl(256, basic...)), set(1, ofSystem)), v9(1, 1, set(0, tmpl(301, basic...))))
	if out := b.take(v9(1, 2, set(256, basicRecord(1)))); len(out) != 1 || out[0].SamplingRate != 1 {
		t.Fatalf("%+v", out)
	}
	b.balance()
}

func TestRatesThatNeverCome(t *testing.T) {
	for name, c := range map[string]struct {
		change func(c *Config)
		rate   uint64
		source flows.SamplingSource
		lost   bool
	}{
		"stored unscaled": {func(*Config) {}, 0, flows.SamplingNone, false},
		"refused":         {func(c *Config) { c.RefuseUnknownSampling = true }, 0, flows.SamplingNone, true},
		"ledger":          {func(c *Config) { c.Sampling = func(netip.Addr) uint64 { return 7 } }, 7, flows.SamplingLedger, false},
	} {
		for _, announced := range []bool{false, true} {
			b := newBench(t, c.change)
			template, record := tmpl(256, sampled...), sampledRecord(1)
			if announced { // a rate is announced, and the record names no sampler
				template, record = tmpl(256, basic...), basicRecord(1)
				b.take(v9(1, 0, set(1, ofSystem)))
			}
			if out := b.take(v9(2, 1, set(0, template), set(256, record))); len(out) != 0 {
				t.Fatalf("%s: did not wait", name)
			}
			out := b.d.Expire(b.at.Add(time.Hour), nil)
			b.all = append(b.all, out...)
			// The next record does not wait as long again.
			out = append(out, b.take(v9(1, 2, set(256, record)))...)
			sum := b.sum()
			if c.lost {
				if len(out) != 0 || sum.Lost[flows.ReasonUnknownSampling] != 2 || sum.Unscaled != 0 {
					t.Errorf("%s: %d records, %s", name, len(out), describe(sum))
				}
			} else if len(out) != 2 || out[0].SamplingRate != c.rate || out[1].SamplingRate != c.rate || out[1].SamplingSource != c.source {
				t.Errorf("%s: %+v", name, out)
			}
			if unscaled := c.rate == 0 && !c.lost; unscaled && sum.Unscaled != 2 || !unscaled && sum.Unscaled != 0 {
				t.Errorf("%s: %d counted as unscaled", name, sum.Unscaled)
			}
			// The rate comes after all.
			if announced {
				b.take(v9(1, 3, set(301, u32(0), u32(50), []byte{2})))
			} else {
				b.take(v9(2, 3, set(1, samplerTable), set(300, samplerRow(1, 50))))
			}
			if r := b.one(v9(1, 4, set(256, record))); r.SamplingRate != 50 {
				t.Errorf("%s: rate %d after it came", name, r.SamplingRate)
			}
			b.balance()
		}
	}
}

func TestNoRoomToWaitForARate(t *testing.T) {
	b := newBench(t, func(c *Config) { c.ParkingBytes = recordParking })
	b.take(v9(1, 0, set(0, tmpl(256, sampled...))))
	out := b.take(v9(3, 1, set(256, sampledRecord(1), sampledRecord(1), sampledRecord(1))))
	if len(out) != 2 || out[0].SamplingRate != 0 {
		t.Errorf("%+v", out)
	}
	b.balance()
	if sum := b.sum(); sum.Unscaled != 3 || sum.TotalLost() != 0 {
		t.Error(describe(sum))
	}
}

// TestSamplerThatDoesNotTell announces a sampler with a rate of zero.
func TestSamplerThatDoesNotTell(t *testing.T) {
	b := newBench(t)
	b.take(v9(1, 0, set(0, tmpl(256, sampled...))), v9(1, 1, set(256, sampledRecord(3))))
	if out := b.take(v9(2, 2, set(1, samplerTable), set(300, samplerRow(3, 0)))); len(out) != 1 || out[0].SamplingRate != 0 {
		t.Errorf("%+v", out)
	}
	b.balance()
}

// TestEvictedRecordsAreCounted forgets an exporter whose records wait.
func TestEvictedRecordsAreCounted(t *testing.T) {
	b := newBench(t)
	b.d.maxExporters = 1
	b.take(v9(1, 0, set(0, tmpl(256, sampled...))), v9(2, 1, set(256, sampledRecord(1), sampledRecord(2))))
	b.from = netip.MustParseAddrPort("192.0.2.10:2055")
	b.take(v9(0, 0))
	if sum := b.sum(); sum.Lost[flows.ReasonParkingFull] != 2 || sum.Records != 2 {
		t.Error(describe(sum))
	}
	b.balance()
}

// TestSamplerZero is what routers send for traffic that no sampler selected.
func TestSamplerZero(t *testing.T) {
	b := newBench(t)
	b.take(v9(1, 0, set(0, tmpl(256, sampled...))))
	if r := b.one(v9(1, 1, set(256, sampledRecord(0)))); r.SamplingRate != 1 {
		t.Errorf("rate %d", r.SamplingRate)
	}
	b.balance()
}

// TestMoreSamplersThanAreRemembered ends the wait of all of them.
func TestMoreSamplersThanAreRemembered(t *testing.T) {
	b := newBench(t)
	b.take(v9(1, 0, set(0, tmpl(256, append([]testField{{48, 4}}, basic...)...))))
	const n = maxScopes + 50
	for i := range uint32(n) {
		b.take(v9(1, 1+i, set(256, u32(i+1), basicRecord(1))))
	}
	if out := b.d.Expire(b.at.Add(time.Hour), nil); len(out) != n {
		t.Errorf("%d records of %d", len(out), n)
	} else {
		b.all = append(b.all, out...)
	}
	b.balance()
}
