package replay_test

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
)

// akvoradoFlow is one flow that a test of akvorado expects. The test compares
// whole messages, so that what is not named is zero.
type akvoradoFlow struct {
	SamplingRate     uint64
	ExporterAddress  string
	SrcAddr, DstAddr string
	NextHop          string
	InIf, OutIf      uint32
	SrcVlan, DstVlan uint16
	SrcAS, DstAS     uint32
	OtherColumns     struct {
		Bytes, Packets         uint64
		Proto                  uint8
		SrcPort, DstPort       uint16
		TCPFlags               uint16
		IPTos                  uint8
		ForwardingStatus       uint8
		FlowDirection          string
		MPLSLabels             []uint32
		ICMPv4Type, ICMPv4Code uint8
		ICMPv6Type, ICMPv6Code uint8
	}
}

// akvoradoStep is one step of a test: one field is set.
type akvoradoStep struct {
	Pcap          string         `json:"pcap"`
	ExpectedFlows []akvoradoFlow `json:"expectedFlows"`
	Compare       string         `json:"compare"`
	// ExpectedTS are times of export, ExpectedFirstSwitched are starts in
	// milliseconds since the exporter came up.
	ExpectedTS            []int64 `json:"expectedTS"`
	ExpectedFirstSwitched []int64 `json:"expectedFirstSwitched"`
}

// akvoradoBoot is when the exporter of these starts came up: the header of
// data.pcap has 1647285928 s at an uptime of 944951609 ms.
const akvoradoBoot = 1647285928_000 - 944951609

// akvorado reads the flows that tests of akvorado expect. Each test is a run of
// its own.
func akvorado(tb testing.TB, s testkit.Scenario, file string) []golden {
	tb.Helper()
	var content struct {
		Tests map[string][]akvoradoStep `json:"tests"`
	}
	if err := json.Unmarshal(testkit.Capture(tb, file), &content); err != nil {
		tb.Fatalf("golden %s: %v", file, err)
	}
	var list []golden
	for name, steps := range content.Tests {
		g := golden{records: -1}
		var expected []akvoradoFlow
		for _, step := range steps {
			switch {
			case step.Pcap != "":
				g.files = append(g.files, path.Join(s.Name, step.Pcap))
			case step.ExpectedFlows != nil:
				expected = step.ExpectedFlows
			case step.ExpectedTS != nil:
				g.want, g.records = wantNumbers(name, "exported_s", 0, step.ExpectedTS), len(step.ExpectedTS)
			case step.ExpectedFirstSwitched != nil:
				g.want, g.records = wantNumbers(name, "start_ms", akvoradoBoot, step.ExpectedFirstSwitched), len(step.ExpectedFirstSwitched)
			case strings.Contains(step.Compare, "expectedFlows"):
				g.want = wantAkvorado(tb, s, name, expected, strings.Contains(step.Compare, "SortSlices"))
				if !strings.Contains(step.Compare, "[:1]") {
					g.records = len(expected)
				}
			}
		}
		list = append(list, g)
	}
	return list
}

// wantNumbers expects one number of each record.
func wantNumbers(test, field string, base int64, numbers []int64) (list []want) {
	for i, n := range numbers {
		list = append(list, want{index: i, line: test + " flow " + num(i), fields: fields{field: num(base + n)}})
	}
	return list
}

func wantAkvorado(tb testing.TB, s testkit.Scenario, name string, flows []akvoradoFlow, anyOrder bool) (list []want) {
	tb.Helper()
	for i := range flows {
		w := want{index: i, line: name + " flow " + num(i), fields: flows[i].fields(tb)}
		if anyOrder {
			w.index = -1
		}
		if s.Family() == "sflow5" {
			// The tests of NetFlow pass an exporter of their own.
			w.fields["exporter"] = address(parseAddress(tb, flows[i].ExporterAddress))
			w.fields["version"] = "sflow5"
		}
		list = append(list, w)
	}
	return list
}

func (f *akvoradoFlow) fields(tb testing.TB) fields {
	tb.Helper()
	c := &f.OtherColumns
	w := fields{
		"sampling": num(f.SamplingRate), "in_if": num(f.InIf), "out_if": num(f.OutIf), "src_as": num(f.SrcAS), "dst_as": num(f.DstAS),
		"src_vlan": num(f.SrcVlan), "dst_vlan": num(f.DstVlan), "src": address(parseAddress(tb, f.SrcAddr)), "dst": address(parseAddress(tb, f.DstAddr)),
		"next_hop": "", "bytes": num(c.Bytes), "packets": num(c.Packets), "proto": num(c.Proto), "src_port": num(c.SrcPort), "dst_port": num(c.DstPort),
		"tcp_flags": num(c.TCPFlags), "forwarding": num(c.ForwardingStatus), "direction": strings.ToLower(strings.TrimPrefix(c.FlowDirection, "Direction")),
		"mpls_label": "0", "icmp": num(uint16(c.ICMPv4Type)<<8 | uint16(c.ICMPv4Code)),
	}
	if f.NextHop != "" {
		w["next_hop"] = hop(parseAddress(tb, f.NextHop))
	}
	if c.ICMPv6Type > 0 {
		w["icmp"] = num(uint16(c.ICMPv6Type)<<8 | uint16(c.ICMPv6Code))
	}
	if len(c.MPLSLabels) > 0 {
		w["mpls_label"] = num(c.MPLSLabels[0])
	}
	w.icmpOfPorts(tb)
	// The column is off in tests that do not name it.
	if c.IPTos > 0 {
		w["tos"] = num(c.IPTos)
	}
	return w
}

// TestAkvoradoReads checks that no value of these files is passed over.
func TestAkvoradoReads(t *testing.T) {
	known := []string{
		// Read.
		"SamplingRate", "ExporterAddress", "SrcAddr", "DstAddr", "NextHop", "InIf", "OutIf", "SrcVlan", "DstVlan", "SrcAS", "DstAS", "OtherColumns",
		"Bytes", "Packets", "Proto", "SrcPort", "DstPort", "TCPFlags", "IPTos", "ForwardingStatus", "FlowDirection", "MPLSLabels",
		"ICMPv4Type", "ICMPv4Code", "ICMPv6Type", "ICMPv6Code",
		// Not in a record.
		"SrcNetMask", "DstNetMask", "EType", "SrcMAC", "DstMAC", "IPTTL", "IPFragmentID", "IPv6FlowLabel", "IngressVRFID", "EgressVRFID",
		"DstASPath", "DstCommunities", "DstLargeCommunities",
		// The time that the test sets itself.
		"TimeReceived",
	}
	for _, s := range testkit.Scenarios(t) {
		for _, file := range s.Golden {
			if !slices.Contains(families, s.Family()) || !strings.Contains(file, "akvorado.json") {
				continue
			}
			for _, name := range keysBelow(t, testkit.Capture(t, file), "expectedFlows") {
				if !slices.Contains(known, name) {
					t.Errorf("%s: %s is not read", file, name)
				}
			}
		}
	}
}
