package console

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// Ledgers is where the console reads ledgers as they are written, and imports
// them.
type Ledgers interface {
	// LedgerTables returns the ledgers as they were known at an instant; the zero
	// Time is now. Where some are named, the others come without their rows.
	LedgerTables(ctx context.Context, known time.Time, names ...string) ([]registry.Table, error)
	// ReadLedgers reads the files of a directory.
	ReadLedgers(dir string) ([]registry.Table, []registry.Problem)
	// ImportLedgers makes tables the ledgers in force, where base is still the
	// last import; else ErrImported.
	ImportLedgers(ctx context.Context, tables []registry.Table, base, source string) (LedgerImport, error)
}

// ErrImported means that ledgers were imported since.
var ErrImported = errors.New("ledgers were imported since this upload was checked; check it again")

// The bounds of uploads.
const (
	mostUpload   = 64 << 20  // bytes of a request
	mostUnpacked = 256 << 20 // bytes of the files of a zip
	mostFiles    = 64
	mostChecks   = 4 // uploads that wait for their import
	checkTime    = 30 * time.Minute
	mostListed   = 1000 // problems of an answer
)

// check is an upload that was read.
type check struct {
	ledgerCheck
	tables  []registry.Table
	changes []registry.Change
}

// ledgerProblem is something wrong in an uploaded file.
type ledgerProblem struct {
	File    string `json:"file"`
	Row     int    `json:"row"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	// Code says it to programs, one of ledgerTexts.
	Code    string `json:"code"`
	Warning bool   `json:"warning"`
}

// ledgerCheck is what became of checking an upload.
type ledgerCheck struct {
	ID      string    `json:"id"`
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"`
	// Base is the import the upload was compared with.
	Base       string   `json:"base_import"`
	Files      []string `json:"files"`
	Ledgers    []string `json:"ledgers"`
	Rows       int      `json:"rows"`
	Importable bool     `json:"importable"`
	Errors     int      `json:"errors"`
	Warnings   int      `json:"warnings"`
	// Problems are the first mostListed, errors before warnings.
	Problems []ledgerProblem `json:"problems"`
	Added    int             `json:"added"`
	Changed  int             `json:"changed"`
	Removed  int             `json:"removed"`
}

// uploads are those that wait for their import, by their ids.
type uploads struct {
	mu   *sync.Mutex // guards open
	open map[string]*check
	// busy lets one upload be read at a time: a large one takes memory.
	busy chan struct{}
}

func newUploads() uploads {
	return uploads{mu: new(sync.Mutex), open: make(map[string]*check), busy: make(chan struct{}, 1)}
}

// keep adds an upload and forgets those that are over, and the oldest where
// there are many.
func (u *uploads) keep(c *check) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var oldest string
	for id, other := range u.open {
		if time.Now().After(other.Expires) {
			delete(u.open, id)
		} else if oldest == "" || other.Made.Before(u.open[oldest].Made) {
			oldest = id
		}
	}
	if len(u.open) >= mostChecks {
		delete(u.open, oldest)
	}
	u.open[c.ID] = c
}

func (u *uploads) find(id string) *check {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.open[id]
	if c == nil || time.Now().After(c.Expires) {
		return nil
	}
	return c
}

func (u *uploads) drop(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.open, id)
}

// wholeCountry refuses who is confined to provinces: ledgers are of the carrier.
func (s *Console) wholeCountry(w http.ResponseWriter, r *http.Request, c *caller) bool {
	if len(c.Provinces) > 0 {
		s.refuse(w, r, http.StatusForbidden, because("whole_country"))
		return false
	}
	return true
}

// uploadTime is how long an upload may take.
const uploadTime = 5 * time.Minute

// checkLedgers reads an upload and tells what is wrong with it and what its
// import would change.
func (s *Console) checkLedgers(w http.ResponseWriter, r *http.Request, c *caller) {
	if !s.wholeCountry(w, r, c) {
		return
	}
	select {
	case s.uploads.busy <- struct{}{}:
		defer func() { <-s.uploads.busy }()
	default:
		w.Header().Set("Retry-After", "5")
		s.refuse(w, r, http.StatusServiceUnavailable, because("upload_busy"))
		return
	}
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTime)); err != nil {
		s.Log.Debug("no deadline for an upload", "err", err)
	}
	dir, err := os.MkdirTemp("", "linewarden-upload-*")
	if err != nil {
		s.Log.Error("an upload cannot be kept", "err", err)
		s.refuse(w, r, http.StatusServiceUnavailable, because("failed"))
		return
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			s.Log.Warn("an upload is left on the disk", "dir", dir, "err", err)
		}
	}()
	names, status, err := receive(w, r, dir)
	if err != nil {
		s.refuse(w, r, status, err)
		return
	}
	one, err := s.checked(r.Context(), dir, names)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	s.uploads.keep(one)
	s.json(w, r, http.StatusCreated, s.told(r, one))
}

