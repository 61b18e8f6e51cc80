package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"path"
	"testing"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/internal/testkit"
)

// What NetGauze writes of an UPDATE, as far as routes go.
type (
	gauzeUpdate struct {
		Withdrawn  []gauzePrefix    `json:"withdrawn_routes"`
		Attributes []gauzeAttribute `json:"path_attributes"`
		NLRI       []gauzePrefix    `json:"nlri"`
	}
	gauzePrefix struct {
		PathID  *uint32                   `json:"path_id"`
		RD      map[string]map[string]any `json:"rd"`
		Network netip.Prefix              `json:"network"`
	}
	gauzeAttribute struct {
		Value json.RawMessage `json:"value"`
	}
	gauzeReach struct {
		NextHop       json.RawMessage `json:"next_hop"`
		NextHopGlobal *netip.Addr     `json:"next_hop_global"`
		NLRI          []gauzePrefix   `json:"nlri"`
	}
)

func (p gauzePrefix) put(r *bgp.Route) {
	r.Prefix, r.PathID, r.Distinguisher = p.Network, 0, 0
	if p.PathID != nil {
		r.PathID = *p.PathID
	}
	for kind, v := range p.RD {
		number := uint64(v["number"].(float64))
		switch kind {
		case "As2Administrator":
			r.Distinguisher = uint64(v["asn2"].(float64))<<32 | number
		case "Ipv4Administrator":
			a := netip.MustParseAddr(v["ip"].(string)).As4()
			for _, b := range a {
				r.Distinguisher = r.Distinguisher<<8 | uint64(b)
			}
			r.Distinguisher = 1<<48 | r.Distinguisher<<16 | number
		case "As4Administrator":
			r.Distinguisher = 2<<48 | uint64(v["asn4"].(float64))<<16 | number
		default:
			panic(kind)
		}
	}
}

func must(t *testing.T, b []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("golden: %v in %s", err, b)
	}
}

// gauzeLines returns the events of one NetGauze message as lines.
func gauzeLines(t *testing.T, text []byte) (list []string) {
	t.Helper()
	var message struct{ Update *gauzeUpdate }
	if text[0] != '{' {
		return nil
	}
	must(t, text, &message)
	u := message.Update
	if u == nil {
		return nil
	}
	e := bgp.Event{Kind: bgp.Withdraw}
	withdraw := func(prefixes []gauzePrefix) {
		for _, p := range prefixes {
			p.put(&e.Route)
			list = append(list, line(&e))
		}
	}
	withdraw(u.Withdrawn)
	var reach []gauzePrefix
	var reachHop netip.Addr
	for _, a := range u.Attributes {
		var fields map[string]json.RawMessage
		must(t, a.Value, &fields)
		for name, v := range fields {
			switch name {
			case "MpUnreach":
				var tables map[string]gauzeReach
				must(t, v, &tables)
				for table, r := range tables {
					withdraw(r.NLRI)
					if len(r.NLRI) == 0 && len(u.Attributes) == 1 {
						family := map[string]bgp.Family{
							"Ipv4Unicast": bgp.FamilyIPv4, "Ipv6Unicast": bgp.FamilyIPv6,
							"Ipv4MplsVpnUnicast": bgp.FamilyVPNv4, "Ipv6MplsVpnUnicast": bgp.FamilyVPNv6,
						}[table]
						list = append(list, line(&bgp.Event{Kind: bgp.EndOfRIB, Family: family}))
					}
				}
			case "MpReach":
				var tables map[string]gauzeReach
				must(t, v, &tables)
				for _, r := range tables {
					reach, reachHop = r.NLRI, gauzeNextHop(t, r)
				}
			}
		}
	}
	if len(u.Attributes)+len(u.NLRI)+len(u.Withdrawn) == 0 {
		list = append(list, line(&bgp.Event{Kind: bgp.EndOfRIB, Family: bgp.FamilyIPv4}))
	}
	e = bgp.Event{Kind: bgp.Announce, Route: gauzeRoute(t, u.Attributes)}
	for _, p := range u.NLRI {
		p.put(&e.Route)
		list = append(list, line(&e))
	}
	e.Route.NextHop = reachHop
	for _, p := range reach {
		p.put(&e.Route)
		list = append(list, line(&e))
	}
	return list
}

func gauzeNextHop(t *testing.T, r gauzeReach) netip.Addr {
	t.Helper()
	if r.NextHopGlobal != nil {
		return *r.NextHopGlobal
	}
	var hop map[string]struct {
		NextHop netip.Addr `json:"next_hop"`
	}
	must(t, r.NextHop, &hop)
	for _, h := range hop {
		return h.NextHop
	}
	t.Fatalf("golden: no next hop in %s", r.NextHop)
	return netip.Addr{}
}

