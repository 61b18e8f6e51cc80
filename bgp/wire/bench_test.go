package wire

import (
	"testing"

	packet "github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"github.com/linewarden/linewarden/bgp"
)

// updates returns the UPDATEs of a capture with many VPN routes and communities.
func updates(b *testing.B) (messages [][]byte) {
	b.Helper()
	for _, s := range streams(b, "bgp/pmacct-305-bgp-mem-leak-test/bgp-multi-sources-update-keepalive.pcap") {
		for _, m := range s.cut() {
			if m[18] == TypeUpdate {
				messages = append(messages, m)
			}
		}
	}
	return messages
}

// BenchmarkMessage reads UPDATEs, with their attributes remembered or not.
func BenchmarkMessage(b *testing.B) {
	messages := updates(b)
	for name, remember := range map[string]int{"remembered": 4096, "new": 0} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			d := NewDecoder(new(Books), remember)
			events, i := 0, 0
			for b.Loop() {
				_ = d.Message(messages[i%len(messages)], Session{AS4: true}, &bgp.Event{}, func(*bgp.Event) { events++ })
				i++
			}
			if events < b.N {
				b.Errorf("%d events of %d messages", events, b.N)
			}
		})
	}
}

// BenchmarkLibrary parses the same UPDATEs with gobgp's packet library, and makes no events of them.
func BenchmarkLibrary(b *testing.B) {
	messages := updates(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := packet.ParseBGPMessage(messages[i%len(messages)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
