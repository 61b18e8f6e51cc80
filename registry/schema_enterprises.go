package registry

func enterprisesSchema() ledger {
	return &schema[Enterprise, string]{
		name: "enterprises", key: []string{"enterprise_id"},
		id:   func(r *Enterprise) string { return r.ID },
		rows: func(l *Ledgers) *[]Enterprise { return &l.Enterprises },
		columns: []column[Enterprise]{
			must("enterprise_id", func(r *Enterprise, c *cell) { r.ID = c.id() }),
			may("name", func(r *Enterprise, c *cell) { r.Name = c.free() }),
			may("name_en", func(r *Enterprise, c *cell) { r.NameEN = c.free() }),
			may("uscc", func(r *Enterprise, c *cell) { r.USCC = c.uscc() }),
			may("nature", func(r *Enterprise, c *cell) { r.Nature = c.oneOf(natures) }),
			may("place", func(r *Enterprise, c *cell) { r.Place = c.place() }),
			may("parent_id", func(r *Enterprise, c *cell) { r.ParentID = c.to("enterprises") }),
			may("credit", func(r *Enterprise, c *cell) { r.Credit = c.oneOf(credits) }),
			may("credit_since", func(r *Enterprise, c *cell) { r.CreditSince = c.date() }),
		},
	}
}

func licencesSchema() ledger {
	type key struct{ no, service string }
	return &schema[Licence, key]{
		name: "licences", key: []string{"licence_no", "service"},
		id:   func(r *Licence) key { return key{r.No, r.Service} },
		span: func(r *Licence) Validity { return r.Valid }, from: "valid_from", to: "valid_to", history: true,
		rows: func(l *Ledgers) *[]Licence { return &l.Licences },
		columns: []column[Licence]{
			must("licence_no", func(r *Licence, c *cell) { r.No = c.id() }),
			may("enterprise_id", func(r *Licence, c *cell) { r.EnterpriseID = c.to("enterprises") }),
			must("service", func(r *Licence, c *cell) { r.Service = c.oneOf(services) }),
			may("coverage", func(r *Licence, c *cell) {
				c.each(func(entry *cell) {
					if text, ok := entry.code(); ok && text == "CN" {
						r.National = true
					} else if p := entry.place(); p != "" {
						r.Coverage = append(r.Coverage, p)
					}
				})
			}),
			may("valid_from", func(r *Licence, c *cell) { r.Valid.From = c.date() }),
			may("valid_to", func(r *Licence, c *cell) { r.Valid.To = c.date() }),
			may("status", func(r *Licence, c *cell) { r.Status = c.oneOf(licenceStates) }),
		},
	}
}

func commitmentsSchema() ledger {
	type key struct {
		enterprise, service string
		made                Date
	}
	return &schema[Commitment, key]{
		name: "commitments", key: []string{"enterprise_id", "service", "made_on"},
		id:   func(r *Commitment) key { return key{r.EnterpriseID, r.Service, r.MadeOn} },
		span: func(r *Commitment) Validity { return Validity{r.MadeOn, r.DueOn} }, from: "made_on", to: "due_on",
		rows: func(l *Ledgers) *[]Commitment { return &l.Commitments },
		columns: []column[Commitment]{
			must("enterprise_id", func(r *Commitment, c *cell) { r.EnterpriseID = c.to("enterprises") }),
			must("service", func(r *Commitment, c *cell) { r.Service = c.oneOf(services) }),
			may("made_on", func(r *Commitment, c *cell) { r.MadeOn = c.date() }),
			may("due_on", func(r *Commitment, c *cell) { r.DueOn = c.date() }),
			may("fulfilled_on", func(r *Commitment, c *cell) { r.FulfilledOn = c.date() }),
		},
	}
}

func evaluationsSchema() ledger {
	type key struct {
		enterprise, service string
		place               Place
		node                string
		passed              Date
	}
	return &schema[Evaluation, key]{
		name: "evaluations", key: []string{"enterprise_id", "service", "place", "node", "passed_on"},
		id: func(r *Evaluation) key {
			return key{r.EnterpriseID, r.Service, r.Place, r.Node, r.PassedOn}
		},
		rows: func(l *Ledgers) *[]Evaluation { return &l.Evaluations },
		columns: []column[Evaluation]{
			must("enterprise_id", func(r *Evaluation, c *cell) { r.EnterpriseID = c.to("enterprises") }),
			must("service", func(r *Evaluation, c *cell) { r.Service = c.oneOf(services) }),
			may("place", func(r *Evaluation, c *cell) { r.Place = c.place() }),
			may("node", func(r *Evaluation, c *cell) { r.Node = c.free() }),
			may("capacity_mbps", func(r *Evaluation, c *cell) { r.CapacityMbps = c.decimal("Mbit/s") }),
			may("passed_on", func(r *Evaluation, c *cell) { r.PassedOn = c.date() }),
		},
	}
}

func approvalsSchema() ledger {
	type key struct{ no, kind, line string }
	return &schema[Approval, key]{
		name: "approvals", key: []string{"approval_no", "kind", "line_id"},
		id:   func(r *Approval) key { return key{r.No, r.Kind, r.LineID} },
		span: func(r *Approval) Validity { return r.Valid }, from: "valid_from", to: "valid_to", history: true,
		rows: func(l *Ledgers) *[]Approval { return &l.Approvals },
		columns: []column[Approval]{
			must("approval_no", func(r *Approval, c *cell) { r.No = c.id() }),
			may("enterprise_id", func(r *Approval, c *cell) { r.EnterpriseID = c.to("enterprises") }),
			may("kind", func(r *Approval, c *cell) { r.Kind = c.oneOf(approvalKinds) }),
			may("line_id", func(r *Approval, c *cell) { r.LineID = c.to("lines") }),
			may("valid_from", func(r *Approval, c *cell) { r.Valid.From = c.date() }),
			may("valid_to", func(r *Approval, c *cell) { r.Valid.To = c.date() }),
		},
	}
}
