package storage_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// carried is what line L carried from its customer.
func carried(tb testing.TB, s *storage.Store) uint64 {
	tb.Helper()
	var sum uint64
	for _, h := range allOf(tb, s.LineHours(tb.Context(), everyWindow())) {
		sum += h.FromCustomer
	}
	return sum
}

func TestRollUpTwice(t *testing.T) {
	s := open(t, configure(t))
	records, scope := smallCarrier(500, 3)
	store(t, s, records...)
	first := rollUp(t, s, everyWindow(), scope)
	if again := rollUp(t, s, everyWindow(), scope); first.Hours == 0 || again != (storage.RolledUp{}) {
		t.Errorf("rolled up %+v, and then again %+v", first, again)
	}
	if n := count(t, s, "rollup_stage") + count(t, s, "rollup_ends"); n != 0 {
		t.Errorf("%d rows are left of what the run worked with", n)
	}
	if empty := rollUp(t, s, rules.Window{From: noon, To: noon}, scope); empty != (storage.RolledUp{}) {
		t.Errorf("an empty window has %+v", empty)
	}
}

// TestLateFlows has flows arrive in two parts, of which the second makes some of
// the hours dirty.
func TestLateFlows(t *testing.T) {
	s := open(t, configure(t))
	records, scope := smallCarrier(1200, 4)
	store(t, s, records[:700]...)
	rollUp(t, s, everyWindow(), scope)
	answerAll(t, s, newTrafficOracle(records[:700], scope, shanghai(t)))
	late := records[700:710]
	store(t, s, late...)
	touched := make(map[int64]bool)
	for _, p := range newTrafficOracle(late, scope, shanghai(t)).pieces {
		touched[p.hour] = true
	}
	if done := rollUp(t, s, everyWindow(), scope); done.Hours != uint64(len(touched)) || done.Late != 0 {
		t.Errorf("%+v, but %d hours are touched by late flows", done, len(touched))
	}
	answerAll(t, s, newTrafficOracle(records[:710], scope, shanghai(t)))
	dead := count(t, s, "allocation_hours")
	if err := s.DropDeadRuns(t.Context(), everyWindow()); err != nil {
		t.Fatal(err)
	}
	if left := count(t, s, "allocation_hours"); left >= dead || left == 0 {
		t.Errorf("%d rows are left of %d when those of old runs are gone", left, dead)
	}
	answerAll(t, s, newTrafficOracle(records[:710], scope, shanghai(t)))
}

// TestRollUpIsCutOff loses the connection at many points of a run: until a run
// is whole, the one before it counts.
func TestRollUpIsCutOff(t *testing.T) {
	behind, direct, g := gated(t)
	scope := func(registry.Date) storage.Scope { return storage.Scope{} }
	late := func() { store(t, direct, crossing("L", flows.FromCustomer, noon, time.Minute, 100)) }
	whole := 0 // bytes of answers, when the connections are there
	for range 2 {
		late()
		whole = -g.delivered()
		if _, err := behind.RollUp(t.Context(), everyWindow(), scope); err != nil {
			t.Fatal(err)
		}
		whole += g.delivered()
	}
	const points = 8
	failed, before := 0, carried(t, direct)
	for i := range points {
		late()
		g.loseAnswers(whole * i / points)
		_, err := behind.RollUp(t.Context(), everyWindow(), scope)
		g.loseAnswers(-1)
		if err != nil {
			failed++
			if got := carried(t, direct); got != before && got != before+1000 {
				t.Fatalf("the line carried %d after a run that was cut off, want %d or 1000 more", got, before)
			}
			rollUp(t, direct, everyWindow(), storage.Scope{})
		}
		if before += 1000; carried(t, direct) != before {
			t.Fatalf("the line carried %d, want %d", carried(t, direct), before)
		}
	}
	if failed == 0 {
		t.Errorf("none of %d runs was cut off", points)
	}
}

