package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/storage"
)

func newBackup(g *globals) *cobra.Command {
	var verify bool
	c := &cobra.Command{
		Use:   "backup DIR|FILE.tar",
		Short: "Write the whole store to a directory or a tar file",
		Long: "backup writes flows, books, rollups, routes, ledgers, findings, their history and holds to a\n" +
			"directory that is not there yet, or to a file whose name ends in .tar. It may run beside the\n" +
			"daemon, which goes on writing: the tables are those of one instant. Each file is in ClickHouse's\n" +
			"Native format under zstd, and manifest.json has its SHA-256, its rows and their sum.\n\n" +
			"What is not in the store is not in the backup: the configuration, the ledgers' files, the signing\n" +
			"keys of evidence, and the spool, which holds what the store had not taken yet. Copy those files of\n" +
			"the data directory by themselves; of the spool and the state only while the daemon is stopped.\n\n" +
			"--verify reads a backup and compares it with its manifest. It needs no store.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if verify {
				m, err := storage.VerifyBackup(args[0])
				if err != nil {
					return err
				}
				return g.printManifest("verified", args[0], m)
			}
			return g.backup(cmd.Context(), args[0])
		},
	}
	c.Flags().BoolVar(&verify, "verify", false, "check a backup that is there already")
	return c
}

func (g *globals) backup(ctx context.Context, path string) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	// The store is not migrated: what is there is kept as it is.
	s, err := openAsIs(ctx, cfg, true, g.logger())
	if err != nil {
		return err
	}
	return s.closeAfter(ctx, func() error {
		progress := g.tableProgress("backing up")
		m, err := s.Backup(ctx, storage.BackupOptions{Path: path, Program: "linewarden " + version(), Progress: progress.show})
		progress.end()
		if err != nil {
			return err
		}
		if m.Why != "" {
			g.logger().Warn("each table is consistent in itself, and not all are of one instant", "reason", m.Why)
		}
		return g.printManifest("backed up", path, m)
	})
}

func newRestore(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "restore DIR|FILE.tar",
		Short: "Bring a backup into an empty store",
		Long: "restore reads what backup has written into the store of the configuration, which must have no\n" +
			"rows. Rows and their sums are compared before the store has them: it is all or nothing. A backup\n" +
			"of an older version is brought up to date. The daemon must not run on the data directory.\n\n" +
			"A spool that is older than the backup holds batches that the backup may have too; the restored\n" +
			"store would take them a second time. Start the daemon with an empty spool, or with the one that\n" +
			"was copied at the time of the backup.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return g.restore(cmd.Context(), args[0]) },
	}
}

func (g *globals) restore(ctx context.Context, path string) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	if daemonRuns(cfg.DataDir) {
		return fmt.Errorf("restore: a daemon runs on data directory %s; stop it first", cfg.DataDir)
	}
	s, err := openAsIs(ctx, cfg, true, g.logger())
	if err != nil {
		return err
	}
	return s.closeAfter(ctx, func() error {
		progress := g.tableProgress("restoring")
		m, err := s.Restore(ctx, storage.BackupOptions{Path: path, Progress: progress.show})
		progress.end()
		if err != nil {
			return err
		}
		return g.printManifest("restored", path, m)
	})
}

// printManifest sums a backup up.
func (g *globals) printManifest(done, path string, m *storage.Manifest) error {
	size := int64(0)
	for i := range m.Tables {
		size += m.Tables[i].Bytes
	}
	_, err := fmt.Fprintf(g.out, "%s %s: %d rows in %d tables, %.1f MiB, schema %d, taken %s\n",
		done, path, m.Rows(), len(m.Tables), float64(size)/(1<<20), m.Schema, m.Taken.Format(time.RFC3339))
	return err
}

// tableProgress shows on a terminal how far a backup is.
type tableProgress struct {
	out   io.Writer // nil shows nothing
	what  string
	shown time.Time
}

// progressEvery is how often a line on a terminal is written anew.
const progressEvery = 200 * time.Millisecond

func (g *globals) tableProgress(what string) *tableProgress {
	if !isTerminal(g.err) {
		return &tableProgress{}
	}
	return &tableProgress{out: g.err, what: what}
}

func (p *tableProgress) show(at storage.BackupProgress) {
	if p.out == nil || time.Since(p.shown) < progressEvery {
		return
	}
	p.shown = time.Now()
	_, _ = fmt.Fprintf(p.out, "\r\033[K%s table %d of %d: %s, %d of %d rows", p.what, at.Number, at.Of, at.Table, at.Rows, at.AllRows) // for eyes only
}

func (p *tableProgress) end() {
	if p.out != nil && !p.shown.IsZero() {
		_, _ = fmt.Fprint(p.out, "\r\033[K")
	}
}

func newSchema(g *globals) *cobra.Command {
	return group("schema", "Compare the tables of the store with those of this version", &cobra.Command{
		Use:   "check",
		Short: "List the differences between the running schema and that of this version",
		Long: "check compares every table, column and view with what this version expects, changes nothing,\n" +
			"and exits 1 where rows would be lost or misread.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.checkSchema(cmd.Context()) },
	})
}

func (g *globals) checkSchema(ctx context.Context) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	s, err := openAsIs(ctx, cfg, true, g.logger())
	if err != nil {
		return err
	}
	return s.closeAfter(ctx, func() error { return g.listDifferences(ctx, s.Store) })
}

func (g *globals) listDifferences(ctx context.Context, s *storage.Store) error {
	applied, newest, err := s.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	if applied != newest {
		_, err := fmt.Fprintf(g.out, "the store has schema %d, this version has %d; linewarden serve brings it up to date\n", applied, newest)
		return errors.Join(err, errSilent)
	}
	found, err := s.CheckSchema(ctx)
	if err != nil {
		return err
	}
	breaks := false
	for _, d := range found {
		mark := "note"
		if d.Breaks {
			mark, breaks = "error", true
		}
		if _, err := fmt.Fprintf(g.out, "%s: %s\n", mark, d); err != nil {
			return err
		}
	}
	if breaks {
		return errSilent
	}
	_, err = fmt.Fprintf(g.out, "schema %d, %d differences\n", applied, len(found))
	return err
}
