package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// startTime is how long a child may take to come up. Loading the library
	// from a cold disk takes seconds.
	startTime = 30 * time.Second
	// startTries is how often a child is started that says nothing.
	startTries = 3
	// stopTime is how long Stop waits when its context does not end before.
	stopTime = 15 * time.Second
	// keptOutput is how much of a child's last words is kept.
	keptOutput = 8 << 10
)

// allocator makes the engine give memory back soon: by default its resident
// size stays far above what it uses.
const allocator = "JE_MALLOC_CONF=dirty_decay_ms:300,muzzy_decay_ms:0"

// timeZone keeps the engine's idea of a day apart from that of the machine; its
// configuration file has no say in it.
const timeZone = "TZ=UTC"

// ProcessConfig says how the child process is started.
type ProcessConfig struct {
	// Binary is a program whose command "engine --path DIR --listen ADDR" is Run.
	Binary string
	// Path is the directory of the data, absolute.
	Path string
	// Library is passed on as --library when it is not empty.
	Library string
	// Memory is passed on as --memory when it is not 0, in bytes.
	Memory int64
	Logger *slog.Logger
}

// Process is a running child.
type Process struct {
	cmd     *exec.Cmd
	addr    string
	control net.Conn
	log     *slog.Logger
	output  *lastWords
	done    chan struct{}
	err     error // how it ended; set before done is closed

	mu      sync.Mutex // guards stopped
	stopped bool       // its end is wanted
}

// Start starts an engine on a data directory and waits until it serves. It ends
// when this process ends, however that happens. The context bounds the start
// only. Errors of the child come as they are: ErrLocked, ErrNoLibrary and so on.
func Start(ctx context.Context, c ProcessConfig) (*Process, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if !filepath.IsAbs(c.Path) {
		return nil, fmt.Errorf("%w: %q is not absolute", ErrPath, c.Path)
	}
	if err := os.MkdirAll(c.Path, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w; create it, or choose another storage.embedded.path", ErrPath, err)
	}
	socket, err := privateSocket(c.Path)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		p, err := begin(ctx, c, unixScheme+socket)
		if err != nil {
			return nil, err
		}
		if err = p.await(ctx); err == nil {
			return p, nil
		}
		p.kill()
		if ctx.Err() != nil || !errors.Is(err, ErrStart) || try == startTries {
			return nil, err
		}
		c.Logger.Warn("the engine did not come up, starting it again", "error", err)
	}
}

// begin starts the process.
func begin(ctx context.Context, c ProcessConfig, addr string) (_ *Process, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStart, err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "control"), os.NewFile(uintptr(pair[1]), "control")
	defer func() { _ = errors.Join(ours.Close(), theirs.Close()) }() // duplicated where they are kept
	control, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStart, err)
	}
	args := []string{"engine", "--path", c.Path, "--listen", addr}
	if c.Library != "" {
		args = append(args, "--library", c.Library)
	}
	if c.Memory != 0 {
		args = append(args, "--memory", strconv.FormatInt(c.Memory, 10))
	}
	p := &Process{
		// It lives longer than the context of its start.
		cmd: exec.CommandContext(context.WithoutCancel(ctx), c.Binary, args...), addr: addr, control: control, log: c.Logger,
		output: &lastWords{log: c.Logger}, done: make(chan struct{}),
	}
	p.cmd.Env = append(os.Environ(), allocator, timeZone, controlEnv+"=3")
	p.cmd.ExtraFiles = []*os.File{theirs}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	// A signal from the terminal is for the parent, which then stops the
	// child after it has written what it has.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrStart, err), control.Close())
	}
	go p.wait()
	return p, nil
}

// wait reaps the child.
func (p *Process) wait() {
	err := p.cmd.Wait()
	p.output.flush()
	p.mu.Lock()
	stopped := p.stopped
	p.mu.Unlock()
	switch {
	case stopped:
	case err != nil:
		p.err = fmt.Errorf("%w: %w%s", ErrExited, err, p.output.tail())
	default:
		p.err = fmt.Errorf("%w: it was told to stop%s", ErrExited, p.output.tail())
	}
	if err := p.control.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		p.log.Debug("closing the control socket", "error", err)
	}
	close(p.done)
}

// await waits for the child to say that it serves, or why it does not.
func (p *Process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = p.control.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	line, err := bufio.NewReader(p.control).ReadBytes('\n')
	if cerr := context.Cause(ctx); cerr != nil {
		return fmt.Errorf("%w: no answer: %w%s", ErrStart, cerr, p.output.tail())
	}
	var s status
	if err == nil {
		err = json.Unmarshal(line, &s)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed): // wait closes our end when the child has ended
		<-p.done
		return fmt.Errorf("%w: %w", ErrStart, p.err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrStart, err)
	case s.Ready:
		return nil
	}
	<-p.done // its last words are complete then
	if detail := p.output.engineWords(); detail != "" {
		return fmt.Errorf("%w: %s", s.err(), detail)
	}
	return s.err()
}

// Addr is where the engine listens, as Config.Addr of storage takes it. It is
// the same each time an engine is started on a directory.
func (p *Process) Addr() string { return p.addr }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err tells how the child ended: nil when Stop ended it, ErrExited when it ended
// by itself. It is meaningful after Done is closed.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Stop ends the child: gently at first, and by force when the context ends or
// after 15 s. Acknowledged inserts survive either. It may be called again.
func (p *Process) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.log.Debug("the engine cannot be signalled", "error", err)
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	p.log.Warn("the engine does not stop, killing it")
	p.kill()
	return nil
}

// kill ends the child by force.
func (p *Process) kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.log.Error("the engine cannot be killed", "error", err)
	}
	<-p.done
}

// lastWords logs what a child prints and keeps the end of it.
type lastWords struct {
	log *slog.Logger

	mu   sync.Mutex // guards everything below
	line []byte     // one that is not complete
	kept []byte
}

func (l *lastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, b...)
	if len(l.kept) > keptOutput {
		l.kept = append(l.kept[:0], l.kept[len(l.kept)-keptOutput:]...)
	}
	l.line = append(l.line, b...)
	for {
		i := bytes.IndexByte(l.line, '\n')
		if i < 0 && len(l.line) < keptOutput {
			return len(b), nil
		}
		if i < 0 {
			i = len(l.line) - 1
		}
		l.print(l.line[:i+1])
		l.line = append(l.line[:0], l.line[i+1:]...)
	}
}

// print logs a line; what the child itself takes for serious is not hidden.
func (l *lastWords) print(line []byte) {
	log := l.log.Debug
	for _, serious := range []string{"level=WARN", "level=ERROR", `"level":"WARN"`, `"level":"ERROR"`, "panic:", "fatal error:"} {
		if bytes.Contains(line, []byte(serious)) {
			log = l.log.Warn
		}
	}
	log("engine", "output", string(bytes.TrimRight(line, "\r\n")))
}

func (l *lastWords) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.line) > 0 {
		l.print(l.line)
		l.line = nil
	}
}

// tail is the end of the output, to stand behind an error.
func (l *lastWords) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSpace(string(l.kept))
	if text == "" {
		return ""
	}
	return ": " + text
}

// engineWords are the exceptions the library itself has printed.
func (l *lastWords) engineWords() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for line := range strings.Lines(string(l.kept)) {
		if strings.HasPrefix(line, "Code: ") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, "; ")
}
