// Package console answers people and scrapers over HTTP: health, metrics, the
// API and the pages. Everything it serves is in the binary.
//
// It declares the Store it reads from and never imports one; it computes no
// figure of its own. Only cmd may import it.
package console
