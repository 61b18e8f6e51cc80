package replay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/internal/testkit"
)

// netgauzeMessage is one datagram as NetGauze decodes it.
type netgauzeMessage struct {
	ExportTime time.Time `json:"export_time"` // of IPFIX
	UnixTime   time.Time `json:"unix_time"`   // of NetFlow v9
	SysUpTime  int64     `json:"sys_up_time"`
	Domain     uint32    `json:"observation_domain_id"`
	SourceID   uint32    `json:"source_id"`
	Sets       []struct {
		Data *struct {
			ID      int              `json:"id"`
			Records []netgauzeRecord `json:"records"`
		} `json:"Data"`
		Template        []json.RawMessage `json:"Template"`
		OptionsTemplate []json.RawMessage `json:"OptionsTemplate"`
	} `json:"sets"`
}

// netgauzeRecord is a record, its values in the order of the template.
type netgauzeRecord struct {
	Scope  []map[string]any `json:"scope_fields"`
	Fields []map[string]any `json:"fields"`
}

// netgauzeNames are the elements that are numbers in a record.
var netgauzeNames = map[string]string{
	"octetDeltaCount": "bytes", "packetDeltaCount": "packets", "ingressInterface": "in_if", "egressInterface": "out_if",
	"sourceTransportPort": "src_port", "destinationTransportPort": "dst_port", "bgpSourceAsNumber": "src_as", "bgpDestinationAsNumber": "dst_as",
	"ipClassOfService": "tos", "vlanId": "src_vlan", "dot1qVlanId": "src_vlan",
}

// netgauzeAddresses are elements that are addresses.
var netgauzeAddresses = map[string]string{
	"sourceIPv4Address": "src", "sourceIPv6Address": "src", "destinationIPv4Address": "dst", "destinationIPv6Address": "dst",
	"ipNextHopIPv4Address": "next_hop", "ipNextHopIPv6Address": "next_hop", "bgpNextHopIPv4Address": "bgp", "bgpNextHopIPv6Address": "bgp",
}

// netgauzeNot are elements that a record does not have. The samplers lead to
// the rate; see netgauzeState.
var netgauzeNot = []string{
	"destinationIPv4PrefixLength", "destinationIPv6PrefixLength", "sourceIPv4PrefixLength", "sourceIPv6PrefixLength", "destinationMacAddress", "sourceMacAddress",
	"dot1qCustomerVlanId", "dot1qPriority", "egressVRFID", "ingressVRFID", "ethernetType", "flowEndReason", "flowLabelIPv6", "fragmentIdentification", "ipVersion",
	"ipv6ExtensionHeaders", "maximumTTL", "minimumTTL", "mplsLabelStackSection2", "mplsLabelStackSection3", "mplsLabelStackSection4", "mplsLabelStackSection5",
	"mplsLabelStackSection6", "mplsTopLabelIPv4Address", "mplsTopLabelIPv6Address", "mplsTopLabelPrefixLength", "mplsTopLabelType", "octetDeltaSumOfSquares",
}

var netgauzeProtocols = map[string]string{"TCP": "6", "UDP": "17", "VRRP": "112", "ICMP": "1", "IPv6ICMP": "58", "IPv4": "4", "IPv6": "41"}

// netgauzeState is what options data says of a domain: the rate of each
// sampler and when the system came up.
type netgauzeState struct {
	rates  map[string]uint64
	initMs int64
	// templates are the definitions by domain and id, learned is how many were
	// new or other than before.
	templates map[string]string
	learned   int
}

// template takes in a definition.
func (s *netgauzeState) template(tb testing.TB, domain uint32, definition json.RawMessage) {
	tb.Helper()
	var t struct {
		ID int `json:"id"`
	}
	if err := json.Unmarshal(definition, &t); err != nil {
		tb.Fatalf("golden: template %s: %v", definition, err)
	}
	key := fmt.Sprint(domain, " ", t.ID)
	if s.templates[key] != string(definition) {
		s.templates[key] = string(definition)
		s.learned++
	}
}

// netgauze reads messages as NetGauze decodes them, one a line, in the order
// of the capture that the file is named after.
func netgauze(tb testing.TB, s testkit.Scenario, file string) []golden {
	tb.Helper()
	g := golden{files: capturesOf(s, file)}
	state := netgauzeState{rates: make(map[string]uint64), templates: make(map[string]string)}
	number := 0
	for text := range bytes.Lines(testkit.Capture(tb, file)) {
		number++
		var line map[string]netgauzeMessage
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&line); err != nil {
			tb.Fatalf("golden %s: %v", file, err)
		}
		for version, m := range line {
			for _, set := range m.Sets {
				for _, t := range slices.Concat(set.Template, set.OptionsTemplate) {
					state.template(tb, max(m.Domain, m.SourceID), t)
				}
				if set.Data == nil {
					continue
				}
				for i := range set.Data.Records {
					r := &set.Data.Records[i]
					if len(r.Scope) > 0 {
						state.learn(r)
						continue
					}
					w := want{index: len(g.want), line: fmt.Sprintf("line %d record %d", number, i+1), fields: netgauzeFields(tb, r, &m, &state)}
					w.fields["version"] = map[string]string{"IPFIX": "ipfix", "NetFlowV9": "netflow9"}[version]
					g.want = append(g.want, w)
				}
			}
		}
	}
	g.records, g.templates = len(g.want), state.learned
	return []golden{g}
}

