package xml

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// Datacentre is the file of who runs data centres.
type Datacentre struct {
	// Licence is the number of the licence for B11 it is about.
	Licence string
	// Text is the XML document, in UTF-8.
	Text []byte
	// Houses, Blocks and Users count what is in it.
	Houses, Blocks, Users int
}

// The elements of a data centre file, in their order.
type (
	basicInfo struct {
		XMLName xml.Name `xml:"basicInfo"`
		New     newInfo  `xml:"newInfo"`
		Time    string   `xml:"timeStamp"`
	}
	newInfo struct {
		Licence string       `xml:"idcId"`
		Name    string       `xml:"idcName"`
		Houses  []*houseInfo `xml:"houseInfo"`
		Users   []*userInfo  `xml:"userInfo"`
	}
	houseInfo struct {
		ID       string      `xml:"houseId"`
		Province string      `xml:"houseProvince,omitempty"`
		City     string      `xml:"houseCity,omitempty"`
		Blocks   []ipSegment `xml:"ipSegInfo"`
	}
	ipSegment struct {
		First string `xml:"startIp"`
		Last  string `xml:"endIp"`
		Type  string `xml:"type,omitempty"`
		Since string `xml:"useTime,omitempty"`
	}
	userInfo struct {
		ID       int            `xml:"id"`
		Nature   string         `xml:"nature"`
		Name     string         `xml:"unitName"`
		Kind     string         `xml:"unitNature,omitempty"`
		PaperIs  string         `xml:"idType,omitempty"`
		Paper    string         `xml:"idNumber,omitempty"`
		Services []*serviceInfo `xml:"serviceInfo"`
	}
	serviceInfo struct {
		ID       int          `xml:"serviceId"`
		Filing   string       `xml:"regId,omitempty"`
		Business string       `xml:"business"`
		Domains  []string     `xml:"domain"`
		Held     []*houseHeld `xml:"housesHoldInfo"`
	}
	houseHeld struct {
		House  string        `xml:"houseId"`
		Since  string        `xml:"distributeTime,omitempty"`
		Blocks []ipSegment   `xml:"ipSeg"`
		Shared []translation `xml:"ipTrans"`
	}
	translation struct {
		Public ipSegment `xml:"internetIp"`
	}
)

// WriteDatacentres writes what the ledgers say on a day of each enterprise that is
// licensed for data centres (B11) and holds blocks for them: one file each, with
// the blocks by place, and the users of blocks cut from them with their filed
// names. Names are shown as name returns them. What the ledgers do not hold, such
// as racks, gateways and persons, is in no file: it is for who hands it in.
func WriteDatacentres(s *registry.Snapshot, day registry.Date, name func(string) string) ([]Datacentre, error) {
	l := s.Ledgers()
	w := &datacentreWriter{ledgers: l, day: day, name: name, enterprises: make(map[string]*registry.Enterprise)}
	for i := range l.Enterprises {
		w.enterprises[l.Enterprises[i].ID] = &l.Enterprises[i]
	}
	var files []Datacentre
	for i := range l.Licences {
		licence := &l.Licences[i]
		if licence.Service != "B11" || licence.Status != "active" || !licence.Valid.Contains(day) || w.enterprises[licence.EnterpriseID] == nil {
			continue
		}
		file, err := w.write(licence)
		if err != nil {
			return nil, fmt.Errorf("write the data centres of licence %s: %w", licence.No, err)
		}
		if file.Blocks > 0 {
			files = append(files, file)
		}
	}
	slices.SortFunc(files, func(a, b Datacentre) int { return strings.Compare(a.Licence, b.Licence) })
	return files, nil
}

// datacentreWriter writes one file after another.
type datacentreWriter struct {
	ledgers     *registry.Ledgers
	day         registry.Date
	name        func(string) string
	enterprises map[string]*registry.Enterprise
}

func (w *datacentreWriter) write(licence *registry.Licence) (Datacentre, error) {
	operator := w.enterprises[licence.EnterpriseID]
	doc := basicInfo{New: newInfo{Licence: licence.No, Name: w.name(operator.Name)}, Time: w.day.String()}
	out := Datacentre{Licence: licence.No}
	own := make(map[netip.Prefix]*houseInfo) // blocks of the operator, by where they are
	for i := range w.ledgers.Allocations {
		a := &w.ledgers.Allocations[i]
		if a.EnterpriseID != operator.ID || a.Use != "idc" || !a.Prefix.IsValid() || !a.Valid.Contains(w.day) {
			continue
		}
		h := house(&doc.New, a.Place)
		own[a.Prefix.Masked()] = h
		segment := segmentOf(a.Prefix)
		segment.Type, segment.Since = "0", a.Valid.From.String()
		h.Blocks = append(h.Blocks, segment)
		out.Blocks++
	}
	w.users(&doc.New, operator.ID, own)
	out.Houses, out.Users = len(doc.New.Houses), len(doc.New.Users)
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return out, fmt.Errorf("write XML: %w", err)
	}
	b.WriteByte('\n')
	out.Text = b.Bytes()
	return out, nil
}

