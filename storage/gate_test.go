package storage_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// gate stands between a store and its server and makes the network fail.
type gate struct {
	tb       testing.TB
	server   string
	listener net.Listener
	wg       sync.WaitGroup

	mu       sync.Mutex // guards everything below
	open     bool
	deaf     int  // how many more bytes of answers are delivered before the next is lost, -1 for all
	shuts    bool // the gate shuts when the answer is lost
	conns    map[net.Conn]bool
	attempts int
	answered int // bytes of answers delivered
}

// newGate returns an open gate to the server.
func newGate(tb testing.TB, server string) *gate {
	tb.Helper()
	l, err := net.Listen("unix", filepath.Join(tb.TempDir(), "gate"))
	if err != nil {
		tb.Fatal(err)
	}
	g := &gate{tb: tb, server: server, listener: l, open: true, deaf: -1, conns: make(map[net.Conn]bool)}
	g.wg.Go(g.serve)
	tb.Cleanup(func() {
		if err := l.Close(); err != nil {
			tb.Error(err)
		}
		g.set(false)
		g.wg.Wait()
	})
	return g
}

func (g *gate) addr() string { return "unix://" + g.listener.Addr().String() }

// set opens the gate, or shuts it and cuts every connection.
func (g *gate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = open
	if !open {
		g.cut()
	}
}

func (g *gate) cut() {
	for c := range g.conns {
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			g.tb.Error(err)
		}
	}
	clear(g.conns)
}

// loseAnswers delivers n more bytes of answers, and then cuts every connection.
// What was sent has arrived by then.
func (g *gate) loseAnswers(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deaf = n
}

// loseAnswersAndShut does the same and lets nobody in again.
func (g *gate) loseAnswersAndShut(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deaf, g.shuts = n, true
}

// delivered is how many bytes of answers went through so far.
func (g *gate) delivered() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.answered
}

// tried is how often somebody came to the gate.
func (g *gate) tried() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.attempts
}

func (g *gate) serve() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.mu.Lock()
		g.attempts++
		open := g.open
		g.mu.Unlock()
		if !open {
			if err := client.Close(); err != nil {
				g.tb.Error(err)
			}
			continue
		}
		g.join(client)
	}
}

func (g *gate) join(client net.Conn) {
	network, addr := "tcp", g.server
	if path, ok := strings.CutPrefix(addr, "unix://"); ok {
		network, addr = "unix", path
	}
	server, err := net.Dial(network, addr)
	if err != nil {
		g.tb.Error(err)
		return
	}
	g.mu.Lock()
	g.conns[client], g.conns[server] = true, true
	g.mu.Unlock()
	g.wg.Go(func() { g.copy(server, client, false) })
	g.wg.Go(func() { g.copy(client, server, true) })
}

// copy forwards until either end closes; errors of a cut connection are the
// point of it.
func (g *gate) copy(to io.WriteCloser, from io.ReadCloser, answers bool) {
	defer func() { _ = errors.Join(to.Close(), from.Close()) }()
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if err != nil || answers && g.lost(n) {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// lost tells whether an answer of n bytes is the one to lose.
func (g *gate) lost(n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.deaf < 0 || g.deaf >= n {
		g.answered += n
		g.deaf = max(g.deaf-n, -1)
		return false
	}
	g.deaf = -1
	if g.shuts {
		g.open, g.shuts = false, false
	}
	g.cut()
	return true
}
