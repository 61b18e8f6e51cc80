// Package oidc has people log in at a provider of identities: OpenID Connect
// Core 1.0 by authorization code with PKCE (RFC 7636) and discovery.
//
// It proves who somebody is and maps a claim to a role; it keeps no session,
// sets no cookie and answers no request, which is the console's. Tokens are read
// once and kept nowhere: what a role permits is decided by this program alone,
// and for as long as its own session lasts. Only console may import it, and cmd
// to configure it.
//
// A provider is asked for its keys and addresses at the first login, not at the
// start: the daemon has to collect while the provider is away.
package oidc
