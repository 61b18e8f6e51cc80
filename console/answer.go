package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// refuse answers with an error: a page for people, a problem for programs.
func (s *Console) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	lang := spoken(r)
	p := problemOf(status, err, lang)
	if pageRequest(r) {
		s.page(w, r, status, "message.html", page{Problem: p})
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Language", lang)
	s.write(w, status, p)
}

// pageRequest reports whether a browser asks for something to look at.
func pageRequest(r *http.Request) bool {
	return !strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// storeFailed answers without the store's own words, which may hold SQL.
func (s *Console) storeFailed(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.Error("store does not answer", "err", err)
	s.refuse(w, r, http.StatusServiceUnavailable, errStore)
}

// json answers with v, and with 304 when the client has it already.
func (s *Console) json(w http.ResponseWriter, r *http.Request, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		s.Log.Error("answer not made", "err", err)
		s.refuse(w, r, http.StatusInternalServerError, because("failed"))
		return
	}
	h := w.Header()
	if status == http.StatusOK && strings.HasPrefix(r.URL.Path, "/api/") {
		if h.Get("ETag") == "" {
			h.Set("ETag", etagOf(b.Bytes()))
		}
		h.Set("Cache-Control", "private, no-cache")
		if matches(r.Header.Get("If-None-Match"), h.Get("ETag")) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if _, err := b.WriteTo(w); err != nil {
		s.Log.Debug("answer not delivered", "err", err)
	}
}

func (s *Console) write(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		s.Log.Debug("answer not delivered", "err", err)
	}
}

func etagOf(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`
}

// matches reports whether a list of tags holds one (RFC 9110 section 13.1.2,
// weak comparison).
func matches(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == tag || one == "*" {
			return true
		}
	}
	return false
}

// The bounds of a page of an answer.
const (
	defaultListed = 1000
	maxListed     = 10000
)

// limitOf reads how many items are wanted.
func limitOf(q url.Values) (int, error) {
	text := q.Get("limit")
	if text == "" {
		return defaultListed, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxListed {
		return 0, because("number", "limit", text, 1, maxListed)
	}
	return n, nil
}

// next tells where the next page is (RFC 8288).
func next(w http.ResponseWriter, r *http.Request, cursor string) {
	q := r.URL.Query()
	q.Set("cursor", cursor)
	w.Header().Set("Link", "<"+r.URL.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
}

// totalHeader says how many items a list has, beyond its page too.
const totalHeader = "X-Total-Count"

// slice returns the page of a list that q asks for, and says in X-Total-Count
// how many items there are. Version names the list: the cursor of another one is
// refused, as pages of two would not fit.
func slice[T any](w http.ResponseWriter, r *http.Request, all []T, version string) ([]T, error) {
	q := r.URL.Query()
	limit, err := limitOf(q)
	if err != nil {
		return nil, err
	}
	begin := 0
	if cursor := q.Get("cursor"); cursor != "" {
		number, of, _ := strings.Cut(cursor, ".")
		begin, err = strconv.Atoi(number)
		if err != nil || begin < 0 || begin > len(all) || of != version {
			return nil, because("cursor", cursor)
		}
	}
	w.Header().Set(totalHeader, strconv.Itoa(len(all)))
	end := min(len(all), begin+limit)
	if end < len(all) {
		next(w, r, strconv.Itoa(end)+"."+version)
	}
	return append([]T{}, all[begin:end]...), nil
}
