package simulator

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"
)

// cast builds the ledgers, lines and truth of a carrier.
type cast struct {
	c          *Carrier
	serial     int
	ours       uint32 // next free IPv4 address of the carrier's block
	oursV6     uint16
	foreign    uint32 // next free IPv4 address abroad
	farV6      uint16
	ifIndex    map[int]uint32
	ifIndexFar uint32
	places     map[string]string // enterprise → place
	asns       map[string]uint32
	evaluated  map[string]bool // enterprise, service and place with a row, or meant to have none
	lastASN    uint32          // of those given out one after the other
	transit    *session        // abroad
	peering    *session        // with a licensed carrier
	world      world
	rng        *rand.Rand
}

// world is what the carrier's customers talk to.
type world struct {
	web    []pool // clouds and content at home and abroad
	abroad []pool // scattered networks abroad
	homes  []pool // access networks at home

	content   []pool // clouds and content that homes take from
	clients   []pool // many access networks, most of them known by their routes alone
	clients6  []pool // the same in IPv6
	overseas  []pool // many networks abroad
	overseas6 []pool
	partners  []pool // one host each of enterprises that are customers of ours
	branches  []pool // one network each of enterprises that are not
}

// carrierID is the carrier's own enterprise; carrierASN its ASN.
const (
	carrierID  = "E000"
	carrierASN = 64500
)

// The blocks of the cast are large ones that hardly anybody announces.
const (
	ourBlock     = "33.64.0.0/12"
	ourBlockV6   = "2e10::/20"
	foreignStart = 29<<24 | 16<<16 // 29.16.0.0
	ourStart     = 33<<24 | 64<<16
)

// assemble fills the carrier from its configuration.
func (c *Carrier) assemble() {
	c.routers = routers()
	for _, l := range ledgerColumns {
		c.ledgers = append(c.ledgers, ledger{name: l.name, columns: l.columns})
	}
	b := &cast{
		c: c, ours: ourStart, foreign: foreignStart,
		ifIndex: make(map[int]uint32), places: make(map[string]string), asns: make(map[string]uint32),
		evaluated: make(map[string]bool),
		rng:       rand.New(rand.NewPCG(c.cfg.Seed, ourStart)),
	}
	b.plant()
	b.castLicences()
	b.castUserFiles()
	b.castThirdParties()
	b.castThirdPartyInnocents()
	b.castDomestic()
	b.castScopes()
	b.castCommitments()
	b.castEvaluations()
	b.castCredit()
	b.castChains()
	b.castFilings()
	b.castGateways()
	b.castNames()
	b.castTraffic()
	b.castRoutes()
}

// castTraffic plants what the rules about traffic must and must not find,
// beside the lines above.
func (b *cast) castTraffic() {
	b.castDataCentres()
	b.castDelivery()
	b.castAccess()
	b.castPrivateNetworks()
	b.castResolvers()
	b.castTenants()
	b.castBandwidth()
	b.castPaths()
	b.castOverseas()
	b.castOverseasPlatforms()
	b.castNights()
	b.castChannels()
	b.castPeaks()
}

// castRoutes plants what the rules about routes must and must not find.
func (b *cast) castRoutes() {
	b.castOrigins()
	b.castDownstreams()
	b.castUpstreams()
	b.castAnnouncements()
	b.castRootServers()
	b.castOverseasRoutes()
}

// row appends a row to a ledger.
func (b *cast) row(name string, fields ...string) {
	for i := range b.c.ledgers {
		if b.c.ledgers[i].name == name {
			b.c.ledgers[i].rows = append(b.c.ledgers[i].rows, fields)
			return
		}
	}
}

// day returns the date so many days after the last day of the span; negative
// is before.
func (b *cast) day(offset int) string {
	last := b.c.days[len(b.c.days)-2]
	return time.Date(last.Year(), last.Month(), last.Day()+offset, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// enterprise is a row of enterprises.csv in the making.
type enterprise struct {
	id, name, nameEN, nature, place, parent string
	badSince                                string // bad credit since that day
}

// enterprise adds a body with a valid code.
func (b *cast) enterprise(e enterprise) string {
	b.serial++
	if e.nature == "" {
		e.nature = "enterprise"
	}
	code := ""
	if e.nature != "individual" {
		code = uscc(e.nature, e.place, 100000+b.serial*1373%800000)
	}
	b.places[e.id] = e.place
	credit := "normal"
	if e.badSince != "" {
		credit = "bad"
	}
	b.row("enterprises", e.id, e.name, e.nameEN, code, e.nature, e.place, e.parent, credit, e.badSince)
	return e.id
}

// asn gives an enterprise an ASN.
func (b *cast) asn(enterprise string, asn uint32) {
	b.asns[enterprise] = asn
	b.row("asns", strconv.FormatUint(uint64(asn), 10), enterprise, b.day(-1500), "")
}

// licence adds one service of one licence; an empty coverage is national.
func (b *cast) licence(no, enterprise, service, coverage, from, to, status string) {
	if coverage == "" {
		coverage = "CN"
	}
	b.row("licences", no, enterprise, service, coverage, from, to, status)
}

// block4 cuts the next aligned IPv4 block of the carrier.
func (b *cast) block4(bits int) netip.Prefix { return nextBlock(&b.ours, bits) }

// block6 cuts the next IPv6 /48 of the carrier.
func (b *cast) block6() netip.Prefix {
	b.oursV6++
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2e, 0x10, 0, 1, byte(b.oursV6 >> 8), byte(b.oursV6)}), 48)
}

