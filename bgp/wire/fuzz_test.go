package wire

import (
	"testing"

	"github.com/linewarden/linewarden/bgp"
)

// FuzzUpdate reads bodies of UPDATEs in every kind of session. Nothing may
// panic, the books must balance, what is remembered must give the same as what
// is read, and what gobgp reads without complaint must not be read otherwise.
func FuzzUpdate(f *testing.F) {
	for _, c := range []string{
		"netgauze-bgp-multiple-sessions/traffic.pcap", "bgprs-bgp-add-path/bgp-add-path.cap",
		"tcpdump-bgp-lu-multiple-labels/bgp-lu-multiple-labels.pcap", "pmacct-302-bgp-ipv6-multiple-sources/traffic-02.pcap",
		"tcpdump-bgp-addpath/bgp-addpath.pcap", "tcpdump-bgp-large-community/bgp-large-community.pcap",
	} {
		for _, s := range streams(f, "bgp/"+c) {
			for i, m := range s.cut() {
				if m[18] == TypeUpdate && i%4 == 0 {
					f.Add(m[HeaderLength:], true, uint8(0), uint8(0))
					f.Add(m[HeaderLength:], false, uint8(AllTables), uint8(AllTables))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, as4 bool, ids, labelled uint8) {
		if len(b) > 4096-HeaderLength || len(b) < 4 {
			return
		}
		s := Session{AS4: as4, AddPath: Tables(ids) & AllTables, Labelled: Tables(labelled) & AllTables, MultiLabel: AllTables}
		books := new(Books)
		d := NewDecoder(books, 2)
		var got [2][]string
		announced, withdrawn := 0, 0
		for i := range got {
			err := d.Message(message(b), s, &bgp.Event{}, func(e *bgp.Event) {
				got[i] = append(got[i], line(e))
				if e.Kind == bgp.Announce && (!e.Route.NextHop.IsValid() || !e.Route.Prefix.IsValid()) {
					t.Errorf("no next hop or prefix: %s", line(e))
				}
				switch e.Kind {
				case bgp.Announce:
					announced++
				case bgp.Withdraw:
					withdrawn++
				default:
				}
			})
			if err != nil && len(got[i]) > 0 {
				t.Errorf("refused with %v after %q", err, got[i])
			}
		}
		if missing, extra := difference(got[0], got[1]); len(missing)+len(extra) > 0 {
			t.Errorf("read %q, remembered %q", got[0], got[1])
		}
		c := books.Count()
		if c.Messages != c.Used+c.Other+sum(c.Refused) || c.Announced != uint64(announced) || c.Withdrawn != uint64(withdrawn) || c.Refused[ReasonPanic] > 0 {
			t.Errorf("books do not balance: %+v", c)
		}
		if sum(c.Refused)+sum(c.Treated)+sum(c.Discarded)+sum(c.Ignored) > 0 {
			return
		}
		if want, ok := oracle(message(b), s); ok {
			if missing, extra := difference(want, got[0]); len(missing)+len(extra) > 0 {
				t.Errorf("gobgp %q\nours  %q", want, got[0])
			}
		}
	})
}

// FuzzOpen reads OPENs.
func FuzzOpen(f *testing.F) {
	for _, c := range []string{"pmacct-301-bgp-cisco-pretag/traffic-00.pcap", "tcpdump-bgp-role/bgp-role.pcapng", "tcpdump-bgp-evpn/bgp-evpn.pcap"} {
		for _, s := range streams(f, "bgp/"+c) {
			for _, m := range s.cut() {
				if m[18] == TypeOpen {
					f.Add(m)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := ParseOpen(b); err == nil && o.Tables == 0 {
			t.Errorf("no table: %+v", o)
		}
	})
}
