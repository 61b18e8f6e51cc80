package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linewarden/linewarden/storage/engine/chdb"
)

// errTooManyFiles is what accepting fails with when the process has no file
// descriptor left.
const errTooManyFiles = syscall.EMFILE

// Run is the child process: it opens the data directory and serves clients
// until the context ends or, where Start began it, its parent does. It must be
// the main work of its process, because the library can be loaded only once
// and is never unloaded.
func Run(ctx context.Context, c Config) (err error) {
	control := openControl()
	defer func() { err = errors.Join(err, control.close()) }()
	c, err = c.withDefaults()
	if err == nil {
		err = run(ctx, &c, control)
	}
	if err != nil {
		control.failed(err)
		return fmt.Errorf("engine: %w", err)
	}
	return nil
}

func run(ctx context.Context, c *Config, control *control) (err error) {
	ctx, cancel := control.whileParentLives(ctx)
	defer cancel()
	d, err := openDirectory(c.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	listeners, err := d.listen(ctx, c)
	if err != nil {
		return err
	}
	s, err := load(c)
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	if err := d.announce(listeners[0]); err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	var group errgroup.Group
	for _, l := range listeners {
		group.Go(func() error { return s.accept(l) })
	}
	control.ready()
	c.Logger.Info("engine started", "version", s.lib.Version(), "path", c.Path, "listen", c.Listen)
	<-ctx.Done()
	err = closeAll(listeners)
	quiet, end := context.WithTimeout(context.WithoutCancel(ctx), quietTime)
	defer end()
	deadline, end := context.WithTimeout(context.WithoutCancel(ctx), 2*quietTime)
	defer end()
	return errors.Join(err, group.Wait(), s.stop(quiet, deadline))
}

// load loads the library and opens the data.
func load(c *Config) (*server, error) {
	library, err := findLibrary(c.Library)
	if err != nil {
		return nil, err
	}
	args, err := writeSetup(c)
	if err != nil {
		return nil, err
	}
	lib, err := chdb.Load(library)
	if err != nil {
		return nil, err
	}
	s, err := newServer(lib, args, c)
	if errors.Is(err, chdb.ErrConnect) {
		return nil, fmt.Errorf("%w in %s; the reason stands on standard error: if another process uses it, stop that; if it was written by a newer engine, use that one", err, c.Path)
	}
	return s, err
}

// listen opens the private socket of the directory, by which Attach finds the
// engine, and the address that was asked for if that is another one.
func (d *directory) listen(ctx context.Context, c *Config) (list []net.Listener, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(list))
		}
	}()
	private, err := privateSocket(d.path)
	if err != nil {
		return nil, err
	}
	network, addr, err := parseListen(c.Listen)
	if err != nil {
		return nil, err
	}
	if network == "unix" && filepath.Clean(addr) != private {
		private = addr // one socket is enough; its place is written down
	}
	l, err := listenUnix(ctx, private)
	if err != nil {
		return nil, err
	}
	list = append(list, l)
	if network == "unix" {
		return list, nil
	}
	if c.Password == "" {
		c.Password = rand.Text()
		if err := writeFile(filepath.Join(d.path, "password"), c.Password+"\n"); err != nil {
			return list, err
		}
	}
	l, err = new(net.ListenConfig).Listen(ctx, network, addr)
	if err != nil {
		return list, fmt.Errorf("%w on %s: %w; stop what listens there, or choose another --listen", ErrAddress, addr, err)
	}
	return append(list, l), nil
}

// privateSocket is where the socket of a data directory is: in it, or, where
// its path is too long for a socket, in a folder of this user alone.
func privateSocket(path string) (string, error) {
	if socket := filepath.Join(path, "engine.sock"); len(socket) <= maxSocketPath {
		return socket, nil
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if runtime == "" || len(runtime) > maxSocketPath/2 {
		runtime = "/tmp"
	}
	folder := filepath.Join(runtime, fmt.Sprintf("linewarden-%d-%s", os.Getuid(), shortHash(path)))
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("%w in %s: %w; choose a shorter storage.embedded.path", ErrAddress, folder, err)
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return "", fmt.Errorf("%w in %s: %w; choose a shorter storage.embedded.path", ErrAddress, folder, err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || info.Mode().Perm() != 0o700 || !ok || int(owner.Uid) != os.Getuid() {
		return "", fmt.Errorf("%w in %s: somebody else may write there; remove it, or choose a shorter storage.embedded.path", ErrAddress, folder)
	}
	return filepath.Join(folder, "engine.sock"), nil
}

// listenUnix listens on a socket for this user alone. One that a killed
// process has left is replaced; one that answers is not.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("%w on %s: it is not a socket; remove it, or choose another --listen", ErrAddress, path)
		}
		if answers(path) {
			return nil, fmt.Errorf("%w on %s: another process listens there; stop it, or choose another --listen", ErrAddress, path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("%w on %s: %w", ErrAddress, path, err)
		}
	}
	// This process has just begun: nothing else makes files meanwhile.
	old := syscall.Umask(0o177)
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("%w on %s: %w; choose another --listen", ErrAddress, path, err)
	}
	return l, nil
}

// answerTime is how long a socket may take to take a connection.
const answerTime = 2 * time.Second

// answers tells whether somebody listens on a socket.
func answers(path string) bool {
	c, err := net.DialTimeout("unix", path, answerTime) //nolint:noctx // it has a time limit of its own
	if err != nil {
		return false
	}
	return c.Close() == nil
}

func closeAll(list []net.Listener) (err error) {
	for _, l := range list {
		if cerr := l.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
			err = errors.Join(err, cerr)
		}
	}
	return err
}

// Attach returns the address of the engine that runs on a data directory, as
// Config.Addr of storage takes it. Without one it returns false; what a killed
// engine has left there does not count.
func Attach(path string) (addr string, ok bool) {
	text, err := os.ReadFile(filepath.Join(path, addressFile))
	if err != nil {
		return "", false
	}
	addr = strings.TrimSpace(string(text))
	socket, unix := strings.CutPrefix(addr, unixScheme)
	return addr, unix && answers(socket)
}
