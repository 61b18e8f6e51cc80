package console

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	if done || !s.record(w, r, c, "export", "findings", r.URL.RawQuery) {
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
	h.Set("X-Total-Count", strconv.FormatUint(sum(counts), 10))
	if err := s.stream(w, r, c, query, format, all); err != nil {
		s.Log.Error("an export has failed on the way", "err", err)
		// The answer has begun: breaking it off is all that tells the reader.
		panic(http.ErrAbortHandler)
	}
}

// stream writes the findings of a query.
func (s *Console) stream(w http.ResponseWriter, r *http.Request, c *caller, query FindingQuery, format string, all bool) error {
	control := http.NewResponseController(w)
	out := bufio.NewWriterSize(w, 64<<10)
	write := exporter(out, format, s.Location)
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
		if err := write.one(s.shown(c, []rules.Finding{f}, all)); err != nil {
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

func exporter(w io.Writer, format string, loc *time.Location) exported {
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
				if err := report.WriteFindings(&heading, "csv", nil, loc); err != nil {
					return err
				}
				return say(heading.String())()
			},
			one: func(f []rules.Finding) error {
				var row strings.Builder
				if err := report.WriteFindings(&row, "csv", f, loc); err != nil {
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
				return encoded(w, f[0])
			},
			end: func() error {
				if separator != "," {
					return say("[]\n")()
				}
				return say("]\n")()
			},
		}
	}
	return exported{begin: nothing, one: func(f []rules.Finding) error { return encoded(w, f[0]) }, end: nothing}
}

func encoded(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