func gauzeRoute(t *testing.T, attributes []gauzeAttribute) (r bgp.Route) {
	t.Helper()
	for _, a := range attributes {
		var v struct {
			Origin any
			ASPath map[string][]struct {
				Type string   `json:"segment_type"`
				ASNs []uint32 `json:"as_numbers"`
			} `json:"AsPath"`
			NextHop struct {
				NextHop netip.Addr `json:"next_hop"`
			}
			MultiExitDiscriminator *struct{ Metric uint32 }
			LocalPreference        *struct{ Metric uint32 }
			Communities            *struct{ Communities []uint32 }
			LargeCommunities       *struct {
				Communities []struct {
					Admin uint32 `json:"global_admin"`
					One   uint32 `json:"local_data1"`
					Two   uint32 `json:"local_data2"`
				}
			}
		}
		must(t, a.Value, &v)
		switch {
		case v.Origin != nil:
			r.Origin = map[string]bgp.Origin{"IGP": bgp.OriginIGP, "EGP": bgp.OriginEGP, "Incomplete": bgp.OriginIncomplete}[fmt.Sprint(v.Origin)]
		case v.ASPath != nil:
			for _, segments := range v.ASPath {
				for _, s := range segments {
					kind := map[string]bgp.SegmentType{"AsSet": bgp.SegmentSet, "AsSequence": bgp.SegmentSequence}[s.Type]
					r.Path = append(r.Path, bgp.Segment{Type: kind, ASNs: s.ASNs})
				}
			}
		case v.NextHop.NextHop.IsValid():
			r.NextHop = v.NextHop.NextHop
		case v.MultiExitDiscriminator != nil:
			r.MED, r.HasMED = v.MultiExitDiscriminator.Metric, true
		case v.LocalPreference != nil:
			r.LocalPref, r.HasLocalPref = v.LocalPreference.Metric, true
		case v.Communities != nil:
			r.Communities = v.Communities.Communities
		case v.LargeCommunities != nil:
			for _, c := range v.LargeCommunities.Communities {
				r.LargeCommunities = append(r.LargeCommunities, [3]uint32{c.Admin, c.One, c.Two})
			}
		}
	}
	return r
}

// srv6 is a session beside flow records in one capture.
const srv6 = "ipfix-bgp/pmacct-500-ipfixv10-bgp-cisco-srv6"

// TestNetGauze holds sessions against NetGauze's reading of them, field by field.
func TestNetGauze(t *testing.T) {
	for _, c := range []struct {
		capture, golden string
		partial         string // why the golden has fewer events than the capture
	}{
		{
			"netgauze-bgp-multiple-sessions/traffic.pcap", "netgauze-bgp-multiple-sessions/expected.netgauze.traffic-bgp.json",
			"the golden holds the streams whose first segment begins a message alone",
		},
		{"pmacct-300-bgp-ipv6-cisco-extnh-enc/traffic-00.pcap", "pmacct-300-bgp-ipv6-cisco-extnh-enc/expected.netgauze.traffic-00-bgp.json", ""},
		{"pmacct-301-bgp-cisco-pretag/traffic-00.pcap", "pmacct-301-bgp-cisco-pretag/expected.netgauze.traffic-00-bgp.json", ""},
		{"pmacct-302-bgp-ipv6-multiple-sources/traffic-00.pcap", "pmacct-302-bgp-ipv6-multiple-sources/expected.netgauze.traffic-00-bgp.json", ""},
		{"pmacct-302-bgp-ipv6-multiple-sources/traffic-01.pcap", "pmacct-302-bgp-ipv6-multiple-sources/expected.netgauze.traffic-01-bgp.json", ""},
		{"pmacct-302-bgp-ipv6-multiple-sources/traffic-02.pcap", "pmacct-302-bgp-ipv6-multiple-sources/expected.netgauze.traffic-02-bgp.json", ""},
		{"pmacct-302-bgp-ipv6-multiple-sources/traffic-03.pcap", "pmacct-302-bgp-ipv6-multiple-sources/expected.netgauze.traffic-03-bgp.json", ""},
		{"pmacct-303-bgp-high-availability/traffic-00.pcap", "pmacct-303-bgp-high-availability/expected.netgauze.traffic-00-bgp.json", ""},
		{"pmacct-305-bgp-mem-leak-test/bgp-multi-sources-open.pcap", "pmacct-305-bgp-mem-leak-test/expected.netgauze.bgp-multi-sources-open-bgp.json", ""},
		{
			"pmacct-305-bgp-mem-leak-test/bgp-multi-sources-update-keepalive.pcap",
			"pmacct-305-bgp-mem-leak-test/expected.netgauze.bgp-multi-sources-update-keepalive-bgp.json", "",
		},
		{"../" + srv6 + "/traffic-00.pcap", "../" + srv6 + "/expected.netgauze.traffic-00-bgp.json", ""},
	} {
		t.Run(c.capture, func(t *testing.T) {
			var want, got []string
			for text := range bytes.Lines(testkit.Capture(t, path.Join("bgp", c.golden))) {
				want = append(want, gauzeLines(t, text)...)
			}
			list := streams(t, path.Join("bgp", c.capture))
			sessions := sessionsOf(t, list, Session{AS4: true})
			d := NewDecoder(new(Books), 16)
			for i, s := range list {
				got = append(got, lines(d, s.cut(), sessions[i])...)
			}
			t.Logf("%d streams, %d events", len(list), len(got))
			if c.partial != "" {
				if missing, _ := difference(want, got); len(missing) > 0 {
					t.Errorf("%d of %d missing: %s", len(missing), len(want), missing[0])
				}
				return
			}
			compare(t, want, got)
		})
	}
}
