package main

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/rules"
)

// accountsFile and auditFile are where accounts and the audit log are.
func (c *Config) accountsFile() string { return filepath.Join(c.DataDir, "accounts.json") }
func (c *Config) auditFile() string    { return filepath.Join(c.DataDir, "audit.jsonl") }

func (c *Config) accounts() *accounts.File { return accounts.New(c.accountsFile()) }

// consoleStore is what the console reads and changes, by a store. It implements
// console.Cases and console.Network.
type consoleStore struct {
	*opened
	policy rules.CasePolicy
}

// Act implements console.Cases.
func (s consoleStore) Act(
	ctx context.Context, id string, a rules.Action, expect func(f rules.Finding, events []rules.Event) error,
) (rules.Finding, error) {
	return s.actIf(ctx, id, a, func(f rules.Finding) error {
		events, err := s.Events(ctx, id)
		if err != nil {
			return fmt.Errorf("read history: %w", err)
		}
		return expect(f, events)
	})
}

// RoutesAt implements console.Network.
func (s consoleStore) RoutesAt(ctx context.Context, prefix netip.Prefix, at, known time.Time) ([]console.Route, error) {
	held, err := s.Store.RoutesAt(ctx, prefix, at, known)
	if err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	list := make([]console.Route, len(held))
	for i := range held {
		list[i] = console.Route(routeRowOf(&held[i]))
	}
	return list, nil
}

// LedgerImports implements console.Network.
func (s consoleStore) LedgerImports(ctx context.Context) ([]console.LedgerImport, error) {
	all, err := s.LedgerVersions(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the imports of ledgers: %w", err)
	}
	list := make([]console.LedgerImport, len(all))
	for i, v := range all {
		list[i] = console.LedgerImport{ID: v.ID.String(), Known: v.Known, Source: v.Source, Hash: v.Hash, Opened: v.Opened, Closed: v.Closed}
	}
	return list, nil
}

// inForce returns the rules the auditor judges by.
func (a *auditor) inForce() ([]rules.Rule, map[string]map[string]float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.set.catalogue, a.set.params
}
