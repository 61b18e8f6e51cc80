package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// benchProcess is a collector under load, in a process of its own.
type benchProcess struct {
	cmd   *exec.Cmd
	log   bytes.Buffer // read it after wait alone
	ended chan error
	usage *syscall.Rusage // of it and the children it waited for; after wait
}

// benchBuffer is the receive buffer of each collector's sockets in bytes, the
// same for all of them.
const benchBuffer = 8 << 20

func startProcess(dir, name string, args ...string) (*benchProcess, error) {
	p := &benchProcess{cmd: exec.Command(name, args...), ended: make(chan error, 1)}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.ended <- p.cmd.Wait() }() // received by wait
	return p, nil
}

// end signals the process and waits for it.
func (p *benchProcess) end(signal os.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("end %s: %w\n%s", p.cmd.Path, err, p.log.String())
	}
	select {
	case err := <-p.ended:
		if p.cmd.ProcessState != nil {
			p.usage, _ = p.cmd.ProcessState.SysUsage().(*syscall.Rusage)
		}
		return err
	case <-time.After(time.Minute):
		return errors.Join(fmt.Errorf("%s does not end on %v", p.cmd.Path, signal), p.cmd.Process.Kill(), <-p.ended)
	}
}

// usedCPU is what the process and the children it waited for have used.
func (p *benchProcess) usedCPU() time.Duration {
	if p.usage == nil {
		return 0
	}
	return time.Duration(p.usage.Utime.Nano() + p.usage.Stime.Nano())
}

// clockTick is the unit of times in /proc; it is 1/100 s on every Linux that Go
// runs on.
const clockTick = 10 * time.Millisecond

// processTimes is the CPU time of a process and of its living descendants.
type processTimes struct{ own, children time.Duration }

func (t processTimes) sum() time.Duration { return t.own + t.children }

func (t processTimes) minus(o processTimes) processTimes {
	return processTimes{t.own - o.own, t.children - o.children}
}

// timesOf reads the times of a process and its descendants. Those of children
// that ended and were waited for are with the children.
func timesOf(root int) (processTimes, error) {
	var total processTimes
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return total, err
	}
	parents := make(map[int]int)
	used, waited := make(map[int]time.Duration), make(map[int]time.Duration)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended since
		}
		// The name of the program, in parentheses, may hold anything.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 15 {
			continue
		}
		ticks := func(i int) time.Duration {
			n, _ := strconv.ParseInt(fields[i], 10, 64)
			return time.Duration(n) * clockTick
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		parents[pid], _ = strconv.Atoi(fields[1])
		used[pid], waited[pid] = ticks(11)+ticks(12), ticks(13)+ticks(14)
	}
	if _, ok := used[root]; !ok {
		return total, fmt.Errorf("process %d has ended", root)
	}
	for pid := range used {
		switch {
		case pid == root:
			total.own = used[pid]
			total.children += waited[pid]
		case descends(parents, pid, root):
			total.children += used[pid] + waited[pid]
		}
	}
	return total, nil
}

// busyTime is the CPU time of everything on this machine since it started.
func busyTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if len(fields) < 8 {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var ticks int64
	for i, field := range fields[1:8] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i != 3 && i != 4 { // idle, and idle with a disk at work
			ticks += n
		}
	}
	return time.Duration(ticks) * clockTick, nil
}

// strangers measures what other programs use of this machine.
type strangers struct {
	at         time.Time
	busy, ours time.Duration
}

func watchStrangers() (s strangers, err error) {
	s.at = time.Now()
	if s.busy, err = busyTime(); err != nil {
		return s, err
	}
	ours, err := timesOf(os.Getpid())
	s.ours = ours.sum()
	return s, err
}

// share is their part of all processors since the watch began.
func (s strangers) share() (float64, error) {
	now, err := watchStrangers()
	if err != nil {
		return 0, err
	}
	theirs := (now.busy - s.busy) - (now.ours - s.ours)
	return max(0, theirs.Seconds()) / now.at.Sub(s.at).Seconds() / float64(runtime.NumCPU()), nil
}

func descends(parents map[int]int, pid, root int) bool {
	for range 10 {
		if pid = parents[pid]; pid == root {
			return true
		}
	}
	return false
}

// udpSocket is a line of /proc/net/udp.
type udpSocket struct {
	inode         string
	queued, drops uint64 // bytes that wait, datagrams that were dropped
}

// udpSockets returns the sockets bound to a port.
func udpSockets(port uint16) ([]udpSocket, error) {
	var list []udpSocket
	for _, file := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 13 || !strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				continue
			}
			_, waiting, _ := strings.Cut(f[4], ":")
			queued, err := strconv.ParseUint(waiting, 16, 64)
			if err != nil {
				return nil, err
			}
			drops, err := strconv.ParseUint(f[12], 10, 64)
			if err != nil {
				return nil, err
			}
			list = append(list, udpSocket{f[9], queued, drops})
		}
	}
	return list, nil
}

// queuedOn is how many bytes wait for the process that receives on a port, and
// droppedOn how many datagrams the kernel dropped before it.
func queuedOn(port uint16) (queued, dropped uint64, err error) {
	sockets, err := udpSockets(port)
	for _, s := range sockets {
		queued += s.queued
		dropped += s.drops
	}
	return queued, dropped, err
}

// equalBuffers gives the sockets that a process has on a port the receive
// buffer that all collectors get, whether or not they have an option for it.
func equalBuffers(pid int, port uint16) (err error) {
	sockets, err := udpSockets(port)
	if err != nil {
		return err
	}
	if len(sockets) == 0 {
		return fmt.Errorf("nobody receives on port %d", port)
	}
	inodes := make(map[string]bool)
	for _, s := range sockets {
		inodes["socket:["+s.inode+"]"] = true
	}
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("open process %d: %w", pid, err)
	}
	defer func() { err = errors.Join(err, unix.Close(handle)) }()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return err
	}
	set := 0
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !inodes[target] {
			continue
		}
		number, err := strconv.Atoi(filepath.Base(link))
		if err != nil {
			return err
		}
		if err := setBuffer(handle, number); err != nil {
			return err
		}
		set++
	}
	if set != len(sockets) {
		return fmt.Errorf("set the buffers of %d sockets out of %d on port %d", set, len(sockets), port)
	}
	return nil
}

func setBuffer(process, number int) (err error) {
	fd, err := unix.PidfdGetfd(process, number, 0)
	if err != nil {
		return fmt.Errorf("borrow a socket: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, benchBuffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, benchBuffer); err != nil {
			return fmt.Errorf("set a receive buffer: %w", err)
		}
	}
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err == nil && got < 2*benchBuffer { // the kernel reports the double, socket(7)
		err = fmt.Errorf("the kernel gives receive buffers of %d bytes, not of %d: run as root, or raise net.core.rmem_max", got/2, benchBuffer)
	}
	return err
}

// freePort returns a loopback address that nobody receives on.
func freePort() (address netip.AddrPort, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	loopback := [4]byte{127, 0, 0, 1}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback}); err != nil {
		return netip.AddrPort{}, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port := name.(*unix.SockaddrInet4).Port
	return netip.AddrPortFrom(netip.AddrFrom4(loopback), uint16(port)), nil
}
