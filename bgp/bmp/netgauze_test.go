package bmp

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// TestNetGauze compares each Route Monitoring and Peer Down message with what
// NetGauze read of it, in their order: whose table, and which prefixes.
func TestNetGauze(t *testing.T) {
	for _, c := range []struct{ capture, golden string }{
		{"bmp/netgauze-bmp-peers-with-different-caps/example.pcap", "bmp/netgauze-bmp-peers-with-different-caps/expected.netgauze.example-bmp.json"},
		{"bmp/pmacct-200-bmp-huawei-locrib-instance/traffic-00.pcap", "bmp/pmacct-200-bmp-huawei-locrib-instance/expected.netgauze.traffic-00-bmp.json"},
		{"bmp/pmacct-204-bmp-cisco-peer-down/traffic-00.pcap", "bmp/pmacct-204-bmp-cisco-peer-down/expected.netgauze.traffic-00-bmp.json"},
		{"bmp/netgauze-bmp-evpn/evpn.pcap", "bmp/netgauze-bmp-evpn/expected.netgauze.evpn-bmp.json"},
		{"bmp/pmacct-206-bmp-high-availability/traffic-00.pcap", "bmp/pmacct-206-bmp-high-availability/expected.netgauze.traffic-00-bmp.json"},
		{"ipfix-bmp/pmacct-401-ipfixv10-bmp-ipv6-cisco-mpls-multiple-sources/traffic-00.pcap", "ipfix-bmp/pmacct-401-ipfixv10-bmp-ipv6-cisco-mpls-multiple-sources/expected.netgauze.traffic-00-bmp.json"},
		{"ipfix-bmp/pmacct-401-ipfixv10-bmp-ipv6-cisco-mpls-multiple-sources/traffic-01.pcap", "ipfix-bmp/pmacct-401-ipfixv10-bmp-ipv6-cisco-mpls-multiple-sources/expected.netgauze.traffic-01-bmp.json"},
	} {
		t.Run(c.golden, func(t *testing.T) {
			// Labelled unicast is read where the session has no unicast beside it.
			want, labelled := make(map[string]int), make(map[string]int)
			for _, line := range lines(t, c.golden) {
				for _, text := range netgauzeText(t, line) {
					if plain, ok := strings.CutPrefix(text, "labelled "); ok {
						labelled[plain]++
					} else {
						want[text]++
					}
				}
			}
			got := make(map[string]int)
			for _, s := range streams(t, c.capture) {
				if s.data[0] != version {
					continue
				}
				p := NewParser(s.src.Addr(), 1000, new(Books))
				for _, m := range s.cut(t) {
					if err := p.Message(m, time.Now(), func(e *bgp.Event) {
						if text := eventText(e); text != "" {
							got[text]++
						}
					}); err != nil {
						t.Fatal(err)
					}
				}
			}
			compared, missing := 0, 0
			for text, n := range want {
				compared += n
				if got[text] != n && !unread(c.golden, text) {
					missing++
					t.Errorf("%d times %s, want %d", got[text], text, n)
				}
			}
			for text, n := range got {
				if want[text] == 0 && labelled[text] != n && !treated(c.golden, text) {
					t.Errorf("%d times %s, want %d", n, text, labelled[text])
				}
			}
			t.Logf("compared %d", compared)
			if compared < 2 || missing > 10 {
				t.Errorf("compared only %d, missing %d", compared, missing)
			}
		})
	}
}

// unread names what the station leaves out on purpose: messages of a peer
// whose Peer Up is not in the capture.
func unread(golden, text string) bool {
	return strings.Contains(golden, "bmp-evpn") && strings.HasPrefix(text, "198.51.100.52 ")
}

// treated names what is read as a withdrawal (RFC 7606 section 7.2): a VPN route
// whose AS_PATH is malformed, which NetGauze does not show at all.
func treated(golden, text string) bool {
	return strings.Contains(golden, "pmacct-206") && strings.HasSuffix(text, " -2fbf0003a0013 192.0.2.19/32 id 0")
}

// eventText writes an event as one line: peer, instance, view, sign, prefix.
func eventText(e *bgp.Event) string {
	sign := map[bgp.EventKind]string{bgp.Announce: "+", bgp.Withdraw: "-"}[e.Kind]
	if sign == "" {
		return ""
	}
	peer := e.Peer.Peer
	if !peer.IsValid() {
		peer = netip.IPv4Unspecified()
	}
	return fmt.Sprintf("%v %x view %d as %d %s%x %v id %d", peer, e.Peer.Distinguisher, e.Peer.View, e.PeerAS, sign, e.Route.Distinguisher, e.Route.Prefix, e.Route.PathID)
}

