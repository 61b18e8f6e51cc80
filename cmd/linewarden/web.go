package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/storage"
)

// web serves the console of a daemon.
type web struct {
	listener net.Listener
	server   *http.Server
	failed   chan error    // takes the error that ends serving early
	done     chan struct{} // closed when the server has ended
}

// readyTime bounds one question about readiness.
const readyTime = 2 * time.Second

// serve begins to answer.
func (w *web) serve(d *daemon) {
	w.failed, w.done = make(chan error, 1), make(chan struct{})
	w.server = &http.Server{
		Handler: console.New(console.Config{
			Store: d.store, Metrics: promhttp.HandlerFor(newMetrics(d), promhttp.HandlerOpts{}),
			Ready: d.ready, Carrier: d.cfg.Carrier.Name, Location: d.cfg.location, Log: d.log,
		}),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 1 << 16,
	}
	go func() { // ended by close, which waits for done
		defer close(w.done)
		if err := w.server.Serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
			w.failed <- err
		}
	}()
	d.log.Info("console is ready", "url", "http://"+w.listener.Addr().String()+"/")
}

// close lets answers under way end and stops serving.
func (w *web) close(ctx context.Context) error {
	if w.server == nil {
		if err := w.listener.Close(); err != nil {
			return fmt.Errorf("close the console: %w", err)
		}
		return nil
	}
	err := w.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("end the console: %w", err), w.server.Close())
	}
	<-w.done
	return err
}

// ready tells whether flows can be received, stored and judged.
func (d *daemon) ready(ctx context.Context) []console.Check {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	sockets := console.Check{Name: "sockets", OK: len(d.collector.Sockets()) > 0}
	if !sockets.OK {
		sockets.Detail = "no flow socket is open: the daemon is stopping, or collector.netflow.listen and collector.sflow.listen are empty"
	}
	store := console.Check{Name: "store", OK: true}
	if err := d.store.Ping(ctx); err != nil {
		// The store's own words may hold more than a reader should see.
		d.log.Warn("the store does not answer", "error", err)
		store = console.Check{Name: "store", Detail: "the store does not answer; see the log of the daemon"}
	}
	// The ledgers were read before the sockets were bound. Without any, flows are
	// worth collecting all the same, so that is a remark and no obstacle.
	ledgers := console.Check{Name: "ledgers", OK: true}
	if len(d.path.ledgers.Load().Ledgers().Enterprises) == 0 {
		ledgers.Detail = "the ledgers are empty; see linewarden registry import"
	}
	spool := console.Check{Name: "spool", OK: true}
	if state := d.spool.Stats().State; state != storage.SpoolOpen {
		spool = console.Check{Name: "spool", Detail: "flows wait or are lost, the spool is " + state.String() + "; make room on its disk, or raise collector.spool.max_bytes"}
	}
	return []console.Check{sockets, store, spool, ledgers}
}
