package storage_test

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// benchFlows is how many flows of a day the benchmark rolls up: 2 million, or
// LINEWARDEN_BENCH_FLOWS. There are two days.
func benchFlows(b *testing.B) int {
	b.Helper()
	text := os.Getenv("LINEWARDEN_BENCH_FLOWS")
	if text == "" {
		return 2_000_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// benchDay stores flows of 2,000 lines and 20,000 allocations over a day that
// begins at that second. Few hosts and few networks have most of the traffic, as
// is usual: the share of the first k of n grows with the square root of k/n for
// hosts and with the fourth root for networks. The engine makes them, so that
// nothing else is measured.
func benchDay(b *testing.B, s *storage.Store, begin int64, n int) {
	b.Helper()
	const step = 1_000_000
	for from := 0; from < n; from += step {
		err := s.Exec(b.Context(), `INSERT INTO flows (stored, exporter, domain, version, received, exported, start, end, src, dst, families, bytes, packets, sampling_rate, in_if, out_if,
    src_port, dst_port, proto, line, line_direction, src_net_bits, dst_net_bits, src_allocation_bits, dst_allocation_bits, src_origin, dst_origin)
WITH
    sipHash64(number) AS h,
    toUInt32(h % 2000) AS line_number,
    toUInt32(intDiv(h, 2000) % 10) AS block,
    (h % 7) < 4 AS outward,
    `+strconv.FormatInt(begin, 10)+` + intDiv(number * 86400, `+strconv.Itoa(n)+`) AS second,
    toUInt32(40 * pow(intDiv(h, 1000000) % 10000 / 10000, 2)) AS host,
    toUInt32(20000 * pow(sipHash64(h, 1) % 1000000 / 1000000, 4)) AS network,
    toIPv6(IPv4NumToString(toUInt32(167772160 + line_number * 4096 + block * 256 + host))) AS home,
    toIPv6(IPv4NumToString(toUInt32(3405803776 + 256 * network + intDiv(h, 333) % 30))) AS remote,
    toUInt16([443, 443, 443, 80, 53, 8080, 22, 40000][1 + intDiv(h, 51) % 8]) AS service,
    toUInt16(32768 + intDiv(h, 3331) % 28000) AS client,
    fromUnixTimestamp64Nano(toInt64(second) * 1000000000, 'UTC') AS seen
SELECT now('UTC'), toIPv6(concat('::ffff:192.0.2.', toString(line_number % 20))), 1, 'ipfix', seen, seen AS exported,
    fromUnixTimestamp64Nano((toInt64(second) - toInt64(h % 90)) * 1000000000, 'UTC'), seen,
    if(outward, home, remote), if(outward, remote, home), 21, 40 + h % 1400, 1, 1000, if(outward, 10 + line_number, 1), if(outward, 1, 10 + line_number),
    if(outward, client, service), if(outward, service, client), if(h % 5 = 0, 17, 6), concat('L-', toString(line_number)),
    if(outward, 'from_customer', 'to_customer'), 120, 120, if(outward, 120, 255), if(outward, 255, 120),
    if(outward, 0, network % 3000), if(outward, network % 3000, 0)
FROM numbers(`+strconv.Itoa(from)+`, `+strconv.Itoa(min(step, n-from))+`)`)
		if err != nil {
			b.Fatal(err)
		}
	}
}

// benchScope has an interface for each line; every tenth is international.
func benchScope() storage.Scope {
	var scope storage.Scope
	for line := range 2000 {
		name := "L-" + strconv.Itoa(line)
		scope.Ports = append(scope.Ports, storage.ScopePort{
			Exporter: netip.AddrFrom4([4]byte{192, 0, 2, byte(line % 20)}), IfIndex: uint32(10 + line), Vantage: storage.VantageCustomer, Line: name,
		})
		if line%10 == 0 {
			scope.Lines = append(scope.Lines, storage.ScopeLine{ID: name})
		}
	}
	return scope
}

// BenchmarkRollUp rolls a day up, and asks what audits and the console ask of
// it, with another day of as many flows in the store.
func BenchmarkRollUp(b *testing.B) {
	cfg := configure(b)
	s := open(b, cfg)
	n := benchFlows(b)
	day := registry.NewDate(2026, 9, 14)
	scope := benchScope()
	window := func(d registry.Date) rules.Window {
		return rules.Window{From: d.Start(cfg.Location), To: (d + 1).Start(cfg.Location)}
	}
	for _, d := range []registry.Date{day - 1, day} {
		benchDay(b, s, d.Start(cfg.Location).Unix(), n)
	}
	rollUp(b, s, window(day-1), scope)
	w := window(day)
	b.Run("day", func(b *testing.B) {
		forgetPeak(b)
		spent := engineTime(b)
		for b.Loop() {
			b.StopTimer()
			if err := s.Exec(b.Context(), "TRUNCATE TABLE rollup_runs"); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			if done := rollUp(b, s, w, scope); done.Hours < 24 {
				b.Fatalf("%+v", done)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "flows/s")
		b.ReportMetric((engineTime(b)-spent).Seconds()/float64(n)/float64(b.N)*1e6, "engine-cpu-s/Mflow")
		b.ReportMetric(enginePeak(b), "engine-peak-MB")
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			rollUp(b, s, w, scope)
		}
	})
	benchQuestions(b, s, w, cfg.Location)
	stats, err := s.Stats(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range stats.Tables {
		b.Logf("%s: %d rows, %.1f MB", t.Name, t.Rows, float64(t.Bytes)/1e6)
	}
}

// leastAsked is how often a question is asked at least before one can speak of
// the slowest twentieth.
const leastAsked = 20

func benchQuestions(b *testing.B, s *storage.Store, w rules.Window, loc *time.Location) {
	var within []rules.AllocationID
	for i, a := range allOf(b, s.Allocations(b.Context(), w, loc)) {
		if i%100 == 0 {
			within = append(within, a.Allocation)
		}
	}
	var lines []string
	for line := 0; line < 2000; line += 10 {
		lines = append(lines, "L-"+strconv.Itoa(line))
	}
	hours := rules.PairsQuestion{Window: w, Location: loc, Lines: lines, Hours: []time.Time{w.From, w.From.Add(time.Hour)}}
	about := rules.AddressQuestion{Window: w, Location: loc, Within: within}
	services := rules.ServicesQuestion{Window: w, Location: loc, Lines: lines, LeastPeers: 5}
	for name, ask := range map[string]func() int{
		"line networks, 200 lines": func() int { return len(allOf(b, s.LineNetworks(b.Context(), w, loc, lines...))) },
		"line networks, one line":  func() int { return len(allOf(b, s.LineNetworks(b.Context(), w, loc, lines[0]))) },
		"line hours":               func() int { return len(allOf(b, s.LineHours(b.Context(), w))) },
		"line hours, one line":     func() int { return len(allOf(b, s.LineHoursOf(b.Context(), lines[0], w))) },
		"line pairs":               func() int { return len(allOf(b, s.LinePairs(b.Context(), hours))) },
		"line services":            func() int { return len(allOf(b, s.LineServices(b.Context(), services))) },
		"allocations":              func() int { return len(allOf(b, s.Allocations(b.Context(), w, loc))) },
		"hosts":                    func() int { return len(allOf(b, s.AllocationHosts(b.Context(), about))) },
		"sources":                  func() int { return len(allOf(b, s.AllocationSources(b.Context(), w, loc, within))) },
		"contacts": func() int {
			return len(allOf(b, s.AllocationContacts(b.Context(), rules.ContactQuestion{AddressQuestion: about})))
		},
		"entries": func() int { return len(allOf(b, s.AllocationEntries(b.Context(), w, loc))) },
		"flows, one line and hour": func() int {
			return len(allOf(b, s.Flows(b.Context(), storage.FlowFilter{From: w.From.Add(12 * time.Hour), To: w.From.Add(13 * time.Hour), Line: lines[0]})))
		},
	} {
		b.Run(name, func(b *testing.B) {
			forgetPeak(b)
			answers := 0
			var took []time.Duration
			for b.Loop() {
				for range leastAsked {
					began := time.Now()
					answers = ask()
					took = append(took, time.Since(began))
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1e3, "p95-ms")
			b.ReportMetric(float64(answers), "answers")
			b.ReportMetric(enginePeak(b), "engine-peak-MB")
		})
	}
}