// TestRunThatDoesNotCount takes the row of a run away that was written last, as
// if the process had ended before it.
func TestRunThatDoesNotCount(t *testing.T) {
	s := open(t, configure(t))
	for i, bytes := range []uint64{100, 10} {
		store(t, s, crossing("L", flows.FromCustomer, noon, time.Minute, bytes))
		rollUp(t, s, everyWindow(), storage.Scope{})
		if want := []uint64{1000, 1100}[i]; carried(t, s) != want {
			t.Fatalf("the line carried %d, want %d", carried(t, s), want)
		}
	}
	last, err := s.Number(t.Context(), "SELECT max(run) FROM rollup_runs")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "DELETE FROM rollup_runs WHERE run = "+strconv.FormatUint(last, 10)); err != nil {
		t.Fatal(err)
	}
	if got := carried(t, s); got != 1000 {
		t.Errorf("the line carried %d by the run before, want 1000", got)
	}
	if done := rollUp(t, s, everyWindow(), storage.Scope{}); done.Hours != 1 || carried(t, s) != 1100 {
		t.Errorf("%+v, the line carried %d, want 1100", done, carried(t, s))
	}
}

// TestExpiredFlowsAreNotRolledUp has the flows of an hour expire, by their age
// and by hand, before a late one arrives.
func TestExpiredFlowsAreNotRolledUp(t *testing.T) {
	for name, lose := range map[string][]string{
		"age":  {"ALTER TABLE flow_hours UPDATE first_stored = now() - 604800 WHERE true SETTINGS mutations_sync = 2"},
		"gone": {"TRUNCATE TABLE flows"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, configure(t))
			store(t, s, crossing("L", flows.FromCustomer, noon, time.Minute, 100))
			rollUp(t, s, everyWindow(), storage.Scope{})
			for _, statement := range lose {
				if err := s.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			store(t, s, crossing("L", flows.FromCustomer, noon, time.Minute, 10))
			for range 2 {
				if done := rollUp(t, s, everyWindow(), storage.Scope{}); done != (storage.RolledUp{Late: 1}) {
					t.Errorf("%+v, want one late hour", done)
				}
			}
			if got := carried(t, s); got != 1000 {
				t.Errorf("the line carried %d, want the 1000 of when all flows were there", got)
			}
		})
	}
}

