package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/audit"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/storage"
)

// web serves the console of a daemon.
type web struct {
	listener net.Listener
	server   *http.Server
	pages    *console.Console
	audit    *audit.Log
	cert     *certificate  // nil without TLS
	failed   chan error    // takes the error that ends serving early
	done     chan struct{} // closed when the server has ended
}

// readyTime bounds one question about readiness.
const readyTime = 2 * time.Second

// serve begins to answer.
func (w *web) serve(ctx context.Context, d *daemon) (err error) {
	cfg := d.cfg
	if w.audit, err = audit.Open(cfg.auditFile()); err != nil {
		return err
	}
	if err := w.audit.Altered(); err != nil {
		d.log.Error("somebody has changed the audit log, or the disk lost some of it", "file", cfg.auditFile(), "error", err)
	}
	if cfg.HTTP.TLS != (TLSConfig{}) {
		if w.cert, err = loadCertificate(cfg.HTTP.TLS); err != nil {
			return err
		}
	}
	signOn, err := cfg.HTTP.OIDC.signOn()
	if err != nil {
		return err
	}
	store := consoleStore{d.store, cfg.casePolicy()}
	books := consoleLedgers{d}
	pages, err := console.New(ctx, console.Config{
		Store: d.store, Cases: store, Network: store, Browser: store, Trends: store, Grounds: store, Registry: books,
		Reports: tracedReports{consoleReports{d}}, Daemon: consoleDaemon{d, time.Now().UTC()}, Evidence: d.evidence, Backtest: d.backtest, Adjudications: d.store.Adjudications,
		App: console.App(), Version: version(), SignOn: signOn, Accounts: cfg.accounts(), Audit: w.audit,
		Ledgers: func() *registry.Snapshot { return d.path.ledgers.Load() }, Rules: d.auditor.inForce,
		Metrics: promhttp.HandlerFor(newMetrics(d), promhttp.HandlerOpts{}), Ready: d.ready,
		Carrier: cfg.Carrier.Name, Location: cfg.location, Log: d.log,
		Mask:     report.Mask{V4: cfg.Privacy.ThirdPartyPrefixV4, V6: cfg.Privacy.ThirdPartyPrefixV6},
		Unmasked: !cfg.Privacy.MaskExports, Loopback: loopback(cfg.HTTP.Listen), Secure: w.cert != nil,
	})
	if err != nil {
		return fmt.Errorf("prepare the console: %w", err)
	}
	w.pages = pages
	w.failed, w.done = make(chan error, 1), make(chan struct{})
	w.server = &http.Server{
		Handler:           pages,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 1 << 16,
		// What clients do wrong at the level of TLS and HTTP is theirs to know.
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	scheme := "http"
	serve := w.server.Serve
	if w.cert != nil {
		scheme = "https"
		w.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: w.cert.get}
		serve = func(l net.Listener) error { return w.server.ServeTLS(l, "", "") }
	}
	go func() { // ended by close, which waits for done
		defer close(w.done)
		if err := serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
			w.failed <- err
		}
	}()
	return w.announce(d, pages, scheme+"://"+w.listener.Addr().String())
}

// announce says where the console is, and where the first administrator is made.
func (w *web) announce(d *daemon, pages *console.Console, url string) error {
	d.log.Info("console is ready", "url", url+"/")
	path, until, err := pages.SetupPath()
	if err != nil {
		return fmt.Errorf("prepare the console: %w", err)
	}
	if path != "" {
		d.log.Warn("there are no users; make the first administrator at this address, once", "link", url+path, "until", until.Format(time.RFC3339))
		if d.cfg.HTTP.Insecure && w.cert == nil && !loopback(d.cfg.HTTP.Listen) {
			d.log.Warn("passwords cross the network unencrypted, as http.insecure permits")
		}
	}
	return nil
}

// certificate is what the console shows, and may be read anew.
type certificate struct {
	files TLSConfig
	now   atomic.Pointer[tls.Certificate]
}

func loadCertificate(files TLSConfig) (*certificate, error) {
	c := &certificate{files: files}
	pair, err := c.read()
	c.now.Store(pair)
	return c, err
}

func (c *certificate) read() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("http.tls: %w", err)
	}
	return &pair, nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }

// readCertificate reads the certificate anew, where there is one.
func (w *web) readCertificate() (*tls.Certificate, error) {
	if w.cert == nil {
		return nil, nil //nolint:nilnil // there is no TLS
	}
	return w.cert.read()
}

// setCertificate has new connections get the certificate, where there is one.
func (w *web) setCertificate(pair *tls.Certificate) {
	if pair != nil {
		w.cert.now.Store(pair)
	}
}

// loopback reports whether an address to listen on is reached from this machine
// alone.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// close lets answers under way end and stops serving.
func (w *web) close(ctx context.Context) error {
	var err error
	if w.server == nil {
		if err = w.listener.Close(); err != nil {
			err = fmt.Errorf("close the console: %w", err)
		}
	} else {
		if err = w.server.Shutdown(ctx); err != nil {
			err = errors.Join(fmt.Errorf("end the console: %w", err), w.server.Close())
		}
		<-w.done
	}
	if w.pages != nil {
		w.pages.Close()
	}
	if w.audit != nil {
		err = errors.Join(err, w.audit.Close())
	}
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
	// What was read before it is in use, so that this is no obstacle either.
	loaded := console.Check{Name: "reload", OK: true}
	if d.reloadBad.Load() {
		loaded.Detail = "the last reload failed, and what was read before it is in use; see the log of the daemon"
	}
	return []console.Check{sockets, store, spool, ledgers, loaded}
}
