package replay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/internal/testkit"
)

// logstashEvent is one decoded event that logstash expects.
type logstashEvent struct {
	Timestamp time.Time      `json:"@timestamp"`
	Netflow   map[string]any `json:"netflow"`
}

// logstashFile is what the tests of logstash assert of a scenario.
type logstashFile struct {
	ExpectedEvents []int           `json:"expected_events"`
	JSONEvents     []logstashEvent `json:"json_events"`
	JSONEventIndex [][2]int        `json:"json_event_index"`
	FieldChecks    []struct {
		Event int    `json:"event"`
		Field string `json:"field"`
		Eq    string `json:"eq"`
	} `json:"field_checks"`
}

// logstashNames are the values of an event that a record has, in the order in
// which they are preferred where several say the same.
var logstashNames = []struct{ theirs, ours string }{
	{"in_bytes", "bytes"},
	{"octetDeltaCount", "bytes"},
	{"octetTotalCount", "bytes"},
	{"in_permanent_bytes", "bytes"},
	{"in_pkts", "packets"},
	{"packetDeltaCount", "packets"},
	{"packetTotalCount", "packets"},
	{"protocol", "proto"},
	{"protocolIdentifier", "proto"},
	{"src_tos", "tos"},
	{"ipClassOfService", "tos"},
	{"tcp_flags", "tcp_flags"},
	{"tcpControlBits", "tcp_flags"},
	{"l4_src_port", "src_port"},
	{"sourceTransportPort", "src_port"},
	{"l4_dst_port", "dst_port"},
	{"destinationTransportPort", "dst_port"},
	{"input_snmp", "in_if"},
	{"ingressInterface", "in_if"},
	{"output_snmp", "out_if"},
	{"egressInterface", "out_if"},
	{"src_as", "src_as"},
	{"bgpSourceAsNumber", "src_as"},
	{"dst_as", "dst_as"},
	{"bgpDestinationAsNumber", "dst_as"},
	{"src_vlan", "src_vlan"},
	{"vlanId", "src_vlan"},
	{"dst_vlan", "dst_vlan"},
	{"icmpTypeCodeIPv4", "icmp"},
}

// logstashAddresses are the same for addresses. The first that is not the
// unspecified address counts: templates may hold those of both families.
var logstashAddresses = []struct{ theirs, ours string }{
	{"ipv4_src_addr", "src"},
	{"ipv6_src_addr", "src"},
	{"sourceIPv4Address", "src"},
	{"sourceIPv6Address", "src"},
	{"ipv4_dst_addr", "dst"},
	{"ipv6_dst_addr", "dst"},
	{"destinationIPv4Address", "dst"},
	{"destinationIPv6Address", "dst"},
	{"ipv4_next_hop", "next_hop"},
	{"ipv6_next_hop", "next_hop"},
	{"ipNextHopIPv4Address", "next_hop"},
	{"ipNextHopIPv6Address", "next_hop"},
	{"bgp_ipv4_next_hop", "next_hop"},
}

// logstashTimes are values that hold an instant, as text or as a number of the
// unit.
var logstashTimes = []struct {
	theirs, ours string
	unit         time.Duration
}{
	{"first_switched", "start_ms", time.Millisecond},
	{"last_switched", "end_ms", time.Millisecond},
	{"flowStartMilliseconds", "start_ms", time.Millisecond},
	{"flowEndMilliseconds", "end_ms", time.Millisecond},
	{"flowStartSeconds", "start_ms", time.Second},
	{"flowEndSeconds", "end_ms", time.Second},
	{"flow_start_msec", "start_ms", time.Millisecond},
	{"event_time_msec", "end_ms", time.Millisecond},
}

// logstash reads the events that tests of logstash expect. Events are counted
// over flow records and options records; records below are flow records alone.
func logstash(tb testing.TB, s testkit.Scenario, file string) []golden {
	tb.Helper()
	var content logstashFile
	d := json.NewDecoder(bytes.NewReader(testkit.Capture(tb, file)))
	d.UseNumber()
	if err := d.Decode(&content); err != nil {
		tb.Fatalf("golden %s: %v", file, err)
	}
	g := golden{records: -1}
	others := logstashOthers[s.Name]
	if len(content.ExpectedEvents) == 1 && !several[s.Name] {
		g.records = content.ExpectedEvents[0] - others.count()
	}
	var up *json.Number // when the system came up, as options data says
	for _, e := range content.JSONEvents {
		if n, ok := e.Netflow["systemInitTimeMilliseconds"].(json.Number); ok {
			up = &n
		}
	}
	for _, at := range content.JSONEventIndex {
		if others.has(at[0]) {
			continue
		}
		e := &content.JSONEvents[at[1]]
		w := want{index: at[0] - others.before(at[0]), line: "event " + num(at[0]), fields: e.fields(tb)}
		if up != nil {
			e.sinceUp(tb, *up, w.fields)
		}
		g.want = append(g.want, w)
	}
	for _, c := range content.FieldChecks {
		checkAgrees(tb, &content, c.Event, strings.TrimSuffix(strings.TrimPrefix(c.Field, "[netflow]["), "]"), c.Eq)
	}
	return []golden{g}
}

