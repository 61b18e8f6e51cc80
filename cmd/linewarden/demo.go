package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/simulator"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules/engine"
)

// demoFlags are the flags of demo.
type demoFlags struct {
	once   bool
	http   string
	format string
	seed   uint64
	// accuracy is how many seeds are played to measure the rules; 0 plays one
	// demo.
	accuracy int
	daysAgo  int    // how long before the last complete day the span ends
	dir      string // of the data, empty for a temporary one
}

func newDemo(g *globals) *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play a simulated carrier and print the findings beside the truth",
		Long: "demo starts the daemon on the embedded engine, feeds it eight days of a simulated carrier over\n" +
			"real UDP sockets and its routes over BMP and BGP, together with its ledgers, runs the rules, and\n" +
			"prints what was found beside what the simulator knows to be so. Without --once the console stays up until interrupted.\n" +
			"It exits 1 when a finding is missing, none was called for, or the books do not balance.\n" +
			"Without --data its files are removed at the end.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.accuracy > 0 {
				return g.accuracy(cmd.Context(), &f)
			}
			return g.demo(cmd.Context(), &f)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&f.once, "once", false, "exit after the table")
	flags.StringVar(&f.http, "http", "127.0.0.1:8080", "`address` of the console; port 0 takes a free one")
	formatFlag(flags, &f.format, "table", "json")
	flags.IntVar(&f.accuracy, "accuracy", 0, "play that `number` of seeds and print how right each rule was")
	flags.Uint64Var(&f.seed, "seed", 1, "`number` from which everything random follows")
	return c
}

func (g *globals) demo(ctx context.Context, f *demoFlags) error {
	f.dir = g.dataDir
	outcome, err := g.demoOf(ctx, f, func(o *demoOutcome) error { return o.write(g, f.format) })
	if err == nil {
		err = outcome.verdict()
	}
	return err
}

// demoOf plays one demo and returns its outcome; show is given it while the
// console is still up.
func (g *globals) demoOf(ctx context.Context, f *demoFlags, show func(*demoOutcome) error) (outcome *demoOutcome, err error) {
	dir, temporary, err := demoDir(f.dir)
	if err != nil {
		return nil, err
	}
	if temporary {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	end, err := demoEnd(f.daysAgo)
	if err != nil {
		return nil, err
	}
	carrier, err := simulator.New(simulator.Config{End: end, Seed: f.seed, Location: end.Location()})
	if err != nil {
		return nil, fmt.Errorf("make the simulated carrier: %w", err)
	}
	cfg, err := demoConfig(dir, f.http)
	if err != nil {
		return nil, err
	}
	if err := carrier.WriteLedgers(cfg.Registry.Dir); err != nil {
		return nil, fmt.Errorf("write the ledgers of the simulated carrier: %w", err)
	}
	d, err := startDaemon(ctx, cfg, g.logger())
	if err != nil {
		return nil, err
	}
	return g.playDemo(ctx, d, carrier, f, show)
}

// playDemo feeds the running daemon, judges, shows what came out, and ends the
// daemon.
func (g *globals) playDemo(ctx context.Context, d *daemon, carrier *simulator.Carrier, f *demoFlags, show func(*demoOutcome) error) (*demoOutcome, error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.run(running) }() // received below
	var outcome *demoOutcome
	routes, err := g.feedRoutes(ctx, d, carrier)
	if err == nil {
		outcome, err = g.feedAndJudge(ctx, d, carrier)
	}
	if err == nil {
		err = show(outcome)
	}
	if err == nil && !f.once {
		fmt.Fprintf(g.err, "控制台 console: http://%s/  (Ctrl-C 结束 to end)\n", d.web.listener.Addr())
		select {
		case <-ctx.Done():
		case early := <-ended:
			return nil, errors.Join(early, errors.New("the daemon ended by itself"), routes.Close())
		}
	}
	stop()
	err = errors.Join(err, <-ended)
	if routes != nil {
		err = errors.Join(err, routes.Close())
	}
	return outcome, err
}

// feedAndJudge sends the traffic, waits until all of it is accounted for and
// runs the rules over the span.
func (g *globals) feedAndJudge(ctx context.Context, d *daemon, carrier *simulator.Carrier) (*demoOutcome, error) {
	from, to := carrier.Span()
	fmt.Fprintf(g.err, "模拟运营商 simulated carrier: %s – %s\n", from.Format(time.DateOnly), to.AddDate(0, 0, -1).Format(time.DateOnly))
	show := newProgress(g.err)
	began := time.Now()
	sent, err := carrier.Feed(ctx, demoTargets(d.collector.Sockets()), simulator.Pace{
		RecordsPerSecond: -1,
		Wait:             func(ctx context.Context, n uint64) error { return waitForReceipt(ctx, d.path.books, n) },
		Progress: func(at time.Time, n uint64) {
			show.say("%s  %d flow records", at.In(from.Location()).Format("2006-01-02 15:04"), n)
		},
	})
	show.end()
	if err != nil {
		return nil, fmt.Errorf("feed the daemon: %w", err)
	}
	fmt.Fprintf(g.err, "已发送 sent %d flow records in %.1f s\n", sent.Records(), time.Since(began).Seconds())
	if err := waitForBooks(ctx, d.path.books, sent.Records()); err != nil {
		return nil, err
	}
	if err := writeAllBooks(ctx, d); err != nil {
		return nil, err
	}
	began = time.Now()
	result, err := d.auditor.run(ctx, engine.Request{LastDay: registry.DateOf(to) - 1})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(g.err, "已审计 audited in %.1f s\n", time.Since(began).Seconds())
	return newDemoOutcome(carrier, sent, d.path.books, result), nil
}

