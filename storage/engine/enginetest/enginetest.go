package enginetest

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"

	"github.com/linewarden/linewarden/storage/engine"
)

// shared is the engine that tests of a package have in common.
type shared struct {
	ctx     context.Context //nolint:containedctx // of Main, which spans all tests
	prepare []func(path string) error
	once    sync.Once
	process *engine.Process
	path    string
	err     error
}

//nolint:gochecknoglobals // an engine takes half a second to start: the tests of a package share it
var common shared

// Main runs the tests, or the engine if that is what the binary was started
// for. What prepares the directory of the shared engine is called before it
// starts. Main does not return.
func Main(ctx context.Context, m *testing.M, prepare ...func(path string) error) {
	common.ctx, common.prepare = ctx, prepare
	if len(os.Args) > 1 && os.Args[1] == "engine" {
		os.Exit(child(ctx, os.Args[2:]))
	}
	if len(os.Args) == 3 && os.Args[1] == "parent" {
		os.Exit(parent(ctx, os.Args[2]))
	}
	code := m.Run()
	if err := common.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// child is the command "engine".
func child(ctx context.Context, args []string) int {
	flags := flag.NewFlagSet("engine", flag.ExitOnError)
	path := flags.String("path", "", "")
	listen := flags.String("listen", "", "")
	library := flags.String("library", "", "")
	connections := flags.Int("connections", 0, "") // for tests of the limit
	memory := flags.Int64("memory", 0, "")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer cancel()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := engine.Run(ctx, engine.Config{Path: *path, Listen: *listen, Library: *library, MaxConnections: *connections, MaxMemory: *memory, Logger: log}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// parent starts an engine and waits to be killed.
func parent(ctx context.Context, path string) int {
	s := shared{ctx: ctx}
	if err := s.start(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	<-s.process.Done()
	return 0
}

// Config is for an engine on a directory, run by this test binary.
func Config(tb testing.TB, path string) engine.ProcessConfig {
	tb.Helper()
	binary, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return engine.ProcessConfig{Binary: binary, Path: path, Logger: logger(tb)}
}

// logger writes to the log of a test, up to its end.
func logger(tb testing.TB) *slog.Logger {
	tb.Helper()
	return slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Start starts an engine that ends with the test.
func Start(tb testing.TB, path string) *engine.Process {
	tb.Helper()
	p, err := engine.Start(tb.Context(), Config(tb, path))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := p.Stop(context.WithoutCancel(tb.Context())); err != nil {
			tb.Error(err)
		}
	})
	return p
}

// Addr is the address of an engine that all tests of the package share, or of
// the server that LINEWARDEN_TEST_CLICKHOUSE names.
func Addr(tb testing.TB) string {
	tb.Helper()
	if addr := os.Getenv("LINEWARDEN_TEST_CLICKHOUSE"); addr != "" {
		return addr
	}
	common.once.Do(func() {
		//nolint:usetesting // it outlives this test
		if common.path, common.err = os.MkdirTemp("", "engine"); common.err == nil {
			common.err = common.start(common.path)
		}
	})
	if common.err != nil {
		tb.Fatal(common.err)
	}
	return common.process.Addr()
}

func (s *shared) start(path string) error {
	for _, prepare := range s.prepare {
		if err := prepare(path); err != nil {
			return err
		}
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start the engine of the tests: %w", err)
	}
	s.process, err = engine.Start(s.ctx, engine.ProcessConfig{Binary: binary, Path: path})
	return err
}

func (s *shared) stop() error {
	if s.process != nil {
		if err := s.process.Stop(s.ctx); err != nil {
			return err
		}
	}
	if s.path == "" {
		return nil
	}
	return os.RemoveAll(s.path)
}