// checkAgrees holds a single check of a field against the whole event that is
// asserted as well, so that comparing that is enough.
func checkAgrees(tb testing.TB, content *logstashFile, event int, name, eq string) {
	tb.Helper()
	for _, at := range content.JSONEventIndex {
		if at[0] != event {
			continue
		}
		text, err := json.Marshal(content.JSONEvents[at[1]].Netflow[name])
		if err != nil {
			tb.Fatal(err)
		}
		if have := string(text); have != eq {
			tb.Logf("check of event %d: %s is %s, the event says %s", event, name, eq, have)
		}
		return
	}
}

func (e *logstashEvent) fields(tb testing.TB) fields {
	tb.Helper()
	w := fields{"exported_s": num(e.Timestamp.Unix())}
	for _, n := range logstashNames {
		if v, ok := e.Netflow[n.theirs]; ok && w[n.ours] == "" {
			w[n.ours] = fmt.Sprint(v)
		}
	}
	for _, n := range logstashAddresses {
		text, ok := e.Netflow[n.theirs].(string)
		if !ok {
			continue
		}
		if have, err := netip.ParseAddr(w[n.ours]); err == nil && !have.IsUnspecified() {
			continue
		}
		a := parseAddress(tb, text)
		if _, first := w[n.ours]; !first || !a.IsUnspecified() {
			w[n.ours] = a.String()
		}
	}
	if w["next_hop"] != "" {
		w["next_hop"] = hop(parseAddress(tb, w["next_hop"]))
	}
	for _, n := range logstashTimes {
		if v, ok := e.Netflow[n.theirs]; ok {
			w[n.ours] = num(logstashInstant(tb, v, n.unit).UnixMilli())
		}
	}
	e.special(w)
	w.icmpOfPorts(tb)
	return w
}

// special reads values that are made of parts or have names.
func (e *logstashEvent) special(w fields) {
	n := e.Netflow
	w["version"] = map[string]string{"5": "netflow5", "9": "netflow9", "10": "ipfix"}[fmt.Sprint(n["version"])]
	if t, ok := n["icmp_type"].(json.Number); ok {
		kind, _ := t.Int64()
		code, _ := numberOf(n["icmp_code"]).Int64()
		w["icmp"] = num(kind<<8 | code)
	}
	for _, name := range []string{"direction", "flowDirection"} {
		if v, ok := n[name]; ok {
			w["direction"] = map[string]string{"0": "ingress", "1": "egress"}[fmt.Sprint(v)]
		}
	}
	if f, ok := n["forwarding_status"].(map[string]any); ok {
		status, _ := numberOf(f["status"]).Int64()
		reason, _ := numberOf(f["reason"]).Int64()
		w["forwarding"] = num(status<<6 | reason)
	}
	if m, ok := n["mpls_label_stack_octets"].(map[string]any); ok {
		w["mpls_label"] = fmt.Sprint(m["label"])
	}
	if v := fmt.Sprint(n["sampling_interval"]); n["sampling_interval"] != nil {
		w["sampling"] = map[string]string{"0": "1"}[v] + strings.TrimPrefix(v, "0")
	}
}

// sinceUp adds times that are counted since the system came up.
func (e *logstashEvent) sinceUp(tb testing.TB, up json.Number, w fields) {
	tb.Helper()
	base, err := up.Int64()
	if err != nil {
		tb.Fatal(err)
	}
	for theirs, ours := range map[string]string{"flowStartSysUpTime": "start_ms", "flowEndSysUpTime": "end_ms"} {
		if n, err := numberOf(e.Netflow[theirs]).Int64(); err == nil {
			w[ours] = num(base + n)
		}
	}
}

// numberOf returns a number, an empty one for what is none.
func numberOf(v any) json.Number {
	n, _ := v.(json.Number)
	return n
}

func logstashInstant(tb testing.TB, v any, unit time.Duration) time.Time {
	tb.Helper()
	if text, ok := v.(string); ok {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			tb.Fatalf("golden: %v", err)
		}
		return at
	}
	n, err := numberOf(v).Int64()
	if err != nil {
		tb.Fatalf("golden: time %v: %v", v, err)
	}
	return time.Unix(0, n*int64(unit))
}

// events are the indices of events that are no flow records.
type events []int

func (e events) count() int     { return len(e) }
func (e events) has(i int) bool { return slices.Contains(e, i) }

func (e events) before(i int) (n int) {
	for _, v := range e {
		if v < i {
			n++
		}
	}
	return n
}

