package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/linewarden/linewarden/storage"
	"github.com/linewarden/linewarden/storage/engine"
)

// stopTime is how long a command waits for what it started to end.
const stopTime = 20 * time.Second

// opened is a store and, where this process started one, its engine.
type opened struct {
	*storage.Store
	engine *engine.Supervisor
	shared string   // directory of the engine, where other commands may use it
	guest  *os.File // held while this command uses the engine of another process
	log    *slog.Logger
	cfg    *Config
}

// withStore runs the work of a command on the store of the configuration: the
// named ClickHouse server, else the engine of the daemon that runs on the data
// directory, else an engine started for this command.
func (g *globals) withStore(ctx context.Context, cfg *Config, work func(s *opened) error) error {
	s, err := openStoreOf(ctx, cfg, g.logger())
	if err != nil {
		return err
	}
	return s.closeAfter(ctx, func() error { return work(s) })
}

// openStoreOf opens the store for a command.
func openStoreOf(ctx context.Context, cfg *Config, log *slog.Logger) (*opened, error) {
	return openWith(ctx, cfg, true, log)
}

// openOwnStore opens the store for the daemon.
func openOwnStore(ctx context.Context, cfg *Config, log *slog.Logger) (*opened, error) {
	return openWith(ctx, cfg, false, log)
}

func openWith(ctx context.Context, cfg *Config, share bool, log *slog.Logger) (*opened, error) {
	o, err := openAsIs(ctx, cfg, share, log)
	if err != nil {
		return nil, err
	}
	if err := o.Migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the store: %w", err), o.close(context.WithoutCancel(ctx)))
	}
	return o, nil
}

// openAsIs opens the store and changes nothing in it, for backups and checks.
func openAsIs(ctx context.Context, cfg *Config, share bool, log *slog.Logger) (_ *opened, err error) {
	o := &opened{log: log, cfg: cfg}
	addr := cfg.Storage.ClickHouse.Addr
	if len(addr) == 0 {
		one, err := o.embedded(ctx, cfg, share, log)
		if err != nil {
			return nil, err
		}
		addr = []string{one}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close(context.WithoutCancel(ctx)))
		}
	}()
	password, err := cfg.Storage.ClickHouse.password()
	if err != nil {
		return nil, err
	}
	c := cfg.Storage
	secure, err := c.ClickHouse.TLS.config()
	if err != nil {
		return nil, err
	}
	o.Store, err = storage.Open(ctx, storage.Config{
		Addr: addr, Database: c.ClickHouse.Database, Username: c.ClickHouse.Username, Password: password,
		Cluster: c.ClickHouse.Cluster, TLS: secure,
		Retention: storage.Retention{
			Flows: time.Duration(c.Retention.Flows), Rollups: time.Duration(c.Retention.Rollups),
			Routes: time.Duration(c.Retention.Routes), Findings: time.Duration(c.Retention.Findings),
		},
		ThirdPartyV4: cfg.Privacy.ThirdPartyPrefixV4, ThirdPartyV6: cfg.Privacy.ThirdPartyPrefixV6,
		Location: cfg.location, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// engineTime is how long a data directory may still be held by an engine that
// is ending.
const engineTime = 10 * time.Second

// embedded returns the address of the engine on the data directory. A command
// takes the engine of a daemon that runs there. The daemon itself has one of
// its own, which must not end with the command that started it.
func (o *opened) embedded(ctx context.Context, cfg *Config, share bool, log *slog.Logger) (string, error) {
	path, err := filepath.Abs(cfg.Storage.Embedded.Path)
	if err != nil {
		return "", fmt.Errorf("engine directory: %w", err)
	}
	binary, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program to start the engine: %w", err)
	}
	limit := time.Now().Add(engineTime)
	for {
		if share {
			if addr, ok, err := o.attach(path); ok || err != nil {
				return addr, err
			}
		}
		o.engine, err = engine.Supervise(ctx, engine.ProcessConfig{Binary: binary, Path: path, Memory: int64(cfg.Storage.Embedded.Memory), Logger: log})
		if err == nil {
			if share {
				o.shared = path
			}
			return o.engine.Addr(), nil
		}
		if !errors.Is(err, engine.ErrLocked) || time.Now().After(limit) {
			return "", fmt.Errorf("start the embedded engine on %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// attach makes this command a guest of the engine that runs on path, if one
// does. An engine of another command does not end before its guests do.
func (o *opened) attach(path string) (addr string, ok bool, err error) {
	guest, err := enterEngine(path)
	if guest == nil {
		return "", false, err
	}
	if addr, ok = engine.Attach(path); !ok {
		return "", false, guest.Close()
	}
	o.guest = guest
	return addr, true, nil
}

// closeAfter runs the work of a command and closes the store, whatever came of
// it. An engine that other commands use meanwhile is kept for them; an
// interrupted command does not wait.
func (o *opened) closeAfter(ctx context.Context, work func() error) (err error) {
	err = work()
	if o.shared != "" {
		alone, werr := awaitGuests(ctx, o.shared, o.log)
		if err = errors.Join(err, werr); alone != nil {
			defer func() { err = errors.Join(err, alone.Close()) }()
		}
	}
	return errors.Join(err, o.close(context.WithoutCancel(ctx)))
}

// close closes the store and stops the engine if this process started it.
func (o *opened) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	var err error
	if o.Store != nil {
		err = o.Close()
	}
	if o.engine != nil {
		err = errors.Join(err, o.engine.Stop(ctx))
	}
	if o.guest != nil {
		err = errors.Join(err, o.guest.Close())
	}
	return err
}