type netgauzePeer struct {
	Kind    map[string]map[string]bool `json:"peer_type"`
	RD      json.RawMessage            `json:"rd"`
	Address netip.Addr                 `json:"address"`
	AS      uint32                     `json:"peer_as"`
}

type netgauzeNLRI struct {
	PathID  *uint32         `json:"path_id"`
	RD      json.RawMessage `json:"rd"`
	Network string          `json:"network"`
	Prefix  string          `json:"prefix"`
}

// netgauzeText returns the same lines for one message of NetGauze's.
func netgauzeText(t *testing.T, line string) (list []string) {
	t.Helper()
	var m struct {
		V3 struct {
			RouteMonitoring *struct {
				Peer   netgauzePeer `json:"peer_header"`
				Update struct {
					Update struct {
						Withdrawn  []netgauzeNLRI `json:"withdrawn_routes"`
						NLRI       []netgauzeNLRI `json:"nlri"`
						Attributes []struct {
							Value json.RawMessage `json:"value"`
						} `json:"path_attributes"`
					}
				} `json:"update_message"`
			}
		}
	}
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if m.V3.RouteMonitoring == nil {
		return nil
	}
	peer, u := &m.V3.RouteMonitoring.Peer, &m.V3.RouteMonitoring.Update.Update
	view, prefix := bgp.ViewAdjIn, ""
	for kind, flags := range peer.Kind {
		switch {
		case kind == "LocRibInstancePeer":
			view = bgp.ViewLocal
		case flags["adj_rib_out"]:
			view = bgp.ViewAdjOut
		case flags["post_policy"]:
			view = bgp.ViewAdjInPost
		}
	}
	address := peer.Address
	if !address.IsValid() || view == bgp.ViewLocal {
		address = netip.IPv4Unspecified()
	}
	prefix = fmt.Sprintf("%v %x view %d as %d ", address, distinguisher(t, peer.RD), view, peer.AS)
	add := func(sign string, routes []netgauzeNLRI) {
		for _, r := range routes {
			id := uint32(0)
			if r.PathID != nil {
				id = *r.PathID
			}
			label := ""
			if r.Prefix != "" {
				label, r.Network = "labelled ", r.Prefix
			}
			list = append(list, fmt.Sprintf("%s%s%s%x %s id %d", label, prefix, sign, distinguisher(t, r.RD), r.Network, id))
		}
	}
	add("+", u.NLRI)
	add("-", u.Withdrawn)
	for _, a := range u.Attributes {
		var v struct {
			MpReach, MpUnreach map[string]struct {
				NLRI []netgauzeNLRI `json:"nlri"`
			}
		}
		if err := json.Unmarshal(a.Value, &v); err != nil {
			continue // an attribute that is no object
		}
		for sign, families := range map[string]map[string]struct {
			NLRI []netgauzeNLRI `json:"nlri"`
		}{"+": v.MpReach, "-": v.MpUnreach} {
			for family, routes := range families {
				if slices.Contains([]string{"Ipv4Unicast", "Ipv6Unicast", "Ipv4MplsVpnUnicast", "Ipv6MplsVpnUnicast", "Ipv4NlriMplsLabels", "Ipv6NlriMplsLabels"}, family) {
					add(sign, routes.NLRI)
				}
			}
		}
	}
	return list
}

// distinguisher reads NetGauze's three forms (RFC 4364 section 4.2).
func distinguisher(t *testing.T, data json.RawMessage) uint64 {
	t.Helper()
	if len(data) == 0 || string(data) == "null" {
		return 0
	}
	var d struct {
		As2Administrator  *struct{ ASN2, Number uint64 }
		As4Administrator  *struct{ ASN4, Number uint64 }
		Ipv4Administrator *struct {
			IP     netip.Addr
			Number uint64
		}
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	switch {
	case d.As2Administrator != nil:
		return d.As2Administrator.ASN2<<32 | d.As2Administrator.Number
	case d.As4Administrator != nil:
		return 2<<48 | d.As4Administrator.ASN4<<16 | d.As4Administrator.Number
	case d.Ipv4Administrator != nil:
		b := d.Ipv4Administrator.IP.As4()
		return 1<<48 | uint64(b[0])<<40 | uint64(b[1])<<32 | uint64(b[2])<<24 | uint64(b[3])<<16 | d.Ipv4Administrator.Number
	}
	t.Fatalf("distinguisher %s", data)
	return 0
}
