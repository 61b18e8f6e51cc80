package sflow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/sflow"
	"github.com/linewarden/linewarden/internal/testkit"
)

// lost lists the flow samples of the captures that become no record.
var lost = map[string]struct {
	samples uint64
	reason  flows.Reason
	why     string
}{
	"sflow5/gopacket-sflowethernetframepacket": {7, flows.ReasonNotIP, "sampled Ethernet records (2) alone: MAC addresses and nothing of IP"},
	"sflow5/gopacket-sflowtestpacket4":         {1, flows.ReasonNotIP, "an extended switch record alone"},
	"sflow5/gopacket-sflowtestpacket5":         {1, flows.ReasonMalformed, "its one record says that it is four octets longer than the sample"},
	"sflow5/gopacket-sflowtestpacket6":         {1, flows.ReasonNotIP, "an extended IPv4 tunnel record alone: it describes what the packet was put into, not the packet"},
	"sflow5/gopacket-sflowtestpacket8":         {1, flows.ReasonMalformed, "its one record says that it is four octets longer than the sample"},
}

// structure is what an independent parser counted in a scenario.
type structure struct {
	Flow struct {
		Datagrams        int      `json:"datagrams"`
		Exporters        []string `json:"exporters"`
		Flows            uint64   `json:"sf_flow"`
		ExpandedFlows    uint64   `json:"sf_exp_flow"`
		Counters         uint64   `json:"sf_counter"`
		ExpandedCounters uint64   `json:"sf_exp_counter"`
		Rates            []uint64 `json:"sf_rates"`
		Versions         []string `json:"versions"`
	} `json:"flow"`
}

func structures(tb testing.TB) map[string]structure {
	tb.Helper()
	all := make(map[string]structure)
	raw := make(map[string]json.RawMessage)
	if err := json.Unmarshal(testkit.Capture(tb, "STRUCTURE.json"), &raw); err != nil {
		tb.Fatal(err)
	}
	for name, text := range raw {
		var s structure
		if strings.HasPrefix(name, "sflow5/") {
			if err := json.Unmarshal(text, &s); err != nil {
				tb.Fatalf("%s: %v", name, err)
			}
			all[name] = s
		}
	}
	return all
}

// frames returns the frames of a pcap file.
func frames(tb testing.TB, file string) []gopacket.Packet {
	tb.Helper()
	r, err := pcapgo.NewReader(bytes.NewReader(testkit.Capture(tb, file)))
	if err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	var list []gopacket.Packet
	for {
		data, info, err := r.ReadPacketData()
		if err != nil {
			return list
		}
		packet := gopacket.NewPacket(data, r.LinkType(), gopacket.NoCopy)
		packet.Metadata().CaptureInfo = info
		list = append(list, packet)
	}
}

// packets returns the datagrams of a scenario's files.
func packets(tb testing.TB, s testkit.Scenario) []flows.Packet {
	tb.Helper()
	var list []flows.Packet
	for _, file := range s.Files {
		if !strings.HasSuffix(file, ".pcap") {
			list = append(list, flows.Packet{Payload: testkit.Capture(tb, file), From: from})
			continue
		}
		for _, frame := range frames(tb, file) {
			udp, _ := frame.Layer(layers.LayerTypeUDP).(*layers.UDP)
			if udp == nil || frame.NetworkLayer() == nil {
				tb.Fatalf("%s: a frame without UDP", file)
			}
			src, _ := netip.AddrFromSlice(frame.NetworkLayer().NetworkFlow().Src().Raw())
			list = append(list, flows.Packet{
				Payload: udp.Payload, From: netip.AddrPortFrom(src, uint16(udp.SrcPort)), Received: frame.Metadata().Timestamp,
			})
		}
	}
	return list
}

func isSFlow(payload []byte) bool { return bytes.HasPrefix(payload, []byte{0, 0, 0, 5}) }

// TestCaptures decodes every scenario of the family and holds the counts
// against those of an independent parser.
func TestCaptures(t *testing.T) {
	counted := structures(t)
	ran := 0
	for _, s := range testkit.Scenarios(t) {
		if s.Family() != "sflow5" {
			continue
		}
		ran++
		t.Run(s.Name, func(t *testing.T) {
			want, known := counted[s.Name]
			if !known {
				t.Fatal("no structure")
			}
			books := flows.NewBooks()
			d := sflow.New(sflow.Config{Books: books})
			var records []flows.Record
			all, others := packets(t, s), uint64(0)
			for _, p := range all {
				if !isSFlow(p.Payload) {
					others++ // NetFlow v5 stands between in one capture
				}
				records = d.Decode(p, records)
			}
			testkit.Store(books, records)
			testkit.Balance(t, books)
			got := sum(books)
			if len(all) != want.Flow.Datagrams || got.Datagrams != uint64(len(all)) || got.TotalDatagramsLost() != others ||
				got.DatagramsLost[flows.ReasonUnknownVersion] != others || (others > 0) != (len(want.Flow.Versions) > 1) {
				t.Errorf("datagrams %d, count %+v, want %d", len(all), got, want.Flow.Datagrams)
			}
			if n := want.Flow.Flows + want.Flow.ExpandedFlows; got.Records != n {
				t.Errorf("%d records, want %d", got.Records, n)
			}
			if n := want.Flow.Counters + want.Flow.ExpandedCounters; got.Counters != n {
				t.Errorf("%d counter samples, want %d", got.Counters, n)
			}
			if l := lost[s.Name]; got.TotalLost() != l.samples || got.Lost[l.reason] != l.samples {
				t.Errorf("lost %v, want %d as %v", got.Lost, l.samples, l.reason)
			}
			checkSources(t, books, want)
			checkRates(t, d, records, want)
		})
	}
	if ran != len(counted) || ran < 30 {
		t.Errorf("%d scenarios ran, %d are counted, want 30 at least", ran, len(counted))
	}
}

