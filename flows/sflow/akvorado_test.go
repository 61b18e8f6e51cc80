package sflow_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/sflow"
	"github.com/linewarden/linewarden/internal/testkit"
)

// deviations lists where our records differ from those akvorado expects, by
// scenario and field, and why. What is listed has to differ.
var deviations = map[string]struct {
	fields []string
	why    string
}{
	"l2-packets/akvorado-gre-v4-plain": {
		[]string{"SrcAddr", "DstAddr", "Proto", "SrcPort", "DstPort", "IPTos"},
		"akvorado looks inside the GRE tunnel; a record describes the outer packet, as the tunnel itself is what is audited",
	},
	"l2-packets/akvorado-gre-v6-plain": {
		[]string{"SrcAddr", "DstAddr", "Proto", "SrcPort", "DstPort", "TCPFlags", "EType"},
		"akvorado looks inside the GRE tunnel; a record describes the outer packet",
	},
	"l2-packets/akvorado-ipip-v4-v4": {
		[]string{"SrcAddr", "DstAddr", "Proto", "ICMPv4Type"},
		"akvorado looks inside the IP in IP tunnel; a record describes the outer packet",
	},
}

// notKept are the fields of akvorado that a record does not have.
var notKept = map[string]bool{
	"SrcNetMask": true, "DstNetMask": true, "DstASPath": true, "DstCommunities": true, "IPFragmentID": true,
	"IPTTL": true, "IPv6FlowLabel": true, "SrcMAC": true, "DstMAC": true, "ExporterAddress": true,
}

// flat is a record of akvorado, its fields as text.
type flat map[string]string

// akvorado returns the expected records of each test in a golden file.
func akvorado(t *testing.T, file string) map[string][]flat {
	t.Helper()
	var golden struct {
		Tests map[string][]map[string]json.RawMessage `json:"tests"`
	}
	if err := json.Unmarshal(testkit.Capture(t, file), &golden); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	tests := make(map[string][]flat)
	for name, steps := range golden.Tests {
		for _, step := range steps {
			if text, ok := step["expected"]; ok {
				tests[name] = append(tests[name], flatten(t, text))
			}
			var list []json.RawMessage
			if text, ok := step["expectedFlows"]; ok {
				if err := json.Unmarshal(text, &list); err != nil {
					t.Fatalf("%s: %v", file, err)
				}
			}
			for _, text := range list {
				tests[name] = append(tests[name], flatten(t, text))
			}
		}
	}
	return tests
}

func flatten(t *testing.T, text json.RawMessage) flat {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	f := make(flat)
	columns, _ := tree["OtherColumns"].(map[string]any)
	delete(tree, "OtherColumns")
	for _, m := range []map[string]any{tree, columns} {
		for field, value := range m {
			switch v := value.(type) {
			case float64:
				f[field] = fmt.Sprintf("%.0f", v)
			case string:
				f[field] = netip.MustParseAddr(v).Unmap().String()
			case []any: // labels and paths; the first label is the top
				f[field] = fmt.Sprintf("%.0f", v[0])
			}
		}
	}
	return f
}

// ours returns a record in the words of akvorado, zero fields left out.
func ours(r *flows.Record) flat {
	f := make(flat)
	number := func(field string, v uint64) {
		if v != 0 {
			f[field] = fmt.Sprint(v)
		}
	}
	number("SamplingRate", r.SamplingRate)
	number("InIf", uint64(r.InIf))
	number("OutIf", uint64(r.OutIf))
	number("SrcAS", uint64(r.SrcAS))
	number("DstAS", uint64(r.DstAS))
	number("SrcVlan", uint64(r.SrcVLAN))
	number("DstVlan", uint64(r.DstVLAN))
	number("Bytes", r.Bytes)
	number("Packets", r.Packets)
	number("Proto", uint64(r.Proto))
	number("SrcPort", uint64(r.SrcPort))
	number("DstPort", uint64(r.DstPort))
	number("TCPFlags", uint64(r.TCPFlags))
	number("IPTos", uint64(r.ToS))
	number("MPLSLabels", uint64(r.MPLSLabel))
	number("ForwardingStatus", uint64(r.ForwardingStatus))
	number("EType", 0x86dd)
	if r.Src.Is4() {
		number("EType", 0x0800)
	}
	family := "ICMPv6"
	if r.Proto == 1 {
		family = "ICMPv4"
	}
	number(family+"Type", uint64(r.ICMP>>8))
	number(family+"Code", uint64(r.ICMP&0xff))
	f["SrcAddr"], f["DstAddr"] = r.Src.String(), r.Dst.String()
	if r.NextHop.IsValid() {
		f["NextHop"] = r.NextHop.String()
	}
	return f
}

