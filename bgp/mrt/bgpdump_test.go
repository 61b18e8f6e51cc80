package mrt

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/internal/testkit"
)

// read reads a whole capture and returns the reader and the events by way of yield.
func read(t testing.TB, path string, yield func(*bgp.Event)) (*Reader, error) {
	t.Helper()
	f, err := os.Open(filepath.Join(testkit.CapturesDir(t), filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return r, r.Each(t.Context(), func(e *bgp.Event) error {
		yield(e)
		return nil
	})
}

// bgpdump writes an event as bgpdump -m does, as far as an event knows: kind,
// path identifier and aggregator are left out; "" for what it does not write.
func bgpdump(e *bgp.Event, table string) string {
	r := &e.Route
	head := fmt.Sprintf("%s|%d|", table, e.Time.Unix())
	from := fmt.Sprintf("%v|%d", e.Peer.Peer, e.PeerAS)
	id := ""
	if strings.HasSuffix(table, "_AP") {
		id = fmt.Sprintf("%d|", r.PathID)
	}
	if strings.HasPrefix(table, "TABLE_DUMP") && e.Kind != bgp.Announce {
		return "" // how a table begins and ends is for who keeps the routes
	}
	switch e.Kind {
	case bgp.PeerUp:
		return head + "STATE|" + from + "|up"
	case bgp.PeerDown:
		return head + "STATE|" + from + "|down"
	case bgp.Withdraw:
		return fmt.Sprintf("%sW|%s|%v", head, from, r.Prefix)
	case bgp.Announce:
		kind := "A"
		if table != "BGP4MP" {
			kind = "B"
		}
		path := strings.NewReplacer("{}", "").Replace(r.Path.String())
		origin := []string{"IGP", "EGP", "INCOMPLETE"}[r.Origin]
		return fmt.Sprintf("%s%s|%s|%v|%s%s|%s|%v|%d|%d|%s", head, kind, from, r.Prefix, id, path, origin, r.NextHop, r.LocalPref, r.MED, dumpCommunities(r.Communities))
	default:
		return fmt.Sprintf("%sunexpected kind %d", head, e.Kind)
	}
}

// dumpCommunities writes communities with the names bgpdump has for some.
func dumpCommunities(list []uint32) string {
	words := make([]string, len(list))
	for i, c := range list {
		switch c {
		case 0xffffff01:
			words[i] = "no-export"
		case 0xffffff02:
			words[i] = "no-advertise"
		case 0xffffff03:
			words[i] = "local-AS"
		default:
			words[i] = fmt.Sprintf("%d:%d", c>>16, c&0xffff)
		}
	}
	return strings.Join(words, " ")
}

// golden turns a line of bgpdump into what bgpdump writes of an event; "" for a
// state change that neither begins nor ends a session.
func golden(text string) string {
	f := strings.Split(text, "|")
	for i := range f {
		// bgpdump writes a single zero group as "::".
		if a, err := netip.ParseAddr(f[i]); err == nil {
			f[i] = a.String()
		}
	}
	switch f[2] {
	case "STATE":
		switch before, after := f[5], f[6]; {
		case after == "6" && before != "6":
			return strings.Join(f[:5], "|") + "|up"
		case before == "6" && after != "6":
			return strings.Join(f[:5], "|") + "|down"
		default:
			return ""
		}
	case "W":
		return strings.Join(f[:6], "|")
	}
	n := 12
	if strings.HasSuffix(f[0], "_AP") {
		n = 13
	}
	return strings.Join(f[:n], "|")
}

// deviations are the lines that are not as bgpdump has them, by scenario.
var deviations = map[string]struct {
	missing, extra int
	why            string
}{
	"mrt/bgpdump-bview-ipv4-unicast-add-path": {2, 0, "two routes of the collector itself have no attributes at all; bgpdump prints its own defaults, we refuse the entries (no_origin)"},
	"mrt/bgpdump-updates-20070211-0141":       {151, 0, "bgpdump prints IPv4 multicast as if it were unicast, we count it as ignored (ipv4_multicast)"},
}

// TestBgpdump holds each archive against bgpdump's account of it, line by line.
func TestBgpdump(t *testing.T) {
	compared := 0
	for _, s := range testkit.Scenarios(t) {
		if s.Family() != "mrt" || !strings.Contains(strings.Join(s.Golden, " "), "expected.bgpdump") {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			var want, got []string
			table := ""
			for text := range bytes.Lines(testkit.Capture(t, s.Golden[0])) {
				line := strings.TrimRight(string(text), "\n")
				table, _, _ = strings.Cut(line, "|")
				if line = golden(line); line != "" {
					want = append(want, line)
				}
			}
			r, err := read(t, s.Files[0], func(e *bgp.Event) {
				if line := bgpdump(e, table); line != "" && e.Kind != bgp.EndOfRIB {
					got = append(got, line)
				}
			})
			if err != nil {
				t.Error(err)
			}
			t.Logf("%d lines, %+v", len(want), r.Count())
			compared += len(want)
			missing, extra := difference(want, got)
			if d := deviations[s.Name]; len(missing) != d.missing || len(extra) != d.extra {
				for i := range min(5, max(len(missing), len(extra))) {
					if i < len(missing) {
						t.Errorf("missing %s", missing[i])
					}
					if i < len(extra) {
						t.Errorf("extra   %s", extra[i])
					}
				}
				t.Errorf("%d of %d lines missing, %d of %d extra", len(missing), len(want), len(extra), len(got))
			}
		})
	}
	if compared < 200_000 {
		t.Errorf("%d lines compared", compared)
	}
}

func difference(want, got []string) (missing, extra []string) {
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	for len(want) > 0 || len(got) > 0 {
		switch {
		case len(got) == 0 || len(want) > 0 && want[0] < got[0]:
			missing, want = append(missing, want[0]), want[1:]
		case len(want) == 0 || got[0] < want[0]:
			extra, got = append(extra, got[0]), got[1:]
		default:
			want, got = want[1:], got[1:]
		}
	}
	return missing, extra
}
