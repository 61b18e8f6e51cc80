// Package signed seals the files of a report: a manifest with the SHA-256 of
// each, and an ed25519 signature of the manifest beside it. Whoever has the
// public key opens the directory again and is told exactly what was altered,
// left out or added.
package signed
