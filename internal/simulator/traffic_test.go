package simulator

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"
)

// usage is what a test counted of one line, bytes scaled by sampling.
type usage struct {
	bytes, outside     float64 // outside: neither in declared ends nor the holder's
	packets, records   uint64
	outsideDays        map[int]float64
	days               map[int]float64
	byPart             map[string]float64
	delivered, dropped uint64
	lossy              bool // its router drops some
}

// outsider tells, from the ledgers alone, whether the addresses of a line are
// those declared for it or the holder's own.
type outsider struct {
	declared map[string]map[string][]netip.Prefix // line → end → prefixes
	own      map[string][]netip.Prefix            // line → allocations of its holder
	scope    map[string]string
}

func newOutsider(l map[string]table) *outsider {
	o := &outsider{declared: make(map[string]map[string][]netip.Prefix), own: make(map[string][]netip.Prefix), scope: make(map[string]string)}
	for _, row := range l["lines"] {
		id := row["line_id"]
		o.scope[id], o.declared[id] = row["scope"], make(map[string][]netip.Prefix)
		for _, a := range l["allocations"] {
			if a["enterprise_id"] == row["enterprise_id"] {
				o.own[id] = append(o.own[id], netip.MustParsePrefix(a["prefix"]))
			}
		}
	}
	for _, e := range l["line_endpoints"] {
		o.declared[e["line_id"]][e["end"]] = append(o.declared[e["line_id"]][e["end"]], netip.MustParsePrefix(e["prefix"]))
	}
	return o
}

func (o *outsider) outside(line string, near, far netip.Addr) bool {
	ends := o.declared[line]
	return !o.within(line, ends["a"], near) || (len(ends["z"]) > 0 && !o.within(line, ends["z"], far))
}

func (o *outsider) within(line string, end []netip.Prefix, a netip.Addr) bool {
	for _, p := range append(slices.Clip(end), o.own[line]...) {
		if p.Contains(a) {
			return true
		}
	}
	return len(end) == 0
}

