package main

import (
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/netflow"
	"github.com/linewarden/linewarden/flows/sflow"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xlsx"
)

// checkLoad receives what a generator sends and wants it to be what a decoder
// understands without any loss: all records, from all exporters, of known
// sampling, of now, and none like another.
func checkLoad(t *testing.T, load *loadProcess, protocol string) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	if _, err := load.ask("aim %s %s", protocol, conn.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	books := flows.NewBooks()
	decoders := []flows.Decoder{
		netflow.New(netflow.Config{Books: books, MaxSkew: time.Minute}), sflow.New(sflow.Config{Books: books}),
	}
	got := make(chan []flows.Record, 1)
	go func() { got <- receiveLoad(conn, decoders) }() // received below
	var sent uint64
	for _, order := range []string{"announce", "", "rebind", "announce", ""} {
		if order != "" {
			if _, err := load.ask("%s", order); err != nil {
				t.Fatal(err)
			}
			continue
		}
		s, err := load.send(40_000, 4_000)
		if err != nil {
			t.Fatal(err)
		}
		sent += s.records
		if s.rate() < 10_000 || s.rate() > 41_000 {
			t.Errorf("40000 records a second were asked for and %.0f sent", s.rate())
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	records := <-got
	if uint64(len(records)) != sent {
		t.Errorf("%d records were sent and %d received", sent, len(records))
	}
	checkLoadRecords(t, records)
	books.Totals(func(s flows.Source, c flows.Count) {
		if c.TotalLost() > 0 || c.TotalDatagramsLost() > 0 || c.SequenceGaps > 0 || c.ClockSkewed > 0 || c.Unscaled > 0 {
			t.Errorf("the books of %v are %+v", s, c)
		}
	})
}

func receiveLoad(conn *net.UDPConn, decoders []flows.Decoder) (records []flows.Record) {
	payload := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(payload)
		if err != nil {
			return records
		}
		decoder := decoders[0]
		if payload[1] == 0 {
			decoder = decoders[1]
		}
		packet := flows.Packet{Payload: payload[:n], From: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), Received: time.Now()}
		records = decoder.Decode(packet, records)
	}
}

func checkLoadRecords(t *testing.T, records []flows.Record) {
	exporters, families := make(map[netip.Addr]bool), make(map[bool]int)
	seen := make(map[flows.Record]bool)
	for i := range records {
		r := records[i]
		exporters[r.Source.Exporter] = true
		families[r.Src.Is6()]++
		if r.SamplingRate != loadSampling || r.Bytes == 0 || r.Packets == 0 || !r.Dst.IsValid() || r.SrcPort == 0 || r.End.Before(r.Start) {
			t.Fatalf("a record is %+v", r)
		}
		r.Received, r.Exported, r.Start, r.End = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		seen[r] = true
	}
	if len(exporters) != loadExporters {
		t.Errorf("%d exporters sent", len(exporters))
	}
	if share := float64(families[true]) / float64(len(records)); share < 0.04 || share > 0.2 {
		t.Errorf("%.2f of the records are IPv6", share)
	}
	if len(seen) < len(records)*99/100 {
		t.Errorf("%d records are %d different ones", len(records), len(seen))
	}
}

// TestLoadPasses wants no flow to be the same when it is sent again.
func TestLoadPasses(t *testing.T) {
	at := time.Now()
	for p, protocol := range loadProtocols {
		shooter := newShooter(p, 0)
		decoders := []flows.Decoder{
			netflow.New(netflow.Config{Books: flows.NewBooks(), MaxSkew: time.Minute}), sflow.New(sflow.Config{Books: flows.NewBooks()}),
		}
		from := netip.AddrPortFrom(loadAddress(p, 0), 2055)
		decode := func(payload []byte) (records []flows.Record) {
			for _, d := range decoders {
				records = d.Decode(flows.Packet{Payload: payload, From: from, Received: at}, records)
			}
			return records
		}
		decode(shooter.announce(at))
		for _, s := range shooter.shots(newLoadTraffic(p, 0), 8) {
			shooter.stamp(s, at, 0)
			first := decode(s.payload)
			shooter.stamp(s, at, 1)
			second := decode(s.payload)
			if len(first) != len(s.flows) || len(second) != len(first) {
				t.Fatalf("%s: %d flows are %d and %d records", protocol, len(s.flows), len(first), len(second))
			}
			for i := range first {
				one, other := &first[i], &second[i]
				if one.Src != other.Src || one.SrcPort == other.SrcPort && one.DstPort == other.DstPort {
					t.Fatalf("%s: a flow is sent again as %+v", protocol, other)
				}
			}
		}
	}
}

