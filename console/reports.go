package console

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// ReportRequest is a report that somebody asks for.
type ReportRequest struct {
	Quarter   string `json:"quarter"`  // such as 2026Q3
	Language  string `json:"language"` // zh, en
	Recipient string `json:"recipient"`
	Purpose   string `json:"purpose"`
	Unmasked  bool   `json:"unmasked"`
	Reason    string `json:"reason"` // why it is unmasked
	By        string `json:"-"`      // who asks
}

// Reports makes reports.
type Reports interface {
	// CheckQuarter refuses a quarter of which there is no report: ErrQuarter,
	// ErrNotBegun.
	CheckQuarter(quarter string) error
	// MakeReport returns the files of a report, and tells how far it is: a share
	// and what is being done.
	MakeReport(ctx context.Context, req ReportRequest, progress func(share float64, step string)) (map[string][]byte, error)
}

// What is wrong with a quarter.
var (
	ErrQuarter  = errors.New("a quarter is written as 2026Q3")
	ErrNotBegun = errors.New("the quarter has not begun")
)

// The bounds of a report.
const (
	reportTime = 30 * time.Minute
	mostPhrase = 500
)

// reportFile is a file of a report.
type reportFile struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
}

// reportAnswer is a report and how far it is.
type reportAnswer struct {
	jobAnswer
	Kind     string       `json:"kind"`
	Quarter  string       `json:"quarter"`
	Language string       `json:"language"`
	Unmasked bool         `json:"unmasked"`
	Files    []reportFile `json:"files"`
}

// made is a report with its files.
type made struct {
	reportAnswer
	content map[string][]byte
}

// visibleReports are those the caller may see: unmasked ones are for who may
// see third parties.
func (s *Console) visibleReports(c *caller) []reportAnswer {
	list := []reportAnswer{}
	s.shelf.each(func(m *made) {
		if !m.Unmasked || c.can(seeUnmasked) {
			list = append(list, m.reportAnswer)
		}
	})
	return list
}

func (s *Console) reports(w http.ResponseWriter, r *http.Request, c *caller) {
	if !s.wholeCountry(w, r, c) {
		return
	}
	list := s.visibleReports(c)
	for i := range list {
		list[i].say(spoken(r))
	}
	s.json(w, r, http.StatusOK, list)
}

// reportOf finds a report that the caller may see; otherwise it has answered.
func (s *Console) reportOf(w http.ResponseWriter, r *http.Request, c *caller) (a reportAnswer, content map[string][]byte, ok bool) {
	if !s.wholeCountry(w, r, c) {
		return a, nil, false
	}
	id := r.PathValue("id")
	ok = s.shelf.find(id, func(m *made) { a, content = m.reportAnswer, m.content })
	if !ok || a.Unmasked && !c.can(seeUnmasked) {
		s.refuse(w, r, http.StatusNotFound, because("no_report", id))
		return a, nil, false
	}
	a.say(spoken(r))
	return a, content, true
}

func (s *Console) report(w http.ResponseWriter, r *http.Request, c *caller) {
	if a, _, ok := s.reportOf(w, r, c); ok {
		s.json(w, r, http.StatusOK, a)
	}
}

func (s *Console) startReport(w http.ResponseWriter, r *http.Request, c *caller) {
	var req ReportRequest
	if status, err := readJSON(w, r, &req); err != nil {
		s.refuse(w, r, status, err)
		return
	}
	if !s.wholeCountry(w, r, c) {
		return
	}
	req.By = c.name
	if req.Language == "" {
		req.Language = "zh"
	}
	if err := s.checkReport(&req); err != nil {
		s.refuse(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	j, err := newJob(c.name)
	if err != nil {
		s.Log.Error("no report", "err", err)
		s.refuse(w, r, http.StatusServiceUnavailable, because("failed"))
		return
	}
	m := &made{reportAnswer: reportAnswer{
		jobAnswer: j, Kind: "quarterly", Quarter: req.Quarter, Language: req.Language, Unmasked: req.Unmasked, Files: []reportFile{},
	}}
	action := "report"
	if req.Unmasked {
		action = "report_unmasked"
	}
	if !s.record(w, r, c, action, "report/"+req.Quarter, req.Reason) {
		return
	}
	answer := m.reportAnswer
	if !begun(s, &s.shelf, m, reportTime, s.making(m, req)) {
		s.refuse(w, r, http.StatusConflict, because("report_busy"))
		return
	}
	w.Header().Set("Location", api+"/reports/"+answer.ID)
	s.json(w, r, http.StatusAccepted, answer)
}

// checkReport refuses what is wrong with a request before anything is done.
func (s *Console) checkReport(req *ReportRequest) error {
	switch {
	case req.Language != "zh" && req.Language != "en":
		return because("one_of", "language", req.Language, "zh, en")
	case req.Unmasked && req.Reason == "":
		return because("reason_missing")
	case !req.Unmasked && req.Reason != "":
		return because("reason_needless")
	}
	if err := printable(req.Recipient, req.Purpose, req.Reason); err != nil {
		return err
	}
	return s.Reports.CheckQuarter(req.Quarter)
}

// making is the work of a report.
func (s *Console) making(m *made, req ReportRequest) working {
	return func(ctx context.Context, progress func(share float64, step string)) (func(), error) {
		files, err := s.Reports.MakeReport(ctx, req, progress)
		return func() {
			m.content = files
			for _, name := range slices.Sorted(maps.Keys(files)) {
				m.Files = append(m.Files, reportFile{name, len(files[name])})
			}
		}, err
	}
}

func (s *Console) downloadReport(w http.ResponseWriter, r *http.Request, c *caller) {
	a, content, ok := s.reportOf(w, r, c)
	if !ok {
		return
	}
	if a.State != jobDone {
		s.refuse(w, r, http.StatusConflict, because("report_state", a.State))
		return
	}
	if !s.record(w, r, c, "report_download", "report/"+a.Quarter, a.ID) {
		return
	}
	s.download(w, r, "report-"+a.Quarter+".zip", func(to io.Writer) error { return zipped(to, content, a.Began) })
}

// zipped writes files as a zip archive, in the order of their names.
func zipped(to io.Writer, files map[string][]byte, at time.Time) error {
	z := zip.NewWriter(to)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at})
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if _, err := f.Write(files[name]); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return z.Close()
}
