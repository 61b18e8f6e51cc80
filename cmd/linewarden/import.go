package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/collector/replay"
	"github.com/linewarden/linewarden/registry"
)

// importFlags are the flags of import flows.
type importFlags struct {
	ports    string
	raw      bool
	exporter string
	format   string
}

func newImport(g *globals) *cobra.Command {
	return group("import", "Import recorded traffic and routes through the live path", newImportFlows(g), newImportBGP(g))
}

func newImportFlows(g *globals) *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "flows FILE...",
		Short: "Replay captures of NetFlow v5/v9, IPFIX and sFlow into the store",
		Long: "import flows replays pcap and pcapng files through the same decoder, enrichment and store as\n" +
			"live traffic, at full speed. Event time is the exporters'. Files ending in .ipfix are taken as\n" +
			"IPFIX messages (RFC 5655); with --raw each file is one UDP payload. Templates are learned\n" +
			"from the given files alone.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := f.options()
			if err != nil {
				return err
			}
			return g.importFlows(cmd.Context(), args, options, f.format)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.ports, "exporter-ports", "2055,4739,6343", "UDP destination `ports` that carry exports; 0 takes every port")
	flags.BoolVar(&f.raw, "raw", false, "each file is one UDP payload")
	flags.StringVar(&f.exporter, "exporter", "192.0.2.1", "exporter `address` of payloads and messages that come without one")
	formatFlag(flags, &f.format, "table", "json")
	return c
}

func (f *importFlags) options() (replay.Options, error) {
	o := replay.Options{Raw: f.raw}
	var err error
	if o.Exporter, err = netip.ParseAddr(f.exporter); err != nil {
		return o, usagef("--exporter: %q is not an IP address", f.exporter)
	}
	for text := range strings.SplitSeq(f.ports, ",") {
		port, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
		if err != nil {
			return o, usagef("--exporter-ports: %q is not a UDP port", text)
		}
		o.Ports = append(o.Ports, uint16(port))
	}
	if slices.Contains(o.Ports, 0) {
		o.Ports, o.AnyPort = nil, true
	}
	return o, nil
}

func (g *globals) importFlows(ctx context.Context, files []string, options replay.Options, format string) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	log := g.logger()
	return g.withStore(ctx, cfg, func(s *opened) error {
		snapshot, err := s.snapshot(ctx, cfg, log)
		if err != nil {
			return err
		}
		if !knowsWhose(snapshot) {
			fmt.Fprintln(g.err, "there are no ledgers of interfaces and allocations yet: flows imported now belong to no line and to nobody; see linewarden registry import, and linewarden flows relabel after it")
		}
		p, err := newOfflinePath(ctx, cfg, s, snapshot)
		if err != nil {
			return err
		}
		failed := p.replayAll(ctx, files, options, newProgress(g.err))
		rows, err := p.finish(context.WithoutCancel(ctx))
		if err != nil {
			return errors.Join(failed, err)
		}
		return errors.Join(failed, writeImport(g, rows, format))
	})
}

// knowsWhose tells whether the ledgers say whose any line or address is.
func knowsWhose(snapshot *registry.Snapshot) bool {
	l := snapshot.Ledgers()
	return len(l.Interfaces) > 0 || len(l.Allocations) > 0
}

// replayAll replays each file. A file that fails costs itself alone: what came
// before the damage is kept and the next file is read.
func (p *offlinePath) replayAll(ctx context.Context, files []string, options replay.Options, show *progress) error {
	var failed []error
	for _, file := range files {
		if ctx.Err() != nil {
			failed = append(failed, fmt.Errorf("interrupted before %s; what was read until then is stored", file))
			break
		}
		if err := p.replay(ctx, file, options, show); err != nil {
			failed = append(failed, err)
		}
	}
	show.end()
	return errors.Join(failed...)
}

func (p *offlinePath) replay(ctx context.Context, file string, options replay.Options, show *progress) (err error) {
	r, err := replay.Open(file, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for n := 0; ; n++ {
		if n%1024 == 0 {
			if ctx.Err() != nil {
				return fmt.Errorf("%s: interrupted after %d datagrams, which are stored", file, n)
			}
			show.say("%s: %d datagrams", file, n)
			if err := p.counters.Write(ctx); err != nil {
				return err
			}
		}
		packet, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.pipeline.Take(packet); err != nil {
			return err
		}
	}
}

// progress shows how far long work is, on a terminal only.
type progress struct {
	w    io.Writer
	last time.Time
}

func newProgress(w io.Writer) *progress {
	if !isTerminal(w) {
		w = nil
	}
	return &progress{w: w}
}

// say replaces the line that is shown, a few times a second at most.
func (p *progress) say(format string, values ...any) {
	if p.w == nil || time.Since(p.last) < 200*time.Millisecond {
		return
	}
	p.last = time.Now()
	fmt.Fprintf(p.w, "\r\033[K"+format, values...)
}

func (p *progress) end() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
