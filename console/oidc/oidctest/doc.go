// Package oidctest is a provider of identities for tests: OpenID Connect over
// real HTTP with signed tokens, which a test may spoil. Only tests import it.
package oidctest