// TestSamplingCorrections re-rates flows that are stored already, and gives a
// rate to those that had none.
func TestSamplingCorrections(t *testing.T) {
	s := open(t, configure(t))
	router := netip.MustParseAddr("192.0.2.1")
	flow := func(exporter netip.Addr, domain uint32, at time.Time, took time.Duration, rate uint64) flows.Record {
		r := crossing("L", flows.FromCustomer, at, took, 100)
		r.Source = flows.Source{Exporter: exporter, Domain: domain, Version: flows.IPFIX}
		r.SamplingRate = rate
		return r
	}
	hour := noon.Truncate(time.Hour)
	store(
		t, s,
		flow(router, 1, hour, 2*time.Hour, 10),                   // half of it in the hour after
		flow(router, 1, hour.Add(time.Minute), time.Second, 0),   // of unknown sampling
		flow(router, 1, hour.Add(time.Hour), time.Second, 10),    // after the span
		flow(router, 2, hour, time.Second, 10),                   // of another domain
		flow(netip.MustParseAddr("192.0.2.2"), 1, hour, 0, 10),   // of another exporter
		flow(router, 1, hour.Add(-time.Second), time.Second, 10), // before the span
	)
	rollUp(t, s, everyWindow(), storage.Scope{})
	if got := carried(t, s); got != 5000 {
		t.Fatalf("the line carried %d, want 5000", got)
	}
	fix := storage.SamplingCorrection{
		Exporter: router, Domain: 1, From: hour, To: hour.Add(time.Hour), Rate: 7, Actor: "noc", Note: "configured 1:7",
	}
	for i, want := range []uint64{4000 + 2*700, 4000 + 2*7000, 4000 + 2*7000} {
		hours, err := s.CorrectSampling(t.Context(), fix)
		if err != nil || hours != 2 {
			t.Fatalf("%d hours, %v", hours, err)
		}
		if done := rollUp(t, s, everyWindow(), storage.Scope{}); done.Hours != 2 || carried(t, s) != want {
			t.Errorf("%d: %+v, the line carried %d, want %d", i, done, carried(t, s), want)
		}
		fix.Rate = 70
	}
	known, err := s.SamplingCorrections(t.Context())
	if err != nil || len(known) != 3 || known[0].Rate != 7 || known[0].Exporter != router || known[0].Note != fix.Note ||
		!known[0].From.Equal(fix.From) || known[0].Known.IsZero() {
		t.Errorf("%+v, %v", known, err)
	}
	for _, bad := range []storage.SamplingCorrection{
		{Domain: 1, From: hour, To: hour.Add(1), Rate: 1},
		{Exporter: router, From: hour, To: hour, Rate: 1},
		{Exporter: router, From: hour, To: hour.Add(1)},
	} {
		if _, err := s.CorrectSampling(t.Context(), bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// TestScanMakesNoRows has somebody try every low port of an address that is
// silent, and counts rows of hosts.
func TestScanMakesNoRows(t *testing.T) {
	s := open(t, configure(t))
	var records []flows.Record
	for port := range uint16(1000) {
		r := crossing("L", flows.ToCustomer, noon, time.Second, 40)
		r.Proto, r.SrcPort, r.DstPort = 6, 50000, port+1
		r.Labels.DstAllocation = netip.MustParsePrefix("10.1.0.0/16")
		records = append(records, r)
	}
	store(t, s, records...)
	rollUp(t, s, everyWindow(), storage.Scope{})
	if n := count(t, s, "allocation_hosts"); n != 1 {
		t.Errorf("%d rows of a silent address", n)
	}
}

// TestKnocksAreNoService has six networks try an address of an international
// line: what is only knocked at, resets or answers a handshake serves nobody.
func TestKnocksAreNoService(t *testing.T) {
	scope := storage.Scope{Lines: []storage.ScopeLine{{ID: "L"}}}
	for _, tt := range []struct {
		name              string
		asked, answered   uint64 // bytes of a packet; none is not sent
		packets, services int
	}{
		{name: "silent", asked: 60, packets: 3},
		{name: "a probe of a datagram", asked: 90, packets: 1},
		{name: "reset", asked: 44, answered: 40, packets: 1},
		{name: "a handshake", asked: 60, answered: 60, packets: 1},
		{name: "an answer", asked: 60, answered: 900, packets: 1, services: 1},
		{name: "an upload", asked: 1400, answered: 52, packets: 9, services: 1},
		{name: "the answers were not seen", asked: 1400, packets: 9, services: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, configure(t))
			var records []flows.Record
			for client := range byte(6) {
				ask := crossing("L", flows.ToCustomer, noon, time.Second, tt.asked*uint64(tt.packets))
				ask.Proto, ask.SrcPort, ask.DstPort, ask.Packets = 6, 50000, 23, uint64(tt.packets)
				ask.Src, ask.Dst = netip.AddrFrom4([4]byte{203, 0, client, 9}), netip.MustParseAddr("10.1.0.9")
				ask.Labels.DstAllocation = netip.MustParsePrefix("10.1.0.0/16")
				records = append(records, ask)
				if tt.answered == 0 {
					continue
				}
				reply := crossing("L", flows.FromCustomer, noon, time.Second, tt.answered*uint64(tt.packets))
				reply.Proto, reply.SrcPort, reply.DstPort, reply.Packets = 6, 23, 50000, uint64(tt.packets)
				reply.Src, reply.Dst, reply.Labels.SrcAllocation = ask.Dst, ask.Src, ask.Labels.DstAllocation
				records = append(records, reply)
			}
			store(t, s, records...)
			rollUp(t, s, everyWindow(), scope)
			got := allOf(t, s.LineServices(t.Context(), rules.ServicesQuestion{Window: everyWindow(), Location: shanghai(t), Lines: []string{"L"}}))
			if len(got) != tt.services || tt.services > 0 && got[0].Peers != 6 {
				t.Errorf("%d services, want %d: %+v", len(got), tt.services, got)
			}
		})
	}
}

// TestLedgersMakeHoursDirty rolls an hour up again when the ledgers say
// something else of its day, and not otherwise.
func TestLedgersMakeHoursDirty(t *testing.T) {
	s := open(t, configure(t))
	store(t, s, crossing("L", flows.FromCustomer, noon, time.Minute, 100))
	for i, step := range []struct {
		pool  string
		hours uint64
	}{{"100.64.0.0/10", 1}, {"100.64.0.0/10", 0}, {"100.65.0.0/16", 1}, {"100.65.0.0/16", 0}} {
		scope := storage.Scope{Pools: []netip.Prefix{netip.MustParsePrefix(step.pool)}}
		if done := rollUp(t, s, everyWindow(), scope); done.Hours != step.hours || done.Late != 0 {
			t.Errorf("step %d rolls up %+v, want %d hours", i, done, step.hours)
		}
	}
	if got := carried(t, s); got != 1000 {
		t.Errorf("%d bytes are counted, want 1000", got)
	}
}

func TestScopeOfLedgers(t *testing.T) {
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	day := registry.NewDate(2026, 9, 14)
	before := registry.Validity{From: day - 100, To: day - 1}
	ledgers := &registry.Ledgers{
		Interfaces: []registry.Interface{
			{Exporter: addr("192.0.2.2"), IfIndex: 4, Role: "international", LineID: "L2"},
			{Exporter: addr("192.0.2.1"), IfIndex: 3, Role: "core"},
			{Exporter: addr("192.0.2.1"), IfIndex: 1, Role: "customer", LineID: "L1"},
			{Exporter: addr("192.0.2.1"), IfIndex: 2, Role: "transit"},
			{Exporter: addr("192.0.2.1"), IfIndex: 2, Role: "customer"}, // the first row holds
			{Exporter: addr("192.0.2.1"), IfIndex: 5, Role: "customer", LineID: "L0"},
		},
		Allocations: []registry.Allocation{
			{Prefix: prefix("100.64.0.0/10"), Use: "subscriber_pool"},
			{Prefix: prefix("100.64.0.0/10"), Use: "subscriber_pool"},
			{Prefix: prefix("198.51.100.0/24"), Use: "idc"},
			{Prefix: prefix("198.51.101.0/24"), Use: "enterprise"},
			{Prefix: prefix("198.51.102.0/25"), Use: "enterprise"},
			{Prefix: prefix("10.0.0.0/8"), Use: "subscriber_pool", Valid: before},
		},
		Translations: []registry.Translation{{PublicPrefix: prefix("198.51.101.7/32")}, {PublicPrefix: prefix("198.51.102.0/24")}},
		Lines: []registry.Line{
			{ID: "L2", Scope: "international"}, {ID: "L1", Scope: "domestic"}, {ID: "L0", Scope: "international", Valid: before},
		},
		LineEndpoints: []registry.LineEndpoint{
			{LineID: "L2", End: "z", Prefix: prefix("203.0.113.0/24")}, {LineID: "L2", End: "a"}, {LineID: "L1", End: "a", Prefix: prefix("203.0.113.0/25")},
		},
	}
	got := storage.ScopeOf(registry.NewSnapshot(ledgers, nil), day)
	want := storage.Scope{
		Ports: []storage.ScopePort{
			{Exporter: addr("192.0.2.1"), IfIndex: 1, Vantage: storage.VantageCustomer, Line: "L1"},
			{Exporter: addr("192.0.2.1"), IfIndex: 2, Vantage: storage.VantageBorder},
			{Exporter: addr("192.0.2.1"), IfIndex: 5, Vantage: storage.VantageCustomer},
			{Exporter: addr("192.0.2.2"), IfIndex: 4, Vantage: storage.VantageBorder, Line: "L2"},
		},
		Pools:  []netip.Prefix{prefix("100.64.0.0/10")},
		Lines:  []storage.ScopeLine{{ID: "L2", Ends: []netip.Prefix{prefix("203.0.113.0/24")}}},
		Shared: []netip.Prefix{prefix("198.51.101.0/24"), prefix("198.51.102.0/25")},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestRollupsOfTheFirstViews opens a store whose rollups were written by views:
// what they wrote counts until its flows are rolled up again.
func TestRollupsOfTheFirstViews(t *testing.T) {
	s := open(t, configure(t))
	want := schemaOf(t, s)
	store(t, s, crossing("L", flows.FromCustomer, noon, time.Minute, 100))
	statements := []string{
		"DROP VIEW flow_hours_from_flows",
		"DROP TABLE line_networks",
		`CREATE TABLE line_networks (stored DateTime('UTC') CODEC(ZSTD(1)), bin DateTime('UTC') CODEC(GCD, Delta, ZSTD(1)), line LowCardinality(String) CODEC(ZSTD(1)),
near IPv6 CODEC(ZSTD(1)), near_bits UInt8 CODEC(ZSTD(1)), far IPv6 CODEC(ZSTD(1)), far_bits UInt8 CODEC(ZSTD(1)),
direction Enum8('' = 0, 'from_customer' = 1, 'to_customer' = 2) CODEC(ZSTD(1)),
bytes UInt64 CODEC(T64, ZSTD(1)), samples UInt64 CODEC(T64, ZSTD(1)), unscaled UInt64 CODEC(T64, ZSTD(1)), flows UInt64 CODEC(T64, ZSTD(1)))
ENGINE = SummingMergeTree((bytes, samples, unscaled, flows)) PARTITION BY toYYYYMM(stored)
ORDER BY (toDate(bin), line, near, near_bits, far, far_bits, direction, bin) TTL stored + toIntervalSecond(34560000)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000
COMMENT 'what each line carried between each pair of networks, per hour and direction; rows of one key add up'`,
		// An hour whose flows are there, and one whose flows have expired.
		`INSERT INTO line_networks SELECT now(), toDateTime(arrayJoin([1789358400, 1789268400]), 'UTC'), 'L', toIPv6('10.1.0.0'), 112, toIPv6('203.0.113.0'), 120, 'from_customer', 5, 1, 0, 1`,
		"CREATE MATERIALIZED VIEW line_networks_from_flows TO line_networks AS SELECT stored, line, bytes FROM flows",
		"CREATE MATERIALIZED VIEW line_networks_from_peers TO line_networks AS SELECT stored, line, bytes FROM flows",
		"ALTER TABLE schema_versions DELETE WHERE version > 2 SETTINGS mutations_sync = 2",
	}
	for _, table := range []string{
		"line_hours", "line_pairs", "line_services", "allocation_hours", "allocation_hosts", "allocation_sessions", "allocation_sources",
		"allocation_contacts", "allocation_entries", "flow_hours", "rollup_runs", "rollup_scopes", "sampling_corrections", "rollup_stage", "rollup_ends",
	} {
		statements = append(statements, "DROP TABLE "+table)
	}
	for _, statement := range statements {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time as if the step had been interrupted at its end
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Exec(t.Context(), "ALTER TABLE schema_versions DELETE WHERE version > 2 SETTINGS mutations_sync = 2"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The primary key is the part of the order that was there before.
	got := strings.Replace(schemaOf(t, s), " PRIMARY KEY (toDate(bin), line, near, near_bits, far, far_bits, direction, bin)", "", 1)
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the schema (-want +got):\n%s", diff)
	}
	sum := func() (total uint64) {
		for _, n := range allOf(t, s.LineNetworks(t.Context(), everyWindow(), shanghai(t))) {
			total += n.FromCustomer
		}
		return total
	}
	if got := sum(); got != 10 {
		t.Errorf("%d bytes by the rollups of the views, want 10", got)
	}
	if done := rollUp(t, s, everyWindow(), storage.Scope{}); done.Hours != 1 || sum() != 1005 {
		t.Errorf("%+v and %d bytes, want one hour and 1005", done, sum())
	}
}
