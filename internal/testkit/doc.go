// Package testkit holds what the tests of several packages share: where the
// captures of real exporters are, the check that the books balance, and the
// comparison with golden files.
//
// Only test files and test-only packages may import it. It knows the domain
// types of flows and nothing above them.
package testkit
