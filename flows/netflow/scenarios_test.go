package netflow

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

// structure is what an independent parser counted in a scenario.
type structure struct {
	Datagrams     int `json:"datagrams"`
	Templates     int `json:"templates"`
	OptTemplates  int `json:"opt_templates"`
	DataRecords   int `json:"data_records"`
	V5Records     int `json:"v5_records"`
	NoTemplate    int `json:"data_no_template_sets"`
	OptionRecords int `json:"opt_records"`
}

func structures(tb testing.TB) map[string]structure {
	tb.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(testkit.Capture(tb, "STRUCTURE.json"), &all); err != nil {
		tb.Fatal(err)
	}
	counts := make(map[string]structure)
	for name, raw := range all {
		var s struct {
			Flow structure `json:"flow"`
		}
		if json.Unmarshal(raw, &s) == nil {
			counts[name] = s.Flow
		}
	}
	return counts
}

// datagrams returns the export datagrams of the files of a scenario.
func datagrams(tb testing.TB, s testkit.Scenario) []flows.Packet {
	tb.Helper()
	var list []flows.Packet
	from := netip.MustParseAddrPort("192.0.2.1:2055")
	for _, file := range s.Files {
		data := testkit.Capture(tb, file)
		switch strings.TrimSuffix(filepath.Ext(strings.TrimSuffix(file, ".gz")), "ng") {
		case ".pcap", ".cap":
			list = append(list, pcapDatagrams(tb, data)...)
		case ".ipfix":
			for len(data) >= ipfixHeaderSize {
				n := max(ipfixHeaderSize, min(len(data), int(binary.BigEndian.Uint16(data[2:]))))
				list = append(list, flows.Packet{Payload: data[:n], From: from})
				data = data[n:]
			}
		default:
			list = append(list, flows.Packet{Payload: data, From: from})
		}
	}
	return list
}

func pcapDatagrams(tb testing.TB, data []byte) []flows.Packet {
	tb.Helper()
	var source gopacket.PacketDataSource
	var link layers.LinkType
	if r, err := pcapgo.NewReader(bytes.NewReader(data)); err == nil {
		source, link = r, r.LinkType()
	} else if r, err := pcapgo.NewNgReader(bytes.NewReader(data), pcapgo.DefaultNgReaderOptions); err == nil {
		source, link = r, r.LinkType()
	} else {
		tb.Fatal(err)
	}
	var list []flows.Packet
	for {
		frame, info, err := source.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			tb.Logf("capture ends early: %v", err)
			return list
		}
		p := gopacket.NewPacket(frame, link, gopacket.Default)
		udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if !ok {
			continue
		}
		addr, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Src().Raw())
		list = append(list, flows.Packet{
			Payload: udp.Payload, From: netip.AddrPortFrom(addr, uint16(udp.SrcPort)), Received: info.Timestamp,
		})
	}
}

// flowFamilies are the families of scenarios that hold export datagrams.
var flowFamilies = map[string]bool{
	"netflow5": true, "netflow9": true, "ipfix": true, "malformed": true, "netflow-legacy": true,
}

// deviation is a number of records that is not the one counted by the
// independent parser, and why.
type deviation struct {
	records int
	why     string
}

// deviations are the scenarios whose records are not as many as those that an
// independent parser counted with templates at hand.
var deviations = map[string]deviation{
	"ipfix/akvorado-ipfixprobe-biflow-rfc5103": {6, "two of the four records are biflows that were answered"},
	"ipfix/telegraf-ipfix-example":             {56, "27 of the 29 records are biflows that were answered"},
	"ipfix/cesnet-enterprise-from-nfv9":        {59, "a template is cut: one record lost for it, one in the set that lacks it"},
	"ipfix/graylog2-ixia-ixflow-datatemplate":  {4, "the set of three records before its template is decoded when it comes"},
	"netflow9/graylog2-fortigate-300d":         {146, "81 records came before their templates, one in each set"},
	"netflow5/logstash-netflow-5-invalid-01":   {0, "a count of 55582 in a datagram of 30 records; the golden has none either"},
	"malformed/cesnet-bad-length-in-set":       {1, "what follows the broken set counts as one lost record"},
	"malformed/cesnet-missing-template-258":    {5, "the set without template counts as one lost record"},
	"malformed/cesnet-only-data-no-templates":  {3, "three sets without template count as one lost record each"},
	"malformed/exatel-malformed-1":             {9, "the header of each datagram counts three records more than there are templates"},
	"malformed/exatel-malformed-3":             {3, "the header counts three records more than there are templates"},
	"malformed/exatel-malformed-5":             {3, "the header counts three records more than there are templates"},
	"netflow-legacy/bitkeks-v1":                {0, "NetFlow v1 is not read"},
	"netflow-legacy/pktvisor-nf1":              {0, "NetFlow v1 is not read"},
	"netflow-legacy/pktvisor-nf7":              {0, "NetFlow v7 is not read"},
}

func TestScenarios(t *testing.T) {
	counted := structures(t)
	for _, s := range testkit.Scenarios(t) {
		if !flowFamilies[s.Family()] {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			books := flows.NewBooks()
			d := New(Config{Books: books})
			var records []flows.Record
			for _, p := range datagrams(t, s) {
				records = d.Decode(p, records)
			}
			records = d.Expire(endOfTime(), records)
			records = d.Flush(records)
			testkit.Store(books, records)
			testkit.Balance(t, books)
			sum := testkit.Sum(books)
			want := counted[s.Name].DataRecords + counted[s.Name].V5Records
			why := ""
			if d, ok := deviations[s.Name]; ok {
				want, why = d.records, d.why
			}
			if int(sum.Records) != want {
				t.Errorf("%d records, want %d (%s)\n%s", sum.Records, want, why, describe(&sum))
			}
			if sum.DatagramsLost[flows.ReasonDecoderPanic]+sum.Lost[flows.ReasonDecoderPanic] != 0 {
				t.Error("decoding panicked")
			}
			checkRecords(t, records)
		})
	}
}

// checkRecords fails for records that no exporter can have meant.
func checkRecords(t *testing.T, records []flows.Record) {
	t.Helper()
	for i := range records {
		r := &records[i]
		switch {
		case !r.Src.IsValid() && !r.Dst.IsValid():
			t.Errorf("record %d has no address", i)
		case r.Start.After(r.End):
			t.Errorf("record %d starts %v after its end %v", i, r.Start, r.End)
		case r.SamplingRate == 0 && r.SamplingSource != flows.SamplingNone:
			t.Errorf("record %d has rate 0 from %v", i, r.SamplingSource)
		}
	}
}

func describe(c *flows.Count) string {
	var b strings.Builder
	_ = json.NewEncoder(&b).Encode(c)
	return b.String()
}
