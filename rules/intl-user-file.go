package rules

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// IntlUserFile is the rule intl-user-file (N32-2.2.4b, N32-2.2.4c): an active
// international line has no user file, or one that lacks what the notice asks
// for.
func IntlUserFile() Rule {
	return define(Spec{
		ID: "intl-user-file", Version: "1", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: []Clause{
			{ID: "N32-2.2.4b", Valid: registry.Validity{From: n32Published}},
			{ID: "N32-2.2.4c", Valid: registry.Validity{From: n32Published}},
		},
		Title: Text{ZH: "国际专线用户档案缺失或不完整（疑似）", EN: "User file of an international line is missing or incomplete (indication)"},
		Claim: Text{
			ZH: "在用国际专线没有集中建立的用户档案，或档案缺少用途、开通前签署的仅供内部办公承诺、两端登记、合同条款或一年内的复核。",
			EN: "An international line in service has no central user file, or the file lacks the purpose, an office-use commitment signed on or before the start, both ends, the contract clauses, or a review within the year.",
		},
		Params: []Param{{
			Name: "review_days", Unit: "days", Default: 365, Min: 1, Max: 3650,
			Meaning: Text{ZH: "复核有效的天数", EN: "how long a review counts"},
		}},
	}, measureUserFile, judgeUserFile)
}

// requiredClauses are the contract clauses of N32-2.2.4, as user_files.csv
// names them.
var requiredClauses = []string{"internal_use", "no_resale", "no_dc_platform", "termination"}

// UserFileFact is an international line with the files kept for it.
type UserFileFact struct {
	Subject Subject             `json:"subject"`
	Days    registry.Validity   `json:"days"`
	Tenures []LineTenure        `json:"tenures"` // those that touch the span, by start
	Files   []registry.UserFile `json:"files"`
	// EndA and EndZ count the prefixes declared for each end.
	EndA int `json:"end_a_prefixes"`
	EndZ int `json:"end_z_prefixes"`
}

// LineTenure is a row of an international line with what is known of its
// holder.
type LineTenure struct {
	registry.Line
	HolderName string `json:"holder_name"`
	// Started is when the holder's service began: the start of the first of the
	// rows that follow each other without a gap. Zero is unknown.
	Started registry.Date `json:"started"`
	// Group lists the owners of the files that are of the holder's group.
	Group []string `json:"group"`
}

// About implements Fact.
func (f UserFileFact) About() (s Subject, enterpriseID, province string) {
	last := f.Tenures[len(f.Tenures)-1]
	return f.Subject, last.EnterpriseID, last.APlace.Province()
}

func measureUserFile(_ context.Context, in Inputs, _ Params) iter.Seq2[UserFileFact, error] {
	return func(yield func(UserFileFact, error) bool) {
		for _, rows := range linesOf(in.Ledgers, in.Span.Days, "international") {
			if !yield(userFileFact(in, rows), nil) {
				return
			}
		}
	}
}

func userFileFact(in Inputs, rows []registry.Line) UserFileFact {
	last := rows[len(rows)-1]
	view := in.Ledgers.At(in.Span.Days.To)
	f := UserFileFact{Subject: Subject{Kind: SubjectLine, ID: last.ID}, Days: in.Span.Days}
	for _, e := range view.Endpoints(last.ID) {
		switch {
		case !e.Prefix.IsValid():
		case e.End == "a":
			f.EndA++
		case e.End == "z":
			f.EndZ++
		}
	}
	for _, file := range view.UserFiles(last.ID) {
		f.Files = append(f.Files, *file)
	}
	history := view.LineHistory(last.ID)
	for _, row := range rows {
		f.Tenures = append(f.Tenures, f.tenure(view, row, history))
	}
	f.Subject.Name = f.Tenures[len(f.Tenures)-1].HolderName
	return f
}

