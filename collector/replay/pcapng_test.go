package replay

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// ngBlock is one block of pcapng in the given byte order.
func ngBlock(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(len(body) + 12)
	b := order.AppendUint32(order.AppendUint32(nil, kind), n)
	return order.AppendUint32(append(b, body...), n)
}

// ngFile is a pcapng file in the given byte order, built by its methods.
type ngFile struct {
	order binary.AppendByteOrder
	bytes []byte
}

func (f *ngFile) block(kind uint32, body []byte) {
	f.bytes = append(f.bytes, ngBlock(f.order, kind, body)...)
}

func (f *ngFile) section() {
	b := f.order.AppendUint16(f.order.AppendUint32(nil, ngByteOrder), 1)
	b = f.order.AppendUint16(b, 0)
	f.block(ngSection, append(b, bytes.Repeat([]byte{0xff}, 8)...))
}

// describe adds an interface; options are code, value pairs.
func (f *ngFile) describe(link uint16, snap uint32, options ...[]byte) {
	b := f.order.AppendUint32(f.order.AppendUint16(f.order.AppendUint16(nil, link), 0), snap)
	for i := 0; i+1 < len(options); i += 2 {
		b = f.order.AppendUint16(b, uint16(options[i][0]))
		b = append(f.order.AppendUint16(b, uint16(len(options[i+1]))), options[i+1]...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	f.block(ngInterface, b)
}

// packet adds an enhanced packet with a comment behind it.
func (f *ngFile) packet(id uint32, units uint64, data []byte, length int) {
	b := f.order.AppendUint32(f.order.AppendUint32(nil, id), uint32(units>>32))
	b = f.order.AppendUint32(f.order.AppendUint32(b, uint32(units)), uint32(len(data)))
	b = append(f.order.AppendUint32(b, uint32(length)), data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	b = append(f.order.AppendUint16(f.order.AppendUint16(b, 1), 4), "note"...)
	f.block(ngEnhanced, append(b, 0, 0, 0, 0))
}

func TestPcapngOfALibrary(t *testing.T) {
	var file bytes.Buffer
	w, err := pcapgo.NewNgWriter(&file, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := w.AddInterface(pcapgo.NgInterface{Name: "raw", LinkType: layers.LinkTypeRaw})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		id   int
		data []byte
	}{{0, ether(etherIPv4, four("a"))}, {raw, six("b")}} {
		ci := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(p.data), Length: len(p.data), InterfaceIndex: p.id}
		if err := w.WritePacket(ci, p.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	list, err := readAll(t, "a.pcapng", file.Bytes(), exportPorts)
	if err != nil || !slices.Equal(list, []got{{"a", from4, at}, {"b", from6, at}}) {
		t.Errorf("%v, %v", list, err)
	}
}

func TestPcapngByHand(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		f := &ngFile{order: order}
		f.section()
		f.block(10, []byte("a block that is not read"))
		f.describe(linkEthernet, 0, []byte{2}, []byte("eth0"))
		f.describe(linkRaw, 100, []byte{ngOptTime}, []byte{9}, []byte{ngOptOffset}, order.AppendUint64(nil, 3600))
		f.packet(0, uint64(at.UnixMicro()), ether(etherIPv4, four("a")), 100)
		f.packet(1, uint64(at.Add(-time.Hour).UnixNano()), six("b"), len(six("b")))
		simple := four("c")
		f.block(ngSimple, append(order.AppendUint32(nil, uint32(len(ether(etherIPv4, simple)))), ether(etherIPv4, simple)...))
		old := order.AppendUint16(order.AppendUint16(nil, 1), 0)
		old = order.AppendUint32(order.AppendUint32(old, 0), 0)
		old = order.AppendUint32(order.AppendUint32(old, uint32(len(simple))), uint32(len(simple)))
		f.block(ngPacket, append(old, simple...))
		f.section() // forgets the interfaces
		f.describe(linkRaw, 0)
		f.packet(0, uint64(at.UnixMicro()), four("d"), len(four("d")))
		list, err := readAll(t, "a.pcapng", f.bytes, exportPorts)
		want := []got{{"a", from4, at}, {"b", from6, at}, {"c", from4, time.Time{}}, {"c", from4, time.Unix(3600, 0).UTC()}, {"d", from4, at}}
		if err != nil || !slices.Equal(list, want) {
			t.Errorf("%v: %v, %v", order, list, err)
		}
	}
}

func TestPcapngDamage(t *testing.T) {
	whole := func(change func(f *ngFile)) []byte {
		f := &ngFile{order: binary.LittleEndian}
		f.section()
		f.describe(linkRaw, 0)
		f.packet(0, 0, four("a"), len(four("a")))
		change(f)
		return f.bytes
	}
	start := len(whole(func(*ngFile) {}))
	for name, c := range map[string]struct {
		change func(f *ngFile)
		says   string
	}{
		"cut in a block header": {func(f *ngFile) { f.bytes = append(f.bytes, 6, 0, 0) }, "a block ends early, at byte"},
		"cut in a packet":       {func(f *ngFile) { f.packet(0, 0, four("b"), 9); f.bytes = f.bytes[:start+30] }, "packet 2 ends early"},
		"cut in a comment":      {func(f *ngFile) { f.packet(0, 0, four("b"), 9); f.bytes = f.bytes[:len(f.bytes)-6] }, "packet 2 ends early"},
		"short block":           {func(f *ngFile) { f.bytes = append(f.bytes, 9, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0) }, "block of 8 bytes"},
		"odd block":             {func(f *ngFile) { f.bytes = append(f.bytes, 9, 0, 0, 0, 13, 0, 0, 0, 8, 0, 0, 0) }, "block of 13 bytes"},
		"two lengths":           {func(f *ngFile) { f.block(9, nil); f.bytes[len(f.bytes)-4] = 16 }, "12 bytes before it and 16 after it"},
		"huge block":            {func(f *ngFile) { f.bytes = append(f.bytes, 9, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff, 8, 0, 0, 0) }, "ends early"},
		"huge packet":           {func(f *ngFile) { f.block(ngEnhanced, append(make([]byte, 14), 5, 0, 5, 0, 5, 0)) }, "packet 2 claims 327680 bytes"},
		"packet beyond a block": {func(f *ngFile) {
			f.block(ngEnhanced, append(append(make([]byte, 12), 0xff, 0xff, 0xff, 0x7f), make([]byte, 8)...))
		}, "packet 2 claims 2147483647 bytes"},
		"unknown interface":   {func(f *ngFile) { f.packet(7, 0, four("b"), 9) }, "of interface 7, which is not described"},
		"short packet block":  {func(f *ngFile) { f.block(ngEnhanced, make([]byte, 8)) }, "packet 2 too short"},
		"short interface":     {func(f *ngFile) { f.block(ngInterface, make([]byte, 4)) }, "interface 1 described in 4 bytes"},
		"huge interface":      {func(f *ngFile) { f.block(ngInterface, make([]byte, largestInterface+4)) }, "interface 1 described in"},
		"section without end": {func(f *ngFile) { f.block(ngSection, bytes.Repeat([]byte{7}, 16)) }, "section without byte order"},
		"a later version": {func(f *ngFile) {
			f.section()
			f.bytes[start+12] = 2
		}, "pcapng version 2"},
	} {
		list, err := readAll(t, "a.pcapng", whole(c.change), exportPorts)
		wantError(t, err, ErrDamaged, c.says, "a.pcapng")
		if name != "cut in a comment" {
			wantError(t, err, ErrDamaged, "at byte")
		}
		if !slices.Equal(payloads(list), []string{"a"}) {
			t.Errorf("%s: gave %v", name, payloads(list))
		}
	}
}

func TestPcapngTimes(t *testing.T) {
	for _, c := range []struct {
		units   ngResolution
		t       uint64
		sec, ns int64
	}{
		{6, 1_500_000, 1, 500_000_000},
		{0, 7, 7, 0},
		{9, 1_000_000_001, 1, 1},
		{12, 1_000_000_001_000, 1, 1},
		{19, 18_000_000_000_000_000_000, 1, 800_000_000},
		{20, 5, 0, 0},
		{127, 5, 0, 0},
		{0x80, 5, 5, 0},
		{0x80 | 10, 1536, 1, 500_000_000},
		{0x80 | 32, 3 << 31, 1, 500_000_000},
		{0x80 | 63, 3 << 62, 1, 500_000_000},
		{0x80 | 64, 5, 0, 0},
		{0, 1<<64 - 1, 1 << 40, 0},
	} {
		if sec, ns := c.units.time(c.t); sec != c.sec || ns != c.ns {
			t.Errorf("%d units of %#x: %d s %d ns, want %d s %d ns", c.t, uint8(c.units), sec, ns, c.sec, c.ns)
		}
	}
	if got := arrival(1<<40, 0); !got.IsZero() {
		t.Errorf("a time out of bounds is %v", got)
	}
}
