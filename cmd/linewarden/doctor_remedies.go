package main

import "github.com/linewarden/linewarden/rules"

// trouble is a kind of trouble with a router that its configuration mends.
type trouble string

// The kinds of trouble.
const (
	troubleSilent    trouble = "silent"
	troubleTemplates trouble = "templates"
	troubleSampling  trouble = "sampling"
	troubleClock     trouble = "clock"
	troubleLoss      trouble = "loss"
	troubleCounters  trouble = "counters"
)

// troubleNames are headings.
var troubleNames = map[trouble]rules.Text{
	troubleSilent:    {ZH: "没有收到流量导出", EN: "no flow export arrives"},
	troubleTemplates: {ZH: "缺少模板", EN: "templates are missing"},
	troubleSampling:  {ZH: "采样比未知", EN: "the sampling rate is not known"},
	troubleClock:     {ZH: "时钟偏差", EN: "the clock is off"},
	troubleLoss:      {ZH: "导出报文丢失", EN: "export datagrams are lost"},
	troubleCounters:  {ZH: "流量与接口计数器不一致", EN: "flows and counters of interfaces disagree"},
}

// vendorRemedy is what to enter on a router of one vendor. Words in capitals
// stand for names and addresses of the site.
type vendorRemedy struct {
	Vendor   string   `json:"vendor"`
	Commands []string `json:"commands"`
}

// vendor is a make of router with its remedies.
type vendor struct {
	name     string
	remedies map[trouble][]string
}

