package main

import (
	"context"
	"fmt"
	"net/netip"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/storage"
)

// rerateFlags are the flags of flows rerate.
type rerateFlags struct {
	exporter, from, to, by, note string
	domain                       uint32
	rate                         uint64
}

func newFlowsRerate(g *globals) *cobra.Command {
	var f rerateFlags
	c := &cobra.Command{
		Use: "rerate", Short: "Give stored flows another sampling rate",
		Long: "rerate notes that an exporter sampled at another rate than it said, and has the rollups of the hours\n" +
			"concerned made anew. The flows stay as they were exported, and the correction that is noted last wins.\n" +
			"Hours whose flows have expired keep their rollups.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.rerateFlows(cmd.Context(), &f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.exporter, "exporter", "", "`address` of the exporter")
	flags.Uint32Var(&f.domain, "domain", 0, "observation domain, source or sub-agent `id` of its flows")
	flags.StringVar(&f.from, "from", "", "flows that began at or after this `time`")
	flags.StringVar(&f.to, "to", "", "flows that began before the end of this `time`")
	flags.Uint64Var(&f.rate, "rate", 0, "packets that one sampled packet stands for")
	flags.StringVar(&f.by, "by", "", "`who` says so; the user of the system unless told")
	flags.StringVar(&f.note, "note", "", "why, in a few words")
	return c
}

// correction makes the correction of a command line.
func (f *rerateFlags) correction(cfg *Config) (storage.SamplingCorrection, error) {
	c := storage.SamplingCorrection{Domain: f.domain, Rate: f.rate, Actor: f.by, Note: f.note}
	var err error
	if c.Exporter, err = netip.ParseAddr(f.exporter); err != nil {
		return c, usagef("--exporter: %q is not an IP address", f.exporter)
	}
	w, err := parseSpan(f.from, f.to, cfg.location)
	if err != nil {
		return c, err
	}
	c.From, c.To = w.From, w.To
	switch {
	case c.From.IsZero() || c.To.IsZero():
		return c, usagef("--from and --to are both needed")
	case c.Rate == 0:
		return c, usagef("--rate is needed: how many packets one sampled packet stands for")
	case c.Note == "":
		return c, usagef("--note is needed: why the exported rate does not hold")
	}
	if c.Actor == "" {
		me, err := user.Current()
		if err != nil {
			return c, usagef("--by is needed: the user of the system is not known: %v", err)
		}
		c.Actor = me.Username
	}
	return c, nil
}

func (g *globals) rerateFlows(ctx context.Context, f *rerateFlags) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	c, err := f.correction(cfg)
	if err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		hours, err := s.CorrectSampling(ctx, c)
		if err != nil {
			return fmt.Errorf("correct sampling: %w", err)
		}
		_, err = fmt.Fprintf(g.out, "采样率已更正 %s 域 domain %d: 1:%d, %s – %s, %d 小时待重算 hours to roll up\n",
			c.Exporter, c.Domain, c.Rate, c.From.In(cfg.location).Format(time.RFC3339), c.To.In(cfg.location).Format(time.RFC3339), hours)
		return err
	})
}
