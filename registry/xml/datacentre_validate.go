package xml

import (
	"slices"
	"strings"
)

// datacentreSchema is the schema of the elements of data centre files that are
// checked, by element. Makers of such systems add elements of their own, so that
// those which are not listed are let through.
func datacentreSchema(element string) []field {
	first, last := field{name: "startIp", is: ipAddress, required: true}, field{name: "endIp", is: ipAddress, required: true}
	switch element {
	case "houseInfo":
		return []field{
			{name: "houseId", required: true},
			{name: "houseName", most: maxUnitName},
			{name: "houseType", values: []string{"1", "2", "999"}},
			{name: "houseProvince", is: place},
			{name: "houseCity", is: place},
			{name: "houseCounty", is: place},
		}
	case "gatewayInfo":
		return []field{{name: "bandWidth", is: whole}, {name: "linkType", values: []string{"1", "2", "3", "4", "9"}}}
	case "ipSegInfo":
		return []field{first, last, {name: "type", values: []string{"0", "1", "2"}}, {name: "useTime", is: calendar}}
	case "ipSeg":
		return []field{first, last}
	case "internetIp", "privateIp":
		return []field{first, {name: "endIp", is: ipAddress}}
	case "userInfo":
		return []field{
			{name: "nature", values: []string{"1", "2"}},
			{name: "unitName", required: true, most: maxUnitName},
			{name: "unitNature", values: []string{"1", "2", "3", "4", "5", "6", "999"}},
			{name: "idType", values: []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "999"}, needs: paperNeeds()},
			{name: "registerTime", is: calendar},
		}
	case "serviceInfo":
		return []field{{name: "business", required: true, values: []string{"1", "2"}}}
	case "housesHoldInfo":
		return []field{{name: "houseId", required: true}, {name: "distributeTime", is: calendar}, {name: "bandWidth", is: whole}}
	}
	return nil
}

// paperNeeds asks for the number of a paper wherever its kind is told.
func paperNeeds() map[string][]string {
	needs := make(map[string][]string)
	for _, kind := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "999"} {
		needs[kind] = []string{"idNumber"}
	}
	return needs
}

// datacentre checks a record of a data centre file: its elements, and that what a
// user has is in a data centre of the same file.
func (v *validator) datacentre(n *node) {
	switch n.name {
	case "idcId", "idcName":
		if strings.TrimSpace(n.text) == "" {
			v.blame(n.line, "%s is empty", n.name)
		}
		v.told = append(v.told, n.name)
		return
	case "houseInfo":
		v.houses = append(v.houses, n.first("houseId"))
	}
	v.element(n)
	n.each("housesHoldInfo", func(h *node) {
		if id := h.first("houseId"); id != "" && !slices.Contains(v.houses, id) {
			v.blame(h.line, "housesHoldInfo: houseId: the file has no houseInfo %q before it", id)
		}
	})
}

// element checks an element and those below it.
func (v *validator) element(n *node) {
	fields := datacentreSchema(n.name)
	seen := make(map[string]bool)
	for _, c := range n.children {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == c.name })
		if i >= 0 && seen[c.name] {
			v.blame(c.line, "%s: %s is there twice", n.name, c.name)
		} else if i >= 0 {
			v.text(n, c, &fields[i])
		}
		seen[c.name] = true
		v.element(c)
	}
	v.complete(n, fields)
	if len(fields) > 0 && fields[0].name == "startIp" {
		v.ranges(n, "startIp", "endIp")
	}
}