// eventsTo are the first n events.
func eventsTo(n int) (list events) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// logstashOthers are the events that are options data, or flows without IP
// addresses, which are no records.
var logstashOthers = map[string]events{
	"ipfix/logstash-ipfix": {0},
	"ipfix/logstash-ipfix-options-template-from-juniper-mx240-junos-15-1-r6-s3": {0},
	"netflow9/logstash-netflow-9-cisco-asr-9000-series-options-template-256":    eventsTo(19),
	"netflow9/logstash-netflow-9-cisco-nbar-options-template-260":               eventsTo(15),
	"netflow9/logstash-netflow-9-fortigate-fortios-5-2-1":                       {0},
	"netflow9/logstash-netflow-9-macaddress":                                    {0},
	// Clients of an access point, by MAC address.
	"netflow9/logstash-netflow-9-cisco-wlc": eventsTo(19),
}

// logstashNot are values of events that a record does not have.
var logstashNot = []string{
	"flow_seq_num", "flowset_id", "flow_records", "engine_type", "engine_id", "sampling_algorithm", "src_mask", "dst_mask", "ip_protocol_version",
	"ipVersion", "flow_sampler_id", "ingressVRFID", "egressVRFID", "flowEndReason", "flow_end_reason", "reverseIcmpTypeCodeIPv4", "flowDurationMilliseconds",
	"flowStartSysUpTime", "flowEndSysUpTime", "postNATSourceIPv4Address", "postNATDestinationIPv4Address", "firewallEvent", "sourceMacAddress",
	"exportProtocolVersion", "out_bytes", "out_pkts", "in_src_mac", "in_dst_mac", "out_src_mac", "out_dst_mac", "flows", "layer2SegmentId",
	"maximumTTL", "maximumIpTotalLength", "minimumIpTotalLength", "ipDiffServCodePoint", "ipPrecedence", "postIpDiffServCodePoint", "ip_dscp", "ipv4_ident",
	"ipv4_src_prefix", "tcp_src_port", "udp_dst_port", "rev_flow_delta_bytes", "src_traffic_index", "dst_traffic_index", "xlate_src_addr_ipv4",
	"xlate_dst_addr_ipv4", "xlate_src_port", "xlate_dst_port", "fw_event", "fw_ext_event", "conn_id", "ingress_acl_id", "egress_acl_id", "username",
	"user_id", "app_id", "privateEnterpriseNumber", "icmp_code", "version", "direction", "flowDirection", "forwarding_status", "icmp_type",
	"mpls_label_stack_octets", "sampling_interval", "status", "reason", "bottom_of_stack", "experimental", "label", "ttl", "nprobe_proto", "nprobe_proto_name",
	// Of enterprises.
	"AuditCounter", "BindIPv4Address", "BindTransportPort", "ConnIPv4Address", "ConnTransportPort", "FW_Rule", "LogOp", "Reason", "ReasonText", "ServiceName",
	"Timestamp", "TrafficType", "application_id", "application_name", "application_description", "viptelaVPNId", "reamcore_id_rule_1",
	// Of options data.
	"scope_system", "if_desc", "meteringProcessId", "selectorAlgorithm", "samplingPacketInterval", "samplingPacketSpace", "systemInitTimeMilliseconds",
	"samplingInterval", "exportedFlowRecordTotalCount", "exportedMessageTotalCount", "exporterIPv4Address", "exporterIPv6Address", "exportingProcessId",
	"exportTransportProtocol", "flowActiveTimeout", "flowIdleTimeout", "flow_active_timeout", "flow_inactive_timeout", "total_bytes_exp", "total_flows_exp",
	"total_pkts_exp", "staMacAddress", "staIPv4Address", "wtpMacAddress", "wlanSSID",
	// The event itself.
	"@timestamp", "@version", "netflow", "host", "type",
}

// TestLogstashReads checks that no value of these files is passed over.
func TestLogstashReads(t *testing.T) {
	known := slices.Clone(logstashNot)
	for _, n := range logstashNames {
		known = append(known, n.theirs)
	}
	for _, n := range logstashAddresses {
		known = append(known, n.theirs)
	}
	for _, n := range logstashTimes {
		known = append(known, n.theirs)
	}
	for _, s := range testkit.Scenarios(t) {
		for _, file := range s.Golden {
			if !strings.Contains(file, "logstash.json") {
				continue
			}
			for _, name := range keysBelow(t, testkit.Capture(t, file), "json_events") {
				vendor := slices.ContainsFunc([]string{"ixia", "procera", "streamcore", "vmware"}, func(p string) bool { return strings.HasPrefix(name, p) })
				if !slices.Contains(known, name) && !vendor {
					t.Errorf("%s: %s is not read", file, name)
				}
			}
		}
	}
}
