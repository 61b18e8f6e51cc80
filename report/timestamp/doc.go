// Package timestamp asks for time-stamps of files and checks them (RFC 3161): that
// a third party saw a file no later than it says. It makes the request as bytes
// and reads the answer as bytes; carrying them to an authority and back is for
// whoever runs the program.
//
// It checks what RFC 3161, section 2.4.2, asks of who relies on a time-stamp: the
// imprint is that of the file, the signature is good, the signer's certificate
// was valid then, is for time-stamping alone (section 2.3), is the one the
// signature names (RFC 5816), and leads to an authority that is trusted.
// Revocation is not checked: it would need a network.
//
// It opens no connection. The packages of report and cmd may import it.
package timestamp
