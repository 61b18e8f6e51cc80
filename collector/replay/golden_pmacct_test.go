package replay_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

// pmacctFlow is one line of pmacct: records that have all of its values in
// common, added together and scaled by their sampling rate.
type pmacctFlow struct {
	Peer     string   `json:"peer_ip_src"`
	InIf     uint32   `json:"iface_in"`
	OutIf    uint32   `json:"iface_out"`
	Src      string   `json:"ip_src"`
	Dst      string   `json:"ip_dst"`
	SrcPort  uint16   `json:"port_src"`
	DstPort  uint16   `json:"port_dst"`
	Flags    []string `json:"tcp_flags"`
	Status   string   `json:"fwd_status"`
	Proto    string   `json:"ip_proto"`
	ToS      uint8    `json:"tos"`
	VLAN     *uint16  `json:"vlan_in"`
	Labels   []string `json:"mpls_label_stack"`
	Start    string   `json:"timestamp_start"`
	End      string   `json:"timestamp_end"`
	Exported string   `json:"timestamp_export"`
	Packets  uint64   `json:"packets"`
	Bytes    uint64   `json:"bytes"`
	// The packet around the flow, where it went through a tunnel.
	TunnelSrc   string `json:"tunnel_ip_src"`
	TunnelDst   string `json:"tunnel_ip_dst"`
	TunnelProto string `json:"tunnel_ip_proto"`
}

var (
	pmacctProtocols = map[string]string{"tcp": "6", "udp": "17", "icmp": "1", "ipv6-icmp": "58", "vrrp": "112", "ipencap": "4"}
	pmacctFlags     = map[string]uint16{"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}
	// RFC 7270 section 4.12.
	pmacctStatus = map[string]string{"UNKNOWN Unclassified": "0", "FORWARDED Unknown": "64", "CONSUMED For us": "195"}
	// The replay of pmacct's tests gives the exporters other addresses.
	pmacctPeers = map[string]string{"fd25::101": "2001:db8:90::1", "fd25::102": "2001:db8:91::1"}
)

// pmacct reads what nfacctd writes. Its order is free.
func pmacct(tb testing.TB, s testkit.Scenario, file string) []golden {
	tb.Helper()
	var lines []fields
	for text := range strings.Lines(string(testkit.Capture(tb, file))) {
		var f pmacctFlow
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			tb.Fatalf("golden %s: %v", file, err)
		}
		w := f.fields(tb)
		switch s.Family() {
		case "netflow9":
			// It divides what is before the export time by 1000 and drops the
			// rest, so that times are rounded up.
			w.rename("start_s", "start_up_s")
			w.rename("end_s", "end_up_s")
		case "ipfix-bgp":
			// It takes no time of start-up from options data; for want of a
			// start it writes the time of export.
			w.rename("start_s", "exported_s")
		case "ipfix-bmp":
			w["exporter"] = pmacctPeers[f.Peer]
		}
		lines = append(lines, w)
	}
	g := golden{view: aggregate}
	// Lines may differ in nothing but what a record does not have.
	for _, w := range merge(tb, lines) {
		g.want = append(g.want, want{index: -1, line: w["src"] + " to " + w["dst"], fields: w})
	}
	g.records = len(g.want)
	return []golden{g}
}

func (f fields) rename(from, to string) {
	if v, ok := f[from]; ok {
		f[to] = v
		delete(f, from)
	}
}

func (f *pmacctFlow) fields(tb testing.TB) fields {
	tb.Helper()
	var flags uint16
	for _, name := range f.Flags {
		flags |= pmacctFlags[name]
	}
	w := fields{
		"in_if": num(f.InIf), "out_if": num(f.OutIf), "src": parseAddress(tb, f.Src).String(), "dst": parseAddress(tb, f.Dst).String(),
		"src_port": num(f.SrcPort), "dst_port": num(f.DstPort), "tcp_flags": num(flags), "forwarding": pmacctStatus[f.Status],
		"proto": pmacctProtocols[f.Proto], "tos": num(f.ToS), "scaled_packets": num(f.Packets), "scaled_bytes": num(f.Bytes),
	}
	w.icmpOfPorts(tb)
	if f.TunnelSrc != "" {
		w.tunnel(tb, f)
	}
	if f.VLAN != nil {
		w["src_vlan"] = num(*f.VLAN)
	}
	if len(f.Labels) > 0 {
		w["mpls_label"] = strings.TrimPrefix(f.Labels[0], "0-")
	}
	for name, text := range map[string]string{"start_s": f.Start, "end_s": f.End, "exported_s": f.Exported} {
		if text != "" {
			w[name] = strings.TrimSuffix(text, ".000000")
		}
	}
	return w
}