func (f *UserFileFact) tenure(view *registry.View, row registry.Line, history []*registry.Line) LineTenure {
	t := LineTenure{
		Line: row, Started: started(row, history),
		HolderName: displayName(view.Enterprise(row.EnterpriseID), row.EnterpriseID),
	}
	for i := range f.Files {
		owner := f.Files[i].EnterpriseID
		if view.Siblings(owner, row.EnterpriseID) && !slices.Contains(t.Group, owner) {
			t.Group = append(t.Group, owner)
		}
	}
	return t
}

// started follows the rows of one holder back for as long as each begins no
// later than the day after the one before it ended.
func started(row registry.Line, history []*registry.Line) registry.Date {
	from := row.Valid.From
	for changed := true; changed && from != 0; {
		changed = false
		for _, l := range history {
			joins := l.Valid.To != 0 && l.Valid.To >= from-1 && l.Valid.From < from
			if joins && l.Scope == row.Scope && l.EnterpriseID == row.EnterpriseID {
				from, changed = l.Valid.From, true
			}
		}
	}
	return from
}

// tenureOn returns the row of the line valid on that day.
func (f UserFileFact) tenureOn(day registry.Date) *LineTenure {
	for i := range f.Tenures {
		if f.Tenures[i].Valid.Contains(day) {
			return &f.Tenures[i]
		}
	}
	return nil
}

// deficits returns what is wanting on that day, best file first; nothing means
// that the line is in order.
func (f UserFileFact) deficits(t *LineTenure, day registry.Date, reviewDays int) []string {
	best := []string{"no_user_file"}
	found := false
	for i := range f.Files {
		file := &f.Files[i]
		if !t.mayOwn(file.EnterpriseID) {
			continue
		}
		if d := fileDeficits(file, t, day, reviewDays); !found || len(d) < len(best) {
			best, found = d, true
		}
	}
	if found && f.EndA == 0 {
		best = append(best, "end_a_undeclared")
	}
	if found && f.EndZ == 0 {
		best = append(best, "end_z_undeclared")
	}
	return best
}

// mayOwn reports whether a file of that enterprise may be the holder's: one of
// an unrelated enterprise is not, whichever of line and file names the other.
func (t *LineTenure) mayOwn(owner string) bool {
	return owner == "" || t.EnterpriseID == "" || slices.Contains(t.Group, owner)
}

func fileDeficits(file *registry.UserFile, t *LineTenure, day registry.Date, reviewDays int) []string {
	var d []string
	if strings.TrimSpace(file.Purpose) == "" {
		d = append(d, "no_purpose")
	}
	switch {
	case file.OfficeUseCommitted != registry.Yes, file.CommittedOn == 0, file.CommittedOn > day:
		d = append(d, "no_office_use_commitment")
	case t.Started != 0 && file.CommittedOn > t.Started:
		d = append(d, "commitment_after_start")
	}
	if !file.ClausesKnown {
		d = append(d, "no_clauses_filed")
	}
	for _, c := range requiredClauses {
		if file.ClausesKnown && !slices.Contains(file.Clauses, c) {
			d = append(d, "no_clause_"+c)
		}
	}
	if file.ReviewedOn == 0 || int(day-file.ReviewedOn) > reviewDays {
		d = append(d, "review_overdue")
	}
	return d
}

