package replay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// FuzzReader reads files of any contents. Each must end, in an error that is
// told or in io.EOF, and give no more than it holds.
func FuzzReader(f *testing.F) {
	long := udp(2055, string(make([]byte, 300)))
	f.Add("a.pcap", pcapOf(f, linkEthernet, ether(etherIPv4, four("a")), ether(etherIPv6, six("b"), 0x8100, 7)))
	f.Add("a.pcap", pcapOf(f, linkRaw, append(cuts4(1, 80, long), cuts6(1, 80, long)...)...))
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		n := &ngFile{order: order}
		n.section()
		n.describe(linkSLL, 0, []byte{ngOptTime}, []byte{9})
		n.packet(0, 1, four("a"), 40)
		n.block(ngSimple, append(order.AppendUint32(nil, 20), make([]byte, 20)...))
		f.Add("a", n.bytes)
	}
	f.Add("a.ipfix", append([]byte{0, 10, 0, 16}, make([]byte, 12)...))
	f.Add("a.gz", zipped(f, pcapOf(f, linkNull, four("a"))))
	f.Fuzz(func(t *testing.T, name string, contents []byte) {
		for _, o := range []Options{{AnyPort: true}, {Raw: true}} {
			s, err := open(name, bytes.NewReader(contents), o)
			if err != nil {
				continue
			}
			zip := len(contents) > 1 && contents[0] == 0x1f && contents[1] == 0x8b
			total := 0
			for {
				p, err := s.next()
				if errors.Is(err, io.EOF) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrIncomplete) {
					break
				}
				if err != nil {
					t.Fatalf("error %v", err)
				}
				if total += len(p.Payload); total > len(contents) && !zip {
					t.Fatalf("%d bytes out of %d", total, len(contents))
				}
			}
		}
	})
}
