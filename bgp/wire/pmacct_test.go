package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/internal/testkit"
)

// words are the items of a list that pmacct writes as an array or as one text.
type items []string

func (w *items) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(w))
	}
	var text string
	err := json.Unmarshal(b, &text)
	*w = strings.Fields(text)
	return err
}

type pmacctLine struct {
	LogType   string       `json:"log_type"`
	Prefix    netip.Prefix `json:"ip_prefix"`
	RD        string       `json:"rd"`
	NextHop   netip.Addr   `json:"bgp_nexthop"`
	Path      items        `json:"as_path"`
	PathID    *uint32      `json:"as_path_id"`
	Comms     items        `json:"comms"`
	Large     items        `json:"lcomms"`
	Origin    string       `json:"origin"`
	LocalPref *uint32      `json:"local_pref"`
	MED       *uint32      `json:"med"`
}

// pmacctLine writes what pmacct logged of an update the way line does. pmacct
// does not tell a MED or LOCAL_PREF of 0 from none.
func (p *pmacctLine) line() string {
	path, comms, large := strings.Join(p.Path, " "), strings.Join(p.Comms, ","), make([]string, len(p.Large))
	for i, c := range p.Large {
		large[i] = "[" + strings.ReplaceAll(c, ":", " ") + "]"
	}
	return fmt.Sprintf("%v %s [%s] %s %v %d %d %s [%s]", p.Prefix, p.RD, path, p.Origin, p.NextHop.Unmap(),
		value(p.MED), value(p.LocalPref), comms, strings.Join(large, " "))
}

func value(n *uint32) uint32 {
	if n == nil {
		return 0
	}
	return *n
}

func pmacctOf(e *bgp.Event) string {
	r := &e.Route
	// pmacct writes some next hops of VPNv6 routes as the IPv4 address they are mapped from.
	return fmt.Sprintf("%v %s [%v] %s %v %d %d %s %v", r.Prefix, rd(r.Distinguisher), r.Path,
		[]string{"i", "e", "u"}[r.Origin], r.NextHop.Unmap(), r.MED, r.LocalPref, communities(r.Communities), r.LargeCommunities)
}

// TestPmacct holds sessions against the log that pmacct writes of them. Its log
// lists routes as they stand after repeated announcements of the same route, so
// each distinct route is compared once. The second log of scenario 302 is of the
// sessions' end, which is no message.
func TestPmacct(t *testing.T) {
	for _, c := range []struct {
		scenario string
		files    int
		goldens  []string
	}{
		{"pmacct-300-bgp-ipv6-cisco-extnh-enc", 1, []string{"expected.pmacct.output-bgp-00.json", "expected.pmacct.scenario-01.output-bgp-00.json"}},
		{"pmacct-301-bgp-cisco-pretag", 1, []string{"expected.pmacct.output-bgp-00.json", "expected.pmacct.scenario-01.output-bgp-00.json"}},
		{"pmacct-302-bgp-ipv6-multiple-sources", 4, []string{"expected.pmacct.output-bgp-00.json"}},
		{"pmacct-303-bgp-high-availability", 1, []string{"expected.pmacct.output-bgp-00.json"}},
		{"../" + srv6, 1, []string{"expected.pmacct.output-bgp-00.json", "expected.pmacct.scenario-01.output-bgp-00.json"}},
	} {
		got := make(map[string]int)
		for i := range c.files {
			list := streams(t, path.Join("bgp", c.scenario, "traffic-0"+strconv.Itoa(i)+".pcap"))
			sessions := sessionsOf(t, list, Session{AS4: true})
			d := NewDecoder(new(Books), 16)
			for i, s := range list {
				for _, m := range s.cut() {
					_ = d.Message(m, sessions[i], &bgp.Event{}, func(e *bgp.Event) {
						if e.Kind == bgp.Announce {
							got[pmacctOf(e)]++
						}
					})
				}
			}
		}
		for _, golden := range c.goldens {
			want := make(map[string]int)
			for text := range bytes.Lines(testkit.Capture(t, path.Join("bgp", c.scenario, golden))) {
				if len(bytes.TrimSpace(text)) == 0 {
					continue
				}
				var p pmacctLine
				must(t, text, &p)
				if p.LogType == "update" {
					want[p.line()]++
				}
			}
			missing := 0
			for l := range want {
				if got[l] == 0 {
					if missing++; missing <= 3 {
						t.Errorf("%s: missing %s", golden, l)
					}
				}
			}
			t.Logf("%s %s: %d routes, %d of ours", c.scenario, golden, len(want), len(got))
			if missing > 0 || len(want) == 0 {
				t.Errorf("%s %s: %d of %d missing", c.scenario, golden, missing, len(want))
			}
		}
	}
}
