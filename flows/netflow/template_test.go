package netflow

import (
	"bytes"
	"testing"

	"github.com/linewarden/linewarden/flows"
)

// swapped is basic with source and destination exchanged.
var swapped = []testField{{12, 4}, {8, 4}, {11, 2}, {7, 2}, {4, 1}, {1, 4}, {2, 4}}

func TestRedefinition(t *testing.T) {
	b := newBench(t)
	first := b.one(v9(1, 0, set(0, tmpl(256, basic...))), v9(1, 1, set(256, basicRecord(1))))
	second := b.one(v9(1, 2, set(0, tmpl(256, swapped...))), v9(1, 3, set(256, basicRecord(1))))
	if first.Src != second.Dst || first.SrcPort != second.DstPort || second.Src.String() != "198.51.100.2" {
		t.Errorf("first %v, second %v", first.Src, second.Src)
	}
	// Data before and after a redefinition in one datagram.
	out := b.take(v9(4, 4, set(0, tmpl(256, basic...)), set(256, basicRecord(1)), set(0, tmpl(256, swapped...)), set(256, basicRecord(1))))
	if len(out) != 2 || out[0].Src != first.Src || out[1].Src != second.Src {
		t.Errorf("in one datagram: %+v", out)
	}
	if n := b.sum().Templates; n != 4 {
		t.Errorf("%d templates learned, want 4", n)
	}
	b.balance()
}

func TestRefreshIsNotLearnedAgain(t *testing.T) {
	b := newBench(t)
	for i := range uint32(5) {
		b.take(v9(2, 2*i, set(0, tmpl(256, basic...))), v9(1, 2*i+1, set(256, basicRecord(1))))
	}
	if sum := b.sum(); sum.Templates != 1 || len(b.all) != 5 {
		t.Errorf("%d records, %s", len(b.all), describe(sum))
	}
	b.balance()
}

func TestWithdrawal(t *testing.T) {
	withdraw := func(id uint16) []byte { return cat(u16(id), u16(0)) }
	options := ipfixOptions(300, 1, testField{143, 4}, testField{34, 4})
	learn := ipfix(0, set(2, tmpl(256, basic...), tmpl(257, basic...)), set(3, options))
	for name, c := range map[string]struct {
		withdrawal []byte
		known      []uint16
	}{
		"one":           {set(2, withdraw(256)), []uint16{257, 300}},
		"all templates": {set(2, withdraw(2)), []uint16{300}},
		"all options":   {set(3, withdraw(3)), []uint16{256, 257}},
		"one options":   {set(3, withdraw(300)), []uint16{256, 257}},
		"unknown one":   {set(2, withdraw(400)), []uint16{256, 257, 300}},
		"and again":     {set(2, withdraw(256), tmpl(256, swapped...)), []uint16{256, 257, 300}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.take(learn, ipfix(0, c.withdrawal))
			dom := b.d.exporters[b.from.Addr()].last
			if len(dom.templates) != len(c.known) {
				t.Errorf("%d templates left", len(dom.templates))
			}
			for _, id := range c.known {
				if dom.templates[id] == nil {
					t.Errorf("template %d is gone", id)
				}
			}
			b.balance()
		})
	}
	b := newBench(t)
	b.take(learn, ipfix(0, set(2, withdraw(256))), ipfix(0, set(256, basicRecord(1))))
	if len(b.all) != 0 {
		t.Error("data of a withdrawn template was decoded")
	}
	b.balance()
}

func TestSameTemplateInTwoDomains(t *testing.T) {
	b := newBench(t)
	b.take(ipfixOf(1, 0, set(2, tmpl(256, basic...))), ipfixOf(2, 0, set(2, tmpl(256, swapped...))))
	one := b.one(ipfixOf(1, 0, set(256, basicRecord(1))))
	two := b.one(ipfixOf(2, 0, set(256, basicRecord(1))))
	if one.Src != two.Dst || one.Source.Domain != 1 || two.Source.Domain != 2 {
		t.Errorf("%v of domain %d, %v of domain %d", one.Src, one.Source.Domain, two.Src, two.Source.Domain)
	}
	// v9 and IPFIX of one exporter are apart too.
	if out := b.take(v9of(1, 1, 0, testUp, set(256, basicRecord(1)))); len(out) != 0 {
		t.Error("a template of IPFIX read data of v9")
	}
	b.balance()
}

