package xml

import (
	"cmp"
	"net/netip"
	"strings"
)

// operatorIs takes the name of who runs the data centres of the file.
func (c *Converter) operatorIs(name string) {
	c.operator = c.idOf(name)
	if c.operator == "" {
		return
	}
	c.ledgers["enterprises"].put(c.operator, name, "", "enterprise", "")
	c.licensed()
}

// licensed notes the licence of the operator once both are known.
func (c *Converter) licensed() {
	if c.operator != "" && c.licence != "" {
		c.ledgers["licences"].put(c.licence, c.operator, "B11")
	}
}

// house takes a data centre: its blocks are the operator's.
func (c *Converter) house(n *node) {
	h := placement{place: placeOf(n.first("houseProvince"), n.first("houseCity"))}
	n.each("ipSegInfo", func(s *node) {
		switch s.first("type") {
		case "2":
			c.unmapped["reserved block (type 2)"]++
			return
		case "1":
			c.eachPrefix(s, "startIp", "endIp", func(p netip.Prefix) {
				c.ledgers["allocations"].put(p.String(), c.operator, "", "subscriber_pool", h.place, c.date(s, "useTime"))
			})
			return
		}
		c.eachPrefix(s, "startIp", "endIp", func(p netip.Prefix) {
			h.blocks = append(h.blocks, p)
			c.ledgers["allocations"].put(p.String(), c.operator, "", "idc", h.place, c.date(s, "useTime"))
		})
	})
	n.each("gatewayInfo", func(*node) { c.unmapped["gatewayInfo"]++ })
	n.each("frameInfo", func(*node) { c.unmapped["frameInfo"]++ })
	if id := n.first("houseId"); id != "" {
		c.houses[id] = h
	}
}

// user takes a customer of the data centre, with its services.
func (c *Converter) user(n *node) {
	holder := c.enterprise(n.first("unitName"), n.first("unitNature"), n.first("idType"), n.first("idNumber"), "")
	if holder == "" {
		c.say(n.line, false, "userInfo: unitName is missing; the record is left out")
		return
	}
	n.each("serviceInfo", func(s *node) { c.service(s, holder) })
}

// service takes the blocks and domains of one service.
func (c *Converter) service(s *node, holder string) {
	use := "idc"
	if s.first("business") == "2" {
		use = "isp"
	}
	var blocks []string
	s.each("housesHoldInfo", func(h *node) {
		where := c.houses[h.first("houseId")]
		h.each("ipSeg", func(seg *node) {
			c.eachPrefix(seg, "startIp", "endIp", func(p netip.Prefix) {
				blocks = append(blocks, p.String())
				c.allocated(p, holder, use, where, c.date(h, "distributeTime"))
			})
		})
		h.each("ipTrans", func(t *node) {
			t.each("internetIp", func(public *node) {
				c.eachPrefix(public, "startIp", "endIp", func(p netip.Prefix) { c.shared(p, holder) })
			})
		})
	})
	filing := s.first("regId")
	s.each("domain", func(d *node) {
		name := strings.ToLower(cmp.Or(strings.TrimSpace(d.text), d.first("domainName"), d.first("name")))
		if filing == "" || name == "" {
			return
		}
		c.ledgers["icp_filings"].put(filing, name, holder, "active")
		c.ledgers["icp_access"].put(filing, name, c.operator, strings.Join(blocks, ";"))
	})
}

// allocated gives a block to a user. A block of the operator that is the same
// passes to the user, a larger one becomes its parent.
func (c *Converter) allocated(p netip.Prefix, holder, use string, where placement, from string) {
	parent := ""
	for _, b := range where.blocks {
		if b.Bits() < p.Bits() && b.Contains(p.Addr()) {
			parent = b.String()
		}
	}
	l := c.ledgers["allocations"]
	key := p.String() + "\x00" + c.operator
	if i, there := l.at[key]; there && holder != c.operator {
		delete(l.at, key)
		if _, twice := l.at[p.String()+"\x00"+holder]; twice {
			l.rows[i] = nil
		} else {
			l.rows[i][1] = holder
			l.at[p.String()+"\x00"+holder] = i
		}
	}
	l.put(p.String(), holder, parent, use, where.place, from)
}

// shared notes that a public address stands for a user.
func (c *Converter) shared(p netip.Prefix, holder string) {
	l := c.ledgers["translations"]
	users := holder
	if i, there := l.at[p.String()]; there {
		for other := range strings.SplitSeq(l.rows[i][1], ";") {
			if other == holder {
				return
			}
		}
		users = l.rows[i][1] + ";" + holder
	}
	l.put(p.String(), users)
}
