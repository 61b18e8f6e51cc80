package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xlsx"
	"github.com/linewarden/linewarden/report"
)

func newRegistry(g *globals) *cobra.Command {
	return group("registry", "Check, import, compare and convert the ledgers",
		newRegistryCheck(g), newRegistryImport(g), newRegistryDiff(g), newRegistryConvert(g))
}

func newRegistryCheck(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "check DIR", Short: "Check every ledger of a directory", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			tables, _, err := g.readLedgers(args[0], g.out)
			if err != nil {
				return err
			}
			fmt.Fprintf(g.err, "%d rows in %d ledgers, no errors\n", rowsIn(tables), len(tables))
			return nil
		},
	}
}

// readLedgers reads and parses a directory, and prints what is wrong with it,
// one problem a line. Errors end in errSilent, warnings do not.
func (g *globals) readLedgers(dir string, problemsTo io.Writer) ([]registry.Table, *registry.Ledgers, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, nil, fmt.Errorf("ledger directory: %w", err)
	} else if !info.IsDir() {
		return nil, nil, fmt.Errorf("ledger directory %s is a file; name the directory that holds enterprises.csv, lines.csv and the others", dir)
	}
	show := newProgress(g.err)
	tables, problems := registry.Read(dir, xlsx.Reader{}, show.ledgers)
	ledgers, more := registry.Parse(tables, show.ledgers)
	show.end()
	failed := false
	for _, p := range append(problems, more...) {
		text := p.String()
		if p.Warning {
			text += " (warning)"
		}
		if _, err := fmt.Fprintln(problemsTo, text); err != nil {
			return nil, nil, fmt.Errorf("write problems: %w", err)
		}
		failed = failed || !p.Warning
	}
	if failed {
		return nil, nil, errSilent
	}
	return tables, ledgers, nil
}

func rowsIn(tables []registry.Table) int {
	rows := 0
	for _, t := range tables {
		rows += len(t.Rows)
	}
	return rows
}

func newRegistryImport(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "import DIR", Short: "Take the ledgers of a directory over, all or nothing", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tables, _, err := g.readLedgers(args[0], g.err)
			if err != nil {
				return err
			}
			cfg, err := g.config()
			if err != nil {
				return err
			}
			return g.withStore(cmd.Context(), cfg, func(s *opened) error {
				show := newProgress(g.err)
				show.say("storing %d rows of %d ledgers", rowsIn(tables), len(tables))
				changes, err := s.ImportLedgers(cmd.Context(), tables, time.Now(), args[0])
				show.end()
				if err != nil {
					return fmt.Errorf("import ledgers: %w; nothing was changed", err)
				}
				fmt.Fprintln(g.err, summarise(changes))
				if len(changes) > 0 && daemonRuns(cfg.DataDir) {
					fmt.Fprintf(g.err, "the daemon on %s judges by the ledgers before these until it gets SIGHUP\n", cfg.DataDir)
				}
				return nil
			})
		},
	}
}

// summarise counts changes by kind.
func summarise(changes []registry.Change) string {
	var added, changed, removed int
	for _, c := range changes {
		switch c.Kind {
		case registry.Added:
			added++
		case registry.Changed:
			changed++
		case registry.Removed:
			removed++
		}
	}
	return fmt.Sprintf("%d rows added, %d changed, %d removed", added, changed, removed)
}

func newRegistryDiff(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "diff DIR", Short: "Show what an import would change", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tables, _, err := g.readLedgers(args[0], g.err)
			if err != nil {
				return err
			}
			cfg, err := g.config()
			if err != nil {
				return err
			}
			return g.withStore(cmd.Context(), cfg, func(s *opened) error {
				known, err := s.Ledgers(cmd.Context(), time.Time{})
				if err != nil {
					return fmt.Errorf("read the ledgers in force: %w", err)
				}
				changes := registry.Diff(known, tables)
				if format == "json" {
					return report.WriteValue(g.out, changes)
				}
				for _, ch := range changes {
					if _, err := fmt.Fprintln(g.out, ch); err != nil {
						return fmt.Errorf("write changes: %w", err)
					}
				}
				fmt.Fprintln(g.err, summarise(changes))
				return nil
			})
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}
