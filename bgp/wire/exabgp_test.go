package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/internal/testkit"
)

// exaMessage is what ExaBGP says of an UPDATE.
type exaMessage struct {
	Neighbor struct {
		Message struct {
			EOR    *struct{ Afi, Safi string }
			Update struct {
				Attribute struct {
					Origin string
					ASPath map[string]struct {
						Element string
						Value   []uint32
					} `json:"as-path"`
					MED       *uint32
					LocalPref *uint32     `json:"local-preference"`
					Community [][2]uint32 `json:"community"`
					Large     [][3]uint32 `json:"large-community"`
				}
				Announce map[string]map[string]json.RawMessage
				Withdraw map[string]json.RawMessage
			}
		}
	}
}

type exaPrefix struct {
	NLRI netip.Prefix
	RD   string
	ID   string `json:"path-information"`
}

// exaTables are the names of the families that are read.
var exaTables = map[string]Table{
	"ipv4 unicast": IPv4Unicast, "ipv6 unicast": IPv6Unicast, "ipv4 mpls-vpn": IPv4VPN, "ipv6 mpls-vpn": IPv6VPN,
}

func exaLines(t *testing.T, text string) (list []string) {
	t.Helper()
	var m exaMessage
	must(t, []byte(text), &m)
	u := m.Neighbor.Message.Update
	if eor := m.Neighbor.Message.EOR; eor != nil {
		return []string{line(&bgp.Event{Kind: bgp.EndOfRIB, Family: family(exaTables[eor.Afi+" "+eor.Safi])})}
	}
	a := u.Attribute
	e := bgp.Event{Kind: bgp.Announce}
	r := &e.Route
	r.Origin = map[string]bgp.Origin{"igp": bgp.OriginIGP, "egp": bgp.OriginEGP, "incomplete": bgp.OriginIncomplete}[a.Origin]
	for range len(a.ASPath) {
		s := a.ASPath[string(rune('0'+len(r.Path)))]
		kind := map[string]bgp.SegmentType{"as-sequence": bgp.SegmentSequence, "as-set": bgp.SegmentSet}[s.Element]
		r.Path = append(r.Path, bgp.Segment{Type: kind, ASNs: s.Value})
	}
	if a.MED != nil {
		r.MED, r.HasMED = *a.MED, true
	}
	if a.LocalPref != nil {
		r.LocalPref, r.HasLocalPref = *a.LocalPref, true
	}
	for _, c := range a.Community {
		r.Communities = append(r.Communities, c[0]<<16|c[1])
	}
	r.LargeCommunities = a.Large
	for name, hops := range u.Announce {
		if _, ok := exaTables[name]; !ok {
			continue
		}
		for hop, text := range hops {
			var prefixes []exaPrefix
			must(t, text, &prefixes)
			for _, p := range prefixes {
				r.NextHop, r.Prefix, r.Distinguisher, r.PathID = netip.MustParseAddr(hop), p.NLRI, 0, 0
				if p.RD == "65000:1" {
					r.Distinguisher = 65000<<32 | 1
				}
				if p.ID != "" {
					id := netip.MustParseAddr(p.ID).As4()
					r.PathID = binary.BigEndian.Uint32(id[:])
				}
				list = append(list, line(&e))
			}
		}
	}
	return list
}

// exaRaw returns the message of a line of hex digits and colons; a body without
// its header is given one.
func exaRaw(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(text))
	if err != nil {
		t.Fatalf("hex: %v in %s", err, text)
	}
	if !bytes.HasPrefix(b, marker[:]) {
		b = message(b)
	}
	return b
}

// message puts the header of an UPDATE before its body.
func message(body []byte) []byte {
	b := append(marker[:], 0, 0, TypeUpdate)
	binary.BigEndian.PutUint16(b[16:], uint16(HeaderLength+len(body)))
	return append(b, body...)
}

// exaDeviations are the messages whose events are not those ExaBGP states.
var exaDeviations = map[string]string{
	"ipv4-unicast-1.txt": "ExaBGP lists the default route four times, for prefixes of no octets one after the other; so do we, but it reads the AS_PATH of four octets as of two",
}

// TestExaBGP holds the messages that ExaBGP writes and reads against its own account of them.
func TestExaBGP(t *testing.T) {
	compared := 0
	for _, c := range exaMessages(t) {
		s := Session{AS4: true}
		switch c.file {
		case "conf-no-asn4.ci":
			s.AS4 = false
		case "conf-path-information.ci":
			s.AddPath = AllTables
		}
		got := lines(NewDecoder(new(Books), 0), [][]byte{c.raw}, s)
		for _, l := range got {
			if strings.HasPrefix(l, "refused") && !strings.Contains(l, "family") {
				t.Errorf("%s: %s: %x", c.file, l, c.raw)
			}
		}
		if c.json == "" {
			continue
		}
		want := exaLines(t, c.json)
		if len(want) == 0 {
			continue
		}
		compared++
		if missing, extra := difference(want, got); len(missing)+len(extra) > 0 && exaDeviations[c.file] == "" {
			t.Errorf("%s: %x\n want %q\n got  %q", c.file, c.raw, want, got)
		}
	}
	if compared < 40 {
		t.Errorf("%d messages compared, want at least 40", compared)
	}
}

type exaCase struct {
	file string
	raw  []byte
	json string // empty where ExaBGP gives none
}

func exaMessages(t *testing.T) (list []exaCase) {
	t.Helper()
	dir := filepath.Join(testkit.CapturesDir(t), "bgp")
	raw := regexp.MustCompile(`^\d+:raw:(\S+)`)
	text := regexp.MustCompile(`^\d+:json:(.*)`)
	for _, folder := range []string{"exabgp-encoding", "exabgp-decoding"} {
		files, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			rows := strings.Split(string(testkit.Capture(t, "bgp/"+folder+"/"+f.Name())), "\n")
			if folder == "exabgp-decoding" {
				if rows[0] != "open" {
					list = append(list, exaCase{f.Name(), exaRaw(t, rows[1]), rows[2]})
				}
				continue
			}
			for _, row := range rows {
				if m := raw.FindStringSubmatch(row); m != nil {
					list = append(list, exaCase{f.Name(), exaRaw(t, m[1]), ""})
				} else if m := text.FindStringSubmatch(row); m != nil && json.Valid([]byte(m[1])) {
					list[len(list)-1].json = m[1]
				}
			}
		}
	}
	return list
}