// TestLoadLedgers wants the ledgers of the load to be without mistakes, and the
// lines in them to be those that the load is on.
func TestLoadLedgers(t *testing.T) {
	dir := t.TempDir()
	if err := writeLoadLedgers(dir); err != nil {
		t.Fatal(err)
	}
	tables, problems := registry.Read(dir, xlsx.Reader{})
	ledgers, more := registry.Parse(tables)
	if problems = slices.Concat(problems, more); len(problems) > 0 {
		t.Fatalf("%d problems, the first is %v", len(problems), problems[0])
	}
	if len(ledgers.Lines) != loadLines || len(ledgers.Allocations) < loadAllocations || len(ledgers.Exporters) != len(loadProtocols)*loadExporters {
		t.Fatalf("%d lines, %d allocations, %d exporters", len(ledgers.Lines), len(ledgers.Allocations), len(ledgers.Exporters))
	}
	type port struct {
		exporter netip.Addr
		ifIndex  uint32
	}
	ports := make(map[port]bool)
	for _, i := range ledgers.Interfaces {
		ports[port{i.Exporter, i.IfIndex}] = i.LineID != ""
	}
	for p := range loadProtocols {
		for e := range loadExporters {
			traffic := newLoadTraffic(p, e)
			for i := range 200 {
				f := traffic.flow(i%8 == 0)
				if ports[port{loadAddress(p, e), f.inIf}] == ports[port{loadAddress(p, e), f.outIf}] {
					t.Fatalf("a flow from interface %d to %d crosses no line", f.inIf, f.outIf)
				}
			}
		}
	}
	checkLoadInternational(t, ledgers)
}

// checkLoadInternational wants a tenth of the lines to be international, with
// their ends and files, and what they carry to run between those ends mostly.
func checkLoadInternational(t *testing.T, ledgers *registry.Ledgers) {
	t.Helper()
	ends := make(map[string][]netip.Prefix)
	for _, e := range ledgers.LineEndpoints {
		ends[e.LineID] = append(ends[e.LineID], e.Prefix)
	}
	files := make(map[string]bool)
	for _, f := range ledgers.UserFiles {
		files[f.LineID] = true
	}
	lines := 0
	for _, l := range ledgers.Lines {
		if l.Scope != "international" {
			continue
		}
		lines++
		if len(ends[l.ID]) != loadLineBlocks+3 || !files[l.ID] || l.ZCountry == "" {
			t.Fatalf("line %s has %d ends, and its file is there: %v", l.ID, len(ends[l.ID]), files[l.ID])
		}
	}
	if lines != loadLines/loadInternational {
		t.Errorf("%d lines are international", lines)
	}
	shares := make(map[bool][2]int) // by misuse: flows, and those with an end that is not declared
	servers := 0
	for p := range loadProtocols {
		for e := range loadExporters {
			traffic, on := newLoadTraffic(p, e), linesOf(p, e)
			for i := range 2_000 {
				f := traffic.flow(i%8 == 0)
				if f.inIf != loadAbroadIf && f.outIf != loadAbroadIf {
					continue
				}
				line := on[max(f.inIf, f.outIf)-loadFirstLineIf]
				declared := func(a netip.Addr) bool {
					return slices.ContainsFunc(ends[loadLine(line)], func(p netip.Prefix) bool { return p.Contains(a) })
				}
				s := shares[isMisused(line)]
				s[0]++
				if !declared(f.src) || !declared(f.dst) {
					s[1]++
				}
				shares[isMisused(line)] = s
				if f.towards == (f.inIf >= loadFirstLineIf) {
					servers++ // the client is at the far end
				}
			}
		}
	}
	innocent, misused := shares[false], shares[true]
	if share := float64(innocent[1]) / float64(innocent[0]); share < 0.01 || share > 0.05 {
		t.Errorf("%.3f of %d flows of lines between offices have an end elsewhere", share, innocent[0])
	}
	if share := float64(misused[1]) / float64(misused[0]); share < 0.3 || share > 0.5 {
		t.Errorf("%.3f of %d flows of lines in misuse have an end elsewhere", share, misused[0])
	}
	if share := float64(servers) / float64(innocent[0]+misused[0]); share < 0.2 || share > 0.3 {
		t.Errorf("%.3f of the flows are served at the near end", share)
	}
}

