package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
)

// The load generator is this test binary in a second process, so that what it
// spends is not in the figures of who receives. It obeys commands on its
// standard input:
//
//	aim PROTOCOL ADDRESS    be the exporters of a protocol, or of all, and send there
//	announce                send templates and sampling of all exporters
//	rebind                  give all exporters other source ports
//	clock SPAN              step the clocks of all exporters
//	weather LOSS DUP LATE   lose, repeat and delay these shares of datagrams
//	send RATE N             send N records, RATE a second
//
// and answers each with a line that begins with loadAnswer.
const (
	loadVariable = "LINEWARDEN_LOAD" // tells the child what it is
	loadAnswer   = "load: "
	loadShots    = 256 // datagrams that each exporter repeats
	loadBatch    = 32  // datagrams of one system call
	maxLoadRate  = 8e6 // records a second, whatever is asked for
	maxLoadCount = 10e9
	loadAll      = "all" // protocols at once
	// announceEvery is how often templates are sent again.
	announceEvery = 2 * time.Second
)

// loadGun sends the datagrams of one exporter.
type loadGun struct {
	shooter
	weather       *loadWeather
	late          *shot // of which the next one is ahead
	local, target netip.AddrPort
	magazine      []*shot
	next          int
	pass          uint32
	announced     time.Time

	conn     *net.UDPConn
	packets  *ipv4.PacketConn
	messages []ipv4.Message
}

// rebind gives the exporter a new socket.
func (g *loadGun) rebind() error {
	if g.conn != nil {
		if err := g.conn.Close(); err != nil {
			return err
		}
	}
	var err error
	g.conn, err = net.DialUDP("udp4", net.UDPAddrFromAddrPort(g.local), net.UDPAddrFromAddrPort(g.target))
	if err != nil {
		return err
	}
	g.packets = ipv4.NewPacketConn(g.conn)
	return nil
}

func (g *loadGun) announceAt(now time.Time) error {
	g.announced = now
	message := g.announce(now.Add(g.weather.clock))
	if message == nil {
		return nil
	}
	g.weather.announced++
	_, err := g.conn.Write(message)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil // nobody receives at present, as the kernel says of an earlier one
	}
	return err
}

// fire sends n datagrams with one system call and returns how many records
// they hold.
func (g *loadGun) fire(n int, now time.Time) (records int, err error) {
	if now.Sub(g.announced) > announceEvery {
		if err := g.announceAt(now); err != nil {
			return 0, err
		}
	}
	n = min(n, loadBatch, len(g.magazine)-g.next)
	g.messages = g.messages[:0]
	for _, s := range g.magazine[g.next : g.next+n] {
		g.stamp(s, now.Add(g.weather.clock), g.pass)
		g.expose(s)
		records += len(s.flows)
	}
	if g.next += n; g.next == len(g.magazine) {
		g.next, g.pass = 0, g.pass+1
	}
	return records, g.flush()
}

// flush hands what is loaded to the kernel. That nobody receives is no error of
// the generator: the kernel tells it with the datagram after.
func (g *loadGun) flush() error {
	for sent := 0; sent < len(g.messages); {
		k, err := g.packets.WriteBatch(g.messages[sent:], 0)
		if err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
		sent += max(0, k)
	}
	g.messages = g.messages[:0]
	return nil
}

// battery is all exporters of a protocol.
type battery struct {
	guns    []*loadGun
	turn    int
	weather loadWeather
}

// aim makes the battery the exporters of a protocol.
func (b *battery) aim(name, address string) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !target.Addr().IsLoopback() {
		return fmt.Errorf("load is sent to loopback addresses alone, not to %q: %w", address, err)
	}
	if name != loadAll && !slices.Contains(loadProtocols, name) {
		return fmt.Errorf("no load of protocol %q", name)
	}
	b.close()
	for e := range loadExporters {
		for protocol := range loadProtocols {
			if name != loadAll && name != loadProtocols[protocol] {
				continue
			}
			g := &loadGun{
				shooter: newShooter(protocol, e), target: target, weather: &b.weather,
				local: netip.AddrPortFrom(loadAddress(protocol, e), 0),
			}
			g.magazine = g.shots(newLoadTraffic(protocol, e), loadShots)
			b.guns = append(b.guns, g)
		}
	}
	return b.each((*loadGun).rebind)
}

// close ends the exporters.
func (b *battery) close() {
	for _, g := range b.guns {
		if g.conn != nil {
			_ = g.conn.Close() // nothing is lost by it
		}
	}
	b.guns = nil
}

func (b *battery) each(do func(g *loadGun) error) error {
	var failures []error
	for _, g := range b.guns {
		failures = append(failures, do(g))
	}
	return errors.Join(failures...)
}

// send sends records at a rate, in turns of the exporters. It falls behind
// rather than send faster afterwards than a millisecond's worth at once.
func (b *battery) send(rate float64, records int) (sent, datagrams int, err error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	mean := b.mean()
	for began := time.Now(); sent < records; {
		now := time.Now()
		due := min(records, int(now.Sub(began).Seconds()*rate)) - sent
		for rounds := 0; due > 0 && rounds < 4*len(b.guns); rounds++ {
			g := b.guns[b.turn%len(b.guns)]
			b.turn++
			n := max(1, min(loadBatch, int(float64(due)/mean)/len(b.guns)))
			at := g.next
			k, err := g.fire(n, now)
			if err != nil {
				return sent, datagrams, err
			}
			if datagrams += g.next - at; g.next == 0 {
				datagrams += len(g.magazine)
			}
			sent += k
			due -= k
		}
		if due <= 0 {
			<-tick.C
		}
	}
	return sent, datagrams, b.each((*loadGun).clear)
}

