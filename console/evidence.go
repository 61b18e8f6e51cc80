package console

import (
	"context"
	"io"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// EvidenceRequest is an evidence package that somebody asks for. A package is not
// masked: who asks and why stand on it.
type EvidenceRequest struct{ Finding, Reason, Recipient, Purpose, By string }

// Evidence makes the evidence package of a finding.
type Evidence func(ctx context.Context, req EvidenceRequest, to io.Writer) error

func (s *Console) findingEvidence(w http.ResponseWriter, r *http.Request, c *caller) {
	found, ok := s.lookUp(w, r, c)
	if !ok {
		return
	}
	if found.Basis == nil {
		s.refuse(w, r, http.StatusConflict, because("no_basis"))
		return
	}
	q := r.URL.Query()
	req := EvidenceRequest{found.ID, strings.TrimSpace(q.Get("reason")), q.Get("recipient"), q.Get("purpose"), c.name}
	if err := req.check(); err != nil {
		s.refuse(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	if !s.record(w, r, c, "evidence", "finding/"+found.ID, "reason="+req.Reason+" recipient="+req.Recipient+" purpose="+req.Purpose) {
		return
	}
	s.download(w, r, "evidence-"+found.ID+".zip", func(to io.Writer) error { return s.Evidence(r.Context(), req, to) })
}

// check refuses what is wrong with a request.
func (req *EvidenceRequest) check() error {
	if req.Reason == "" {
		return because("reason_missing")
	}
	return printable(req.Reason, req.Recipient, req.Purpose)
}

// printable wants lines of text that fit on a page.
func printable(texts ...string) error {
	for _, text := range texts {
		if len(text) > mostPhrase || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return because("report_texts", mostPhrase)
		}
	}
	return nil
}
