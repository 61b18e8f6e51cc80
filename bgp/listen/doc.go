// Package listen binds the TCP sockets that routers connect to, and takes their
// connections one after the other. It knows nothing of what is said on them, and
// never connects. Packages speaker and bmp alone import it.
package listen
