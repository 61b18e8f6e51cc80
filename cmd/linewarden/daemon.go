package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/collector/snmp"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/storage"
)

// daemon is everything that runs while linewarden serves. It is made by
// startDaemon, and ends with the context of run.
type daemon struct {
	log       *slog.Logger
	cfg       *Config
	store     *opened
	path      *path
	spool     *storage.FlowSpool
	collector *collector.Collector
	poller    *snmp.Poller
	routing   *routing
	auditor   *auditor
	web       *web
	unlock    func() error
	reloadBad atomic.Bool // the last reload failed and the one before it is in use
}

// startDaemon opens all a daemon needs: the directory and the console, which
// another program may hold, then the store, the ledgers, the flow sockets and
// those for routes. When one of them fails, those before it are closed again.
func startDaemon(ctx context.Context, cfg *Config, log *slog.Logger) (_ *daemon, err error) {
	d := &daemon{log: log, cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close(context.WithoutCancel(ctx)))
		}
	}()
	if d.unlock, err = lockData(cfg.DataDir); err != nil {
		return d, err
	}
	listener, err := listenHTTP(ctx, cfg.HTTP.Listen)
	if err != nil {
		return d, err
	}
	d.web = &web{listener: listener}
	if d.store, err = openOwnStore(ctx, cfg, log); err != nil {
		return d, err
	}
	snapshot, err := d.store.snapshot(ctx, cfg, log)
	if err != nil {
		return d, err
	}
	if d.routing, err = newRouting(cfg, d.store.Store, log); err != nil { //nolint:contextcheck // a writer outlives the call that opens it
		return d, err
	}
	if err := d.openPath(snapshot); err != nil {
		return d, err
	}
	if d.spool, err = d.path.openSpool(cfg, d.store.Store); err != nil { //nolint:contextcheck // it outlives the call that opens it
		return d, err
	}
	if d.auditor, err = newAuditor(cfg, d.store, d.path.ledgers, log); err != nil {
		return d, err
	}
	if err := d.auditor.recount(ctx); err != nil {
		return d, err
	}
	d.collector, err = collector.New(cfg.Collector.Config, d.path.collectorDeps(d.store.Store, d.spool, log)) //nolint:contextcheck // a writer outlives the call that opens it
	if err != nil {
		return d, err
	}
	if err := d.collector.Listen(ctx); err != nil {
		return d, fmt.Errorf("open the flow sockets: %w", err)
	}
	if err := d.routing.history.closeOld(ctx, d.store.Store, time.Now()); err != nil {
		return d, err
	}
	if err := d.routing.start(ctx); err != nil {
		return d, err
	}
	return d, d.web.serve(ctx, d)
}

// openPath makes the path of flows and counters.
func (d *daemon) openPath(snapshot *registry.Snapshot) (err error) {
	keep := d.cfg.Collector.Clock.OnSkew == collector.KeepEventTime
	if d.path, err = newPath(d.cfg, snapshot, d.routing.table, keep); err != nil {
		return err
	}
	d.path.keepCounters(d.store.Store, d.log)
	d.poller, err = d.path.newPoller(d.cfg, d.log)
	return err
}

// listenHTTP binds the address of the console.
func listenHTTP(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("open the console: %w; end the program that has %s, or set http.listen to another address", err, address)
	}
	return l, nil
}

// run collects and judges until ctx ends, and then drains: flows that came are
// stored before the store is closed.
func (d *daemon) run(ctx context.Context) error {
	manager, err := newSupervisor(os.Getenv, os.Getpid(), d.log)
	if err != nil {
		return errors.Join(err, d.close(context.WithoutCancel(ctx)))
	}
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error {
		manager.watch(running, d.alive)
		return nil
	})
	group.Go(func() error { return d.collector.Run(running) })
	group.Go(func() error { return d.profile(running) })
	group.Go(func() error {
		d.path.counters.Run(running, d.cfg.Collector.BooksEvery)
		return nil
	})
	group.Go(func() error {
		d.poller.Run(running)
		return nil
	})
	group.Go(func() error {
		d.routing.table.Run(running)
		return nil
	})
	group.Go(func() error {
		select {
		case err := <-d.web.failed:
			return fmt.Errorf("serve the console: %w", err)
		case <-running.Done():
			return nil
		}
	})
	if d.cfg.schedule {
		group.Go(func() error { return d.leadRules(running) })
		group.Go(func() error { return d.tell(running) })
	}
	return errors.Join(group.Wait(), d.close(context.WithoutCancel(ctx)))
}

// close ends what startDaemon has opened, in reverse.
func (d *daemon) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	var err error
	if d.collector != nil {
		err = d.collector.Close()
	}
	if d.web != nil {
		err = errors.Join(err, d.web.close(ctx))
	}
	if d.routing != nil {
		err = errors.Join(err, d.routing.stop(ctx))
	}
	if d.path != nil && d.path.counters != nil {
		err = errors.Join(err, d.path.counters.End(ctx))
	}
	if d.spool != nil {
		err = errors.Join(err, d.spool.Close(ctx))
	}
	if d.store != nil {
		err = errors.Join(err, d.store.close(ctx))
	}
	if d.unlock != nil {
		err = errors.Join(err, d.unlock())
	}
	return err
}

// reload takes ledgers, rules, certificate and BGP neighbours anew, all or none,
// and returns the configuration that is in use then. What cannot be read leaves
// everything as it was.
func (d *daemon) reload(ctx context.Context, g *globals, inUse *Config) *Config {
	cfg, err := g.config()
	if err == nil {
		err = d.take(ctx, cfg)
	}
	d.reloadBad.Store(err != nil)
	if err != nil {
		d.log.Error("reload failed, the configuration and ledgers before it stay in use", "error", err)
		return inUse
	}
	d.log.Info("reloaded ledgers, rules and neighbors")
	return cfg
}

// take puts into use what a configuration names. All that can fail does so before
// anything has changed.
func (d *daemon) take(ctx context.Context, cfg *Config) error {
	snapshot, err := d.store.snapshot(ctx, cfg, d.log)
	if err != nil {
		return err
	}
	set, err := cfg.ruleset()
	if err != nil {
		return err
	}
	vrps, err := readVRPs(cfg.BGP.RPKI.File)
	if err != nil {
		return err
	}
	pair, err := d.web.readCertificate()
	if err != nil {
		return err
	}
	if err := d.routing.setNeighbors(ctx, cfg); err != nil {
		return err
	}
	d.web.setCertificate(pair)
	d.routing.validate(vrps)
	d.path.ledgers.Swap(snapshot)
	d.auditor.setRules(set)
	if keys := cfg.needRestart(d.cfg); len(keys) > 0 {
		d.log.Warn("these settings have changed and take effect at the next start", "keys", strings.Join(keys, " "))
	}
	return nil
}

// lateness is how long after its end a day is still waiting for late flows.
const lateness = time.Hour