// receive writes the files of a request into a directory.
func receive(w http.ResponseWriter, r *http.Request, dir string) (names []string, status int, err error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, http.StatusUnsupportedMediaType, because("upload_type")
	}
	form := multipart.NewReader(http.MaxBytesReader(w, r.Body, mostUpload), params["boundary"])
	fail := func(err error) ([]string, int, error) {
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, http.StatusRequestEntityTooLarge, because("upload_too_large", tooLarge.Limit>>20)
		}
		return nil, http.StatusBadRequest, because("upload_unreadable", err)
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fail(err)
		}
		got, err := unpack(part, dir, len(names))
		if err != nil {
			return fail(err)
		}
		names = append(names, got...)
	}
	if len(names) == 0 {
		return nil, http.StatusBadRequest, because("upload_empty")
	}
	return names, http.StatusOK, nil
}

// unpack writes a file of an upload, or the files of a zip, into a directory.
func unpack(part *multipart.Part, dir string, before int) ([]string, error) {
	name := part.FileName() // without directories
	if name == "" {
		return nil, nil
	}
	if !strings.EqualFold(filepath.Ext(name), ".zip") {
		return []string{name}, put(dir, name, part, mostUpload, before)
	}
	archive := filepath.Join(dir, ".archive")
	defer func() { _ = os.Remove(archive) }() // the directory goes anyway
	if err := put(dir, ".archive", part, mostUpload, 0); err != nil {
		return nil, err
	}
	z, err := zip.OpenReader(archive)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer func() { _ = z.Close() }() // it was read
	var names []string
	left := int64(mostUnpacked)
	for _, f := range z.File {
		base := filepath.Base(filepath.FromSlash(f.Name))
		if f.FileInfo().IsDir() || strings.HasPrefix(base, ".") {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%s in %s: %w", base, name, err)
		}
		err = put(dir, base, in, left, before+len(names))
		if err := errors.Join(err, in.Close()); err != nil {
			return nil, fmt.Errorf("in %s: %w", name, err)
		}
		if info, err := os.Stat(filepath.Join(dir, base)); err == nil {
			left -= info.Size()
		}
		names = append(names, base)
	}
	return names, nil
}

