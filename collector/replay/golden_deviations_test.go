package replay_test

import (
	"strconv"
	"strings"
)

// deviation is a difference from golden files that is meant, with the reason.
// Texts that are empty stand for any, "none" for an empty one.
type deviation struct {
	file  string // the end of the golden file's name, or a part with * around it
	line  string // where in it
	field string
	want  string
	got   string
	by    int64 // what is wanted less what is got; the table has no other sums
	why   string
}

// explains tells whether a difference is this deviation.
func (v *deviation) explains(file string, d *difference) bool {
	is := func(text, have string) bool { return text == "" || text == have || text == "none" && have == "" }
	if v.by != 0 {
		want, err := strconv.ParseInt(d.want, 10, 64)
		got, err2 := strconv.ParseInt(d.got, 10, 64)
		if err != nil || err2 != nil || want-got != v.by {
			return false
		}
	}
	return strings.Contains(file, v.file) && is(v.line, d.line) && is(v.field, d.field) && is(v.want, d.want) && is(v.got, d.got)
}

// deviations are all of them. Each was followed down to the bytes.
var deviations = []deviation{
	{
		file: "/expected.akvorado.json", field: "sampling", want: "0", got: "1",
		why: "akvorado leaves the rate open where nothing names a sampler, for its configuration to fill in; such an exporter is unsampled " +
			"here (flows.SamplingNone)",
	},
	{
		file: "sflow5/akvorado-", field: "direction", want: "none",
		why: "akvorado sets no direction for sFlow; here it follows from the data source, when that is one of the two interfaces",
	},
	{
		file: "netflow9/logstash-", field: "start_ms", by: 1000,
		why: "logstash adds the complement of the milliseconds to a second instead of to the one before it, so that every time of NetFlow v9 is one " +
			"second late. In cisco-aci: exported at 1539602940 s with an uptime of 941318.000 s, the flow began at 941262.019 s (bytes 0x381a84c3), " +
			"that is 55.981 s before, at 1539602884.019",
	},
	{file: "netflow9/logstash-", field: "end_ms", by: 1000, why: "as its start: every instant in these files is one second late"},
	{
		file: "netflow5/logstash-netflow-5-valid-01/", field: "end_ms", want: "1430591888476", got: "1430591887476",
		why: "as in NetFlow v9: exported at 1430591888.280 s with an uptime of 3.381 s, ended at 2.577 s, that is 0.804 s before",
	},
	{
		file: "netflow5/logstash-netflow-5-valid-01/", field: "start_ms", want: "1434886852194", got: "1430591884898",
		why: "the flow began at an uptime of 0xffffffff ms, one millisecond before it wrapped: 3.382 s before the export, not seven weeks after it",
	},
}

