package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xlsx"
	"github.com/linewarden/linewarden/storage"
)

// consoleLedgers are the ledgers of a daemon. It implements console.Ledgers.
type consoleLedgers struct{ d *daemon }

var _ console.Ledgers = consoleLedgers{}

// LedgerTables implements console.Ledgers.
func (c consoleLedgers) LedgerTables(ctx context.Context, known time.Time, names ...string) ([]registry.Table, error) {
	return c.d.store.Ledgers(ctx, known, names...)
}

// ReadLedgers implements console.Ledgers.
func (consoleLedgers) ReadLedgers(dir string) ([]registry.Table, []registry.Problem) {
	return registry.Read(dir, xlsx.Reader{})
}

// ImportLedgers implements console.Ledgers: what is imported is in force at
// once.
func (c consoleLedgers) ImportLedgers(ctx context.Context, tables []registry.Table, base, source string) (console.LedgerImport, error) {
	before, err := c.d.store.ledgerVersion(ctx)
	if err != nil {
		return console.LedgerImport{}, err
	}
	if before.ID != base {
		return console.LedgerImport{}, console.ErrImported
	}
	if _, err := c.d.store.ImportLedgersAs(ctx, tables, time.Now(), source, hashTables(tables)); err != nil {
		if errors.Is(err, storage.ErrConflict) {
			err = console.ErrImported
		}
		return console.LedgerImport{}, err
	}
	snapshot, err := c.d.store.inForce(ctx, c.d.cfg)
	if err != nil {
		return console.LedgerImport{}, fmt.Errorf("the ledgers are imported and not in use yet: %w", err)
	}
	c.d.path.ledgers.Swap(snapshot)
	all, err := consoleStore{c.d.store, c.d.cfg.casePolicy()}.LedgerImports(ctx)
	if err != nil || len(all) == 0 {
		return console.LedgerImport{}, fmt.Errorf("the ledgers are imported, and cannot be listed: %w", err)
	}
	return all[len(all)-1], nil
}
