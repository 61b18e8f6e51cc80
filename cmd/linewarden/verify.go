package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newVerify(g *globals) *cobra.Command {
	var log bool
	c := &cobra.Command{
		Use: "verify --log", Short: "Check that the log of findings was not altered", Args: cobra.NoArgs,
		Long: "verify --log reads the log of all findings, in which each event holds the hash of the one\n" +
			"before, and compares every finding with what its last event says of it. It names the first\n" +
			"event or finding that was altered, left out or added.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !log {
				return usagef("say what to verify: --log")
			}
			return g.verifyLog(cmd.Context())
		},
	}
	c.Flags().BoolVar(&log, "log", false, "check the log of findings of the store")
	return c
}

func (g *globals) verifyLog(ctx context.Context) error {
	s, err := openStore(ctx, g)
	if err != nil {
		return err
	}
	return s.closeAfter(ctx, func() error {
		c, err := s.CheckLog(ctx)
		if err != nil {
			return fmt.Errorf("verify the log: %w", err)
		}
		if c.Unchained > 0 {
			fmt.Fprintf(g.out, "%d events are from before the log was a chain and cannot be checked\n", c.Unchained)
		}
		if c.First > 1 {
			fmt.Fprintf(g.out, "the log begins with event %d; older ones were removed after their retention\n", c.First)
		}
		fmt.Fprintf(g.out, "完整 intact: %d events, %d findings; last event %d, hash %s\n", c.Events, c.Findings, c.Last.Number, c.Last.Hash)
		return nil
	})
}
