package replay_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
)

// telegrafNames are the values of a line that a record has.
var telegrafNames = map[string]string{
	"in_bytes": "bytes", "in_packets": "packets", "in_total_bytes": "bytes", "in_total_packets": "packets",
	"src_port": "src_port", "dst_port": "dst_port", "in_snmp": "in_if", "out_snmp": "out_if", "bgp_src_as": "src_as", "bgp_dst_as": "dst_as",
	"vlan_src": "src_vlan", "flow_start_ms": "start_ms", "flow_end_ms": "end_ms",
}

// telegrafNot are values that a record does not have.
var telegrafNot = []string{
	"source", "flows", "sys_uptime", "src_mask", "dst_mask", "seq_number", "fwd_reason", "flow_end_reason", "ip_version", "in_src_mac", "out_dst_mac",
	"dst_tos", "app_latency_ms", "client_nw_latency_ms", "server_nw_latency_ms", "retransmitted_in_bytes", "retransmitted_out_bytes",
	"retransmitted_in_pkts", "retransmitted_out_pkts", "ssl_unsafe_cipher", "ssl_cipher", "ssl_version", "ssl_server_name", "ja3c_hash", "ja3s_hash", "l7_proto",
	// Where milliseconds are there as well.
	"flow_start", "flow_end",
	// Elements of CERT, and the payload and VLAN of the reverse direction.
	"type_6871_40", "type_6871_21", "type_6871_rev_40", "type_29305_58",
}

var telegrafProtocols = map[string]string{"tcp": "6", "udp": "17", "icmp": "1", "ipv6-icmp": "58", "igmp": "2"}

// telegraf reads line protocol. Its order is free. A line without addresses is
// options data or counters and no flow.
func telegraf(tb testing.TB, _ testkit.Scenario, file string) []golden {
	tb.Helper()
	g := golden{}
	for at, text := range strings.Split(strings.TrimSpace(string(testkit.Capture(tb, file))), "\n") {
		values := influx(tb, text)
		if values["src"] == "" {
			continue
		}
		forward, reverse := telegrafFields(tb, values)
		g.want = append(g.want, want{index: -1, line: "line " + num(at+1), fields: forward})
		if reverse != nil {
			g.want = append(g.want, want{index: -1, line: "line " + num(at+1) + " reverse", fields: reverse})
		}
	}
	g.records = len(g.want)
	return []golden{g}
}

// influx reads one line of line protocol into its tags and fields, numbers
// without their mark of type and texts without quotes.
func influx(tb testing.TB, text string) map[string]string {
	tb.Helper()
	values := make(map[string]string)
	for text != "" {
		name, rest, ok := strings.Cut(text, "=")
		if !ok {
			break
		}
		name = name[strings.LastIndexAny(name, ", ")+1:]
		var value string
		if strings.HasPrefix(rest, `"`) {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				tb.Fatalf("golden: %v in %s", err, rest)
			}
			value, rest = strings.Trim(quoted, `"`), rest[len(quoted):]
		} else {
			end := strings.IndexAny(rest+",", ", ")
			value, rest = strings.TrimSuffix(rest[:end], "u"), rest[end:]
		}
		values[name] = value
		text = strings.TrimLeft(rest, ", ")
	}
	return values
}

func telegrafFields(tb testing.TB, values map[string]string) (forward, reverse fields) {
	tb.Helper()
	forward = make(fields)
	for name, v := range values {
		switch name {
		case "src", "dst":
			forward[name] = parseAddress(tb, v).String()
		case "next_hop":
			forward[name] = hop(parseAddress(tb, v))
		case "version":
			forward[name] = map[string]string{"NetFlowV5": "netflow5", "NetFlowV9": "netflow9", "IPFIX": "ipfix"}[v]
		case "protocol":
			forward["proto"] = telegrafProtocols[v]
		case "tcp_flags":
			forward[name] = num(letters(v, "CEUAPRSF"))
		case "src_tos":
			forward["tos"] = num(hex(tb, v))
		case "fwd_status":
			forward["forwarding"] = map[string]string{"unknown": "0"}[v]
		case "icmp_type":
			forward["icmp"] = num(hex(tb, v)<<8 | hex(tb, values["icmp_code"]))
		case "sampling_interval":
			forward["sampling"] = num(max(1, hex(tb, v)))
		case "engine_type":
			if values["version"] == "NetFlowV5" {
				forward["domain"] = num(hex(tb, v)<<8 | hex(tb, values["engine_id"]))
			}
		case "first_switched":
			// The time of the header is not in the line.
			forward["duration_ms"] = num(hex(tb, values["last_switched"]) - hex(tb, v))
		case "type_29305_86":
			reverse = make(fields)
		}
		if ours, ok := telegrafNames[name]; ok {
			forward[ours] = v
		}
	}
	forward.icmpOfPorts(tb)
	if reverse != nil {
		reverse = reversed(tb, forward, values)
		forward["biflow"] = "false"
	}
	return forward, reverse
}

// reversed is the other direction of a biflow, with the counters of its own.
func reversed(tb testing.TB, forward fields, values map[string]string) fields {
	tb.Helper()
	return fields{
		"src": forward["dst"], "dst": forward["src"], "src_port": forward["dst_port"], "dst_port": forward["src_port"], "proto": forward["proto"],
		"packets": num(hex(tb, values["type_29305_86"])), "bytes": num(hex(tb, values["type_29305_85"])), "tos": num(hex(tb, values["type_29305_5"])),
		"biflow": "true", "version": forward["version"],
	}
}

// hex reads a number, in hexadecimal digits after 0x.
func hex(tb testing.TB, text string) uint64 {
	tb.Helper()
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		tb.Fatalf("golden: %v", err)
	}
	return n
}

// letters reads flags written as letters with dots for those that are not set.
func letters(text, names string) (bits uint64) {
	for i := range text {
		bits <<= 1
		if i < len(names) && text[i] == names[i] {
			bits |= 1
		}
	}
	return bits
}

// TestTelegrafReads checks that no value of flows in these files is passed over.
func TestTelegrafReads(t *testing.T) {
	read := []string{
		"src", "dst", "next_hop", "version", "protocol", "tcp_flags", "src_tos", "fwd_status", "icmp_type", "icmp_code", "sampling_interval",
		"engine_type", "engine_id", "first_switched", "last_switched", "type_29305_86", "type_29305_85", "type_29305_5",
	}
	for _, s := range testkit.Scenarios(t) {
		for _, file := range s.Golden {
			if !strings.Contains(file, "telegraf.influx") {
				continue
			}
			for text := range strings.Lines(string(testkit.Capture(t, file))) {
				values := influx(t, strings.TrimSpace(text))
				for name := range values {
					_, mapped := telegrafNames[name]
					if values["src"] != "" && !mapped && !slices.Contains(read, name) && !slices.Contains(telegrafNot, name) {
						t.Errorf("%s: %s is not read", file, name)
					}
				}
			}
		}
	}
}
