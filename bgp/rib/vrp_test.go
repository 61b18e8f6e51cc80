package rib

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

var today = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

func vrps(t testing.TB, text ...string) *VRPs {
	t.Helper()
	list, err := ReadVRPs(strings.NewReader("ASN,IP Prefix,Max Length,Trust Anchor\n" + strings.Join(text, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVRPs(list, today)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestRFC6907 walks through section 7.1 of RFC 6907, in its order. An origin of
// 0 stands for an AS_SET at the end.
func TestRFC6907(t *testing.T) {
	for _, c := range []struct {
		name   string
		vrps   []string
		prefix string
		origin uint32
		want   Validity
	}{
		{"7.1.1 covering, maxlength of the ROA's prefix", []string{"AS64496,10.1.0.0/16,20,x"}, "10.1.0.0/16", 64496, Valid},
		{"7.1.2 covering, longer than maxlength", []string{"AS64496,10.1.0.0/16,20,x"}, "10.1.0.0/24", 64496, Invalid},
		{"7.1.3 AS0 alone", []string{"AS0,10.1.0.0/16,32,x"}, "10.1.0.0/20", 64511, Invalid},
		{"7.1.4 AS0 beside another", []string{"AS0,10.1.0.0/16,32,x", "AS64496,10.1.0.0/16,32,x"}, "10.1.0.0/20", 64496, Valid},
		{"7.1.5 another origin", []string{"AS64496,10.1.0.0/16,16,x"}, "10.1.0.0/16", 64511, Invalid},
		{"7.1.6 longer prefix, its ROA", []string{"AS64496,10.1.0.0/16,16,x", "AS64511,10.1.0.0/24,24,x"}, "10.1.0.0/24", 64511, Valid},
		{"7.1.7 longer prefix of another origin", []string{"AS64496,10.1.0.0/16,16,x"}, "10.1.1.0/24", 64511, Invalid},
		{"7.1.8 set, single", []string{"AS64496,10.1.0.0/16,16,x"}, "10.1.0.0/16", 0, Invalid},
		{"7.1.10 set, no ROA", []string{"AS64496,10.2.0.0/16,16,x"}, "10.1.0.0/16", 0, NotFound},
		{"7.1.12 shorter than every ROA", []string{"AS64496,10.1.0.0/16,24,x"}, "10.0.0.0/12", 64496, NotFound},
		{"7.1.13 default route", []string{"AS64496,10.1.0.0/16,24,x"}, "0.0.0.0/0", 64496, NotFound},
		{"RFC 6811: ROA of everything", []string{"AS64496,::/0,48,x"}, "2001:db8::/32", 64496, Valid},
		{"RFC 6811: other family", []string{"AS64496,::/0,48,x"}, "10.0.0.0/8", 64496, NotFound},
		{"RFC 7607: AS 0 is no origin", []string{"AS0,10.1.0.0/16,16,x"}, "10.1.0.0/16", 0, Invalid},
	} {
		v := vrps(t, c.vrps...)
		if got := v.Validate(netip.MustParsePrefix(c.prefix), c.origin, c.origin != 0); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if c.origin == 0 {
			if got := v.Validate(netip.MustParsePrefix(c.prefix), 0, true); got != c.want {
				t.Errorf("%s, AS 0: %v, want %v", c.name, got, c.want)
			}
		}
	}
}

// TestRouteOrigin proves which network RFC 6811 section 2 calls the origin.
func TestRouteOrigin(t *testing.T) {
	v := vrps(t, "64500,192.0.2.0/24,24,x", "65001,192.0.2.0/24,24,x")
	p := netip.MustParsePrefix("192.0.2.0/24")
	seq := func(t bgp.SegmentType, asns ...uint32) bgp.Segment { return bgp.Segment{Type: t, ASNs: asns} }
	for _, c := range []struct {
		path   bgp.ASPath
		peerAS uint32
		want   Validity
	}{
		{bgp.ASPath{seq(bgp.SegmentSequence, 1, 64500)}, 65001, Valid},
		{bgp.ASPath{seq(bgp.SegmentSequence, 64500, 1)}, 65001, Invalid},
		{bgp.ASPath{seq(bgp.SegmentSequence, 1), seq(bgp.SegmentSet, 64500)}, 65001, Invalid},
		{nil, 65001, Valid},
		{nil, 65002, Invalid},
		{bgp.ASPath{seq(bgp.SegmentConfedSequence, 7)}, 65001, Valid},
		{bgp.ASPath{seq(bgp.SegmentSequence, 64500), seq(bgp.SegmentConfedSequence, 7)}, 65002, Valid},
	} {
		a := newAttributes(&bgp.Route{Path: c.path})
		if got := v.Route(p, a, c.peerAS); got != c.want {
			t.Errorf("%v from %d: %v, want %v", c.path, c.peerAS, got, c.want)
		}
	}
}

// TestReadVRPs reads each format as its program writes it.
func TestReadVRPs(t *testing.T) {
	want := []VRP{
		{netip.MustParsePrefix("1.0.0.0/24"), 24, 13335, time.Time{}},
		{netip.MustParsePrefix("2001:db8::/32"), 48, 4200000000, time.Time{}},
	}
	expiring := slices.Clone(want)
	for i := range expiring {
		expiring[i].Expires = time.Unix(1750000000, 0).UTC()
	}
	for name, c := range map[string]struct {
		text string
		want []VRP
	}{
		"rpki-client json": {`{
	"metadata": {"buildtime": "2025-06-01T00:00:00Z", "roas": 2, "vrps": 2},
	"roas": [
		{ "asn": 13335, "prefix": "1.0.0.0/24", "maxLength": 24, "ta": "apnic", "expires": 1750000000 },
		{ "asn": 4200000000, "prefix": "2001:db8::/32", "maxLength": 48, "ta": "ripe", "expires": 1750000000 }
	],
	"bgpsec_keys": [], "provider_authorizations": {"ipv4": []}
}`, expiring},
		"routinator json": {`{"metadata":{"generated":1748736000,"generatedTime":"2025-06-01T00:00:00Z"},"roas":[
{ "asn": "AS13335", "prefix": "1.0.0.0/24", "maxLength": 24, "ta": "apnic" },
{ "asn": "AS4200000000", "prefix": "2001:db8::/32", "maxLength": 48, "ta": "ripe" }],"routerKeys":[],"aspas":[]}`, want},
		"routinator csv":  {"ASN,IP Prefix,Max Length,Trust Anchor\nAS13335,1.0.0.0/24,24,apnic\nAS4200000000,2001:db8::/32,48,ripe\n", want},
		"rpki-client csv": {"ASN,IP Prefix,Max Length,Trust Anchor,Expires\r\nAS13335,1.0.0.0/24,24,apnic,1750000000\r\nAS4200000000,2001:db8::/32,48,ripe,1750000000\r\n", expiring},
	} {
		got, err := ReadVRPs(strings.NewReader(c.text))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestReadVRPsBad(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":          {"", "neither JSON"},
		"other json":     {`{"prefixes":[]}`, "neither JSON"},
		"other list":     {`{"roas":{}}`, "neither JSON"},
		"other csv":      {"a,b\n1,2\n", "neither JSON"},
		"cut":            {`{"roas":[{"asn":1,"prefix":"10.0.0.0/8","maxLength":8}`, "unexpected end of JSON|EOF"},
		"no asn":         {`{"roas":[{"prefix":"10.0.0.0/8","maxLength":8}]}`, "payload 1: no asn"},
		"large asn":      {`{"roas":[{"asn":4294967296,"prefix":"10.0.0.0/8"}]}`, "4294967296"},
		"host bits":      {`{"roas":[{"asn":1,"prefix":"10.0.0.1/8"}]}`, "host bits"},
		"short maximum":  {"ASN,IP Prefix,Max Length\n1,10.0.0.0/8,7\n", "line 2: the maximum length 7"},
		"long maximum":   {"ASN,IP Prefix,Max Length\n1,10.0.0.0/8,33\n", "line 2: the maximum length 33"},
		"no prefix":      {"ASN,IP Prefix,Max Length\n1\n", "line 2: read the prefix"},
		"mapped address": {"ASN,IP Prefix,Max Length\n1,::ffff:10.0.0.0/104,104\n", "not valid"},
	} {
		_, err := ReadVRPs(strings.NewReader(c.text))
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if !slices.ContainsFunc(strings.Split(c.want, "|"), func(w string) bool { return strings.Contains(err.Error(), w) }) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := ReadVRPs(strings.NewReader("x")); !errors.Is(err, ErrVRPFormat) {
		t.Errorf("error is %v", err)
	}
}

// TestVRPs compares random sets with a search through the list.
func TestVRPs(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	list := []VRP{{netip.MustParsePrefix("10.0.0.0/8"), 8, 1, today.Add(-time.Second)}}
	for range 400 {
		p := randomPrefix(rnd)
		list = append(list, VRP{Prefix: p, MaxLength: uint8(p.Bits() + rnd.IntN(p.Addr().BitLen()-p.Bits()+1)), ASN: uint32(rnd.IntN(4))})
	}
	v, err := NewVRPs(append(list, list...), today)
	if err != nil {
		t.Fatal(err)
	}
	list = list[1:]
	for range 5000 {
		p, origin, ok := randomPrefix(rnd), uint32(rnd.IntN(4)), rnd.IntN(8) > 0
		want, cover := NotFound, 0
		for _, r := range list {
			if r.Prefix.Bits() > p.Bits() || !r.Prefix.Contains(p.Addr()) {
				continue
			}
			cover++
			if ok && origin != 0 && r.ASN == origin && p.Bits() <= int(r.MaxLength) {
				want = Valid
			} else if want == NotFound {
				want = Invalid
			}
		}
		if got := v.Validate(p, origin, ok); got != want {
			t.Fatalf("%v from %d %t: %v, want %v", p, origin, ok, got, want)
		}
		if got := v.Covering(p); (len(got) == 0) != (cover == 0) || len(got) > cover {
			t.Fatalf("%v: %d covering, want %d", p, len(got), cover)
		}
	}
}

func FuzzReadVRPs(f *testing.F) {
	f.Add([]byte(`{"roas":[{"asn":"AS1","prefix":"10.0.0.0/8","maxLength":8,"expires":5}]}`))
	f.Add([]byte("ASN,IP Prefix,Max Length\n1,10.0.0.0/8,9\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ReadVRPs(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		if _, err := NewVRPs(list, today); err != nil {
			t.Fatalf("read, but not sound: %v", err)
		}
	})
}