// TestBenchReport wants everything that was not measured to be named, with the
// reason, and ratios of the same protocol.
func TestBenchReport(t *testing.T) {
	nan := math.NaN()
	r := &benchReport{noDecode: "not chosen", rows: []*benchRow{
		{protocol: "netflow9", name: "linewarden", result: &benchResult{rates: []float64{300_000, 200_000, 250_000}, own: 1, children: 1, allocations: 0.01, disk: 40}},
		{protocol: "netflow9", name: "peer", result: &benchResult{rates: []float64{100_000}, own: 5, allocations: nan, disk: nan}},
		{protocol: "ipfix", name: "linewarden", result: &benchResult{rates: []float64{1_000}, own: 1, allocations: nan, disk: nan}},
		{protocol: "ipfix", name: "absent", why: "absentd is not installed"},
	}}
	rate, cpu := r.ratios(r.rows[1])
	if rate != 2.5 || cpu != 2.5 {
		t.Errorf("the ratios are %v and %v", rate, cpu)
	}
	r.rows[1].result.strangers = 0.25
	if rate, _ := r.ratios(r.rows[0]); !math.IsNaN(rate) {
		t.Errorf("linewarden through itself is %v", rate)
	}
	text := r.render()
	for _, want := range []string{
		"200000 – 300000", "ipfix absent was not measured: absentd is not installed", "decode alone was not measured: not chosen",
		"netflow9 peer: other programs used 25 % of the processors",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q:\n%s", want, text)
		}
	}
}

// TestSumFlows reads what the print plugin of pmacct writes.
func TestSumFlows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "print.csv")
	if n, err := sumFlows(file); n != 0 || err != nil {
		t.Errorf("no output gives %d, %v", n, err)
	}
	for _, c := range []struct {
		text string
		want uint64
		bad  bool
	}{
		{"SRC_IP,PACKETS,FLOWS,BYTES\n10.0.0.1,1,2,3\nSRC_IP,PACKETS,FLOWS,BYTES\n10.0.0.2,4,5,6\n", 7, false},
		{"SRC_IP,PACKETS,BYTES\n10.0.0.1,1,3\n", 0, true},
		{"SRC_IP,FLOWS\n10.0.0.1,many\n", 0, true},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := sumFlows(file); n != c.want || (err != nil) != c.bad {
			t.Errorf("%q gives %d, %v", c.text, n, err)
		}
	}
}

// TestStep plants a collector that loses a record, one that is late and a
// generator that is slow.
func TestStep(t *testing.T) {
	good := benchStep{asked: 1000, rate: 990, sent: 100, got: 100, behind: time.Millisecond}
	if !good.passes(time.Second) {
		t.Error("nothing is wrong and the step does not pass")
	}
	for name, change := range map[string]func(s *benchStep){
		"a lost record":    func(s *benchStep) { s.got-- },
		"one too many":     func(s *benchStep) { s.got++ },
		"a late one":       func(s *benchStep) { s.behind = 2 * time.Second },
		"a slow generator": func(s *benchStep) { s.rate = 900 },
	} {
		s := good
		change(&s)
		if s.passes(time.Second) {
			t.Errorf("%s passes", name)
		}
	}
}

// TestAllocated takes the cost of readings out.
func TestAllocated(t *testing.T) {
	before := allocated{first: 900, second: 1000, answers: 2}
	// Two other answers and the first reading came between, at 110 each.
	after := allocated{first: 1000 + 50 + 3*110, second: 1000 + 50 + 4*110, answers: 6}
	if got := after.since(before); got != 50 {
		t.Errorf("%d allocations, want 50", got)
	}
	if got := (allocated{first: 1010, second: 2000, answers: 4}).since(before); got != 0 {
		t.Errorf("readings that cost more than all give %d", got)
	}
}

// TestProcessFigures measures a process that is known: this one.
func TestProcessFigures(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	before, err := timesOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	watch, err := watchStrangers()
	if err != nil {
		t.Fatal(err)
	}
	busy, err := busyTime()
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); {
		if _, err := conn.WriteToUDPAddrPort([]byte("123"), local); err != nil {
			t.Fatal(err)
		}
	}
	after, err := timesOf(os.Getpid())
	if spent := after.minus(before).own; err != nil || spent < 50*time.Millisecond {
		t.Errorf("200 ms of work used %v, %v", spent, err)
	}
	share, err := watch.share()
	if err != nil || share < 0 || share > 1 {
		t.Errorf("others used %v of the processors, %v", share, err)
	}
	if now, err := busyTime(); err != nil || now-busy < 50*time.Millisecond {
		t.Errorf("200 ms of work kept the machine busy for %v, %v", now-busy, err)
	}
	queued, dropped, err := queuedOn(local.Port())
	if err != nil || queued == 0 || dropped == 0 {
		t.Errorf("%d bytes wait in a full queue, %d datagrams were dropped, %v", queued, dropped, err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := equalBuffers(os.Getpid(), local.Port()); err == nil {
		t.Error("the buffer of a closed socket was set")
	}
	if _, err := timesOf(1 << 30); err == nil {
		t.Error("a process that is not has times")
	}
}

// TestMissing names the program and the remedy.
func TestMissing(t *testing.T) {
	why := missingOf("install the package nothing", "go", "no-such-collector")
	if why != "no-such-collector is not installed: install the package nothing" {
		t.Errorf("it says %q", why)
	}
	if why := missingOf("", "go"); why != "" {
		t.Errorf("go is missing: %s", why)
	}
}