// measure plays a carrier and adds up what every line sent.
func measure(t testing.TB, c *Carrier) map[string]*usage {
	t.Helper()
	o := newOutsider(readLedgers(t, c))
	out := make(map[string]*usage)
	from, _ := c.Span()
	err := c.play(t.Context(), func(_ int, d datagram, dropped bool) error {
		for _, f := range d.flows {
			l := &c.lines[f.line]
			u := out[l.id]
			if u == nil {
				u = &usage{lossy: c.routers[l.router].dropEvery > 0, days: make(map[int]float64), outsideDays: make(map[int]float64), byPart: make(map[string]float64)}
				out[l.id] = u
			}
			if dropped {
				u.dropped++
				continue
			}
			near, far := f.dst, f.src
			if f.fromCustomer {
				near, far = f.src, f.dst
			}
			rate := float64(c.routers[l.router].domains[l.domain].samplers[l.sampler].rate)
			bytes := float64(f.bytes) * rate
			day := int(time.UnixMilli(f.start).Sub(from) / (24 * time.Hour))
			u.delivered++
			u.records++
			u.packets += f.packets
			u.bytes += bytes
			u.days[day] += bytes
			u.byPart[l.parts[f.part].name] += bytes
			if o.outside(l.id, near, far) {
				u.outside += bytes
				u.outsideDays[day] += bytes
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// planted are the shares of bytes outside the declared ends and the holder's
// own allocations, for every international line that has any.
var planted = map[string][2]float64{
	"IPLC-BJ-0111": {0.115, 0.125},
	"IEPL-SH-0112": {0.075, 0.085},
	"MPLS-GZ-0113": {0.145, 0.155},
	"IPLC-SZ-0114": {0.095, 0.105},
	"IPLC-CD-0115": {0.14, 0.21},
	"IPLC-SH-0116": {0.045, 0.055},
	"IPLC-BJ-0131": {0.025, 0.035},
	"IEPL-SH-0132": {0.05, 0.12},
	"IPLC-GZ-0133": {0.2, 0.4},
	"IPLC-SZ-0135": {0.16, 0.18},
	"IPLC-SH-0137": {0.19, 0.21},
	"IPLC-BJ-0146": {0.055, 0.065},
	"IPLC-CD-0147": {0.115, 0.125},
	"IPLC-XA-0139": {0.13, 0.17},
	"IPLC-BJ-0822": {0.14, 0.16},
	"IEPL-SH-0823": {0.18, 0.22},
	"IPLC-GZ-0824": {0.03, 0.04},
	"IPLC-GZ-0832": {0.007, 0.013},
	"IPLC-BJ-0833": {0.035, 0.045},
	"IPLC-BJ-0841": {0.28, 0.32},
	"IPLC-SH-0842": {0.23, 0.27},
	"IPLC-GZ-0843": {0.28, 0.32},
	"IPLC-SH-0852": {0.025, 0.035},
}

func TestSharesAreAsPlanted(t *testing.T) {
	for seed := range uint64(7) { // and every day of the week as the last one
		c := testCarrier(t, func(cfg *Config) {
			cfg.Seed, cfg.Scale, cfg.End = seed, 0.25, cfg.End.AddDate(0, 0, int(seed))
		})
		used := measure(t, c)
		scope := newOutsider(readLedgers(t, c)).scope
		for id, u := range used {
			if scope[id] != "international" {
				continue
			}
			share := u.outside / u.bytes
			want, known := planted[id]
			switch {
			case !known && share > 0:
				t.Errorf("seed %d: line %s has %.4f outside, want none", seed, id, share)
			case known && (share < want[0] || share > want[1]):
				t.Errorf("seed %d: line %s has %.4f outside, want %v", seed, id, share, want)
			}
		}
		for id := range planted {
			if used[id] == nil {
				t.Errorf("line %s sent nothing", id)
			}
		}
	}
}

func TestGatesAreMetClearly(t *testing.T) {
	used := measure(t, testCarrier(t, nil))
	for id, u := range used {
		if id == "IPLC-GZ-0133" {
			if u.packets < 100 || u.packets >= 900 {
				t.Errorf("idle line %s has %d samples, want 100 to 900", id, u.packets)
			}
			continue
		}
		if planted[id] != [2]float64{} && u.packets < 20_000 {
			t.Errorf("line %s has %d samples only", id, u.packets)
		}
	}
	days := func(id string) (n int) {
		for day, bytes := range used[id].outsideDays {
			if bytes >= 0.05*used[id].days[day] {
				n++
			}
		}
		return n
	}
	for id, want := range map[string]int{"IEPL-SH-0132": 1, "IPLC-CD-0115": 3, "IPLC-BJ-0111": 8, "IEPL-SH-0112": 8, "MPLS-GZ-0113": 8, "IPLC-SZ-0114": 8} {
		if got := days(id); got != want {
			t.Errorf("line %s is over 5 %% on %d days, want %d", id, got, want)
		}
	}
	if burst := used["IEPL-SH-0132"]; burst.outsideDays[5] < 0.4*burst.days[5] {
		t.Errorf("the burst is %.2f of its day", burst.outsideDays[5]/burst.days[5])
	}
	for id, u := range used {
		share := float64(u.dropped) / float64(u.dropped+u.delivered)
		switch unheard := u.lossy; {
		case unheard && math.Abs(share-0.2) > 0.05:
			t.Errorf("line %s of the lossy router lost %.3f", id, share)
		case !unheard && share > 0:
			t.Errorf("line %s lost %.3f", id, share)
		}
	}
}

// TestBorderMetersTheSameLineAgain looks at the line that two routers meter.
func TestBorderMetersTheSameLineAgain(t *testing.T) {
	c := testCarrier(t, nil)
	l := readLedgers(t, c)
	roles := make(map[string]string)
	for _, row := range l["interfaces"] {
		if row["line_id"] == "IPLC-BJ-0101" {
			roles[row["role"]] = row["exporter"] + "/" + row["if_index"]
		}
	}
	if roles["customer"] == "" || roles["international"] == "" || len(roles) != 2 {
		t.Fatalf("interfaces of the line: %v", roles)
	}
	crossed := make(map[string]int)
	err := c.play(t.Context(), func(router int, d datagram, _ bool) error {
		for _, f := range d.flows {
			if c.lines[f.line].id != "IPLC-BJ-0101" {
				continue
			}
			in, out := c.routers[router].addr.String()+"/"+strconv.Itoa(int(f.inIf)), c.routers[router].addr.String()+"/"+strconv.Itoa(int(f.outIf))
			switch {
			case in == roles["customer"] && f.fromCustomer:
				crossed["customer in"]++
			case out == roles["customer"] && !f.fromCustomer:
				crossed["customer out"]++
			case in == roles["international"] && !f.fromCustomer:
				crossed["border in"]++
			case out == roles["international"] && f.fromCustomer:
				crossed["border out"]++
			default:
				t.Fatalf("flow from %s to %s, from the customer: %t", in, out, f.fromCustomer)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{"customer in", "customer out", "border in", "border out"} {
		if crossed[where] < 100 {
			t.Errorf("%s: %d flows", where, crossed[where])
		}
	}
}

func TestTrafficHasOfficeHoursAndEvenings(t *testing.T) {
	c := testCarrier(t, nil)
	hours := make(map[string]*[24]float64)
	weekend := make(map[string]float64)
	err := c.play(t.Context(), func(_ int, d datagram, _ bool) error {
		for _, f := range d.flows {
			id := c.lines[f.line].id
			if hours[id] == nil {
				hours[id] = new([24]float64)
			}
			at := time.UnixMilli(f.start).In(testZone())
			hours[id][at.Hour()] += float64(f.bytes)
			if at.Weekday() == time.Sunday {
				weekend[id] += float64(f.bytes)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if h := hours["IPLC-BJ-0101"]; h[10] < 5*h[3] {
		t.Errorf("an office line carries %.0f at ten and %.0f at three", h[10], h[3])
	}
	if h := hours["DIA-SH-0302"]; h[21] < 2*h[10] || h[21] < 5*h[4] {
		t.Errorf("a broadband line carries %.0f at nine in the evening, %.0f at ten, %.0f at four", h[21], h[10], h[4])
	}
	total := 0.0
	for _, v := range hours["IPLC-BJ-0101"] {
		total += v
	}
	if weekend["IPLC-BJ-0101"] > total/14 {
		t.Errorf("Sunday carries %.3f of an office line's eight days", weekend["IPLC-BJ-0101"]/total)
	}
}

func TestEventTimeStaysInTheSpanAndGrows(t *testing.T) {
	c := testCarrier(t, nil)
	from, to := c.Span()
	last := make(map[int]int64)
	err := c.play(t.Context(), func(router int, d datagram, _ bool) error {
		for _, f := range d.flows {
			if f.start < from.UnixMilli() || f.end >= to.UnixMilli()-1000 || f.end < f.start {
				t.Fatalf("flow from %d to %d leaves the span %d to %d", f.start, f.end, from.UnixMilli(), to.UnixMilli())
			}
			slot := slotLength.Milliseconds()
			if f.start/slot != f.end/slot || f.start/slot < last[router] {
				t.Fatalf("router %d: flow from %d to %d crosses or goes back behind slot %d", router, f.start, f.end, last[router])
			}
			last[router] = f.start / slot
			if f.src.Is4() != f.dst.Is4() || f.packets == 0 || f.bytes < f.packets*40 || f.bytes > f.packets*1500 {
				t.Fatalf("impossible flow: %+v", f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// digest plays a carrier and hashes every payload by router.
func digest(t *testing.T, c *Carrier) [6][32]byte {
	t.Helper()
	var hashes [6]hash.Hash
	for i := range hashes {
		hashes[i] = sha256.New()
	}
	err := c.play(t.Context(), func(router int, d datagram, dropped bool) error {
		if !dropped {
			hashes[router].Write(d.payload)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out [6][32]byte
	for i := range hashes {
		copy(out[i][:], hashes[i].Sum(nil))
	}
	return out
}

func TestSameSeedSameBytes(t *testing.T) {
	small := func(seed uint64) *Carrier {
		return testCarrier(t, func(cfg *Config) { cfg.Seed, cfg.Scale, cfg.Days = seed, 0.05, 4 })
	}
	c := small(3)
	first, again, other := digest(t, c), digest(t, c), digest(t, small(4))
	if first != again || first != digest(t, small(3)) {
		t.Error("one seed gives different bytes")
	}
	for i := range first {
		if first[i] == other[i] {
			t.Errorf("router %d sends the same for two seeds", i)
		}
	}
}

func TestWholeFeedIsOfTheRightSize(t *testing.T) {
	if testing.Short() {
		t.Skip("plays over a million records")
	}
	c := testCarrier(t, func(cfg *Config) { cfg.Scale = 1 })
	records, sflow := 0, 0
	err := c.play(t.Context(), func(router int, d datagram, _ bool) error {
		records += len(d.flows)
		if c.routers[router].proto == sflow5 {
			sflow += len(d.flows)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if records < 500_000 || records > 2_000_000 || sflow < 50_000 {
		t.Errorf("%d records, %d of them sFlow", records, sflow)
	}
	t.Logf("%d records, %d of them sFlow", records, sflow)
}

func TestPlayStopsWithItsContextAndItsReceiver(t *testing.T) {
	c := testCarrier(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.play(ctx, func(int, datagram, bool) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("play with a cancelled context: %v", err)
	}
	broken := errors.New("broken")
	if err := c.play(t.Context(), func(int, datagram, bool) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("play into a broken receiver: %v", err)
	}
}