func nextBlock(next *uint32, bits int) netip.Prefix {
	size := uint32(1) << (32 - bits)
	at := (*next + size - 1) / size * size
	*next = at + size
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at)}), bits)
}

// allocation is a row of allocations.csv in the making.
type allocation struct {
	prefix     netip.Prefix // empty takes the next block of bits
	bits       int
	enterprise string
	use, cloud string
	from, to   string
	parent     netip.Prefix // block it was cut from
	place      string       // that of the enterprise if empty
	noneEval   bool         // leaves the place unevaluated
}

// allocate adds an allocation from the carrier and returns its prefix.
func (b *cast) allocate(a allocation) netip.Prefix {
	if !a.prefix.IsValid() {
		a.prefix = b.block4(a.bits)
	}
	if a.from == "" {
		a.from = b.day(-700)
	}
	if a.cloud == "" {
		a.cloud = "no"
	}
	b.serial++
	filing := fmt.Sprintf("IPBA-%s-%05d", b.places[a.enterprise][:2], b.serial)
	parent := ""
	if a.parent.IsValid() {
		parent = a.parent.String()
	}
	if a.place == "" {
		a.place = b.places[a.enterprise]
	}
	b.row("allocations", a.prefix.String(), a.enterprise, parent, a.use, a.cloud, a.place, filing, a.from, a.to)
	b.evaluate(a)
	return a.prefix
}

// evaluate files the evaluation that a block for a service asks for, once for
// each enterprise, service and place.
func (b *cast) evaluate(a allocation) {
	service := map[string]string{"idc": "B11", "cdn": "B12", "isp": "B14"}[a.use]
	key := a.enterprise + service + a.place
	if service == "" || a.enterprise == carrierID || b.evaluated[key] {
		return
	}
	b.evaluated[key] = true
	if !a.noneEval {
		b.row("evaluations", a.enterprise, service, a.place, "node-"+a.place, "100000", a.from)
	}
}

// network adds a network of somebody else's and returns its hosts.
func (b *cast) network(bits int, country, operator, kind string, asn uint32, hosts uint64) pool {
	p := pool{prefix: nextBlock(&b.foreign, bits), hosts: hosts, asn: asn}
	b.filedNetwork(p.prefix, country, operator, kind, asn)
	return p
}

// network6 is network for an IPv6 /48.
func (b *cast) network6(country, operator, kind string, asn uint32, hosts uint64) pool {
	b.farV6++
	p := pool{prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2e, 0x80, 0, 2, byte(b.farV6 >> 8), byte(b.farV6)}), 48), hosts: hosts, asn: asn}
	b.filedNetwork(p.prefix, country, operator, kind, asn)
	return p
}

func (b *cast) filedNetwork(prefix netip.Prefix, country, operator, kind string, asn uint32) {
	text := ""
	if asn != 0 {
		text = strconv.FormatUint(uint64(asn), 10)
	}
	b.row("networks", prefix.String(), country, operator, kind, text)
}

// hosts returns a pool of an allocation or endpoint.
func (b *cast) hosts(prefix netip.Prefix, n uint64, enterprise string) []pool {
	return []pool{{prefix: prefix, hosts: n, asn: b.asns[enterprise]}}
}

// Rule names, as INTERFACES gives them.
const (
	licenceMissing = "licence-missing"
	intlUserFile   = "intl-user-file"
	intlThirdParty = "intl-third-party"

	licenceScope      = "licence-scope"
	licenceRegion     = "licence-region"
	commitmentOverdue = "commitment-overdue"
	evaluationMissing = "evaluation-missing"
	creditNewResource = "credit-new-resource"
	subleaseChain     = "sublease-chain"
	filingOutside     = "filing-outside"
	filingConflict    = "filing-conflict"
	intlGateway       = "intl-gateway"
	icpUnfiled        = "icp-unfiled"
	icpAccessProvider = "icp-access-provider"
	icpStaleAccess    = "icp-stale-access"
	icpEmptyShell     = "icp-empty-shell"

	unlicensedIDC   = "unlicensed-idc"
	unlicensedCDN   = "unlicensed-cdn"
	unlicensedISP   = "unlicensed-isp"
	unlicensedIPVPN = "unlicensed-ipvpn"
	unlicensedDNS   = "unlicensed-dns"

	subleaseOrigin     = "sublease-origin"
	subleaseDownstream = "sublease-downstream"
	subleaseTenants    = "sublease-tenants"
	subleaseBandwidth  = "sublease-bandwidth"
	selfBuiltPath      = "self-built-path"
	illegalUpstream    = "illegal-upstream"
	filingUnreported   = "filing-unreported"

	intlDatacentre        = "intl-datacentre"
	intlBusinessPlatform  = "intl-business-platform"
	intlNonofficeProfile  = "intl-nonoffice-profile"
	intlTransit           = "intl-transit"
	intlUnapprovedChannel = "intl-unapproved-channel"
	dnsInfrastructure     = "dns-infrastructure"
)

func (b *cast) must(rule, kind, id, why string) {
	b.c.truth.Must = append(b.c.truth.Must, TruthRow{rule, kind, id, why})
}

func (b *cast) may(rule, kind, id, why string) {
	b.c.truth.May = append(b.c.truth.May, TruthRow{rule, kind, id, why})
}

func (b *cast) innocent(rule, kind, id, why string) {
	b.c.innocents = append(b.c.innocents, TruthRow{rule, kind, id, why})
}
