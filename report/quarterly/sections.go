package quarterly

import (
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// maker makes the sections of one report.
type maker struct {
	in          *Input
	window      rules.Window
	before      rules.Window
	days        registry.Validity
	findings    []rules.Finding // as readers may see them, in the order of ids
	enterprises []registry.Enterprise
	veil        *report.Veil

	nameOf     map[string]string             // enterprise to its name
	licencesOf map[string][]registry.Licence // by enterprise
	ofLine     map[string][]*rules.Finding   // by line
}

func newMaker(in *Input) *maker {
	m := &maker{
		window: in.Quarter.Window(in.Location), before: in.Quarter.Before().Window(in.Location), days: in.Quarter.Days(),
		enterprises: in.Ledgers.Ledgers().Enterprises, veil: in.Privacy.Veil(in.Ledgers), in: in,
	}
	m.findings = slices.DeleteFunc(in.Privacy.Findings(in.Findings, m.veil), func(f rules.Finding) bool {
		return !f.FirstSeen.Before(m.window.To) // of a later quarter
	})
	slices.SortFunc(m.findings, func(a, b rules.Finding) int { return strings.Compare(a.ID, b.ID) })
	m.index()
	return m
}

func (m *maker) index() {
	m.nameOf, m.licencesOf, m.ofLine = make(map[string]string), make(map[string][]registry.Licence), make(map[string][]*rules.Finding)
	for i := range m.enterprises {
		m.nameOf[m.enterprises[i].ID] = m.veil.Replace(m.enterprises[i].Name)
	}
	for _, l := range m.in.Ledgers.Ledgers().Licences {
		m.licencesOf[l.EnterpriseID] = append(m.licencesOf[l.EnterpriseID], l)
	}
	for i := range m.findings {
		if f := &m.findings[i]; f.Subject.Kind == rules.SubjectLine {
			m.ofLine[f.Subject.ID] = append(m.ofLine[f.Subject.ID], f)
		}
	}
}

// topic is a section about findings of some rules.
type topic struct {
	number int
	title  rules.Text
	rules  []string
}

// topics are the sections about findings. Rules that are in none, such as those
// an operator wrote, are counted in section 10.
var topics = []topic{
	{2, rules.Text{ZH: "许可核查（无证、超地域、超业务范围、承诺与评测）", EN: "Licence checks: missing, out of region or scope, commitments, evaluations"}, []string{
		"licence-missing", "licence-region", "licence-scope", "commitment-overdue", "evaluation-missing",
		"unlicensed-idc", "unlicensed-cdn", "unlicensed-isp", "unlicensed-ipvpn", "unlicensed-dns", "dns-infrastructure",
	}},
	{3, rules.Text{ZH: "层层转租", EN: "Sublease chains"}, []string{
		"sublease-chain", "sublease-tenants", "sublease-origin", "sublease-downstream", "sublease-bandwidth",
	}},
	{4, rules.Text{ZH: "违规自建传输与使用非法资源", EN: "Self-built transmission and unlawful resources"}, []string{"self-built-path", "illegal-upstream"}},
	{5, rules.Text{ZH: "跨境专线", EN: "Cross-border lines"}, []string{
		"intl-user-file", "intl-third-party", "intl-datacentre", "intl-business-platform", "intl-nonoffice-profile",
		"intl-transit", "intl-unapproved-channel", "intl-gateway",
	}},
	{6, rules.Text{ZH: "IP 备案与路由核对（未报、冲突、越界）", EN: "IP filings against routes: unreported, conflicting, outside"}, []string{
		"filing-unreported", "filing-conflict", "filing-outside",
	}},
	{7, rules.Text{ZH: "网站备案接入核对（未备案、少报、多报、空壳）", EN: "Site filings: unfiled, access provider, stale access, empty shells"}, []string{
		"icp-unfiled", "icp-access-provider", "icp-stale-access", "icp-empty-shell",
	}},
	{8, rules.Text{ZH: "不良信用主体及其新增资源", EN: "Parties of bad credit and their new resources"}, []string{"credit-new-resource"}},
}

// Sections makes all eleven sections.
func (m *maker) sections() []Section {
	sections := []Section{m.lineResources()}
	for i := range topics {
		s := m.topic(&topics[i])
		switch s.Number {
		case 2:
			s.Grids = append(s.Grids, m.licences())
		case 5:
			s.Grids = append(s.Grids, m.internationalLines())
		case 8:
			s.Grids = append(s.Grids, m.badCredit())
		}
		sections = append(sections, s)
	}
	return append(sections, m.rectification(), m.major(), m.quality())
}

func (m *maker) topic(t *topic) Section {
	s := Section{Number: t.number, Title: t.title}
	g := Grid{Title: rules.Text{ZH: "分规则情况", EN: "By rule"}, Columns: countColumns(rules.Text{ZH: "规则", EN: "Rule"}), Total: true}
	for _, id := range t.rules {
		tally := m.tally(func(f *rules.Finding) bool { return f.Rule == id })
		g.Rows = append(g.Rows, m.cells(tally, text(m.ruleTitle(id))))
	}
	in := func(f *rules.Finding) bool { return slices.Contains(t.rules, f.Rule) }
	all := m.tally(in)
	g.Rows = append(g.Rows, m.cells(all, total()))
	s.Grids = append(s.Grids, g)
	if split, some := m.provinceGrid(in); some {
		s.Grids = append(s.Grids, split)
	} else {
		s.Notes = append(s.Notes, rules.Text{
			ZH: "截至本季末，本项没有线索；未观测到不等于不存在，观测范围见第十一部分。",
			EN: "Up to the end of the quarter there is no indication here. What was not observed is not thereby absent: see section 11.",
		})
	}
	return s
}

// ruleTitle names a rule with its id, without saying of each that it is an
// indication.
func (m *maker) ruleTitle(id string) rules.Text {
	for i := range m.in.Catalogue {
		if s := &m.in.Catalogue[i]; s.ID == id {
			return rules.Text{
				ZH: strings.TrimSuffix(s.Title.ZH, "（疑似）") + "\n" + id,
				EN: strings.TrimSuffix(s.Title.EN, " (indication)") + "\n" + id,
			}
		}
	}
	return rules.Text{ZH: id, EN: id}
}

// others are the rules that no topic has.
func others(f *rules.Finding) bool {
	for i := range topics {
		if slices.Contains(topics[i].rules, f.Rule) {
			return false
		}
	}
	return true
}