// put writes one file. A name may come once: the second would hide the first.
func put(dir, name string, from io.Reader, most int64, before int) (err error) {
	if before >= mostFiles {
		return fmt.Errorf("there are more than %d files", mostFiles)
	}
	if name == "." || name == string(filepath.Separator) || strings.ContainsAny(name, "\x00/\\") {
		return fmt.Errorf("%q is no name of a file", name)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there twice", name)
	}
	if err != nil {
		return fmt.Errorf("keep %q: %w", name, errors.Unwrap(err))
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err := io.Copy(f, io.LimitReader(from, most+1))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if n > most {
		return fmt.Errorf("%s: it is larger than %d bytes when it is unpacked", name, most)
	}
	return nil
}

// checked reads the files of a directory in the place of the ledgers of the same
// names.
func (s *Console) checked(ctx context.Context, dir string, names []string) (*check, error) {
	id, err := random()
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	base := s.Ledgers().Version()
	one := &check{ledgerCheck: ledgerCheck{
		ID: id[:32], Made: now, Expires: now.Add(checkTime), Base: base.ID, Files: names, Ledgers: []string{}, Problems: []ledgerProblem{},
	}}
	old, err := s.Registry.LedgerTables(ctx, base.Known)
	if err != nil {
		return nil, fmt.Errorf("read the ledgers in force: %w", err)
	}
	read, problems := s.Registry.ReadLedgers(dir)
	one.tables = slices.Clone(old)
	for _, t := range read {
		one.Ledgers = append(one.Ledgers, t.Name)
		one.Rows += len(t.Rows)
		if i := slices.IndexFunc(one.tables, func(o registry.Table) bool { return o.Name == t.Name }); i >= 0 {
			one.tables[i] = t
		} else {
			one.tables = append(one.tables, t)
		}
	}
	_, more := registry.Parse(one.tables)
	one.judge(append(problems, more...))
	if len(read) == 0 && one.Errors == 0 {
		one.judge([]registry.Problem{{File: strings.Join(names, ", "), Row: 1, Column: 1, Message: "no file is named after a ledger, such as lines.csv"}})
	}
	one.Importable = one.Errors == 0
	one.changes = registry.Diff(old, one.tables)
	for _, c := range one.changes {
		switch c.Kind {
		case registry.Added:
			one.Added++
		case registry.Changed:
			one.Changed++
		case registry.Removed:
			one.Removed++
		}
	}
	return one, nil
}

// judge notes problems, errors before warnings.
func (c *check) judge(problems []registry.Problem) {
	slices.SortStableFunc(problems, func(a, b registry.Problem) int {
		switch {
		case a.Warning == b.Warning:
			return 0
		case b.Warning:
			return -1
		}
		return 1
	})
	for _, p := range problems {
		if p.Warning {
			c.Warnings++
		} else {
			c.Errors++
		}
		if len(c.Problems) < mostListed {
			c.Problems = append(c.Problems, ledgerProblem{File: p.File, Row: p.Row, Column: p.Column, Message: p.Message, Warning: p.Warning})
		}
	}
}

// told is a check in the language of a request.
func (s *Console) told(r *http.Request, one *check) ledgerCheck {
	answer := one.ledgerCheck
	answer.Problems = s.phrases.tell(one.Problems, spoken(r))
	return answer
}

// upload finds the check of a request; otherwise it has answered.
func (s *Console) upload(w http.ResponseWriter, r *http.Request, c *caller, id string) *check {
	if !s.wholeCountry(w, r, c) {
		return nil
	}
	one := s.uploads.find(id)
	if one == nil {
		s.refuse(w, r, http.StatusNotFound, because("no_upload", id))
	}
	return one
}

func (s *Console) ledgerCheck(w http.ResponseWriter, r *http.Request, c *caller) {
	if one := s.upload(w, r, c, r.PathValue("id")); one != nil {
		s.json(w, r, http.StatusOK, s.told(r, one))
	}
}

func (s *Console) ledgerChanges(w http.ResponseWriter, r *http.Request, c *caller) {
	one := s.upload(w, r, c, r.PathValue("id"))
	if one == nil {
		return
	}
	ledger := r.URL.Query().Get("ledger")
	var list []registry.Change
	for i := range one.changes {
		if asked(ledger, one.changes[i].Ledger) {
			list = append(list, one.changes[i])
		}
	}
	page, err := slice(w, r, list, one.ID)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	s.json(w, r, http.StatusOK, page)
}

func (s *Console) dropCheck(w http.ResponseWriter, r *http.Request, c *caller) {
	if one := s.upload(w, r, c, r.PathValue("id")); one != nil {
		s.uploads.drop(one.ID)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Console) importLedgers(w http.ResponseWriter, r *http.Request, c *caller) {
	var req struct {
		Check string `json:"check"`
	}
	if status, err := readJSON(w, r, &req); err != nil {
		s.refuse(w, r, status, err)
		return
	}
	one := s.upload(w, r, c, req.Check)
	switch {
	case one == nil:
		return
	case !one.Importable:
		s.refuse(w, r, http.StatusUnprocessableEntity, because("upload_errors", one.Errors))
		return
	}
	detail := fmt.Sprintf("%s: %d rows added, %d changed, %d removed", strings.Join(one.Ledgers, " "), one.Added, one.Changed, one.Removed)
	if !s.record(w, r, c, "ledger_import", "ledgers", detail) {
		return
	}
	done, err := s.Registry.ImportLedgers(r.Context(), one.tables, one.Base, "console:"+c.name)
	if err != nil {
		if !s.record(w, r, c, "ledger_import_failed", "ledgers", err.Error()) {
			return
		}
		if errors.Is(err, ErrImported) {
			s.refuse(w, r, http.StatusConflict, ErrImported)
			return
		}
		s.storeFailed(w, r, err)
		return
	}
	s.uploads.drop(one.ID)
	s.json(w, r, http.StatusCreated, done)
}
