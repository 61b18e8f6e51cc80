package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// frozen is what a finding rested on when it was confirmed. Tables of the store
// lose rows by their age, and the rules go on to later windows: what people
// looked at is kept beside the store and is in every later package.
type frozen struct {
	Finding rules.Finding    `json:"finding"`
	Basis   *rules.Basis     `json:"basis"`
	Tables  []evidence.Table `json:"tables"`
}

// frozenForm is the form of the time of a confirmation in the name of its file.
const frozenForm = "20060102T150405Z"

// frozenDir is where the files of a finding are.
func frozenDir(cfg *Config, id string) string { return filepath.Join(cfg.DataDir, "evidence", id) }

// freeze keeps what a finding rests on as it is now. The function that it returns
// forgets that, for a confirmation that comes to nothing.
func freeze(ctx context.Context, cfg *Config, s *storage.Store, f *rules.Finding, now time.Time) (forget func() error, err error) {
	tables, err := gatherTables(ctx, cfg, s, f)
	if err != nil {
		return nil, fmt.Errorf("keep the evidence of finding %s: %w", f.ID, err)
	}
	text, err := json.Marshal(frozen{*f, f.Basis, tables})
	if err != nil {
		return nil, fmt.Errorf("keep the evidence of finding %s: %w", f.ID, err)
	}
	dir := frozenDir(cfg, f.ID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep the evidence of finding %s: %w", f.ID, err)
	}
	file := filepath.Join(dir, now.UTC().Format(frozenForm)+".json")
	if err := writeFileWhole(file, text); err != nil {
		return nil, fmt.Errorf("keep the evidence of finding %s: %w", f.ID, err)
	}
	return func() error { return os.Remove(file) }, nil
}

// addFrozen puts what was kept when a finding was confirmed into a package, in a
// folder for each confirmation.
func addFrozen(cfg *Config, m *evidence.Material) error {
	files, err := os.ReadDir(frozenDir(cfg, m.Finding.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what was kept of finding %s: %w", m.Finding.ID, err)
	}
	for _, e := range files { // by name, and so by time
		at, found := strings.CutSuffix(e.Name(), ".json")
		if !found {
			continue
		}
		text, err := os.ReadFile(filepath.Join(frozenDir(cfg, m.Finding.ID), e.Name()))
		if err != nil {
			return fmt.Errorf("read what was kept of finding %s: %w", m.Finding.ID, err)
		}
		var kept frozen
		if err := json.Unmarshal(text, &kept); err != nil {
			return fmt.Errorf("read what was kept of finding %s: %s: %w", m.Finding.ID, e.Name(), err)
		}
		if err := addConfirmed(m, "confirmed/"+at+"/", &kept); err != nil {
			return err
		}
	}
	return nil
}

func addConfirmed(m *evidence.Material, folder string, kept *frozen) error {
	if m.Documents == nil {
		m.Documents = make(map[string][]byte)
	}
	for name, value := range map[string]any{"finding.json": kept.Finding, "basis.json": kept.Basis} {
		text, err := signed.Encode(value)
		if err != nil {
			return fmt.Errorf("write %s%s into the evidence package: %w", folder, name, err)
		}
		m.Documents[folder+name] = text
	}
	for _, t := range kept.Tables {
		t.Name = folder + t.Name
		m.Tables = append(m.Tables, t)
	}
	return nil
}
