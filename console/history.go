package console

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// mostHistory is the longest span of routes that are listed one by one.
const mostHistory = 31 * 24 * time.Hour

// prefixSpan reads a prefix the caller may ask about and a span; false means
// that it has answered.
func (s *Console) prefixSpan(w http.ResponseWriter, r *http.Request, c *caller, most time.Duration) (netip.Prefix, rules.Window, bool) {
	q := r.URL.Query()
	prefix, err := prefixOf("prefix", q.Get("prefix"))
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return prefix, rules.Window{}, false
	}
	window, err := s.windowOf(q, 7*24*time.Hour, most)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return prefix, window, false
	}
	if !s.ownsPrefix(c, prefix, registry.DateOf(window.To.Add(-time.Second).In(s.Location))) {
		s.refuse(w, r, http.StatusForbidden, because("prefix_not_yours"))
		return prefix, window, false
	}
	return prefix, window, true
}

func (s *Console) routeHistory(w http.ResponseWriter, r *http.Request, c *caller) {
	prefix, window, ok := s.prefixSpan(w, r, c, mostHistory)
	if !ok {
		return
	}
	routes, err := s.Grounds.RoutesWithin(r.Context(), prefix, window, mostRoutes)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	s.json(w, r, http.StatusOK, append([]Route{}, routes...))
}

func (s *Console) routeOrigins(w http.ResponseWriter, r *http.Request, c *caller) {
	prefix, window, ok := s.prefixSpan(w, r, c, mostTraffic)
	if !ok {
		return
	}
	origins, err := s.Grounds.OriginsWithin(r.Context(), prefix, window)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	s.json(w, r, http.StatusOK, append([]Origin{}, origins...))
}
