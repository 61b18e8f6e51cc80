package registry

import (
	"math"
	"net/netip"
)

func asnsSchema() ledger {
	return &schema[ASN, uint32]{
		name: "asns", key: []string{"asn"},
		id:   func(r *ASN) uint32 { return r.ASN },
		span: func(r *ASN) Validity { return r.Valid }, from: "valid_from", to: "valid_to", history: true,
		rows: func(l *Ledgers) *[]ASN { return &l.ASNs },
		columns: []column[ASN]{
			must("asn", func(r *ASN, c *cell) { r.ASN = c.asn() }),
			may("enterprise_id", func(r *ASN, c *cell) { r.EnterpriseID = c.to("enterprises") }),
			may("valid_from", func(r *ASN, c *cell) { r.Valid.From = c.date() }),
			may("valid_to", func(r *ASN, c *cell) { r.Valid.To = c.date() }),
		},
	}
}

func downstreamsSchema() ledger {
	return &schema[Downstream, [2]uint32]{
		name: "downstreams", key: []string{"upstream_asn", "downstream_asn"},
		id:   func(r *Downstream) [2]uint32 { return [2]uint32{r.UpstreamASN, r.DownstreamASN} },
		span: func(r *Downstream) Validity { return r.Valid }, from: "valid_from", to: "valid_to", history: true,
		rows: func(l *Ledgers) *[]Downstream { return &l.Downstreams },
		columns: []column[Downstream]{
			must("upstream_asn", func(r *Downstream, c *cell) { r.UpstreamASN = c.asn() }),
			must("downstream_asn", func(r *Downstream, c *cell) { r.DownstreamASN = c.asn() }),
			may("valid_from", func(r *Downstream, c *cell) { r.Valid.From = c.date() }),
			may("valid_to", func(r *Downstream, c *cell) { r.Valid.To = c.date() }),
		},
	}
}

func sourcesSchema() ledger {
	return &schema[SourceBlock, netip.Prefix]{
		name: "sources", key: []string{"prefix"},
		id:   func(r *SourceBlock) netip.Prefix { return r.Prefix },
		rows: func(l *Ledgers) *[]SourceBlock { return &l.Sources },
		columns: []column[SourceBlock]{
			must("prefix", func(r *SourceBlock, c *cell) { r.Prefix = c.prefix() }),
			may("rir", func(r *SourceBlock, c *cell) { r.RIR = c.free() }),
			may("obtained_on", func(r *SourceBlock, c *cell) { r.ObtainedOn = c.date() }),
		},
	}
}

func allocationsSchema() ledger {
	type key struct {
		prefix     netip.Prefix
		enterprise string
	}
	return &schema[Allocation, key]{
		name: "allocations", key: []string{"prefix", "enterprise_id"},
		id:   func(r *Allocation) key { return key{r.Prefix, r.EnterpriseID} },
		span: func(r *Allocation) Validity { return r.Valid }, from: "valid_from", to: "valid_to", history: true,
		rows: func(l *Ledgers) *[]Allocation { return &l.Allocations },
		columns: []column[Allocation]{
			must("prefix", func(r *Allocation, c *cell) { r.Prefix = c.prefix() }),
			may("enterprise_id", func(r *Allocation, c *cell) { r.EnterpriseID = c.to("enterprises") }),
			may("parent", func(r *Allocation, c *cell) {
				if r.Parent = c.prefix(); r.Parent.IsValid() {
					c.in.refer(c, "allocations", r.Parent.String())
				}
			}),
			may("use", func(r *Allocation, c *cell) { r.Use = c.oneOf(uses) }),
			may("cloud", func(r *Allocation, c *cell) { r.Cloud = c.yesNo() }),
			may("place", func(r *Allocation, c *cell) { r.Place = c.place() }),
			may("filing_no", func(r *Allocation, c *cell) { r.FilingNo = c.id() }),
			may("valid_from", func(r *Allocation, c *cell) { r.Valid.From = c.date() }),
			may("valid_to", func(r *Allocation, c *cell) { r.Valid.To = c.date() }),
		},
	}
}

func broadcastsSchema() ledger {
	type key struct {
		prefix    netip.Prefix
		announcer string
	}
	return &schema[Broadcast, key]{
		name: "broadcasts", key: []string{"prefix", "announcer"},
		id:   func(r *Broadcast) key { return key{r.Prefix, r.Announcer} },
		span: func(r *Broadcast) Validity { return r.Valid }, from: "valid_from", to: "valid_to", history: true,
		rows: func(l *Ledgers) *[]Broadcast { return &l.Broadcasts },
		columns: []column[Broadcast]{
			must("prefix", func(r *Broadcast, c *cell) { r.Prefix = c.prefix() }),
			must("announcer", func(r *Broadcast, c *cell) { r.Announcer = c.to("enterprises") }),
			may("applicant", func(r *Broadcast, c *cell) { r.Applicant = c.to("enterprises") }),
			may("valid_from", func(r *Broadcast, c *cell) { r.Valid.From = c.date() }),
			may("valid_to", func(r *Broadcast, c *cell) { r.Valid.To = c.date() }),
		},
	}
}

func translationsSchema() ledger {
	return &schema[Translation, netip.Prefix]{
		name: "translations", key: []string{"public_prefix"},
		id:   func(r *Translation) netip.Prefix { return r.PublicPrefix },
		rows: func(l *Ledgers) *[]Translation { return &l.Translations },
		columns: []column[Translation]{
			must("public_prefix", func(r *Translation, c *cell) { r.PublicPrefix = c.prefix() }),
			may("shared_by", func(r *Translation, c *cell) {
				c.each(func(entry *cell) {
					if id := entry.to("enterprises"); id != "" {
						r.SharedBy = append(r.SharedBy, id)
					}
				})
			}),
		},
	}
}

func networksSchema() ledger {
	return &schema[Network, netip.Prefix]{
		name: "networks", key: []string{"prefix"},
		id:   func(r *Network) netip.Prefix { return r.Prefix },
		rows: func(l *Ledgers) *[]Network { return &l.Networks },
		columns: []column[Network]{
			must("prefix", func(r *Network, c *cell) { r.Prefix = c.prefix() }),
			may("country", func(r *Network, c *cell) { r.Country = c.country() }),
			may("operator", func(r *Network, c *cell) { r.Operator = c.free() }),
			may("kind", func(r *Network, c *cell) { r.Kind = c.oneOf(networkKinds) }),
			may("asn", func(r *Network, c *cell) { r.ASN = c.asn() }),
		},
	}
}

func exportersSchema() ledger {
	return &schema[Exporter, netip.Addr]{
		name: "exporters", key: []string{"address"},
		id:   func(r *Exporter) netip.Addr { return r.Address },
		rows: func(l *Ledgers) *[]Exporter { return &l.Exporters },
		columns: []column[Exporter]{
			must("address", func(r *Exporter, c *cell) { r.Address = c.addr() }),
			may("name", func(r *Exporter, c *cell) { r.Name = c.free() }),
			may("place", func(r *Exporter, c *cell) { r.Place = c.place() }),
			may("sampling", func(r *Exporter, c *cell) { r.Sampling = c.whole("a number of packets per sample", math.MaxUint32) }),
		},
	}
}
