package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/mmdb"
	"github.com/linewarden/linewarden/registry/xlsx"
	"github.com/linewarden/linewarden/storage"
)

// snapshot returns the ledgers in force. A configured directory is imported
// first when its content changed since it was last imported; the store keeps
// the truth, so that every command judges by the same rows.
func (o *opened) snapshot(ctx context.Context, cfg *Config, log *slog.Logger) (*registry.Snapshot, error) {
	if err := o.syncLedgers(ctx, cfg.Registry.Dir, log); err != nil {
		return nil, err
	}
	return o.inForce(ctx, cfg)
}

// inForce returns the ledgers of the newest import.
func (o *opened) inForce(ctx context.Context, cfg *Config) (*registry.Snapshot, error) {
	version, err := o.ledgerVersion(ctx)
	if err != nil {
		return nil, err
	}
	tables, err := o.Ledgers(ctx, version.Known)
	if err != nil {
		return nil, fmt.Errorf("read the ledgers in force: %w", err)
	}
	ledgers, problems := registry.Parse(tables)
	if err := firstError(problems); err != nil {
		return nil, fmt.Errorf("the ledgers in the store are damaged: %w; import them again", err)
	}
	options := []registry.Option{registry.WithVersion(version)}
	if len(cfg.Registry.MMDB) > 0 {
		databases, err := mmdb.Open(cfg.Registry.MMDB...)
		if err != nil {
			return nil, fmt.Errorf("registry.mmdb: %w", err)
		}
		options = append(options, registry.WithRemotes(databases))
	}
	return registry.NewSnapshot(ledgers, cfg.Carrier.ASNs, options...), nil
}

// ledgerVersion returns the newest import; none is the zero Version.
func (o *opened) ledgerVersion(ctx context.Context) (registry.Version, error) {
	all, err := o.LedgerVersions(ctx)
	if err != nil {
		return registry.Version{}, fmt.Errorf("read the imports of ledgers: %w", err)
	}
	if len(all) == 0 {
		return registry.Version{}, nil
	}
	last := all[len(all)-1]
	return registry.Version{ID: last.ID.String(), Known: last.Known}, nil
}

// syncLedgers imports dir if its content is not what it was at its last import.
func (o *opened) syncLedgers(ctx context.Context, dir string, log *slog.Logger) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	tables, problems := registry.Read(dir, xlsx.Reader{})
	_, more := registry.Parse(tables)
	problems = append(problems, more...)
	if err := firstError(problems); err != nil {
		return fmt.Errorf("ledgers in %s: %w; see linewarden registry check %s", dir, err, dir)
	}
	hash := hashTables(tables)
	source := "registry.dir"
	last, err := o.LedgerSource(ctx, source)
	if err != nil {
		return fmt.Errorf("read the last import: %w", err)
	}
	if last == hash {
		return nil
	}
	changes, err := o.ImportLedgersAs(ctx, tables, time.Now(), source, hash)
	if errors.Is(err, storage.ErrConflict) {
		// The daemon imports the directory at a reload, as a command does then.
		if last, lastErr := o.LedgerSource(ctx, source); lastErr == nil && last == hash {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("import ledgers of %s: %w", dir, err)
	}
	log.Info("ledgers imported", "dir", dir, "changes", summarise(changes), "warnings", len(problems))
	return nil
}

// firstError returns the first problem that is not a warning, and how many
// more there are.
func firstError(problems []registry.Problem) error {
	var first *registry.Problem
	n := 0
	for i := range problems {
		if problems[i].Warning {
			continue
		}
		if first == nil {
			first = &problems[i]
		}
		n++
	}
	switch {
	case first == nil:
		return nil
	case n == 1:
		return errors.New(first.String())
	}
	return fmt.Errorf("%s (and %d more)", first, n-1)
}

// hashTables names the content of ledgers.
func hashTables(tables []registry.Table) string {
	h := sha256.New()
	for _, t := range tables {
		fmt.Fprintf(h, "%q %q\n", t.Name, t.Columns)
		for _, r := range t.Rows {
			fmt.Fprintf(h, "%q\n", r.Fields)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
