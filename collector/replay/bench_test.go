package replay

import (
	"bytes"
	"strings"
	"testing"
)

// BenchmarkReader reads a capture of datagrams of the usual size.
func BenchmarkReader(b *testing.B) {
	frames := make([][]byte, 1000)
	for i := range frames {
		frames[i] = ether(etherIPv4, four(strings.Repeat("x", 1400)))
	}
	file := pcapOf(b, linkEthernet, frames...)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		s, err := open("a.pcap", bytes.NewReader(file), exportPorts)
		for err == nil {
			_, err = s.next()
		}
	}
}
