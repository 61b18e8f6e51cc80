package console

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
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
	// CheckReport refuses what is wrong with a request before anything is done.
	CheckReport(req ReportRequest) error
	// MakeReport returns the files of a report, and tells how far it is: a share
	// and what is being done.
	MakeReport(ctx context.Context, req ReportRequest, progress func(share float64, step string)) (map[string][]byte, error)
}

// The bounds of reports that are kept.
const (
	mostReports = 20
	reportTime  = 30 * time.Minute
	mostPhrase  = 500
)

// reportFile is a file of a report.
type reportFile struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
}

// reportAnswer is a report and how far it is.
type reportAnswer struct {
	ID       string       `json:"id"`
	Kind     string       `json:"kind"`
	Quarter  string       `json:"quarter"`
	Language string       `json:"language"`
	State    string       `json:"state"` // running, done, failed
	Progress float64      `json:"progress"`
	Step     string       `json:"step"`
	Began    time.Time    `json:"began"`
	Ended    *time.Time   `json:"ended"`
	By       string       `json:"by"`
	Error    string       `json:"error"`
	Unmasked bool         `json:"unmasked"`
	Files    []reportFile `json:"files"`
}

// made is a report with its files.
type made struct {
	reportAnswer
	content map[string][]byte
}

// shelf holds reports in memory: they can be made again, byte by byte, from the
// store.
type shelf struct {
	mu      *sync.Mutex // guards reports and the fields of each
	reports []*made     // oldest first
}

func newShelf() shelf { return shelf{mu: new(sync.Mutex)} }

// begin puts a report on the shelf; false means that one is being made already.
func (h *shelf) begin(m *made) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, other := range h.reports {
		if other.State == "running" {
			return false
		}
	}
	if len(h.reports) >= mostReports {
		h.reports = h.reports[1:]
	}
	h.reports = append(h.reports, m)
	return true
}

func (h *shelf) change(m *made, work func(m *made)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	work(m)
}

func (h *shelf) list() []reportAnswer {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]reportAnswer, 0, len(h.reports))
	for _, m := range slices.Backward(h.reports) {
		list = append(list, m.reportAnswer)
	}
	return list
}

func (h *shelf) find(id string) (reportAnswer, map[string][]byte, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.reports {
		if m.ID == id {
			return m.reportAnswer, m.content, true
		}
	}
	return reportAnswer{}, nil, false
}

// visibleReports are those the caller may see: unmasked ones are for who may
// see third parties.
func (s *Console) visibleReports(c *caller) []reportAnswer {
	return slices.DeleteFunc(s.shelf.list(), func(a reportAnswer) bool { return a.Unmasked && !c.can(seeUnmasked) })
}

func (s *Console) reports(w http.ResponseWriter, r *http.Request, c *caller) {
	if s.wholeCountry(w, r, c) {
		s.json(w, r, http.StatusOK, s.visibleReports(c))
	}
}

// reportOf finds a report that the caller may see; otherwise it has answered.
func (s *Console) reportOf(w http.ResponseWriter, r *http.Request, c *caller) (reportAnswer, map[string][]byte, bool) {
	if !s.wholeCountry(w, r, c) {
		return reportAnswer{}, nil, false
	}
	id := r.PathValue("id")
	a, content, ok := s.shelf.find(id)
	if !ok || a.Unmasked && !c.can(seeUnmasked) {
		s.refuse(w, r, http.StatusNotFound, because("no_report", id))
		return a, nil, false
	}
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
	for _, text := range []string{req.Recipient, req.Purpose, req.Reason} {
		if len(text) > mostPhrase || !utf8.ValidString(text) {
			s.refuse(w, r, http.StatusUnprocessableEntity, because("report_texts", mostPhrase))
			return
		}
	}
	req.By = c.name
	if req.Language == "" {
		req.Language = "zh"
	}
	if err := s.Reports.CheckReport(req); err != nil {
		s.refuse(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	id, err := random()
	if err != nil {
		s.Log.Error("no report", "err", err)
		s.refuse(w, r, http.StatusServiceUnavailable, because("failed"))
		return
	}
	m := &made{reportAnswer: reportAnswer{
		ID: id[:16], Kind: "quarterly", Quarter: req.Quarter, Language: req.Language, State: "running", Began: time.Now().UTC(), By: c.name,
		Unmasked: req.Unmasked, Files: []reportFile{},
	}}
	action := "report"
	if req.Unmasked {
		action = "report_unmasked"
	}
	if !s.record(w, r, c, action, "report/"+req.Quarter, req.Reason) {
		return
	}
	answer := m.reportAnswer
	if !s.shelf.begin(m) {
		s.refuse(w, r, http.StatusConflict, because("report_busy"))
		return
	}
	s.work.Go(func() { s.make(m, req) })
	w.Header().Set("Location", "/api/v1/reports/"+answer.ID)
	s.json(w, r, http.StatusAccepted, answer)
}

// make makes a report. It ends with the console, and outlives the request.
func (s *Console) make(m *made, req ReportRequest) {
	ctx, cancel := context.WithTimeout(s.life, reportTime)
	defer cancel()
	files, err := s.Reports.MakeReport(ctx, req, func(share float64, step string) {
		s.shelf.change(m, func(m *made) { m.Progress, m.Step = share, step })
	})
	now := time.Now().UTC()
	if err != nil {
		s.Log.Error("a report has failed", "quarter", req.Quarter, "err", err)
		s.shelf.change(m, func(m *made) { m.State, m.Ended, m.Error = "failed", &now, err.Error() })
		return
	}
	s.shelf.change(m, func(m *made) {
		m.State, m.Progress, m.Step, m.Ended, m.content = "done", 1, "", &now, files
		for _, name := range slices.Sorted(maps.Keys(files)) {
			m.Files = append(m.Files, reportFile{name, len(files[name])})
		}
	})
}

func (s *Console) downloadReport(w http.ResponseWriter, r *http.Request, c *caller) {
	a, content, ok := s.reportOf(w, r, c)
	if !ok {
		return
	}
	if a.State != "done" {
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
