// Package manual holds the manual in Chinese and English: plain Markdown inside
// the program, so that it can be read where there is no network. It lists the
// pages in the order of reading and gives their text; it renders nothing and
// knows nothing of the rest of the program. The console and the command line may
// import it.
//
// Pages named reference-* are made from the program by the tests of
// cmd/linewarden, which also run the commands of the other pages.
package manual
