package console

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// rate is how many requests there may be.
type rate struct {
	perSecond, burst float64
}

// The bounds of the table of rates.
const (
	mostBuckets = 10000
	fullTime    = 10 * time.Minute // after which every bucket is full
)

// rateOf returns how often the one who asks may: an account, an address without
// one, or an address with logins, each of which takes 64 MiB and a tenth of a
// second. Behind a proxy all people share an address; their logins have to fit.
func rateOf(c *caller, r *http.Request) (string, rate) {
	from := c.address
	if from.Is6() {
		// A household has a /64.
		if p, err := from.Prefix(64); err == nil {
			from = p.Addr()
		}
	}
	switch {
	case strings.HasPrefix(r.URL.Path, signOnPath), !safe(r.Method) && slices.Contains([]string{"/login", "/setup", "/api/v1/session", "/api/v1/me/password"}, r.URL.Path) && r.Method != http.MethodDelete:
		return "login " + from.String(), rate{0.5, 30}
	case c.via == viaSession || c.via == viaToken:
		return c.via + " " + c.name, rate{50, 300}
	}
	return "address " + from.String(), rate{20, 300}
}

// limits bounds how often each one asks.
type limits struct {
	mu      *sync.Mutex // guards buckets
	buckets map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newLimits() limits { return limits{mu: new(sync.Mutex), buckets: make(map[string]*bucket)} }

// allow reports whether a request may be answered now.
func (l *limits) allow(c *caller, r *http.Request) bool {
	key, rate := rateOf(c, r)
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		if len(l.buckets) >= mostBuckets && !l.forget(now) {
			return false
		}
		b = &bucket{left: rate.burst, at: now}
		l.buckets[key] = b
	}
	b.left = min(rate.burst, b.left+rate.perSecond*now.Sub(b.at).Seconds())
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// forget makes room by leaving out buckets that are full again.
func (l *limits) forget(now time.Time) bool {
	for key, b := range l.buckets {
		if now.Sub(b.at) > fullTime {
			delete(l.buckets, key)
		}
	}
	return len(l.buckets) < mostBuckets
}
