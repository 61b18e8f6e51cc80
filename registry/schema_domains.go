package registry

import "net/netip"

func icpFilingsSchema() ledger {
	type key struct{ no, domain string }
	return &schema[ICPFiling, key]{
		name: "icp_filings", key: []string{"filing_no", "domain"},
		id:   func(r *ICPFiling) key { return key{r.No, r.Domain} },
		span: func(r *ICPFiling) Validity { return r.Valid }, from: "valid_from", to: "valid_to", history: true,
		rows: func(l *Ledgers) *[]ICPFiling { return &l.ICPFilings },
		columns: []column[ICPFiling]{
			must("filing_no", func(r *ICPFiling, c *cell) { r.No = c.id() }),
			must("domain", func(r *ICPFiling, c *cell) { r.Domain = c.domain() }),
			may("enterprise_id", func(r *ICPFiling, c *cell) { r.EnterpriseID = c.to("enterprises") }),
			may("status", func(r *ICPFiling, c *cell) { r.Status = c.oneOf(filingStates) }),
			may("valid_from", func(r *ICPFiling, c *cell) { r.Valid.From = c.date() }),
			may("valid_to", func(r *ICPFiling, c *cell) { r.Valid.To = c.date() }),
		},
	}
}

func icpAccessSchema() ledger {
	type key struct{ domain, provider string }
	return &schema[ICPAccess, key]{
		name: "icp_access", key: []string{"domain", "provider"},
		id:   func(r *ICPAccess) key { return key{r.Domain, r.Provider} },
		span: func(r *ICPAccess) Validity { return r.Valid }, from: "valid_from", to: "valid_to", history: true,
		rows: func(l *Ledgers) *[]ICPAccess { return &l.ICPAccesses },
		columns: []column[ICPAccess]{
			may("filing_no", func(r *ICPAccess, c *cell) { r.FilingNo = c.id() }),
			must("domain", func(r *ICPAccess, c *cell) { r.Domain = c.domain() }),
			must("provider", func(r *ICPAccess, c *cell) { r.Provider = c.to("enterprises") }),
			may("prefixes", func(r *ICPAccess, c *cell) {
				c.each(func(entry *cell) {
					if p := entry.prefix(); p.IsValid() {
						r.Prefixes = append(r.Prefixes, p)
					}
				})
			}),
			may("valid_from", func(r *ICPAccess, c *cell) { r.Valid.From = c.date() }),
			may("valid_to", func(r *ICPAccess, c *cell) { r.Valid.To = c.date() }),
		},
	}
}

func domainsSchema() ledger {
	type key struct {
		domain      string
		address     netip.Addr
		source      string
		first, last Date
	}
	return &schema[Domain, key]{
		name: "domains", key: []string{"domain", "address", "source", "first_seen", "last_seen"},
		id:   func(r *Domain) key { return key{r.Domain, r.Address, r.Source, r.FirstSeen, r.LastSeen} },
		span: func(r *Domain) Validity { return Validity{r.FirstSeen, r.LastSeen} }, from: "first_seen", to: "last_seen",
		rows: func(l *Ledgers) *[]Domain { return &l.Domains },
		columns: []column[Domain]{
			must("domain", func(r *Domain, c *cell) { r.Domain = c.domain() }),
			must("address", func(r *Domain, c *cell) { r.Address = c.addr() }),
			may("first_seen", func(r *Domain, c *cell) { r.FirstSeen = c.date() }),
			may("last_seen", func(r *Domain, c *cell) { r.LastSeen = c.date() }),
			may("source", func(r *Domain, c *cell) { r.Source = c.free() }),
		},
	}
}
