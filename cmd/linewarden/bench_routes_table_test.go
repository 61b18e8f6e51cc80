package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
)

// routesTable is a full table as UPDATE messages, ready to be sent.
type routesTable struct {
	messages [][]byte // of up to 4096 octets each (RFC 4271 section 4.1)
	prefixes []netip.Prefix
	sets     int // distinct sets of attributes
}

// The size of the table that the Internet is expected to have.
const (
	tableIPv4 = 1_000_000
	tableIPv6 = 200_000
)

// peerASN is the network of every neighbour that sends a table.
const peerASN = 65001

// listenerASN is the network of every collector.
const listenerASN = 64500

// originsFile is the prefix-to-origin data of 2014, with half a million prefixes.
const originsFile = "datasets/asn/ipasn_20140513.dat.gz"

// pathsFile lists the paths of a full table of 2002.
const pathsFile = "mrt/bgpdump-bview-20020722-2337/expected.bgpdump.bview.20020722.2337.gz.bgp.gz"

// origin is a prefix and who announces it.
type origin struct {
	prefix netip.Prefix
	asn    uint32
}

// packedLines yields the lines of a packed capture.
func packedLines(tb testing.TB, name string, take func(line string)) {
	tb.Helper()
	f, err := os.Open(filepath.Join(testkit.CapturesDir(tb), name))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	s := bufio.NewScanner(z)
	for s.Scan() {
		take(s.Text())
	}
	if err := s.Err(); err != nil {
		tb.Fatal(err)
	}
}

// captured returns the prefixes and paths of the captures.
func captured(tb testing.TB) (origins []origin, paths [][]uint32) {
	tb.Helper()
	packedLines(tb, originsFile, func(line string) {
		prefix, asn, ok := strings.Cut(line, "\t")
		p, perr := netip.ParsePrefix(prefix)
		n, nerr := strconv.ParseUint(asn, 10, 32)
		if ok && perr == nil && nerr == nil && p.Bits() >= 8 && p == p.Masked() {
			origins = append(origins, origin{p, uint32(n)})
		}
	})
	packedLines(tb, pathsFile, func(line string) {
		fields := strings.Split(line, "|")
		if len(fields) < 7 {
			return
		}
		var path []uint32
		for word := range strings.FieldsSeq(fields[6]) {
			if n, err := strconv.ParseUint(word, 10, 32); err == nil {
				path = append(path, uint32(n))
			}
		}
		if len(path) > 1 {
			paths = append(paths, path)
		}
	})
	if len(origins) < 400_000 || len(paths) < 100_000 {
		tb.Fatalf("the captures give %d origins and %d paths", len(origins), len(paths))
	}
	return origins, paths
}

// grow splits prefixes until there are as many as wanted: operators announce
// halves of what they have beside it.
func grow(origins []origin, want int) []origin {
	seen := make(map[netip.Prefix]bool, want)
	for _, o := range origins {
		seen[o.prefix] = true
	}
	for i := 0; i < len(origins) && len(origins) < want; i++ {
		o := origins[i]
		if o.prefix.Bits() > 23 {
			continue
		}
		a := o.prefix.Addr().As4()
		upper := a
		upper[o.prefix.Bits()/8] |= 0x80 >> (o.prefix.Bits() % 8)
		for _, half := range [][4]byte{a, upper} {
			p := netip.PrefixFrom(netip.AddrFrom4(half), o.prefix.Bits()+1)
			if !seen[p] && len(origins) < want {
				seen[p] = true
				origins = append(origins, origin{p, o.asn})
			}
		}
	}
	return origins
}

// sixes makes IPv6 prefixes of the same networks: mostly /48 and /32.
func sixes(origins []origin, want int) []origin {
	list := make([]origin, want)
	for i := range list {
		var a [16]byte
		binary.BigEndian.PutUint32(a[:], 0x24000000|uint32(i/3)<<6)
		bits := 32
		if i%3 > 0 {
			binary.BigEndian.PutUint16(a[4:], uint16(i%3))
			bits = 48
		}
		list[i] = origin{netip.PrefixFrom(netip.AddrFrom16(a), bits).Masked(), origins[i*7%len(origins)].asn}
	}
	return list
}

// newRoutesTable makes the messages. A set of attributes has six prefixes on
// average, as tables of today do.
func newRoutesTable(tb testing.TB, four, six int) *routesTable {
	tb.Helper()
	origins, paths := captured(tb)
	t := new(routesTable)
	t.pack(grow(origins, four)[:four], paths)
	t.pack(sixes(origins, six), paths)
	return t
}

