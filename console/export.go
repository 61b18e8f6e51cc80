package console

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// exportKinds are the formats of an export with their media types.
var exportKinds = map[string]string{
	"csv": "text/csv; charset=utf-8; header=present", "json": "application/json; charset=utf-8", "ndjson": "application/x-ndjson",
}

// stride is after how many findings an export looks whether it is still read.
const stride = 1000

// longestWrite is how long a reader of an export may take for a stride.
const longestWrite = time.Minute

// export answers with all findings of a query, as they are read. How many come
// is said before, so that a reader can show how far it is; fewer than that mean
// that the export has failed on the way.
func (s *Console) export(w http.ResponseWriter, r *http.Request, c *caller) {
	q := r.URL.Query()
	format := q.Get("format")
	kind, ok := exportKinds[format]
	if !ok {
		s.refuse(w, r, http.StatusBadRequest, because("one_of", "format", format, "csv, json, ndjson"))
		return
	}
	query, err := s.queryOf(c, q)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	all, done := s.unmasked(w, r, c, "findings")
	if done {
		return
	}
	privacy, err := s.privacyOf(c, q, all)
	if err != nil {
		s.refuse(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	if !s.record(w, r, c, "export", "findings", r.URL.RawQuery) {
		return
	}
	counts, err := s.Browser.CountFindings(r.Context(), query)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="findings.`+format+`"`)
	h.Set(totalHeader, strconv.FormatUint(sum(counts), 10))
	if err := s.stream(w, r, c, query, format, privacy); err != nil {
		s.Log.Error("an export has failed on the way", "err", err)
		// The answer has begun: breaking it off is all that tells the reader.
		panic(http.ErrAbortHandler)
	}
}

// exportPurpose is what an export is for where nothing else is said.
const exportPurpose = "线索清单 list of findings"

// privacyOf says what an export shows, to whom, and why it is not masked.
func (s *Console) privacyOf(c *caller, q url.Values, all bool) (*report.Privacy, error) {
	p := &report.Privacy{
		Mask: s.Mask, Unmasked: all, Reason: strings.TrimSpace(q.Get("reason")), Recipient: q.Get("recipient"),
		Purpose: cmp.Or(q.Get("purpose"), exportPurpose), Expires: registry.DateOf(time.Now().In(s.Location).AddDate(1, 0, 0)),
	}
	switch {
	case !all:
		p.Reason = ""
	case p.Reason != "":
	case q.Get("unmasked") == "": // nobody asked: the configuration masks nothing
		p.Reason = "privacy.mask_exports"
	default:
		return nil, because("reason_missing")
	}
	if all {
		p.By = c.name
	}
	return p, printable(p.Reason, p.Recipient, p.Purpose)
}

// stream writes the findings of a query.
func (s *Console) stream(w http.ResponseWriter, r *http.Request, c *caller, query FindingQuery, format string, privacy *report.Privacy) error {
	control := http.NewResponseController(w)
	out := bufio.NewWriterSize(w, 64<<10)
	write := exporter(out, format, s.Location, new(privacy.Handling()))
	veil := privacy.Veil(s.Ledgers())
	if err := write.begin(); err != nil {
		return err
	}
	n := 0
	for f, err := range s.Browser.EachFinding(r.Context(), query) {
		if err != nil {
			return err
		}
		if n%stride == 0 {
			// The deadline of the server is for answers that are made at once. A test
			// server without deadlines does not matter.
			if err := control.SetWriteDeadline(time.Now().Add(longestWrite)); err != nil {
				s.Log.Debug("no deadline for a stride of an export", "err", err)
			}
		}
		n++
		if err := write.one(privacy.Findings(s.shown(c, []rules.Finding{f}, privacy.Unmasked), veil)); err != nil {
			return err
		}
	}
	if err := write.end(); err != nil {
		return err
	}
	return out.Flush()
}

// exported writes findings one after another.
type exported struct {
	begin, end func() error
	one        func(f []rules.Finding) error
}

func exporter(w io.Writer, format string, loc *time.Location, h *report.Handling) exported {
	nothing := func() error { return nil }
	say := func(text string) func() error {
		return func() error {
			_, err := io.WriteString(w, text)
			return err
		}
	}
	switch format {
	case "csv":
		// The heading is that of an empty list.
		var heading strings.Builder
		return exported{
			begin: func() error {
				if err := report.WriteExport(&heading, "csv", nil, loc, h); err != nil {
					return err
				}
				return say(heading.String())()
			},
			one: func(f []rules.Finding) error {
				var row strings.Builder
				if err := report.WriteExport(&row, "csv", f, loc, h); err != nil {
					return err
				}
				return say(strings.TrimPrefix(row.String(), heading.String()))()
			},
			end: nothing,
		}
	case "json":
		separator := "[\n"
		return exported{
			begin: nothing,
			one: func(f []rules.Finding) error {
				err := say(separator)()
				separator = ","
				if err != nil {
					return err
				}
				return encoded(w, report.Handled{Finding: &f[0], Handling: h})
			},
			end: func() error {
				if separator != "," {
					return say("[]\n")()
				}
				return say("]\n")()
			},
		}
	}
	return exported{begin: nothing, one: func(f []rules.Finding) error { return encoded(w, report.Handled{Finding: &f[0], Handling: h}) }, end: nothing}
}

func encoded(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