// vendors are the makes of routers that carriers mostly have. The commands are
// those of their current manuals: IOS-XR NetFlow configuration guide, Junos
// inline active flow monitoring, NetEngine 8000 command reference (NetStream),
// H3C Comware 7 NetStream command reference, SR OS cflowd (classic CLI).
var vendors = []vendor{
	{"cisco-ios-xr", map[trouble][]string{
		troubleSilent: {
			"flow exporter-map EXPORTER", " version v9", " transport udp 2055", " source Loopback0", " destination COLLECTOR",
			"interface IF  flow ipv4 monitor MONITOR sampler SAMPLER ingress", "show flow exporter EXPORTER location 0/0/CPU0",
		},
		troubleTemplates: {"flow exporter-map EXPORTER", " version v9", "  template data timeout 60", "  template options timeout 60"},
		troubleSampling:  {"flow exporter-map EXPORTER", " version v9", "  options sampler-table timeout 60", "sampler-map SAMPLER  random 1 out-of 1000"},
		troubleClock:     {"ntp server NTP", "show ntp status"},
		troubleLoss:      {"show flow exporter EXPORTER location 0/0/CPU0", "sampler-map SAMPLER  random 1 out-of 2000   (a coarser rate, where the router itself drops)"},
		troubleCounters: {
			"show flow monitor MONITOR cache summary location 0/0/CPU0", "show running-config sampler-map", "show interfaces IF", "snmp-server ifindex persist", "show snmp interface",
		},
	}},
	{"juniper", map[trouble][]string{
		troubleSilent: {
			"set forwarding-options sampling instance INSTANCE family inet output flow-server COLLECTOR port 4739 version-ipfix template TEMPLATE",
			"set forwarding-options sampling instance INSTANCE family inet output inline-jflow source-address LOOPBACK",
			"set chassis fpc 0 sampling-instance INSTANCE", "set interfaces IF unit 0 family inet sampling input",
			"show services accounting status inline-jflow fpc-slot 0",
		},
		troubleTemplates: {"set services flow-monitoring version-ipfix template TEMPLATE template-refresh-rate seconds 60"},
		troubleSampling: {
			"set services flow-monitoring version-ipfix template TEMPLATE option-refresh-rate seconds 60",
			"set forwarding-options sampling instance INSTANCE input rate 1000",
		},
		troubleClock: {"set system ntp server NTP", "show ntp status"},
		troubleLoss:  {"show services accounting errors inline-jflow fpc-slot 0", "set forwarding-options sampling instance INSTANCE family inet output inline-jflow flow-export-rate 100"},
		troubleCounters: {
			"show services accounting flow inline-jflow fpc-slot 0", "show configuration forwarding-options sampling", "show interfaces IF extensive", "show snmp mib walk ifName",
		},
	}},
	{"huawei-ne", map[trouble][]string{
		troubleSilent: {
			"ip netstream export version 9", "ip netstream export source LOOPBACK", "ip netstream export host COLLECTOR 2055",
			"slot N  ip netstream sampler to slot self", "interface IF  ip netstream inbound", "display ip netstream export statistics",
		},
		troubleTemplates: {"ip netstream export template timeout-rate 1   (minutes)", "ipv6 netstream export template timeout-rate 1"},
		troubleSampling: {
			"ip netstream export template option sampler", "ip netstream export template option timeout-rate 1   (minutes)",
			"ip netstream export option sampler timeout-rate 1   (minutes)", "ip netstream sampler fix-packets 1000 inbound",
		},
		troubleClock:    {"ntp-service unicast-server NTP", "display ntp-service status"},
		troubleLoss:     {"display ip netstream export statistics", "ip netstream sampler fix-packets 2000 inbound   (a coarser rate, where the router itself drops)"},
		troubleCounters: {"display current-configuration | include netstream", "display interface IF"},
	}},
	{"h3c", map[trouble][]string{
		troubleSilent: {
			"ip netstream export version 9", "ip netstream export source interface LoopBack 0", "ip netstream export host COLLECTOR 2055",
			"interface IF  ip netstream inbound", "display ip netstream export",
		},
		troubleTemplates: {"ip netstream export v9-template refresh-rate time 1   (minutes)", "ipv6 netstream export v9-template refresh-rate time 1", "display ip netstream template"},
		troubleSampling:  {"sampler SAMPLER mode random packet-interval n-power 10   (1 in 1024)", "interface IF  ip netstream inbound sampler SAMPLER", "exporters.csv  sampling = 1024   (where the device does not export its rate)"},
		troubleClock:     {"ntp-service unicast-server NTP", "display ntp-service status"},
		troubleLoss:      {"display ip netstream export", "sampler SAMPLER mode random packet-interval n-power 11   (a coarser rate, where the router itself drops)"},
		troubleCounters:  {"display ip netstream cache", "display sampler", "display interface IF"},
	}},
	{"nokia-sros", map[trouble][]string{
		troubleSilent: {
			"configure cflowd collector COLLECTOR:4739 version 10", "configure cflowd collector COLLECTOR:4739 template-set basic",
			"configure router interface IF cflowd-parameters sampling unicast type interface direction ingress-only", "show cflowd collector detail",
		},
		troubleTemplates: {"configure cflowd template-retransmit 60", "show cflowd collector detail"},
		troubleSampling:  {"configure cflowd rate 1000", "exporters.csv  sampling = 1000   (where the release does not export its rate)"},
		troubleClock:     {"configure system time ntp server NTP", "configure system time ntp no shutdown", "show system ntp"},
		troubleLoss:      {"show cflowd status", "configure cflowd rate 2000   (a coarser rate, where the router itself drops)"},
		troubleCounters:  {"show cflowd status", "show cflowd interface", "show port PORT detail", "bof persist on   (keeps indices of interfaces)"},
	}},
}

func vendorNames() []string {
	names := make([]string, 0, len(vendors))
	for _, v := range vendors {
		names = append(names, v.name)
	}
	return names
}

// remediesFor returns what to enter against a trouble, of one vendor or, where
// only is empty, of all of them.
func remediesFor(t trouble, only string) []vendorRemedy {
	var list []vendorRemedy
	for _, v := range vendors {
		if commands := v.remedies[t]; commands != nil && (only == "" || only == v.name) {
			list = append(list, vendorRemedy{Vendor: v.name, Commands: commands})
		}
	}
	return list
}