// tunnel makes of a flow inside a tunnel the one around it, which the record is
// of. What pmacct does not say of that is not compared.
func (f fields) tunnel(tb testing.TB, flow *pmacctFlow) {
	tb.Helper()
	f["src"], f["dst"] = parseAddress(tb, flow.TunnelSrc).String(), parseAddress(tb, flow.TunnelDst).String()
	f["proto"], f["src_port"], f["dst_port"] = pmacctProtocols[flow.TunnelProto], "0", "0"
	for _, name := range []string{"tos", "tcp_flags", "icmp"} {
		delete(f, name)
	}
}

// merge adds up what has all values in common but the counters, and the flags,
// which become those of all.
func merge(tb testing.TB, list []fields) (merged []fields) {
	tb.Helper()
	groups := make(map[string]fields)
	for _, f := range list {
		key := ""
		for _, name := range slices.Sorted(maps.Keys(f)) {
			if !slices.Contains(pmacctSums, name) {
				key += name + "=" + f[name] + "\n"
			}
		}
		g := groups[key]
		if g == nil {
			groups[key] = maps.Clone(f)
			continue
		}
		g["scaled_bytes"] = num(hex(tb, g["scaled_bytes"]) + hex(tb, f["scaled_bytes"]))
		g["scaled_packets"] = num(hex(tb, g["scaled_packets"]) + hex(tb, f["scaled_packets"]))
		if flags := g["tcp_flags"]; flags != "" {
			g["tcp_flags"] = num(hex(tb, flags) | hex(tb, f["tcp_flags"]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		merged = append(merged, groups[key])
	}
	return merged
}

// pmacctSums are the values that do not tell flows apart.
var pmacctSums = []string{"scaled_bytes", "scaled_packets", "tcp_flags"}

// aggregate does the same with records, by the values that the golden names.
func aggregate(tb testing.TB, records []flows.Record, w []want) []fields {
	tb.Helper()
	names := make(map[string]bool)
	for i := range w {
		for name := range w[i].fields {
			names[name] = true
		}
	}
	list := make([]fields, 0, len(records))
	for i := range records {
		r := &records[i]
		f := valuesOf(r)
		scale := max(1, r.SamplingRate)
		f["scaled_bytes"], f["scaled_packets"] = num(scale*r.Bytes), num(scale*r.Packets)
		f["start_up_s"], f["end_up_s"] = num(roundedUp(r.Start)), num(roundedUp(r.End))
		maps.DeleteFunc(f, func(name, _ string) bool { return !names[name] })
		list = append(list, f)
	}
	return merge(tb, list)
}

func roundedUp(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

// pmacctNot are values that a record does not have, that come from BGP, or
// that the configuration of the test adds.
var pmacctNot = []string{
	"peer_ip_src", "mpls_vpn_rd", "mpls_vpn_rd_origin", "net_src", "net_dst", "mask_src", "mask_dst", "flows", "writer_id", "label", "nkey", "pkey", "vrf_name",
	"custom_primitives", "post_nat_ip_src", "post_nat_ip_dst", "post_nat_port_src", "post_nat_port_dst", "nat_event", "etype", "comms", "ecomms", "as_path",
	"comms_src", "ecomms_src", "as_path_src", "srv6_seg_ipv6_list", "mac_src", "mac_dst", "cos",
}

// TestPmacctReads checks that no value of these files is passed over.
func TestPmacctReads(t *testing.T) {
	read := []string{
		"iface_in", "iface_out", "ip_src", "ip_dst", "port_src", "port_dst", "tcp_flags", "fwd_status", "mpls_label_stack", "ip_proto", "tos", "packets", "bytes",
		"timestamp_start", "timestamp_end", "timestamp_export", "vlan_in", "tunnel_ip_src", "tunnel_ip_dst",
		"tunnel_ip_proto",
	}
	for _, s := range testkit.Scenarios(t) {
		for _, file := range s.Golden {
			if !slices.Contains(families, s.Family()) || !strings.Contains(file, "pmacct.") || !strings.Contains(file, "flow") {
				continue
			}
			for text := range strings.Lines(string(testkit.Capture(t, file))) {
				var values map[string]any
				if err := json.Unmarshal([]byte(text), &values); err != nil {
					t.Fatal(err)
				}
				for name := range values {
					if !slices.Contains(read, name) && !slices.Contains(pmacctNot, name) {
						t.Errorf("%s: %s is not read", file, name)
					}
				}
			}
		}
	}
}
