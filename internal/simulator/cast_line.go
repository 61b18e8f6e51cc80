package simulator

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
)

// lineSpec is a line in the making; zero values take what is usual.
type lineSpec struct {
	id, enterprise   string
	technology, use  string
	country          string // international if not empty
	origin           string
	from, to         string
	userFile         string
	router, domain   int
	mean, down, peak float64
	profile          profile
	apps             []app
	near, far        []pool
	ends             []endpoint
	parts            []part
	silent           bool // files an interface but sends nothing
	farSide          int  // router that meters the line again at the border; 0 is none
}

// endpoint is a row of line_endpoints.csv.
type endpoint struct {
	end    string
	prefix netip.Prefix
	kind   string
}

// addLine files a line with its interface and ends, and lets it send.
func (b *cast) addLine(s lineSpec) {
	scope, sampled, out := "domestic", coarse, uint32(ifCore)
	if s.country != "" {
		scope, sampled, out = "international", fine, ifInternational
	}
	s.defaults()
	s.mean *= b.jitter(s.mean)
	place := b.places[s.enterprise]
	bandwidth := strconv.FormatFloat(max(2, s.mean*5), 'f', 0, 64)
	if s.from == "" {
		s.from = b.day(-400)
	}
	b.row("lines", s.id, s.enterprise, scope, s.technology, s.use, bandwidth, place, s.country, s.origin, s.userFile, s.from, s.to)
	for _, e := range s.ends {
		b.row("line_endpoints", s.id, e.end, e.prefix.String(), e.kind)
	}
	b.ifIndex[s.router]++
	index := ifFirstLine - 1 + b.ifIndex[s.router]
	r := b.c.routers[s.router]
	b.row("interfaces", r.addr.String(), strconv.FormatUint(uint64(index), 10), fmt.Sprintf("xe-0/1/%d", index), "customer", s.id, bandwidth, "")
	if s.silent {
		return
	}
	b.c.lines = append(b.c.lines, line{
		id: s.id, router: s.router, domain: s.domain, sampler: sampled, ifIndex: index, outIf: out,
		mean: s.mean, down: s.down, peak: s.peak, profile: s.profile, apps: s.apps, vlan: uint16(index),
		parts:    append([]part{{name: "declared", near: s.near, far: s.far}}, s.parts...),
		nextHops: [2]netip.Addr{netip.AddrFrom4([4]byte{33, 79, 255, byte(s.router + 1)}), netip.MustParseAddr("2e10:0:ffff::1")},
	})
	if s.farSide != 0 {
		b.meterAgain(s, bandwidth)
	}
}

// jitter is by how much a line is busier or quieter than its cast says: up to a
// quarter, as the seed wants. Lines that are nearly idle stay so.
func (b *cast) jitter(mean float64) float64 {
	const (
		idle  = 1 // Mbit/s
		least = 0.8
		most  = 1.25
	)
	if mean < idle {
		return 1
	}
	return least * math.Pow(most/least, b.rng.Float64())
}

// meterAgain lets another router meter the line just added where it leaves the
// carrier: on an interface of role international that names the line. Its
// flows came in over the core, and say nothing that was not counted before.
func (b *cast) meterAgain(s lineSpec, bandwidth string) {
	const firstFar = 201
	b.ifIndexFar++
	index, r := uint32(firstFar+b.ifIndexFar), b.c.routers[s.farSide]
	b.row("interfaces", r.addr.String(), strconv.FormatUint(uint64(index), 10), fmt.Sprintf("hu-0/2/%d", index), "international", s.id, bandwidth, "GW-"+r.place[:2])
	far := b.c.lines[len(b.c.lines)-1]
	far.router, far.domain, far.ifIndex, far.outIf, far.vlan = s.farSide, 0, ifCore, index, uint16(index)
	b.c.lines = append(b.c.lines, far)
}

func (s *lineSpec) defaults() {
	if s.technology == "" {
		s.technology = "dia"
	}
	if s.use == "" {
		s.use = "enterprise"
	}
	if s.origin == "" {
		s.origin = "domestic"
	}
	if s.mean == 0 {
		s.mean = 20
	}
	if s.down == 0 {
		s.down = 0.6
	}
	if s.peak == 0 {
		s.peak = 14
	}
	if s.apps == nil {
		s.apps = officeApps()
	}
}

// userFile is a row of user_files.csv in the making: complete unless changed.
type userFile struct {
	id, lineID, enterprise       string
	purpose, committed           string
	committedOn, clauses, review string
	missing                      bool
}

// intl is an international line in the making: two declared ends and a
// complete file unless changed.
type intl struct {
	lineSpec
	// change spoils or moves the user file.
	change func(f *userFile)
	// noA and noZ leave an end undeclared.
	noA, noZ bool
	// v6 declares and uses IPv6 ends besides.
	v6 bool
	// privateA declares this private prefix as the A end too.
	privateA netip.Prefix
}

// international adds an international line.
func (b *cast) international(l intl) {
	if l.technology == "" {
		l.technology = "iplc"
	}
	home := b.allocate(allocation{bits: 27, enterprise: l.enterprise, use: "enterprise"})
	office := b.network(26, l.country, "overseas office of "+l.enterprise, "enterprise", 0, 40)
	l.near, l.far = b.hosts(home, 24, l.enterprise), []pool{office}
	if l.privateA.IsValid() {
		l.near = append(l.near, pool{prefix: l.privateA, hosts: 200})
		l.ends = append(l.ends, endpoint{"a", l.privateA, "office"})
	}
	if !l.noA {
		l.ends = append(l.ends, endpoint{"a", home, "office"})
	}
	if !l.noZ {
		l.ends = append(l.ends, endpoint{"z", office.prefix, "office"})
	}
	if l.v6 {
		b.secondFamily(&l)
	}
	b.fileUser(&l)
	b.addLine(l.lineSpec)
}

// secondFamily gives both ends an IPv6 prefix and sends a third over it.
func (b *cast) secondFamily(l *intl) {
	a := b.allocate(allocation{prefix: b.block6(), enterprise: l.enterprise, use: "enterprise"})
	z := b.network6(l.country, "overseas office of "+l.enterprise, "enterprise", 0, 40)
	l.ends = append(l.ends, endpoint{"a", a, "office"}, endpoint{"z", z.prefix, "office"})
	l.parts = append(l.parts, part{name: "declared v6", share: 0.3, near: b.hosts(a, 60, l.enterprise), far: []pool{z}})
}

// allClauses are the contract clauses a user file has to record.
const allClauses = "internal_use;no_resale;no_dc_platform;termination"

// fileUser writes the user file of a line.
func (b *cast) fileUser(l *intl) {
	start := l.from
	if start == "" {
		start = b.day(-400)
	}
	f := userFile{
		id: "UF-" + l.id, lineID: l.id, enterprise: l.enterprise, purpose: "总部与境外分支机构之间的内部办公互联",
		committed: "yes", committedOn: start, clauses: allClauses, review: b.day(-120),
	}
	if l.change != nil {
		l.change(&f)
	}
	if f.missing {
		return
	}
	if l.userFile == "" && f.lineID == l.id {
		l.userFile = f.id
	}
	b.row("user_files", f.id, f.lineID, f.enterprise, f.purpose, f.committed, f.committedOn, f.clauses, b.day(-130), f.review)
}
