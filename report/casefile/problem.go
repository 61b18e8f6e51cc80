package casefile

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

// ProblemKind tells the manifest of a report of a major problem from others.
const ProblemKind = "problem"

// problemFormat is the version of the layout.
const problemFormat = 1

// ErrNotConfirmed is the error of a report about what nobody confirmed.
var ErrNotConfirmed = errors.New("no person has confirmed this finding")

// Problem is a report of a major problem, which is due at any time (N32-4.3b).
type Problem struct {
	Carrier  string
	Language string
	Material evidence.Material
	// Precision is how often people confirmed what the rule found; nil where it is
	// not known.
	Precision *rules.Precision
	// Ledgers tell whose names may not be shown.
	Ledgers *registry.Snapshot
	Privacy report.Privacy
}

// problemManifest is what is signed.
type problemManifest struct {
	signed.Common
	Carrier     string        `json:"carrier"`
	Finding     string        `json:"finding"`
	Rule        string        `json:"rule"`
	RuleVersion string        `json:"rule_version"`
	Subject     rules.Subject `json:"subject"`
	State       rules.State   `json:"state"`
	Window      rules.Window  `json:"window"`
	Ledgers     string        `json:"ledgers_version"`
	Log         rules.Link    `json:"log"` // of the last event of the finding
	report.Handling
}

// Files returns the files of the report by name, the manifest and its signature
// among them. It fails with ErrNotConfirmed before a person has confirmed the
// finding: until then it is nobody's problem but the reviewer's.
func (p *Problem) Files(key ed25519.PrivateKey) (map[string][]byte, error) {
	switch p.Material.Finding.State {
	case rules.Confirmed, rules.Rectifying, rules.Rectified:
	case rules.Open, rules.Reviewing, rules.Dismissed, rules.Ceased:
		return nil, fmt.Errorf("report %s: %w; it is %s", p.Material.Finding.ID, ErrNotConfirmed, p.Material.Finding.State)
	}
	m := p.masked()
	document, err := typeset(m, p.Language, p.sheet())
	if err != nil {
		return nil, err
	}
	var finding bytes.Buffer
	if err := report.WriteJSON(&finding, []rules.Finding{m.Finding}); err != nil {
		return nil, fmt.Errorf("write the finding: %w", err)
	}
	files := map[string][]byte{"report.pdf": document, "findings.json": finding.Bytes()}
	return files, signed.Seal(files, p.manifest(m, files, key), key)
}

// masked is the material as readers may see it.
func (p *Problem) masked() *evidence.Material {
	veil := p.Privacy.Veil(p.Ledgers)
	m := p.Material
	m.Finding = p.Privacy.Findings([]rules.Finding{m.Finding}, veil)[0]
	m.Events = p.Privacy.Events(m.Events, veil)
	m.Tables = slices.Clone(m.Tables)
	for i := range m.Tables {
		rows := make([][]string, len(m.Tables[i].Rows))
		for r, row := range m.Tables[i].Rows {
			rows[r] = make([]string, len(row))
			for c, cell := range row {
				if rows[r][c] = veil.Replace(cell); m.Tables[i].Columns[c] == "purpose" {
					rows[r][c] = veil.Typed(cell)
				}
			}
		}
		m.Tables[i].Rows = rows
	}
	return &m
}

func (p *Problem) sheet() *sheet {
	h := p.Privacy.Handling()
	class := rules.Text{ZH: "重大问题 · 已脱敏", EN: "major problem, masked"}
	if !h.Masked {
		class = rules.Text{ZH: "重大问题 · 未脱敏", EN: "major problem, not masked"}
	}
	front := handled(p.Carrier, &h, p.Language,
		rules.Text{ZH: "工信部信管函〔2017〕32号第四部分（重大问题随时报告）", EN: "MIIT notice 2017 No. 32, part 4 (major problems at any time)"})
	front = append(front, pair(p.Language, "经人工确认", "Confirmed by", p.confirmedBy()))
	if p.Precision != nil {
		front = append(front, pair(p.Language, "规则查准率（历次人工裁定）", "Precision of the rule", precisionText(p.Precision, p.Language)))
	}
	return &sheet{
		title: rules.Text{ZH: "重大问题报告", EN: "Report of a major problem"}, class: class, alone: true,
		author: p.Carrier, watermark: h.Watermark(p.Language), front: front,
	}
}

// precisionText writes a precision in one language.
func precisionText(p *rules.Precision, language string) string {
	if p.Share == nil {
		if language == "en" {
			return "no finding of it was adjudicated yet"
		}
		return "尚无裁定"
	}
	between := "，95% 区间 "
	if language == "en" {
		between = ", 95 % interval "
	}
	return fmt.Sprintf("%s (%d/%d)%s%s – %s", share(*p.Share), p.Confirmed, p.Confirmed+p.Dismissed, between, share(*p.Low), share(*p.High))
}

// confirmedBy names who confirmed the finding, as readers may see it.
func (p *Problem) confirmedBy() string {
	f := p.Privacy.Findings([]rules.Finding{p.Material.Finding}, new(report.Veil))[0]
	if f.Case == nil {
		return ""
	}
	return strings.Join(f.Case.ConfirmedBy, "  ")
}

func (p *Problem) manifest(m *evidence.Material, files map[string][]byte, key ed25519.PrivateKey) problemManifest {
	f, v := &m.Finding, &p.Privacy
	out := problemManifest{
		Common: signed.List(ProblemKind, problemFormat, files, key), Carrier: p.Carrier,
		Finding: f.ID, Rule: f.Rule, RuleVersion: f.RuleVersion, Subject: f.Subject, State: f.State,
		Window:   rules.Window{From: f.Window.From.UTC(), To: f.Window.To.UTC()},
		Handling: v.Handling(),
	}
	if f.Basis != nil {
		out.Ledgers = f.Basis.Ledgers.ID
	}
	out.Log = evidence.LastLink(m.Events)
	return out
}
