// Package archtest holds the rules of the repository as tests: which way
// imports point, which library may be used where, how large files and functions
// may grow, and which habits are refused. It reads sources only, with the
// standard library's parser; it never builds or runs what it reads. It holds
// tests alone, so nobody imports it. Every rule is proved by a planted violation.
package archtest
