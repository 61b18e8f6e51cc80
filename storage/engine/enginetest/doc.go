// Package enginetest starts real embedded engines for tests.
//
// A test binary that calls Main from its TestMain is its own child process: no
// other program has to be built. Only tests import it.
package enginetest
