package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// checkPprof keeps profiles, which show memory, on this machine.
func (c *Config) checkPprof(bad complain) {
	if c.HTTP.Pprof == "" {
		return
	}
	if err := checkAddress(c.HTTP.Pprof); err != nil {
		bad("http.pprof", "%v", err)
		return
	}
	if !loopback(c.HTTP.Pprof) {
		bad("http.pprof", "%q is not a loopback address; profiles need no login and are for this machine alone", c.HTTP.Pprof)
	}
}

// profile answers with profiles of the Go runtime until ctx ends, where the
// configuration names an address for them.
func (d *daemon) profile(ctx context.Context) error {
	address := d.cfg.HTTP.Pprof
	if address == "" {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("open the profiles: %w; set http.pprof to another address, or leave it out", err)
	}
	d.log.Info("profiles are ready", "url", "http://"+l.Addr().String()+"/debug/pprof/")
	server := &http.Server{
		Handler: profiles(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 16,
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() {
		if err := server.Close(); err != nil {
			d.log.Debug("profiles not closed", "error", err)
		}
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the profiles: %w", err)
	}
	return nil
}

// profiles are the pages of net/http/pprof under their usual paths.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
