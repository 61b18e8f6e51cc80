package registry

import (
	"math"
	"net/netip"
)

func interfacesSchema() ledger {
	type key struct {
		exporter netip.Addr
		ifIndex  uint32
	}
	return &schema[Interface, key]{
		name: "interfaces", key: []string{"exporter", "if_index"},
		id:   func(r *Interface) key { return key{r.Exporter, r.IfIndex} },
		rows: func(l *Ledgers) *[]Interface { return &l.Interfaces },
		columns: []column[Interface]{
			must("exporter", func(r *Interface, c *cell) {
				if r.Exporter = c.addr(); r.Exporter.IsValid() {
					c.in.refer(c, "exporters", r.Exporter.String())
				}
			}),
			must("if_index", func(r *Interface, c *cell) { r.IfIndex = uint32(c.whole("an interface index", math.MaxUint32)) }),
			may("name", func(r *Interface, c *cell) { r.Name = c.free() }),
			may("role", func(r *Interface, c *cell) { r.Role = c.oneOf(roles) }),
			may("line_id", func(r *Interface, c *cell) { r.LineID = c.to("lines") }),
			may("speed_mbps", func(r *Interface, c *cell) { r.SpeedMbps = c.decimal("Mbit/s") }),
			may("gateway", func(r *Interface, c *cell) { r.Gateway = c.to("gateways") }),
		},
	}
}

func gatewaysSchema() ledger {
	return &schema[Gateway, string]{
		name: "gateways", key: []string{"gateway"},
		id:   func(r *Gateway) string { return r.ID },
		span: func(r *Gateway) Validity { return r.Valid }, from: "valid_from", to: "valid_to", history: true,
		rows: func(l *Ledgers) *[]Gateway { return &l.Gateways },
		columns: []column[Gateway]{
			must("gateway", func(r *Gateway, c *cell) { r.ID = c.id() }),
			may("kind", func(r *Gateway, c *cell) { r.Kind = c.oneOf(gatewayKinds) }),
			may("place", func(r *Gateway, c *cell) { r.Place = c.place() }),
			may("operator", func(r *Gateway, c *cell) { r.Operator = c.to("enterprises") }),
			may("status", func(r *Gateway, c *cell) { r.Status = c.oneOf(gatewayStates) }),
			may("valid_from", func(r *Gateway, c *cell) { r.Valid.From = c.date() }),
			may("valid_to", func(r *Gateway, c *cell) { r.Valid.To = c.date() }),
		},
	}
}

func linesSchema() ledger {
	return &schema[Line, string]{
		name: "lines", key: []string{"line_id"},
		id:   func(r *Line) string { return r.ID },
		span: func(r *Line) Validity { return r.Valid }, from: "valid_from", to: "valid_to", history: true,
		rows: func(l *Ledgers) *[]Line { return &l.Lines },
		columns: []column[Line]{
			must("line_id", func(r *Line, c *cell) {
				if r.ID = c.id(); r.ID != "" {
					c.in.lines = append(c.in.lines, lineRow{r.ID, c.row, c.column})
				}
			}),
			may("enterprise_id", func(r *Line, c *cell) { r.EnterpriseID = c.to("enterprises") }),
			may("scope", func(r *Line, c *cell) { r.Scope = c.oneOf(scopes) }),
			may("technology", func(r *Line, c *cell) { r.Technology = c.oneOf(technologies) }),
			may("use", func(r *Line, c *cell) { r.Use = c.oneOf(uses) }),
			may("bandwidth_mbps", func(r *Line, c *cell) { r.BandwidthMbps = c.decimal("Mbit/s") }),
			may("a_place", func(r *Line, c *cell) { r.APlace = c.place() }),
			may("z_country", func(r *Line, c *cell) { r.ZCountry = c.country() }),
			may("order_origin", func(r *Line, c *cell) { r.OrderOrigin = c.oneOf(orderOrigins) }),
			may("user_file", func(r *Line, c *cell) { r.UserFile = c.to("user_files") }),
			may("valid_from", func(r *Line, c *cell) { r.Valid.From = c.date() }),
			may("valid_to", func(r *Line, c *cell) { r.Valid.To = c.date() }),
		},
	}
}

func lineEndpointsSchema() ledger {
	type key struct {
		line, end string
		prefix    netip.Prefix
	}
	return &schema[LineEndpoint, key]{
		name: "line_endpoints", key: []string{"line_id", "end", "prefix"},
		id:   func(r *LineEndpoint) key { return key{r.LineID, r.End, r.Prefix} },
		rows: func(l *Ledgers) *[]LineEndpoint { return &l.LineEndpoints },
		columns: []column[LineEndpoint]{
			must("line_id", func(r *LineEndpoint, c *cell) { r.LineID = c.to("lines") }),
			must("end", func(r *LineEndpoint, c *cell) { r.End = c.oneOf(ends) }),
			may("prefix", func(r *LineEndpoint, c *cell) { r.Prefix = c.prefix() }),
			may("kind", func(r *LineEndpoint, c *cell) { r.Kind = c.oneOf(endKinds) }),
		},
	}
}

func userFilesSchema() ledger {
	return &schema[UserFile, string]{
		name: "user_files", key: []string{"user_file"},
		id:   func(r *UserFile) string { return r.ID },
		rows: func(l *Ledgers) *[]UserFile { return &l.UserFiles },
		columns: []column[UserFile]{
			must("user_file", func(r *UserFile, c *cell) { r.ID = c.id() }),
			may("line_id", func(r *UserFile, c *cell) { r.LineID = c.to("lines") }),
			may("enterprise_id", func(r *UserFile, c *cell) { r.EnterpriseID = c.to("enterprises") }),
			may("purpose", func(r *UserFile, c *cell) { r.Purpose = c.free() }),
			may("office_use_committed", func(r *UserFile, c *cell) { r.OfficeUseCommitted = c.yesNo() }),
			may("committed_on", func(r *UserFile, c *cell) { r.CommittedOn = c.date() }),
			may("clauses", func(r *UserFile, c *cell) {
				r.ClausesKnown = true
				c.each(func(entry *cell) {
					if word := entry.oneOf(fileClauses); word != "" {
						r.Clauses = append(r.Clauses, word)
					}
				})
			}),
			may("contact_verified_on", func(r *UserFile, c *cell) { r.ContactVerifiedOn = c.date() }),
			may("reviewed_on", func(r *UserFile, c *cell) { r.ReviewedOn = c.date() }),
		},
	}
}
