// Package signed seals files: a manifest with the SHA-256 of each, and an
// ed25519 signature of the manifest beside it. Whoever has the public key opens
// them again, as a directory or an archive, and is told exactly what was altered,
// left out or added. It also keeps the key pair of an installation.
//
// It knows nothing of what the files say. The packages of report that write for
// others, and cmd, may import it; it imports the standard library alone.
package signed
