package wire

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/internal/testkit"
)

// dumpPatterns are the lines of tcpdump -v that say something of a route.
var dumpPatterns = map[string]*regexp.Regexp{
	"update":    regexp.MustCompile(`^\tUpdate Message \(2\)`),
	"end":       regexp.MustCompile(`^(\t[A-Z]|\s+\d+  \d{4}-)`), // another message or packet
	"eor":       regexp.MustCompile(`End-of-Rib Marker \(empty NLRI\)`),
	"withdrawn": regexp.MustCompile(`^\t  Withdrawn routes:`),
	"updated":   regexp.MustCompile(`^\t  Updated routes:`),
	"origin":    regexp.MustCompile(`^\t  Origin \(1\).*: (\w+)`),
	"path":      regexp.MustCompile(`^\t  AS4? Path \(\d+\).*\]: (.*\S)`),
	"hop":       regexp.MustCompile(`^\t  Next Hop \(3\).*\]: (\S+)`),
	"med":       regexp.MustCompile(`^\t  Multi Exit Discriminator \(4\).*\]: (\d+)`),
	"pref":      regexp.MustCompile(`^\t  Local Preference \(5\).*\]: (\d+)`),
	"large":     regexp.MustCompile(`^\t    (\d+:\d+:\d+(, \d+:\d+:\d+)*)$`),
	"prefix":    regexp.MustCompile(`^\t    (\d+\.\d+\.\d+\.\d+/\d+)(?:   Path Id: (\d+))?$`),
}

// dumpLines reads the IPv4 routes of UPDATEs in tcpdump's text, as line writes them.
func dumpLines(t *testing.T, text string) (list []string) {
	t.Helper()
	e := bgp.Event{}
	in := false
	for row := range strings.SplitSeq(text, "\n") {
		find := func(what string) []string { return dumpPatterns[what].FindStringSubmatch(row) }
		switch {
		case find("update") != nil:
			e, in = bgp.Event{Kind: bgp.Announce}, true
		case find("end") != nil || !in:
			in = false
		case find("eor") != nil && e.Kind == bgp.Withdraw: // tcpdump takes withdrawals alone for the end of RIB
		case find("eor") != nil:
			list = append(list, line(&bgp.Event{Kind: bgp.EndOfRIB, Family: bgp.FamilyIPv4}))
		case find("withdrawn") != nil:
			e.Kind = bgp.Withdraw
		case find("updated") != nil:
			e.Kind = bgp.Announce
		case find("origin") != nil:
			e.Route.Origin = map[string]bgp.Origin{"IGP": bgp.OriginIGP, "EGP": bgp.OriginEGP, "Incomplete": bgp.OriginIncomplete}[find("origin")[1]]
		case find("path") != nil:
			e.Route.Path = dumpPath(e.Route.Path, find("path")[1])
		case find("hop") != nil:
			e.Route.NextHop = netip.MustParseAddr(find("hop")[1])
		case find("med") != nil:
			_, _ = fmt.Sscan(find("med")[1], &e.Route.MED)
			e.Route.HasMED = true
		case find("pref") != nil:
			_, _ = fmt.Sscan(find("pref")[1], &e.Route.LocalPref)
			e.Route.HasLocalPref = true
		case find("large") != nil:
			for c := range strings.SplitSeq(find("large")[1], ", ") {
				var v [3]uint32
				_, _ = fmt.Sscanf(c, "%d:%d:%d", &v[0], &v[1], &v[2])
				if !slices.Contains(e.Route.LargeCommunities, v) { // tcpdump repeats what is repeated
					e.Route.LargeCommunities = append(e.Route.LargeCommunities, v)
				}
			}
		case find("prefix") != nil:
			e.Route.Prefix = netip.MustParsePrefix(find("prefix")[1]).Masked()
			_, _ = fmt.Sscan(find("prefix")[2], &e.Route.PathID)
			list = append(list, line(&e))
		}
	}
	return list
}

// dumpPath puts an AS_PATH, or the AS4_PATH that follows it, behind the head it lacks.
func dumpPath(before bgp.ASPath, text string) bgp.ASPath {
	var asns []uint32
	for word := range strings.FieldsSeq(text) {
		var asn uint32
		if _, err := fmt.Sscan(word, &asn); err == nil {
			asns = append(asns, asn)
		}
	}
	if len(before) > 0 {
		asns = append(slices.Clone(before[0].ASNs[:len(before[0].ASNs)-len(asns)]), asns...)
	}
	if asns == nil {
		return nil
	}
	return bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: asns}}
}

// TestTcpdump holds sessions of IPv4 unicast against tcpdump's text of them.
func TestTcpdump(t *testing.T) {
	for name, least := range map[string]int{
		"tcpdump-bgp-4byte-asn/bgp-4byte-asn.pcap":             50,
		"tcpdump-bgp-large-community/bgp-large-community.pcap": 5,
		"tcpdump-bgp-role/bgp-role.pcapng":                     12,
	} {
		base, _, _ := strings.Cut(name[strings.LastIndex(name, "/")+1:], ".")
		want := dumpLines(t, string(testkit.Capture(t, "bgp/tcpdump-"+base+"/expected.tcpdump."+base+".txt")))
		list := streams(t, "bgp/"+name)
		var got []string
		for i, s := range sessionsOf(t, list, Session{AS4: true}) {
			got = append(got, lines(NewDecoder(new(Books), 0), list[i].cut(), s)...)
		}
		t.Logf("%s: %d events", name, len(want))
		compare(t, want, got)
		if len(want) < least {
			t.Errorf("%s: %d events, want at least %d", name, len(want), least)
		}
	}
}
