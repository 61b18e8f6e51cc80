package wire

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
)

// wholesale are the goldens that a test takes by their kind, and the test.
var wholesale = map[string]string{
	"expected.bgpdump.": "bgp/mrt TestBgpdump",
	"expected.bgpkit.":  "bgp/mrt TestBgpkit",
	"bgp/exabgp-":       "TestExaBGP",

	"expected.tcpdump.bgp-4byte-asn.":       "TestTcpdump",
	"expected.tcpdump.bgp-large-community.": "TestTcpdump",
	"expected.tcpdump.bgp-role.":            "TestTcpdump",
}

// unread are the goldens that nothing of a route is compared with, and why.
var unread = map[string]string{
	"tcpdump.bgp-addpath":                "the message has MP_REACH_NLRI twice and is refused (RFC 7606 section 3): deviations of TestSessions",
	"tcpdump.bgp-aigp":                   "labelled unicast, which is ignored and counted beside unicast; TestSessions compares with gobgp",
	"tcpdump.bgp-evpn":                   "an OPEN alone",
	"tcpdump.bgp-extended-msg":           "an OPEN alone",
	"tcpdump.bgp-lu-multiple-labels":     "labelled unicast, whose text has no route distinguished from its labels; TestSessions compares with gobgp",
	"tcpdump.bgp-malformed-hard-reset":   "a NOTIFICATION alone",
	"tcpdump.bgp-rt-prefix":              "route target constraints, a family that is ignored and counted",
	"tcpdump.bgp-shutdown-communication": "a NOTIFICATION alone",

	"208-bmp-mem-leak-test/expected.netgauze.bmp-multi-sources-init": "messages without routes; TestScenarios of bgp/bmp counts them",

	"208-bmp-mem-leak-test/expected.netgauze.bmp-multi-sources-peer-up": "messages without routes; TestScenarios of bgp/bmp counts them",

	"expected.netgauze.traffic-00-flow": "flow records: package collector/replay",

	"expected.netgauze.traffic-01-flow": "flow records: package collector/replay",

	"output-flow-00": "flow records: package collector/replay",

	"302-bgp-ipv6-multiple-sources/expected.pmacct.output-bgp-01": "the ends of sessions, which are no messages of the capture",

	"srv6/expected.pmacct.output-bgp-01": "what pmacct deletes at the end of the session, which is no message of the capture",

	"srv6/expected.pmacct.scenario-01.output-bgp-01": "what pmacct deletes at the end of the session, which is no message of the capture",
}

// TestGoldens names every golden of the routing scenarios that no test of these
// packages reads, so that none is forgotten. TestSessions here, and TestScenarios
// of bgp/bmp and bgp/mrt, read the captures themselves, whatever their names.
func TestGoldens(t *testing.T) {
	var tests strings.Builder
	files, err := filepath.Glob(filepath.Join(testkit.Root(t), "bgp", "*", "*_test.go"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d tests, %v", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(f) != "scenarios_test.go" {
			tests.Write(text)
		}
	}
	source, compared := tests.String(), 0
	for _, s := range testkit.Scenarios(t) {
		switch s.Family() {
		case "bgp", "bmp", "mrt", "ipfix-bmp", "ipfix-bgp":
		default:
			continue
		}
		for _, golden := range s.Golden {
			if read(source, s.Name, golden) {
				compared++
				continue
			}
			if why := explained(golden); why == "" {
				t.Errorf("no test compares with %s", golden)
			} else {
				t.Logf("%s: %s", golden, why)
			}
		}
	}
	if compared < 75 {
		t.Errorf("only %d goldens are compared with", compared)
	}
	if read(source, "bgp/nowhere", "bgp/nowhere/expected.netgauze.traffic-00-bgp.json") {
		t.Error("a golden that is not there is taken for read")
	}
}

// read tells whether a test names the golden and its scenario, or its kind.
func read(source, scenario, golden string) bool {
	for kind := range wholesale {
		if strings.Contains(golden, kind) {
			return true
		}
	}
	dir, file := path.Base(scenario), strings.TrimSuffix(path.Base(golden), ".gz")
	return strings.Contains(source, fmt.Sprintf("%s/%s", dir, file)) || // by a whole path
		strings.HasSuffix(scenario, path.Base(srv6)) && strings.Contains(source, `srv6 + "/`+file) ||
		strings.Contains(source, dir) && (strings.Contains(source, `"`+file+`"`) || strings.Contains(source, "/"+file+`"`)) && !strings.Contains(file, "netgauze")
}

func explained(golden string) string {
	for part, why := range unread {
		if strings.Contains(golden, part) {
			return why
		}
	}
	return ""
}