func TestImpossibleTemplates(t *testing.T) {
	var many []testField
	for range maxFields + 1 {
		many = append(many, testField{8, 4})
	}
	for name, c := range map[string][]byte{
		"v9 no fields":                   v9(1, 0, set(0, tmpl(256))),
		"v9 zero lengths":                v9(1, 0, set(0, tmpl(256, testField{8, 0}, testField{12, 0}))),
		"v9 id of a set":                 v9(1, 0, set(0, tmpl(255, basic...))),
		"v9 more fields than there are":  v9(1, 0, set(0, u16(256), u16(50), specifiers(basic))),
		"v9 variable length":             v9(1, 0, set(0, tmpl(256, testField{8, 4}, testField{82, variableLength}))),
		"v9 too many fields":             v9(1, 0, set(0, tmpl(256, many...))),
		"v9 options of odd lengths":      v9(1, 0, set(1, u16(256), u16(5), u16(4), specifiers(basic))),
		"v9 options cut":                 v9(1, 0, set(1, u16(256), u16(4))),
		"v9 options longer than the set": v9(1, 0, set(1, u16(256), u16(0xfffc), u16(0xfffc), specifiers(basic))),
		"ipfix zero lengths":             ipfix(0, set(2, tmpl(256, testField{8, 0}))),
		"ipfix enterprise number cut":    ipfix(0, set(2, u16(256), u16(1), u16(enterpriseBit|8), u16(4))),
		"ipfix scopes beyond the fields": ipfix(0, set(3, ipfixOptions(256, 3, testField{8, 4}))),
		"ipfix fields too long":          ipfix(0, set(2, tmpl(256, testField{82, 65000}, testField{83, 65000}))),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.take(c)
			if e := b.d.exporters[b.from.Addr()]; e.templates != 0 || b.sum().Templates != 0 {
				t.Errorf("learned: %s", describe(b.sum()))
			}
			b.balance()
		})
	}
	// What follows still works, and an impossible definition ends the old one.
	b := newBench(t)
	b.take(v9(1, 0, set(0, tmpl(256, basic...))), v9(1, 1, set(0, tmpl(256, testField{8, 0}))))
	if out := b.take(v9(1, 2, set(256, basicRecord(1)))); len(out) != 0 {
		t.Error("data was read by a template that no longer is")
	}
	b.one(v9(2, 3, set(0, tmpl(257, basic...)), set(257, basicRecord(1))))
	b.balance()
}

func TestOptionsTemplatesOfBothProtocols(t *testing.T) {
	// The scope of v9 is counted in octets, that of IPFIX in fields.
	data := cat(u32(9), u32(7), u32(100))
	for name, datagrams := range map[string][][]byte{
		"v9":    {v9(2, 0, set(1, v9Options(300, 1, testField{1, 4}, testField{48, 4}, testField{50, 4})), set(300, data))},
		"ipfix": {ipfix(0, set(3, ipfixOptions(300, 2, testField{143, 4}, testField{302, 4}, testField{50, 4})), set(300, data))},
	} {
		b := newBench(t)
		b.take(datagrams...)
		dom := b.d.exporters[b.from.Addr()].last
		if h := dom.samplers.rates[scope{ofSampler, 7}]; h == nil || h.at(0) != 100 {
			t.Errorf("%s: sampler 7 has %+v", name, h)
		}
		if sum := b.sum(); sum.Records != 0 {
			t.Errorf("%s: options data was counted as flows: %s", name, describe(sum))
		}
		b.balance()
	}
}

// TestTemplateFlood keeps the memory of an exporter bounded, and the templates
// that are in use.
func TestTemplateFlood(t *testing.T) {
	b := newBench(t)
	b.take(v9(1, 0, set(0, tmpl(256, basic...))))
	for i := range uint32(3 * maxTemplates / 100) {
		var sets []byte
		for k := range uint32(100) {
			sets = cat(sets, tmpl(uint16(300+(100*i+k)%60000), testField{8, 4}, testField{int(100 + i), 4}))
		}
		b.take(v9of(i%7, 100, i/7, testUp, set(0, sets)))
		b.one(v9(1, i+1, set(256, basicRecord(1))))
	}
	e := b.d.exporters[b.from.Addr()]
	if e.templates > maxTemplates || e.bytes > maxTemplateBytes || b.d.Evicted() == 0 {
		t.Errorf("%d templates of %d bytes, %d evicted", e.templates, e.bytes, b.d.Evicted())
	}
	if want := e.bytes + exporterCost + domainCost*len(e.domains) + sequenceCost*len(e.sequences); e.held != want || b.d.held.Load() != int64(want) {
		t.Errorf("%d bytes counted of the exporter and %d of all, %d held", e.held, b.d.held.Load(), want)
	}
	b.balance()
}

func TestDomainFlood(t *testing.T) {
	b := newBench(t)
	for i := range uint32(3 * maxDomains) {
		b.take(v9of(i, 1, 0, testUp, set(0, tmpl(256, basic...)), set(257, basicRecord(1))))
	}
	e := b.d.exporters[b.from.Addr()]
	if len(e.domains) > maxDomains || len(e.sequences) > maxSequences || e.templates != len(e.domains) {
		t.Errorf("%d domains, %d sequences, %d templates", len(e.domains), len(e.sequences), e.templates)
	}
	if want := exporterCost + e.bytes + domainCost*len(e.domains) + sequenceCost*len(e.sequences); e.held != want {
		t.Errorf("%d bytes counted, %d held", e.held, want)
	}
	if sum := b.sum(); sum.Lost[flows.ReasonParkingFull] == 0 {
		t.Error("the data that waited in evicted domains is not counted")
	}
	b.balance()
}

func TestDefinitionIsACopy(t *testing.T) {
	b := newBench(t)
	p := v9(1, 0, set(0, tmpl(256, basic...)))
	b.take(p)
	clear(p)
	b.one(v9(1, 1, set(256, basicRecord(1))))
	want := tmpl(256, basic...)
	if got := b.d.exporters[b.from.Addr()].last.templates[256].definition; !bytes.Equal(got, want) {
		t.Errorf("definition %x, want %x", got, want)
	}
}