// checkSources compares the agents.
func checkSources(t *testing.T, books *flows.Books, want structure) {
	t.Helper()
	var agents []string
	books.Totals(func(s flows.Source, c flows.Count) {
		if c.TotalDatagramsLost() < c.Datagrams {
			agents = append(agents, "agent:"+s.Exporter.String())
		}
	})
	slices.Sort(agents)
	agents = slices.Compact(agents)
	var wants []string
	for _, name := range want.Flow.Exporters {
		if strings.HasPrefix(name, "agent:") {
			wants = append(wants, name)
		}
	}
	slices.Sort(wants)
	if d := diff(wants, agents); d != "" {
		t.Errorf("agents (-want +got):\n%s", d)
	}
}

// checkRates compares the sampling rates, where all samples became records.
func checkRates(t *testing.T, d *sflow.Decoder, records []flows.Record, want structure) {
	t.Helper()
	if uint64(len(records)) != want.Flow.Flows+want.Flow.ExpandedFlows {
		return
	}
	var rates []uint64
	for _, list := range d.Sampling() {
		rates = append(rates, list...)
	}
	slices.Sort(rates)
	slices.Sort(want.Flow.Rates)
	if d := diff(want.Flow.Rates, slices.Compact(rates)); d != "" {
		t.Errorf("rates (-want +got):\n%s", d)
	}
}

// TestGoldenTcpdump compares datagrams and samples per sub-agent with what
// tcpdump printed.
func TestGoldenTcpdump(t *testing.T) {
	const name = "sflow5/tcpdump-sflow-multiple-counter-30-pdus"
	type volume struct{ datagrams, samples uint64 }
	line := regexp.MustCompile(`sFlowv5, IPv4 agent ([0-9.]+), agent-id ([0-9]+), seqnum [0-9]+, uptime [0-9]+, samples ([0-9]+)`)
	want := make(map[flows.Source]volume)
	text := testkit.Capture(t, name+"/expected.tcpdump.sflow_multiple_counter_30_pdus.txt")
	for _, m := range line.FindAllStringSubmatch(string(text), -1) {
		domain, _ := strconv.ParseUint(m[2], 10, 32)
		samples, _ := strconv.ParseUint(m[3], 10, 32)
		s := flows.Source{Exporter: netip.MustParseAddr(m[1]), Domain: uint32(domain), Version: flows.SFlow5}
		want[s] = volume{want[s].datagrams + 1, want[s].samples + samples}
	}
	if len(want) < 5 {
		t.Fatalf("tcpdump printed %d agents, want more", len(want))
	}
	books := flows.NewBooks()
	d := sflow.New(sflow.Config{Books: books})
	for _, s := range testkit.Scenarios(t) {
		if s.Name == name {
			for _, p := range packets(t, s) {
				d.Decode(p, nil)
			}
		}
	}
	got := make(map[flows.Source]volume)
	books.Totals(func(s flows.Source, c flows.Count) {
		if c.TotalDatagramsLost() == 0 {
			got[s] = volume{c.Datagrams, c.Counters + c.Records}
		}
	})
	if fmt.Sprint(want) != fmt.Sprint(got) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestGoldenTelegraf compares the agent of the counter samples telegraf read.
func TestGoldenTelegraf(t *testing.T) {
	ran := 0
	for _, s := range testkit.Scenarios(t) {
		if s.Family() != "sflow5" || len(s.Golden) != 1 || !strings.HasSuffix(s.Golden[0], ".influx") {
			continue
		}
		ran++
		golden := string(testkit.Capture(t, s.Golden[0]))
		records, count, _ := decode(packets(t, s)[0].Payload)
		books := flows.NewBooks()
		sflow.New(sflow.Config{Books: books}).Decode(packets(t, s)[0], nil)
		if n := uint64(strings.Count(golden, "agent_ip=")); len(records) != 0 || count.Counters != n {
			t.Errorf("%s: %d records and %d counter samples, want %d counter samples", s.Name, len(records), count.Counters, n)
		}
		books.Totals(func(s flows.Source, _ flows.Count) {
			if want := fmt.Sprintf("agent_ip=%q,agent_subid=%du,", s.Exporter, s.Domain); !strings.Contains(golden, want) {
				t.Errorf("agent %v is not in %s", want, golden)
			}
		})
	}
	if ran != 2 {
		t.Errorf("%d goldens of telegraf, want 2", ran)
	}
}