// mean is how many records a datagram holds on average.
func (b *battery) mean() float64 {
	records, datagrams := 0, 0
	for _, g := range b.guns {
		for _, s := range g.magazine {
			records += len(s.flows)
			datagrams++
		}
	}
	return float64(records) / float64(datagrams)
}

// serveLoad is the child: it obeys until in ends.
func serveLoad(in io.Reader, out io.Writer) error {
	b := &battery{}
	defer b.close()
	fmt.Fprintf(out, "%sready\n", loadAnswer)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		answer, err := b.obey(lines.Text())
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s%s\n", loadAnswer, answer)
	}
	return lines.Err()
}

func (b *battery) obey(line string) (answer string, err error) {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "aim":
		var protocol, address string
		if _, err := fmt.Sscan(rest, &protocol, &address); err != nil {
			return "", fmt.Errorf("%q: %w", line, err)
		}
		return "aimed", b.aim(protocol, address)
	case "announce":
		now := time.Now()
		return "announced", b.each(func(g *loadGun) error { return g.announceAt(now) })
	case "rebind":
		return "rebound", b.each((*loadGun).rebind)
	case "clock":
		return "stepped", b.stepClock(rest)
	case "weather":
		return "changed", b.weather.change(rest)
	case "send":
		var rate float64
		var n int
		if _, err := fmt.Sscan(rest, &rate, &n); err != nil {
			return "", fmt.Errorf("%q: %w", line, err)
		}
		if rate <= 0 || rate > maxLoadRate || n <= 0 || n > maxLoadCount || len(b.guns) == 0 {
			return "", fmt.Errorf("%q is out of bounds", line)
		}
		began := time.Now()
		b.weather.toll = toll{}
		sent, datagrams, err := b.send(rate, n)
		return fmt.Sprintf("sent %d %d %d %s", sent, datagrams, time.Since(began).Nanoseconds(), b.weather.toll), err
	}
	return "", fmt.Errorf("%q is no command", line)
}

// loadProcess is the load generator as its parent sees it.
type loadProcess struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// startLoad starts a load generator.
func startLoad() (*loadProcess, error) {
	p := &loadProcess{cmd: exec.Command(os.Args[0], "-test.run", "^TestLoadGenerator$", "-test.timeout", "2h")}
	p.cmd.Env = append(os.Environ(), loadVariable+"=1")
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if answer, err := p.answer(); err != nil || answer != "ready" {
		return nil, errors.Join(fmt.Errorf("the load generator says %q", answer), err, p.stop())
	}
	return p, nil
}

func (p *loadProcess) answer() (string, error) {
	for p.out.Scan() {
		if answer, ok := strings.CutPrefix(p.out.Text(), loadAnswer); ok {
			return answer, nil
		}
	}
	return "", errors.Join(io.ErrUnexpectedEOF, p.out.Err())
}

func (p *loadProcess) ask(format string, args ...any) (string, error) {
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		return "", err
	}
	return p.answer()
}

// sentLoad is what was sent: records, the datagrams with them, how long it took,
// and what the weather did to it.
type sentLoad struct {
	records, datagrams uint64
	took               time.Duration
	toll
}

func (s sentLoad) rate() float64 { return float64(s.records) / s.took.Seconds() }

// send sends n records at a rate.
func (p *loadProcess) send(rate float64, n int) (sentLoad, error) {
	var s sentLoad
	answer, err := p.ask("send %f %d", rate, n)
	if err != nil {
		return s, fmt.Errorf("the load generator failed: %w", err)
	}
	if _, err := fmt.Sscanf(answer, "sent %d %d %d "+tollFormat, &s.records, &s.datagrams, &s.took,
		&s.lostRecords, &s.lostDatagrams, &s.repeatedRecords, &s.repeatedDatagrams, &s.announced); err != nil {
		return s, fmt.Errorf("the load generator says %q: %w", answer, err)
	}
	return s, nil
}

// stop ends the generator.
func (p *loadProcess) stop() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }

// TestLoadGenerator is the load generator when it is told so, and otherwise
// checks that all it sends is what it says.
func TestLoadGenerator(t *testing.T) {
	if os.Getenv(loadVariable) != "" {
		if err := serveLoad(os.Stdin, os.Stdout); err != nil {
			t.Fatal(err)
		}
		return
	}
	load, err := startLoad()
	if err != nil {
		t.Fatal(err)
	}
	for _, protocol := range loadProtocols {
		t.Run(protocol, func(t *testing.T) { checkLoad(t, load, protocol) })
	}
	for _, order := range []string{"fly", "aim netflow7 127.0.0.1:9", "aim ipfix 192.0.2.1:9", "send 1e9 10", "send 10 0", "send", "clock soon", "weather 1", "weather 2 0 0"} {
		if answer, err := (&battery{guns: make([]*loadGun, 1)}).obey(order); err == nil {
			t.Errorf("the order %q is answered by %q", order, answer)
		}
	}
	if err := load.stop(); err != nil {
		t.Error(err)
	}
}