// compareFlat returns the fields in which two records differ.
func compareFlat(want, got flat) (fields []string) {
	for field, value := range want {
		if !notKept[field] && value != "0" && got[field] != value {
			fields = append(fields, field)
		}
	}
	for field := range got {
		if _, ok := want[field]; !ok {
			fields = append(fields, field)
		}
	}
	return fields
}

// TestGoldenAkvorado compares records field by field with those akvorado
// expects, of sFlow datagrams and of single frames.
func TestGoldenAkvorado(t *testing.T) {
	ran := make(map[string]int)
	for _, s := range testkit.Scenarios(t) {
		if f := s.Family(); f != "sflow5" && f != "l2-packets" || len(s.Golden) != 1 || !strings.HasSuffix(s.Golden[0], "akvorado.json") {
			continue
		}
		ran[s.Family()]++
		t.Run(s.Name, func(t *testing.T) {
			records := recordsOf(t, s)
			tests := akvorado(t, s.Golden[0])
			if len(tests) == 0 {
				t.Fatal("nothing is expected")
			}
			for name, want := range tests {
				if len(want) != len(records) {
					t.Fatalf("%s: %d records, want %d", name, len(records), len(want))
				}
				for i := range want {
					checkFlat(t, s.Name, want[i], &records[i])
				}
			}
		})
	}
	if ran["sflow5"] != 7 || ran["l2-packets"] != 7 {
		t.Errorf("ran %v, want 7 of each family", ran)
	}
}

func checkFlat(t *testing.T, scenario string, want flat, r *flows.Record) {
	t.Helper()
	got := ours(r)
	if scenario[0] == 'l' { // a frame has no sample, akvorado gives it no volume
		for _, field := range []string{"SamplingRate", "Bytes", "Packets"} {
			delete(got, field)
		}
	} else if want["ExporterAddress"] != r.Source.Exporter.String() {
		t.Errorf("exporter %v, want %v", r.Source.Exporter, want["ExporterAddress"])
	}
	expected := make(map[string]bool)
	for _, field := range deviations[scenario].fields {
		expected[field] = true
	}
	for _, field := range compareFlat(want, got) {
		if !expected[field] {
			t.Errorf("%s is %q, want %q", field, got[field], want[field])
		}
		delete(expected, field)
	}
	for field := range expected {
		t.Errorf("%s is %q as expected, though the table says that it differs", field, got[field])
	}
}

// recordsOf decodes a scenario; frames are put into flow samples.
func recordsOf(t *testing.T, s testkit.Scenario) []flows.Record {
	t.Helper()
	d := sflow.New(sflow.Config{Books: flows.NewBooks()})
	var records []flows.Record
	if s.Family() == "sflow5" {
		for _, p := range packets(t, s) {
			records = d.Decode(p, records)
		}
		return records
	}
	for _, file := range s.Files {
		for _, frame := range frames(t, file) {
			n := uint32(len(frame.Data()))
			p := probe{rate: 1, records: [][]byte{sampled(1, n+4, 4, frame.Data())}}
			e := export{samples: [][]byte{p.compact()}}
			records = d.Decode(flows.Packet{Payload: e.bytes(), From: from, Received: at}, records)
		}
	}
	return records
}

// TestDeviationsAreSeen plants a difference into a record that agrees.
func TestDeviationsAreSeen(t *testing.T) {
	r := record4()
	want := ours(&r)
	if f := compareFlat(want, ours(&r)); len(f) != 0 {
		t.Errorf("equal records differ in %v", f)
	}
	r.TCPFlags++
	if f := compareFlat(want, ours(&r)); len(f) != 1 || f[0] != "TCPFlags" {
		t.Errorf("records differ in %v, want TCPFlags", f)
	}
	r.TCPFlags, r.NextHop = r.TCPFlags-1, hop4
	if f := compareFlat(want, ours(&r)); len(f) != 1 || f[0] != "NextHop" {
		t.Errorf("records differ in %v, want NextHop", f)
	}
}
