package mrt

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
	"github.com/linewarden/linewarden/internal/testkit"
)

// kindNames are the names the scenarios have for kinds of records.
var kindNames = map[Kind]string{
	{5, 1}: "BGP(dep)/1", {5, 3}: "BGP(dep)/3", {5, 5}: "BGP(dep)/5", {5, 7}: "BGP(dep)/7",
	{12, 1}: "TABLE_DUMP/TD_IPv4", {12, 2}: "TABLE_DUMP/TD_IPv6",
	{13, 1}: "TABLE_DUMP_V2/PEER_INDEX", {13, 2}: "TABLE_DUMP_V2/RIB4", {13, 4}: "TABLE_DUMP_V2/RIB6",
	{13, 6}: "TABLE_DUMP_V2/RIB_GENERIC", {13, 8}: "TABLE_DUMP_V2/RIB4_AP",
	{16, 0}: "BGP4MP/STATE", {16, 1}: "BGP4MP/MSG", {16, 4}: "BGP4MP/MSG_AS4", {16, 5}: "BGP4MP/STATE_AS4",
	{16, 9}: "BGP4MP/MSG_AS4_AP", {17, 4}: "BGP4MP_ET/MSG_AS4",
}

func sum[K comparable](m map[K]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

// balance fails where the books of a reader do not balance.
func balance(t testing.TB, c Count) {
	t.Helper()
	if c.Records != c.Used+sum(c.Refused) || c.Entries != c.Routes+sum(c.EntriesRefused) ||
		c.Messages.Messages != c.Messages.Used+c.Messages.Other+sum(c.Messages.Refused) ||
		c.Refused[ReasonMessage] != sum(c.Messages.Refused) {
		t.Errorf("books do not balance: %+v", c)
	}
}

// refusedRecords are the records of captures that are refused, with the reason.
var refusedRecords = map[string]map[Reason]uint64{
	"mrt/bgpdump-updates-20070211-0141": {ReasonMessage: 151}, // IPv4 multicast
	"mrt/mrtparse-quagga-bgp":           {ReasonMessage: 6},   // IPv4 and IPv6 multicast
}

// TestScenarios reads every archive: its records are those that an independent
// parser counts, and the books balance.
func TestScenarios(t *testing.T) {
	for _, s := range testkit.Scenarios(t) {
		if s.Family() != "mrt" {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			events := make(map[bgp.EventKind]uint64)
			r, err := read(t, s.Files[0], func(e *bgp.Event) {
				events[e.Kind]++
				if !e.Peer.Peer.IsValid() || e.Time.Year() < 1999 || e.Kind == bgp.Announce && !e.Route.NextHop.IsValid() {
					t.Errorf("%+v", e)
				}
			})
			var truncated *TruncatedError
			if cut := strings.Contains(s.Counted, "truncated"); cut != errors.As(err, &truncated) || !cut && err != nil {
				t.Errorf("error %v of %s", err, s.Counted)
			}
			c := r.Count()
			balance(t, c)
			t.Logf("%v %+v", err, c)
			if !equal(c.Refused, refusedRecords[s.Name]) {
				t.Errorf("refused %v, want %v; messages %v", c.Refused, refusedRecords[s.Name], c.Messages.Refused)
			}
			if events[bgp.Announce] != c.Routes+c.Messages.Announced || events[bgp.Withdraw] != c.Messages.Withdrawn {
				t.Errorf("events %v of %+v", events, c)
			}
			if truncated != nil && truncated.Want != 0 && truncated.Have >= truncated.Want {
				t.Errorf("%v", truncated)
			}
			kinds := make(map[string]uint64)
			for kind, n := range c.Kinds {
				kinds[kindNames[kind]] += n
			}
			for word := range strings.FieldsSeq(s.Counted) {
				name, number, ok := strings.Cut(strings.TrimRight(word, ";"), "=")
				if ok && strings.Contains(name, "/") && fmt.Sprint(kinds[name]) != number {
					t.Errorf("%s: %d, want %s", name, kinds[name], number)
				}
			}
			var entries uint64
			if _, after, ok := strings.Cut(s.Counted, "; "); ok {
				if n, _ := fmt.Sscanf(after, "%d RIB entries", &entries); n == 1 && entries != c.Entries-c.Kinds[Kind{13, 6}] { // the parser leaves out RIB_GENERIC, of one entry each
					t.Errorf("%d entries, want %d", c.Entries, entries)
				}
			}
		})
	}
}