// house returns the data centre of a place; the ledgers know one of each.
func house(in *newInfo, at registry.Place) *houseInfo {
	id := cmp.Or(string(at), "0")
	for _, h := range in.Houses {
		if h.ID == id {
			return h
		}
	}
	h := &houseInfo{ID: id}
	if at != "" {
		h.Province = at.Province() + "0000"
	}
	if len(at) == 6 {
		h.City = string(at)
	}
	in.Houses = append(in.Houses, h)
	return h
}

// users adds who holds blocks that were cut from those of the operator.
func (w *datacentreWriter) users(in *newInfo, operator string, own map[netip.Prefix]*houseInfo) {
	users := make(map[string]*userInfo)
	for i := range w.ledgers.Allocations {
		a := &w.ledgers.Allocations[i]
		if a.EnterpriseID == operator || !a.Prefix.IsValid() || !a.Parent.IsValid() || !a.Valid.Contains(w.day) {
			continue
		}
		h, holder := own[a.Parent.Masked()], w.enterprises[a.EnterpriseID]
		if h == nil || holder == nil {
			continue
		}
		u := users[holder.ID]
		if u == nil {
			u = w.user(holder, len(in.Users)+1)
			users[holder.ID] = u
			in.Users = append(in.Users, u)
		}
		w.hold(u, a, h)
	}
	for _, u := range in.Users {
		for i, s := range u.Services {
			s.ID = i + 1
		}
	}
	w.named(users, operator)
}

func (w *datacentreWriter) user(e *registry.Enterprise, number int) *userInfo {
	u := &userInfo{ID: number, Nature: "2", Name: cmp.Or(w.name(e.Name), e.ID), Kind: codeOf(e.Nature)}
	if e.USCC != "" && e.Nature != "individual" && u.Name == e.Name {
		u.PaperIs, u.Paper = "1", e.USCC
	}
	return u
}

// hold adds a block to the service of its use.
func (w *datacentreWriter) hold(u *userInfo, a *registry.Allocation, h *houseInfo) {
	business := "1"
	if a.Use == "isp" {
		business = "2"
	}
	i := slices.IndexFunc(u.Services, func(s *serviceInfo) bool { return s.Business == business })
	if i < 0 {
		u.Services = append(u.Services, &serviceInfo{Business: business})
		i = len(u.Services) - 1
	}
	held := &houseHeld{House: h.ID, Since: a.Valid.From.String(), Blocks: []ipSegment{segmentOf(a.Prefix)}}
	for j := range w.ledgers.Translations {
		t := &w.ledgers.Translations[j]
		if slices.Contains(t.SharedBy, a.EnterpriseID) && t.PublicPrefix.IsValid() && a.Prefix.Contains(t.PublicPrefix.Addr()) {
			held.Shared = append(held.Shared, translation{segmentOf(t.PublicPrefix)})
		}
	}
	u.Services[i].Held = append(u.Services[i].Held, held)
}

// named adds the filed names of users to which the operator gives access: one
// service for each filing.
func (w *datacentreWriter) named(users map[string]*userInfo, operator string) {
	holders := make(map[string]string) // by filing and name
	for i := range w.ledgers.ICPFilings {
		f := &w.ledgers.ICPFilings[i]
		if f.Status == "active" && f.Valid.Contains(w.day) {
			holders[f.No+"\x00"+f.Domain] = f.EnterpriseID
		}
	}
	for i := range w.ledgers.ICPAccesses {
		a := &w.ledgers.ICPAccesses[i]
		u := users[holders[a.FilingNo+"\x00"+a.Domain]]
		if u == nil || a.Provider != operator || !a.Valid.Contains(w.day) {
			continue
		}
		u.Nature = "1"
		j := slices.IndexFunc(u.Services, func(s *serviceInfo) bool { return s.Filing == a.FilingNo })
		if j < 0 {
			u.Services = append(u.Services, &serviceInfo{ID: len(u.Services) + 1, Filing: a.FilingNo, Business: "1"})
			j = len(u.Services) - 1
		}
		u.Services[j].Domains = append(u.Services[j].Domains, a.Domain)
	}
}

// segmentOf writes a prefix as its first and last address.
func segmentOf(p netip.Prefix) ipSegment {
	p = p.Masked()
	return ipSegment{First: p.Addr().String(), Last: lastOf(p).String()}
}
