package registry

import "net/netip"

// Ledgers is the content of one ledger directory, row by row in file order.
type Ledgers struct {
	Enterprises   []Enterprise
	Licences      []Licence
	Commitments   []Commitment
	Evaluations   []Evaluation
	ASNs          []ASN
	Downstreams   []Downstream
	Sources       []SourceBlock
	Allocations   []Allocation
	Broadcasts    []Broadcast
	Exporters     []Exporter
	Interfaces    []Interface
	Gateways      []Gateway
	Lines         []Line
	LineEndpoints []LineEndpoint
	UserFiles     []UserFile
	Approvals     []Approval
	Translations  []Translation
	ICPFilings    []ICPFiling
	ICPAccesses   []ICPAccess
	Domains       []Domain
	Networks      []Network
}

// Tri is a yes/no column that may be unknown.
type Tri uint8

// The values of Tri.
const (
	Unknown Tri = iota
	Yes
	No
)

// Place is a GB/T 2260 code of two digits (province) or six (city or county),
// with 81 Hong Kong, 82 Macao and 71 Taiwan; empty if unknown.
type Place string

// Province returns the two-digit code of the province.
func (p Place) Province() string {
	if len(p) < 2 {
		return ""
	}
	return string(p[:2])
}

// Enterprise is a row of enterprises.csv. Unknown text is empty everywhere in
// the ledgers, unknown numbers and dates are zero.
type Enterprise struct {
	ID          string // enterprise_id
	Name        string
	NameEN      string // name_en
	USCC        string // 18-character unified social credit code, GB 32100
	Nature      string // enterprise, government, institution, military, social, individual
	Place       Place
	ParentID    string // owner in the same group
	Credit      string // normal, bad
	CreditSince Date
}

// Licence is a row of licences.csv: one service of one licence.
type Licence struct {
	No           string // licence_no
	EnterpriseID string
	Service      string  // B11, B11-2, B12, B13, B14, B26-1, A14-4
	National     bool    // coverage contains CN
	Coverage     []Place // places otherwise
	Valid        Validity
	Status       string // active, suspended, revoked, cancelled
}

// Commitment is a row of commitments.csv.
type Commitment struct {
	EnterpriseID string
	Service      string
	MadeOn       Date
	DueOn        Date
	FulfilledOn  Date
}

// Evaluation is a row of evaluations.csv.
type Evaluation struct {
	EnterpriseID string
	Service      string
	Place        Place
	Node         string
	CapacityMbps float64
	PassedOn     Date
}

// ASN is a row of asns.csv.
type ASN struct {
	ASN          uint32
	EnterpriseID string
	Valid        Validity
}

// Downstream is a row of downstreams.csv.
type Downstream struct {
	UpstreamASN   uint32
	DownstreamASN uint32
	Valid         Validity
}

// SourceBlock is a row of sources.csv: an address block of the carrier itself.
type SourceBlock struct {
	Prefix     netip.Prefix
	RIR        string
	ObtainedOn Date
}

// Allocation is a row of allocations.csv.
type Allocation struct {
	Prefix       netip.Prefix
	EnterpriseID string
	Parent       netip.Prefix // block it was cut from; invalid if from the carrier
	Use          string       // idc, cdn, isp, ipvpn, dns, enterprise, subscriber_pool, infrastructure
	Cloud        Tri
	Place        Place
	FilingNo     string
	Valid        Validity
}

// Broadcast is a row of broadcasts.csv.
type Broadcast struct {
	Prefix    netip.Prefix
	Announcer string // enterprise_id
	Applicant string // enterprise_id
	Valid     Validity
}

// Exporter is a row of exporters.csv.
type Exporter struct {
	Address  netip.Addr
	Name     string
	Place    Place
	Sampling uint64 // packets per sample when the exporter does not say
}

// Interface is a row of interfaces.csv.
type Interface struct {
	Exporter  netip.Addr
	IfIndex   uint32
	Name      string
	Role      string // customer, core, peer, transit, international
	LineID    string
	SpeedMbps float64
	Gateway   string
}

// Gateway is a row of gateways.csv.
type Gateway struct {
	ID       string // gateway
	Kind     string // channel, business, border
	Place    Place
	Operator string // enterprise_id
	Status   string // approved, accepted, live, closed
	Valid    Validity
}

// Line is a row of lines.csv.
type Line struct {
	ID            string // line_id
	EnterpriseID  string
	Scope         string // domestic, international
	Technology    string // dia, iplc, iepl, mpls_vpn, sdh, other
	Use           string // as Allocation.Use
	BandwidthMbps float64
	APlace        Place
	ZCountry      string // ISO 3166-1 alpha-2
	OrderOrigin   string // domestic, overseas_direct, via_overseas_carrier
	UserFile      string
	Valid         Validity
}

// LineEndpoint is a row of line_endpoints.csv.
type LineEndpoint struct {
	LineID string
	End    string // a, z
	Prefix netip.Prefix
	Kind   string // office, datacentre, other
}

// UserFile is a row of user_files.csv: the file of an international line
// (N32-2.2.4).
type UserFile struct {
	ID                 string // user_file
	LineID             string
	EnterpriseID       string
	Purpose            string
	OfficeUseCommitted Tri
	CommittedOn        Date
	Clauses            []string // internal_use, no_resale, no_dc_platform, termination
	ClausesKnown       bool     // the column is there and not empty
	ContactVerifiedOn  Date
	ReviewedOn         Date
}

// Approval is a row of approvals.csv.
type Approval struct {
	No           string // approval_no
	EnterpriseID string
	Kind         string // cross_border, dns_root, dns_registry, dns_registrar
	LineID       string
	Valid        Validity
}

// Translation is a row of translations.csv: NAT known to the carrier.
type Translation struct {
	PublicPrefix netip.Prefix
	SharedBy     []string // enterprise ids
}

// ICPFiling is a row of icp_filings.csv.
type ICPFiling struct {
	No           string // filing_no
	Domain       string // lower case, punycode
	EnterpriseID string
	Status       string // active, cancelled
	Valid        Validity
}

// ICPAccess is a row of icp_access.csv.
type ICPAccess struct {
	FilingNo string
	Domain   string
	Provider string // enterprise_id
	Prefixes []netip.Prefix
	Valid    Validity
}

// Domain is a row of domains.csv: a name observed on an address.
type Domain struct {
	Domain    string
	Address   netip.Addr
	FirstSeen Date
	LastSeen  Date
	Source    string
}

// Network is a row of networks.csv: what is known of addresses that are not
// the carrier's.
type Network struct {
	Prefix   netip.Prefix
	Country  string // ISO 3166-1 alpha-2
	Operator string
	Kind     string // cloud, datacentre, cdn, access, enterprise, dns_registry, unknown
	ASN      uint32
}
