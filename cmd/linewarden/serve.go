package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func newServe(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon: collectors, store, rules and console",
		Long: "serve receives flow exports, stores them, runs the rules and answers on the console.\n" +
			"SIGTERM drains what has come and exits 0; SIGHUP reads configuration, ledgers, rules and certificate anew,\n" +
			"all or none, and reload.watch does so when they change.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.serve(cmd.Context()) },
	}
}

func (g *globals) serve(ctx context.Context) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	log := g.daemonLogger(cfg.Log.Format)
	stopTraces, err := startTraces(ctx, cfg.Traces, log)
	if err != nil {
		return err
	}
	defer stopTraces(ctx)
	// Signals of people who change the ledgers are not lost while starting.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	d, err := startDaemon(ctx, cfg, log)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	reloads := make(chan struct{})
	go func() { // ended by closing ended, and waited for below
		defer close(reloads)
		d.followFiles(ctx, g, hangups, ended)
	}()
	err = d.run(ctx)
	close(ended)
	<-reloads
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("stopped")
	return nil
}