func equal(a, b map[Reason]uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// TestBgpkit holds an archive of 1999 against the count of bgpkit.
func TestBgpkit(t *testing.T) {
	const name = "mrt/bgpkit-rrc00-updates-19990903-1041/"
	var want struct {
		Raw      uint64 `json:"raw_records"`
		Updates  uint64 `json:"update_records"`
		States   uint64 `json:"state_changes"`
		Elements uint64
	}
	if err := json.Unmarshal(testkit.Capture(t, name+"expected.bgpkit.json"), &want); err != nil {
		t.Fatal(err)
	}
	events := uint64(0)
	r, err := read(t, name+"updates.19990903.1041.gz", func(e *bgp.Event) {
		if e.Kind == bgp.Announce || e.Kind == bgp.Withdraw {
			events++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Count(); c.Records != want.Raw || c.Messages.Messages != want.Updates || c.States != want.States || events != want.Elements {
		t.Errorf("%d events, %+v; want %+v", events, c, want)
	}
}

// TestTruncated cuts an archive, plain and packed, at every octet of its last records.
func TestTruncated(t *testing.T) {
	whole := testkit.Capture(t, "mrt/mrtparse-quagga-rib/quagga_rib")
	var ends []int // of records
	for at := 0; at < len(whole); {
		at += headerLength + int(binary.BigEndian.Uint32(whole[at+8:]))
		ends = append(ends, at)
	}
	for n := range len(whole) + 1 {
		records := 0
		for records < len(ends) && ends[records] <= n {
			records++
		}
		r, err := NewReader(bytes.NewReader(whole[:n]))
		if err != nil {
			t.Fatal(err)
		}
		err = r.Each(t.Context(), func(*bgp.Event) error { return nil })
		if r.Count().Records != uint64(records) {
			t.Fatalf("cut at %d: %d records, want %d", n, r.Count().Records, records)
		}
		var cut *TruncatedError
		atEnd := n == 0 || slices.Contains(ends, n)
		if errors.As(err, &cut) == atEnd || atEnd && err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if cut != nil && (!errors.Is(err, ErrTruncated) || cut.Err != nil || int(cut.Offset)+cut.Have != n) {
			t.Fatalf("cut at %d: %+v", n, cut)
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(whole)
	_ = z.Close()
	r, err := NewReader(bytes.NewReader(packed.Bytes()[:packed.Len()-40]))
	if err != nil {
		t.Fatal(err)
	}
	var cut *TruncatedError
	if err := r.Each(t.Context(), func(*bgp.Event) error { return nil }); !errors.As(err, &cut) || cut.Records == 0 {
		t.Errorf("gzip cut: %v", err)
	} else if !strings.Contains(err.Error(), "fetch it again") {
		t.Errorf("no remedy: %v", err)
	}
	packed.Bytes()[packed.Len()-8] ^= 1 // of the checksum
	r, err = NewReader(bytes.NewReader(packed.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Each(t.Context(), func(*bgp.Event) error { return nil }); !errors.As(err, &cut) || cut.Err == nil {
		t.Errorf("gzip damaged: %v", err)
	}
}

// TestYield proves that the error of the receiver and the end of the context stop a reader.
func TestYield(t *testing.T) {
	whole := testkit.Capture(t, "mrt/mrtparse-quagga-rib/quagga_rib")
	stop := errors.New("stop")
	r, _ := NewReader(bytes.NewReader(whole))
	n := 0
	if err := r.Each(t.Context(), func(*bgp.Event) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("%v after %d events", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, _ = NewReader(bytes.NewReader(whole))
	if err := r.Each(ctx, func(*bgp.Event) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	broken := errors.New("broken disk")
	if _, err := NewReader(io.MultiReader(iotestErr{broken})); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type iotestErr struct{ err error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.err }

// record writes one record.
func record(kind, subtype uint16, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	b := binary.BigEndian.AppendUint32(nil, 1_700_000_000)
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, subtype)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// TestRefused proves each reason for which a record is refused, and that the records behind it are read.
func TestRefused(t *testing.T) {
	good := record(16, 0, []byte{0, 1, 0, 2, 0, 0, 0, 1, 192, 0, 2, 1, 192, 0, 2, 2, 0, 5, 0, 6})
	peers := record(13, 1, []byte{1, 1, 1, 1, 0, 0, 0, 1, 0, 9, 9, 9, 9, 192, 0, 2, 1, 0, 1})
	for name, c := range map[string]struct {
		bytes []byte
		want  Reason
	}{
		"type":               {record(11, 0), ReasonType},
		"subtype of bgp4mp":  {record(16, 3), ReasonSubtype},
		"subtype of table":   {record(12, 9), ReasonSubtype},
		"subtype of v2":      {record(13, 3), ReasonSubtype},
		"subtype of bgp":     {record(5, 2), ReasonSubtype},
		"afi":                {record(16, 4, []byte{0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}), ReasonFamily},
		"generic family":     {record(13, 6, []byte{0, 0, 0, 1, 0, 25, 70}), ReasonFamily},
		"generic labelled":   {record(13, 6, []byte{0, 0, 0, 1, 0, 1, 4}), ReasonFamily},
		"short et":           {record(17, 4, []byte{0}), ReasonLength},
		"short bgp4mp":       {record(16, 4, []byte{0}), ReasonLength},
		"short state":        {record(16, 0, []byte{0, 1, 0, 2, 0, 0, 0, 1, 192, 0, 2, 1, 192, 0, 2, 2, 0, 5}), ReasonLength},
		"short table":        {record(12, 1, []byte{0}), ReasonLength},
		"short bgp":          {record(5, 1, []byte{0}), ReasonLength},
		"short bgp state":    {record(5, 3, []byte{0}), ReasonLength},
		"short rib":          {record(13, 2, []byte{0}), ReasonLength},
		"short generic":      {record(13, 6, []byte{0}), ReasonLength},
		"short peers":        {record(13, 1, []byte{1, 1, 1, 1, 0, 0, 255, 255, 0}), ReasonLength},
		"no peers":           {record(13, 1, []byte{1, 1}), ReasonLength},
		"prefix":             {record(13, 2, []byte{0, 0, 0, 1, 33, 1, 2, 3, 4, 5, 0, 0}), ReasonPrefix},
		"prefix of table":    {record(12, 1, []byte{0, 0, 0, 1, 1, 2, 3, 4, 33, 1, 0, 0, 0, 0, 192, 0, 2, 1, 0, 1, 0, 0}), ReasonPrefix},
		"peer":               {record(13, 2, []byte{0, 0, 0, 1, 8, 10, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0}), ReasonPeer},
		"entries":            {record(13, 2, []byte{0, 0, 0, 1, 8, 10, 255, 255}), ReasonLength},
		"message":            {record(16, 1, []byte{0, 1, 0, 2, 0, 0, 0, 1, 192, 0, 2, 1, 192, 0, 2, 2, 9}), ReasonMessage},
		"longer than is fit": {append(record(16, 1)[:8], append([]byte{1, 0, 0, 1}, make([]byte, MaxRecord+1)...)...), ReasonTooLong},
	} {
		r, err := NewReader(bytes.NewReader(slices.Concat(peers, c.bytes, good)))
		if err != nil {
			t.Fatal(err)
		}
		var events []bgp.Event
		if err := r.Each(t.Context(), func(e *bgp.Event) error { events = append(events, *e); return nil }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		n := r.Count()
		balance(t, n)
		if n.Records != 3 || n.Refused[c.want] != 1 || len(n.Refused) != 1 || len(events) != 1 || events[0].Kind != bgp.PeerUp {
			t.Errorf("%s: %+v, events %v", name, n, events)
		}
		if len(r.buf) > MaxRecord {
			t.Errorf("%s: buffer of %d", name, len(r.buf))
		}
	}
}

// TestKinds reads what no capture has: sent messages, path identifiers of sent messages, and times below a second.
func TestKinds(t *testing.T) {
	update := append(bytes.Repeat([]byte{255}, 16), 0, 29, 2, 0, 6, 0, 0, 0, 7, 8, 10, 0, 0)
	four := []byte{0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 192, 0, 2, 1, 192, 0, 2, 2}
	for subtype, local := range map[uint16]bool{9: false, 11: true} {
		r, _ := NewReader(bytes.NewReader(record(17, subtype, []byte{0, 0, 0, 5}, four, update)))
		var got bgp.Event
		if err := r.Each(t.Context(), func(e *bgp.Event) error { got = *e; return nil }); err != nil {
			t.Fatal(err)
		}
		want := bgp.Event{
			Kind: bgp.Withdraw, Family: bgp.FamilyIPv4, PeerAS: 65536, Time: time.Unix(1_700_000_000, 5000).UTC(),
			Peer:  bgp.PeerKey{Router: netip.MustParseAddr("192.0.2.1"), Peer: netip.MustParseAddr("192.0.2.1")},
			Route: bgp.Route{Prefix: netip.MustParsePrefix("10.0.0.0/8"), PathID: 7},
		}
		if local {
			want.Peer.Router, want.Peer.View = netip.MustParseAddr("192.0.2.2"), bgp.ViewAdjOutPost
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("subtype %d: %+v, want %+v", subtype, got, want)
		}
	}
}

// TestGuessedPaths reads an archive whose messages have path identifiers though its subtypes do not say so.
func TestGuessedPaths(t *testing.T) {
	for _, name := range []string{"mrt/mrtparse-bird-bgp/bird_bgp", "mrt/mrtparse-bird6-bgp/bird6_bgp"} {
		ids := make(map[uint32]int)
		_, err := read(t, name, func(e *bgp.Event) {
			if e.Kind == bgp.Announce {
				ids[e.Route.PathID]++
				if e.Route.Prefix.Bits() < 24 {
					t.Errorf("%s: %v", name, e.Route.Prefix)
				}
			}
		})
		if err != nil || ids[0] > 0 || ids[1] == 0 || ids[2] == 0 {
			t.Errorf("%s: %v %v", name, ids, err)
		}
	}
}

// TestVPN reads the VPN routes of a table.
func TestVPN(t *testing.T) {
	var got []string
	_, err := read(t, "mrt/mrtparse-openbgpd-rib-table-v2/openbgpd_rib_table-v2", func(e *bgp.Event) {
		if e.Route.Distinguisher != 0 {
			got = append(got, fmt.Sprintf("%x %v %v %v", e.Route.Distinguisher, e.Route.Prefix, e.Route.NextHop, e.Route.Path))
		}
	})
	if err != nil || len(got) == 0 {
		t.Errorf("%q %v", got, err)
	}
	t.Logf("%q", got)
}

// FuzzReader reads archives. Nothing may panic, and the books must balance.
func FuzzReader(f *testing.F) {
	for _, name := range []string{
		"mrtparse-bird-bgp/bird_bgp", "mrtparse-bird-mrtdump-rib/bird-mrtdump_rib", "mrtparse-bird6-mrtdump-bgp/bird6-mrtdump_bgp",
		"mrtparse-openbgpd-bgp/openbgpd_bgp", "mrtparse-openbgpd-rib-table/openbgpd_rib_table",
		"mrtparse-openbgpd-rib-table-v2/openbgpd_rib_table-v2", "mrtparse-quagga-rib/quagga_rib",
	} {
		f.Add(testkit.Capture(f, "mrt/"+name))
	}
	old := testkit.Capture(f, "mrt/bgpkit-rrc00-updates-19990903-1041/updates.19990903.1041.gz")
	f.Add(old[:4096])
	for _, name := range []string{"bgpkit-routeviews-2024-et/updates.bz2", "bgpdump-bview-ipv4-unicast-add-path/bview.ipv4_unicast_add_path.gz"} {
		b, err := os.ReadFile(filepath.Join(testkit.CapturesDir(f), "mrt", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		announced := uint64(0)
		err = r.Each(t.Context(), func(e *bgp.Event) error {
			if e.Kind == bgp.Announce {
				announced++
				if !e.Route.Prefix.IsValid() || e.Route.Prefix != e.Route.Prefix.Masked() || !e.Route.NextHop.IsValid() {
					t.Errorf("%+v", e)
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, ErrTruncated) {
			t.Error(err)
		}
		c := r.Count()
		balance(t, c)
		if announced != c.Routes+c.Messages.Announced || c.Messages.Refused[wire.ReasonPanic] > 0 {
			t.Errorf("%d announced: %+v", announced, c)
		}
	})
}