// demoDir returns the directory of the demo: a temporary one unless one is
// named, which must be empty so that no two demos mix.
func demoDir(named string) (dir string, temporary bool, err error) {
	if named == "" {
		dir, err = os.MkdirTemp("", "linewarden-demo-")
		if err != nil {
			return "", false, fmt.Errorf("make the directory of the demo: %w; name one with --data", err)
		}
		return dir, true, nil
	}
	files, err := os.ReadDir(named)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("directory of the demo: %w", err)
	}
	if len(files) > 0 {
		return "", false, fmt.Errorf("%s is not empty: a demo begins with an empty directory, name another with --data", named)
	}
	return named, false, nil
}

// demoEnd is the end of the last complete day of the carrier's time zone, or of
// one so many days before it.
func demoEnd(daysAgo int) (time.Time, error) {
	loc, err := time.LoadLocation(DefaultConfig().Carrier.Timezone)
	if err != nil {
		return time.Time{}, fmt.Errorf("time zone of the demo: %w", err)
	}
	return (lastCompleteDay(time.Now(), loc) + 1 - registry.Date(daysAgo)).Start(loc), nil
}

// demoConfig is a daemon on free loopback ports. The traffic of the demo lies
// in the past, so the clocks of its exporters are believed.
func demoConfig(dir, http string) (*Config, error) {
	c := DefaultConfig()
	c.DataDir = dir
	c.Carrier.Name = "演示运营商 Demo Carrier"
	c.Collector.Netflow.Listen = []string{"127.0.0.1:0"}
	c.Collector.SFlow.Listen = []string{"127.0.0.1:0"}
	c.BGP.BMP.Listen, c.BGP.Listen = "127.0.0.1:0", "127.0.0.1:0"
	reflector, asn := simulator.Reflector()
	c.BGP.Neighbors = []NeighborConfig{{Address: reflector, ASN: asn}}
	c.Collector.Clock.OnSkew = collector.KeepEventTime
	c.Collector.StateFile = filepath.Join(dir, "state", "netflow.state")
	c.Collector.BooksEvery = time.Second
	c.HTTP.Listen = http
	c.Storage.Retention = RetentionConfig{} // the span is older than flows are kept
	c.schedule = false
	c.fillPaths()
	if err := c.check(); err != nil {
		return nil, usageError{fmt.Errorf("configuration of the demo: %w", err)}
	}
	return &c, nil
}

// demoTargets are the sockets by the order in which the collector opens them:
// those of collector.netflow before those of collector.sflow.
func demoTargets(sockets []collector.SocketInfo) simulator.Targets {
	var netflow, sflow netip.AddrPort
	if len(sockets) > 0 {
		netflow, sflow = sockets[0].Local, sockets[len(sockets)-1].Local
	}
	return simulator.Targets{Netflow: netflow, IPFIX: netflow, SFlow: sflow}
}

// inFlight is how many records may be under way between the simulator and the
// books, so that no socket buffer fills.
const inFlight = 20_000

// waitForReceipt holds the simulator back while the daemon is behind.
func waitForReceipt(ctx context.Context, books *flows.Books, sent uint64) error {
	return waitUntil(ctx, func() (bool, string) {
		got := demoBooks(books)
		return got.Records+inFlight >= sent || got.DatagramsLost[flows.ReasonKernelDrop] > 0,
			fmt.Sprintf("%d records sent, %d received", sent, got.Records)
	})
}

// waitForBooks waits until every record that was sent is stored or lost for a
// reason.
func waitForBooks(ctx context.Context, books *flows.Books, sent uint64) error {
	return waitUntil(ctx, func() (bool, string) {
		got := demoBooks(books)
		return got.Records >= sent && got.Stored+got.TotalLost() == got.Records,
			fmt.Sprintf("%d records sent, %d received, %d stored, %d lost", sent, got.Records, got.Stored, got.TotalLost())
	})
}

// receiptTime is how long the books may stand still before the demo gives up.
const receiptTime = 30 * time.Second

// waitUntil polls the condition. It gives up when state stands still.
func waitUntil(ctx context.Context, condition func() (bool, string)) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	last, since := "", time.Now()
	for {
		done, state := condition()
		if done {
			return nil
		}
		if state != last {
			last, since = state, time.Now()
		}
		if time.Since(since) > receiptTime {
			return fmt.Errorf("the daemon has not accounted for what it was sent: %s", state)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// demoBooks adds up the books of all sources.
func demoBooks(books *flows.Books) flows.Count {
	var sum flows.Count
	books.Totals(func(_ flows.Source, c flows.Count) { sum.Add(&c) })
	return sum
}

// writeAllBooks waits until the store has what the books say: an audit reads
// the completeness from there.
func writeAllBooks(ctx context.Context, d *daemon) error {
	want := demoBooks(d.path.books)
	return waitUntil(ctx, func() (bool, string) {
		entries, err := d.store.BookEntries(ctx, allTime())
		if err != nil {
			d.log.Debug("read the books", "error", err)
			return false, "the stored books cannot be read"
		}
		var sum flows.Count
		for i := range entries {
			sum.Add(&entries[i].Count)
		}
		return sum.Records == want.Records && sum.Stored+sum.TotalLost() == want.Records,
			fmt.Sprintf("%d of %d records are in the stored books, %d with their end", sum.Records, want.Records, sum.Stored+sum.TotalLost())
	})
}
