// Package console answers people and scrapers over HTTP: health, metrics, the
// API and the pages. Everything it serves is in the binary.
//
// It declares the stores it asks (Store, Cases, Network, Browser, Trends, Grounds,
// Ledgers, Reports, Daemon) and never imports one; it computes no figure of its
// own but shares and means. Only cmd may import it.
//
// The console that people see is the API and a script that is built apart
// (web, embedded by App): one page for all addresses, files with a hash in their
// names kept for good. Where it was not built, plain pages stay.
//
// Uploads of ledgers wait for their import in memory, a few, for half an hour.
// Reports are kept in memory until the next start: they can be made again from
// the store, byte by byte. An overview is kept for some seconds.
//
// # Who may see what
//
// A request is made by a session (the cookie of /login), by a token
// (Authorization: Bearer), or by nobody. Nobody gets the login page, the
// description of the API, /healthz, and on this machine /metrics and /readyz,
// which other programs read. A role permits what capabilities lists; what a
// route needs stands beside it in routes, so that no route is without a check.
// Provinces and the states a regulator may see are part of the question to the
// store. A finding that may not be seen is answered as one that is not there.
//
// While there are neither users nor tokens, a console that listens on loopback
// alone may be read without a login, third parties masked: that is how it is
// tried. Requests through a proxy, or to a name that is not of this machine, are
// not among those, and the first account ends it.
//
// Third parties are masked unless somebody asks who may; that is recorded in the
// audit log, as logins and changes are, before it is answered. What cannot be
// recorded is not done.
//
// # Requests of other sites
//
// Cookies are HttpOnly and SameSite=Lax, and Secure by TLS. A request that
// changes something needs the CSRF token of its session and must not come from
// another origin; the login has no session yet and is guarded by its origin
// alone. Plain pages have no script; no page has one of its own text, and none
// loads anything from elsewhere.
package console
