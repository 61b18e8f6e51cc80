package mrt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/bgp"
)

// twoPeers is a table of two peers: 192.0.2.1 in AS 1 and 2001:db8::2 in AS 2.
func twoPeers() []byte {
	return record(13, 1, []byte{
		1, 1, 1, 1, 0, 0, 0, 2,
		0, 9, 9, 9, 9, 192, 0, 2, 1, 0, 1,
		1, 9, 9, 9, 9, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2,
	})
}

// attributes are ORIGIN, an AS_PATH of AS 1 and the next hop 192.0.2.1.
var attributes = []byte{0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0, 1, 0x40, 3, 4, 192, 0, 2, 1}

// ribOf is the entry of one peer for a prefix of a table.
func ribOf(subtype uint16, peer byte, prefix ...byte) []byte {
	entry := binary.BigEndian.AppendUint16([]byte{0, peer, 0, 0, 0, 0}, uint16(len(attributes)))
	return record(13, subtype, []byte{0, 0, 0, 0}, prefix, []byte{0, 1}, entry, attributes)
}

// TestDumps reads tables one after the other: a table replaces what its peers
// held before, in the families it has, when it is whole.
func TestDumps(t *testing.T) {
	first, second := ribOf(2, 0, 8, 10), ribOf(2, 0, 8, 20)
	message := record(16, 0, []byte{0, 1, 0, 2, 0, 0, 0, 1, 192, 0, 2, 9, 192, 0, 2, 2, 0, 5, 0, 6}) // the state of another peer
	whole := "stale 1, up 1, 10.0.0.0/8 1, 20.0.0.0/8 1, end 1 v4"
	for _, tt := range []struct {
		name  string
		parts [][]byte
		want  string
		cut   bool
	}{
		{name: "one", parts: [][]byte{twoPeers(), first, second}, want: whole},
		{name: "two", parts: [][]byte{twoPeers(), first, second, twoPeers(), second}, want: whole + ", stale 1, up 1, 20.0.0.0/8 1, end 1 v4"},
		{name: "two peers", parts: [][]byte{twoPeers(), first, ribOf(2, 1, 8, 10), second}, want: "stale 1, up 1, 10.0.0.0/8 1, stale 2, up 2, 10.0.0.0/8 2, 20.0.0.0/8 1, end 1 v4, end 2 v4"},
		{name: "messages behind it", parts: [][]byte{twoPeers(), first, second, message}, want: whole + ", up 9"},
		{name: "nobody has entries", parts: [][]byte{twoPeers()}, want: ""},
		{name: "cut", parts: [][]byte{twoPeers(), first, second, {0, 0}}, want: strings.TrimSuffix(whole, ", end 1 v4"), cut: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(slices.Concat(tt.parts...)))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			err = r.Each(t.Context(), func(e *bgp.Event) error { got = append(got, told(e)); return nil })
			if errors.Is(err, ErrTruncated) != tt.cut || !tt.cut && err != nil {
				t.Error(err)
			}
			if text := strings.Join(got, ", "); text != tt.want {
				t.Errorf("got  %s\nwant %s", text, tt.want)
			}
		})
	}
}

// told is an event in a few words; peers are the last octet of their address.
func told(e *bgp.Event) string {
	raw := e.Peer.Peer.As16()
	peer := raw[15]
	switch e.Kind {
	case bgp.Announce:
		return fmt.Sprintf("%v %d", e.Route.Prefix, peer)
	case bgp.Withdraw:
		return fmt.Sprintf("not %v %d", e.Route.Prefix, peer)
	case bgp.EndOfRIB:
		return fmt.Sprintf("end %d v%d", peer, map[bgp.Family]int{bgp.FamilyIPv4: 4, bgp.FamilyIPv6: 6}[e.Family])
	case bgp.PeerUp:
		return fmt.Sprintf("up %d", peer)
	case bgp.PeerDown:
		return fmt.Sprintf("down %d", peer)
	case bgp.PeerStale:
		return fmt.Sprintf("stale %d", peer)
	}
	return "unknown"
}
