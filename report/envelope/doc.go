// Package envelope packs files that are handed to an authority, in the manner of
// the upload of information security management systems (YD/T 2405): a document
// is checked against its schema, compressed, encrypted to the recipient, hashed,
// numbered without a gap and signed, as one XML file; and it keeps them in a
// spool, from where one is handed out again by its number.
//
// The element names are common ones, the cryptography is not: in place of the
// MD5, AES-CBC and shared passwords of those systems it is age (X25519 and
// ChaCha20-Poly1305, to the key of the recipient) and ed25519. Nothing is sent
// anywhere; carrying the files is for the carrier.
//
// It knows nothing of what a document says: who seals hands over the check. cmd
// may import it.
package envelope