// capturesOf returns the capture that a golden is named after: traffic-00-flow
// belongs to traffic-00.
func capturesOf(s testkit.Scenario, file string) []string {
	base := file[strings.LastIndex(file, "expected.netgauze.")+len("expected.netgauze."):]
	base, _, _ = strings.Cut(base, "-flow.")
	return slices.DeleteFunc(slices.Clone(s.Files), func(f string) bool { return !strings.HasSuffix(f, "/"+base+".pcap") })
}

// learn takes in a record of options data.
func (s *netgauzeState) learn(r *netgauzeRecord) {
	values := make(map[string]any)
	for _, f := range slices.Concat(r.Scope, r.Fields) {
		maps.Copy(values, f)
	}
	if text, ok := values["systemInitTimeMilliseconds"].(string); ok {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			s.initMs = at.UnixMilli()
		}
	}
	id, ok := values["selectorId"]
	if !ok {
		return
	}
	rate := uint64(1)
	size, _ := numberOf(values["samplingSize"]).Int64()
	if population, _ := numberOf(values["samplingPopulation"]).Int64(); population > 0 && size > 0 {
		rate = uint64(population / size)
	}
	s.rates[fmt.Sprint(id)] = rate
}

// netgauzeFields reads a record. Of an element that comes twice the first is
// the outer packet.
func netgauzeFields(tb testing.TB, r *netgauzeRecord, m *netgauzeMessage, s *netgauzeState) fields {
	tb.Helper()
	w := fields{"domain": num(max(m.Domain, m.SourceID)), "exported_s": num(max(m.ExportTime.Unix(), m.UnixTime.Unix()))}
	seen := make(map[string]bool)
	for _, f := range r.Fields {
		for name, v := range f {
			if !seen[name] {
				seen[name] = true
				netgauzeValue(tb, w, name, v, m, s)
			}
		}
	}
	if w["next_hop"] == "" && seen["bgpNextHopIPv4Address"] || seen["bgpNextHopIPv6Address"] {
		w["next_hop"] = w["bgp"]
	}
	delete(w, "bgp")
	if h, ok := w["next_hop"]; ok && h != "" {
		w["next_hop"] = hop(parseAddress(tb, h))
	}
	w.icmpOfPorts(tb)
	return w
}

func netgauzeValue(tb testing.TB, w fields, name string, v any, m *netgauzeMessage, s *netgauzeState) {
	tb.Helper()
	text := fmt.Sprint(v)
	if ours, ok := netgauzeNames[name]; ok {
		if w[ours] == "" || w[ours] == "0" {
			w[ours] = text
		}
		return
	}
	if ours, ok := netgauzeAddresses[name]; ok {
		a := parseAddress(tb, text)
		if have := w[ours]; have == "" || parseAddress(tb, have).IsUnspecified() && !a.IsUnspecified() {
			w[ours] = address(a)
		}
		return
	}
	switch name {
	case "flowStartMilliseconds", "flowEndMilliseconds":
		w[edge(name)+"_ms"] = num(logstashInstant(tb, v, time.Millisecond).UnixMilli())
	case "flowStartSysUpTime", "flowEndSysUpTime":
		up, err := numberOf(v).Int64()
		if err != nil {
			tb.Fatal(err)
		}
		switch {
		case m.SysUpTime > 0:
			w[edge(name)+"_ms"] = num(m.UnixTime.UnixMilli() - m.SysUpTime + up)
		case s.initMs > 0:
			w[edge(name)+"_ms"] = num(s.initMs + up)
		}
	case "protocolIdentifier":
		w["proto"] = netgauzeProtocols[text]
	case "tcpControlBits":
		w["tcp_flags"] = num(netgauzeFlags(v))
	case "forwardingStatus":
		w["forwarding"] = map[string]string{"map[Forwarded:Unknown]": "64", "map[Consumed:Forus]": "195"}[text]
	case "flowDirection":
		w["direction"] = map[string]string{"ingress": "ingress", "egress": "egress", "map[Unassigned:255]": ""}[text]
	case "mplsTopLabelStackSection":
		w["mpls_label"] = num(netgauzeLabel(tb, v))
	case "selectorId", "samplerId":
		if rate, ok := s.rates[text]; ok {
			w["sampling"], w["sampling_source"] = num(rate), "options"
		}
	case "icmpTypeCodeIPv4", "icmpTypeCodeIPv6":
		if w["icmp"] == "" || w["icmp"] == "0" {
			w["icmp"] = text
		}
	default:
		if !slices.Contains(netgauzeNot, name) {
			tb.Errorf("golden: %s is not read", name)
		}
	}
}

func edge(name string) string {
	if strings.Contains(name, "Start") {
		return "start"
	}
	return "end"
}

func netgauzeFlags(v any) (bits uint16) {
	set, _ := v.(map[string]any)
	for i, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		if set[name] == true {
			bits |= 1 << i
		}
	}
	return bits
}

// netgauzeLabel reads the three octets of a label stack entry.
func netgauzeLabel(tb testing.TB, v any) uint32 {
	tb.Helper()
	var label uint32
	list, _ := v.([]any)
	if len(list) != 3 {
		tb.Fatalf("golden: label %v", v)
	}
	for _, b := range list {
		n, err := numberOf(b).Int64()
		if err != nil {
			tb.Fatal(err)
		}
		label = label<<8 | uint32(n)
	}
	return label >> 4
}