func judgeUserFile(f UserFileFact, p Params) Judgement {
	var (
		j        = Judgement{Outcome: Clear, Completeness: 1}
		deficits []string
		line     *LineTenure
	)
	for d := f.Days.From; d <= f.Days.To; d++ {
		row := f.tenureOn(d)
		if row == nil {
			continue
		}
		wanting := f.deficits(row, d, int(p["review_days"]))
		if len(wanting) == 0 {
			continue
		}
		if j.FirstDay == 0 {
			j.FirstDay = d
		}
		j.LastDay, deficits, line = d, wanting, row
	}
	if line == nil {
		return j
	}
	j.Outcome, j.Confidence = Fires, 1
	j.Ceased = j.LastDay != f.Days.To
	j.Holder = heldBy(f, Holder{EnterpriseID: line.EnterpriseID, Name: line.HolderName, Province: line.APlace.Province()})
	j.Severity = userFileSeverity(deficits)
	j.Facts = FactSet{
		"deficits": deficits, "user_files": len(f.Files), "holder": line.EnterpriseID,
		"end_a_prefixes": f.EndA, "end_z_prefixes": f.EndZ, "line_started_on": line.Started.String(),
	}
	j.Explanation = explainUserFile(f.Subject.ID, line.HolderName, deficits, j.LastDay)
	j.Evidence = []Evidence{{Kind: "ledger_row", Title: "line " + f.Subject.ID, Ref: "lines/" + f.Subject.ID}}
	for _, file := range f.Files {
		j.Evidence = append(j.Evidence, Evidence{Kind: "ledger_row", Title: "user file " + file.ID, Ref: "user_files/" + file.ID})
	}
	j.Benign = []BenignTest{
		{Name: "line_ended", Result: Text{ZH: "专线当日在用", EN: "the line was in service on the day"}},
		{Name: "file_of_another_id", Result: Text{ZH: fmt.Sprintf("按线路号和档案号查得档案 %d 份", len(f.Files)), EN: fmt.Sprintf("%d files found by line and by file number", len(f.Files))}},
	}
	return j
}

func userFileSeverity(deficits []string) Severity {
	switch {
	case slices.Contains(deficits, "no_user_file"), slices.Contains(deficits, "no_office_use_commitment"):
		return High
	case len(deficits) == 1 && deficits[0] == "review_overdue":
		return Low
	}
	return Medium
}

// deficitTexts says each deficit in words.
var deficitTexts = map[string]Text{
	"no_user_file":             {ZH: "没有用户档案", EN: "no user file"},
	"no_purpose":               {ZH: "档案未写明用途", EN: "no purpose in the file"},
	"no_office_use_commitment": {ZH: "没有签署仅供内部办公使用的承诺", EN: "no signed office-use commitment"},
	"commitment_after_start":   {ZH: "承诺签署日期晚于开通日期", EN: "commitment signed after the start of the line"},
	"no_clauses_filed":         {ZH: "档案未登记合同条款", EN: "no contract clauses in the file"},
	"no_clause_internal_use":   {ZH: "合同缺少“仅供内部使用”条款", EN: "no internal-use clause in the contract"},
	"no_clause_no_resale":      {ZH: "合同缺少“不得转租”条款", EN: "no no-resale clause in the contract"},
	"no_clause_no_dc_platform": {ZH: "合同缺少“不得连接数据中心或业务平台”条款", EN: "no clause against data centres and platforms in the contract"},
	"no_clause_termination":    {ZH: "合同缺少违规终止条款", EN: "no termination clause in the contract"},
	"review_overdue":           {ZH: "最近一年内没有复核", EN: "no review within the last year"},
	"end_a_undeclared":         {ZH: "境内端（A端）未登记地址", EN: "no prefix declared for the A end"},
	"end_z_undeclared":         {ZH: "境外端（Z端）未登记地址", EN: "no prefix declared for the Z end"},
}

func explainUserFile(id, holder string, deficits []string, day registry.Date) Text {
	zh, en := make([]string, len(deficits)), make([]string, len(deficits))
	for i, d := range deficits {
		zh[i], en[i] = deficitTexts[d].ZH, deficitTexts[d].EN
	}
	return Text{
		ZH: fmt.Sprintf("国际专线 %s（%s）截至 %s：%s。补齐档案并完成复核后即可消除。请人工核实。", id, holder, day, strings.Join(zh, "；")),
		EN: fmt.Sprintf("International line %s (%s) as of %s: %s. Completing and reviewing the file clears this. For a person to review.", id, holder, day, strings.Join(en, "; ")),
	}
}