// leastCompared is how many fields each golden file lets compare. A file that
// is read less well than it was fails. Where it is 0 the source asserts only
// that decoding raises no error.
var leastCompared = map[string]int{
	"ipfix-bgp/pmacct-500-ipfixv10-bgp-cisco-srv6/expected.netgauze.traffic-00-flow.json":                                1022,
	"ipfix-bgp/pmacct-500-ipfixv10-bgp-cisco-srv6/expected.pmacct.output-flow-00.json":                                   584,
	"ipfix-bgp/pmacct-500-ipfixv10-bgp-cisco-srv6/expected.pmacct.scenario-01.output-flow-00.json":                       584,
	"ipfix-bmp/pmacct-401-ipfixv10-bmp-ipv6-cisco-mpls-multiple-sources/expected.netgauze.traffic-00-flow.json.gz":       17055,
	"ipfix-bmp/pmacct-401-ipfixv10-bmp-ipv6-cisco-mpls-multiple-sources/expected.netgauze.traffic-01-flow.json.gz":       16390,
	"ipfix-bmp/pmacct-401-ipfixv10-bmp-ipv6-cisco-mpls-multiple-sources/expected.pmacct.output-flow-00.json":             2087,
	"ipfix-bmp/pmacct-401-ipfixv10-bmp-ipv6-cisco-mpls-multiple-sources/expected.pmacct.scenario-01.output-flow-00.json": 2087,
	"ipfix/akvorado-datalink-frame-section/expected.akvorado.json":                                                       22,
	"ipfix/akvorado-ipfixprobe-biflow-rfc5103/expected.akvorado.json":                                                    121,
	"ipfix/akvorado-mpls-in-ipv6/expected.akvorado.json":                                                                 41,
	"ipfix/akvorado-physical-interfaces/expected.akvorado.json":                                                          20,
	"ipfix/logstash-ipfix-barracuda-extended-uniflow-template-256/expected.logstash.json":                                12,
	"ipfix/logstash-ipfix-barracuda-firewall/expected.logstash.json":                                                     12,
	"ipfix/logstash-ipfix-from-ixia-something-something/expected.logstash.json":                                          18,
	"ipfix/logstash-ipfix-mikrotik-routeros-6-39-2/expected.logstash.json":                                               27, //nolint:misspell // RouterOS is a name
	"ipfix/logstash-ipfix-openbsd-pflow/expected.logstash.json":                                                          15,
	"ipfix/logstash-ipfix-options-template-from-juniper-mx240-junos-15-1-r6-s3/expected.logstash.json":                   1,
	"ipfix/logstash-ipfix-procera/expected.logstash.json":                                                                12,
	"ipfix/logstash-ipfix-viptela-with-vpn-id/expected.logstash.json":                                                    18,
	"ipfix/logstash-ipfix-vmware-virtual-distributed-switch/expected.logstash.json":                                      17,
	"ipfix/logstash-ipfix/expected.logstash.json":                                                                        102,
	"ipfix/netgauze-flow-srv6/expected.netgauze.srv6-flow.json":                                                          2030,
	"ipfix/pmacct-100-ipfixv10-cisco/expected.netgauze.traffic-00-flow.json":                                             277,
	"ipfix/pmacct-100-ipfixv10-cisco/expected.pmacct.output-flow-00.json":                                                157,
	"ipfix/pmacct-100-ipfixv10-cisco/expected.pmacct.scenario-01.output-flow-00.json":                                    193,
	"ipfix/pmacct-104-ipfixv10-ipv6-cisco-sampling-option/expected.netgauze.traffic-00-flow.json":                        65,
	"ipfix/pmacct-104-ipfixv10-ipv6-cisco-sampling-option/expected.pmacct.output-flow-00.json":                           38,
	"ipfix/telegraf-ipfix-example/expected.telegraf.influx":                                                              646,
	"ipfix/telegraf-ipfix-options/expected.telegraf.influx":                                                              1,
	"ipfix/telegraf-ipfix-pen-35632/expected.telegraf.influx":                                                            33,
	"netflow5/akvorado-nfv5/expected.akvorado.json":                                                                      20,
	"netflow5/logstash-netflow-5-invalid-01/expected.logstash.json":                                                      0,
	"netflow5/logstash-netflow-5-valid-01/expected.logstash.json":                                                        39,
	"netflow5/telegraf-netflow-v5-example/expected.telegraf.influx":                                                      145,
	"netflow9/akvorado-icmp-v4-v6/expected.akvorado.json":                                                                81,
	"netflow9/akvorado-iosxr-options-template-data/expected.akvorado.json":                                               91,
	"netflow9/akvorado-sampling-in-record/expected.akvorado.json":                                                        20,
	"netflow9/logstash-netflow-9-cisco-1941-k9-release-15-1/expected.logstash.json":                                      0,
	"netflow9/logstash-netflow-9-cisco-aci/expected.logstash.json":                                                       16,
	"netflow9/logstash-netflow-9-cisco-asa/expected.logstash.json":                                                       14,
	"netflow9/logstash-netflow-9-cisco-asr-9000-series-options-template-256/expected.logstash.json":                      1,
	"netflow9/logstash-netflow-9-cisco-asr-9000-series-template-260/expected.logstash.json":                              21,
	"netflow9/logstash-netflow-9-cisco-asr1001-x/expected.logstash.json":                                                 0,
	"netflow9/logstash-netflow-9-cisco-nbar-flowset-262/expected.logstash.json":                                          19,
	"netflow9/logstash-netflow-9-cisco-nbar-options-template-260/expected.logstash.json":                                 1,
	"netflow9/logstash-netflow-9-cisco-wlc-8500-release-8-2/expected.logstash.json":                                      0,
	"netflow9/logstash-netflow-9-cisco-wlc/expected.logstash.json":                                                       1,
	"netflow9/logstash-netflow-9-field-layer2segmentid/expected.logstash.json":                                           16,
	"netflow9/logstash-netflow-9-fortigate-fortios-5-2-1/expected.logstash.json":                                         14,
	"netflow9/logstash-netflow-9-fortigate-fortios-54x-appid/expected.logstash.json":                                     15,
	"netflow9/logstash-netflow-9-h3c/expected.logstash.json":                                                             22,
	"netflow9/logstash-netflow-9-huawei-netstream/expected.logstash.json":                                                23,
	"netflow9/logstash-netflow-9-ie150-ie151/expected.logstash.json":                                                     29,
	"netflow9/logstash-netflow-9-macaddress/expected.logstash.json":                                                      7,
	"netflow9/logstash-netflow-9-nprobe-dpi-l7/expected.logstash.json":                                                   12,
	"netflow9/logstash-netflow-9-palo-alto-pan-os-with-app-id/expected.logstash.json":                                    18,
	"netflow9/logstash-netflow-9-streamcore/expected.logstash.json":                                                      31,
	"netflow9/logstash-netflow-9-ubiquiti-edgerouter-with-mpls-labels/expected.logstash.json":                            19,
	"netflow9/logstash-netflow-9-valid-01/expected.logstash.json":                                                        16,
	"netflow9/pmacct-101-nfv9-cisco-cust-primitives/expected.netgauze.traffic-00-flow.json":                              970,
	"netflow9/pmacct-101-nfv9-cisco-cust-primitives/expected.pmacct.output-flow-00.json":                                 766,
	"netflow9/telegraf-netflow-v9-example/expected.telegraf.influx":                                                      113,
	"netflow9/telegraf-netflow-v9-options/expected.telegraf.influx":                                                      1,
	"sflow5/akvorado-expanded-sample/expected.akvorado.json":                                                             24,
	"sflow5/akvorado-extended-gateway-router-switch/expected.akvorado.json":                                              114,
	"sflow5/akvorado-icmpv4/expected.akvorado.json":                                                                      23,
	"sflow5/akvorado-icmpv6/expected.akvorado.json":                                                                      23,
	"sflow5/akvorado-ipv4-data-and-ethernet/expected.akvorado.json":                                                      46,
	"sflow5/akvorado-local-interface/expected.akvorado.json":                                                             24,
	"sflow5/akvorado-raw-ipv4-header/expected.akvorado.json":                                                             47,
	"sflow5/telegraf-sflow-issue-18876/expected.telegraf.influx":                                                         1,
	"sflow5/telegraf-sflow-v5-example/expected.telegraf.influx":                                                          1,
}