// pack groups prefixes by their attributes.
func (t *routesTable) pack(list []origin, paths [][]uint32) {
	groups := make(map[[2]uint32][]netip.Prefix)
	for _, o := range list {
		h := fnv.New32a()
		_, _ = h.Write(o.prefix.Addr().AsSlice()[:2]) // a hash takes everything
		k := [2]uint32{o.asn, h.Sum32() % 8}
		groups[k] = append(groups[k], o.prefix)
		t.prefixes = append(t.prefixes, o.prefix)
	}
	keys := make([][2]uint32, 0, len(groups))
	for k := range groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [2]uint32) int { return slices.Compare(a[:], b[:]) })
	t.sets += len(keys)
	for i, k := range keys {
		path := append([]uint32{peerASN}, paths[(int(k[0])*8+int(k[1]))%len(paths)]...)
		path[len(path)-1] = k[0]
		for j, asn := range path {
			if asn == listenerASN {
				path[j]++ // gobgpd and bird refuse paths with their own number in them
			}
		}
		t.messages = append(t.messages, updatesOf(attributesFor(path, uint32(i)), groups[k])...)
	}
}

// attributesFor writes ORIGIN, AS_PATH, MED and two communities.
func attributesFor(path []uint32, med uint32) []byte {
	b := []byte{0x40, 1, 1, 0, 0x40, 2, byte(2 + 4*len(path)), 2, byte(len(path))}
	for _, asn := range path {
		b = binary.BigEndian.AppendUint32(b, asn)
	}
	b = append(b, 0x80, 4, 4)
	b = binary.BigEndian.AppendUint32(b, med%8)
	b = append(b, 0xc0, 8, 8)
	b = binary.BigEndian.AppendUint32(b, peerASN<<16|med%100)
	return binary.BigEndian.AppendUint32(b, peerASN<<16|1000)
}

// nlriOf writes a prefix as UPDATEs have it.
func nlriOf(b []byte, p netip.Prefix) []byte {
	b = append(b, byte(p.Bits()))
	return append(b, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
}

// updatesOf writes as few messages as hold the prefixes, which are of one family.
func updatesOf(attributes []byte, prefixes []netip.Prefix) (messages [][]byte) {
	const room = 3500
	for len(prefixes) > 0 {
		var nlri []byte
		n := 0
		for n < len(prefixes) && len(nlri) < room-len(attributes) {
			nlri = nlriOf(nlri, prefixes[n])
			n++
		}
		messages = append(messages, updateOf(attributes, prefixes[0].Addr().Is6(), nlri))
		prefixes = prefixes[n:]
	}
	return messages
}

// updateOf writes one announcement.
func updateOf(attributes []byte, six bool, nlri []byte) []byte {
	all := slices.Clone(attributes)
	if six {
		all = append(all, 0x90, 14)
		all = binary.BigEndian.AppendUint16(all, uint16(5+16+len(nlri)))
		all = append(all, 0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0)
		all, nlri = append(all, nlri...), nil
	} else {
		all = append(all, 0x40, 3, 4, 192, 0, 2, 12) // gobgpd refuses loopback addresses here
	}
	body := binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(len(all)))
	return bgpMessage(2, append(append(body, all...), nlri...))
}

// withdrawalOf writes the withdrawal of an IPv4 prefix.
func withdrawalOf(p netip.Prefix) []byte {
	nlri := nlriOf(nil, p)
	body := binary.BigEndian.AppendUint16(nil, uint16(len(nlri)))
	return bgpMessage(2, append(append(body, nlri...), 0, 0))
}

// bgpMessage puts the header before a body (RFC 4271 section 4.1).
func bgpMessage(kind byte, body []byte) []byte {
	b := slices.Repeat([]byte{0xff}, 16)
	b = binary.BigEndian.AppendUint16(b, uint16(19+len(body)))
	return append(append(b, kind), body...)
}

// TestRoutesTable checks that the table is what the measurement says it is.
func TestRoutesTable(t *testing.T) {
	table := newRoutesTable(t, 600_000, 20_000)
	seen := make(map[netip.Prefix]bool, len(table.prefixes))
	for _, p := range table.prefixes {
		if seen[p] || p != p.Masked() {
			t.Fatalf("%v is there twice or not masked", p)
		}
		seen[p] = true
	}
	if n := len(seen); n != 620_000 {
		t.Errorf("%d prefixes", n)
	}
	if each := len(seen) / table.sets; each < 3 || each > 9 {
		t.Errorf("%d prefixes for a set of attributes", each)
	}
	for _, m := range table.messages {
		if len(m) > 4096 || int(binary.BigEndian.Uint16(m[16:])) != len(m) {
			t.Fatalf("a message of %d octets", len(m))
		}
	}
	t.Logf("%d messages, %d sets", len(table.messages), table.sets)
}
