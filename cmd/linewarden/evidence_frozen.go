package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// frozen is what a finding rested on when it was confirmed. Tables of the store
// lose rows by their age, and the rules go on to later windows: what people
// looked at is kept for good and is in every later package.
type frozen struct {
	Finding rules.Finding    `json:"finding"`
	Basis   *rules.Basis     `json:"basis"`
	Tables  []evidence.Table `json:"tables"`
}

// frozenForm is the form of the time of a confirmation in the names of files.
const frozenForm = "20060102T150405Z"

// freeze keeps what a finding rests on as it is now, before it is confirmed.
func freeze(ctx context.Context, cfg *Config, s *storage.Store, f *rules.Finding, now time.Time) error {
	tables, err := gatherTables(ctx, cfg, s, f)
	if err != nil {
		return fmt.Errorf("keep the evidence of finding %s: %w", f.ID, err)
	}
	text, err := json.Marshal(frozen{*f, f.Basis, tables})
	if err != nil {
		return fmt.Errorf("keep the evidence of finding %s: %w", f.ID, err)
	}
	return s.KeepEvidence(ctx, f.ID, storage.ConfirmedEvidence{At: now, Document: string(text)})
}

// addFrozen puts what was kept when a finding was confirmed into a package, in a
// folder for each confirmation.
func addFrozen(ctx context.Context, s *storage.Store, m *evidence.Material) error {
	kept, err := s.KeptEvidence(ctx, m.Finding.ID)
	if err != nil {
		return err
	}
	for _, k := range ofConfirmations(kept, m.Events) {
		var was frozen
		if err := json.Unmarshal([]byte(k.Document), &was); err != nil {
			return fmt.Errorf("read what was kept of finding %s at %s: %w", m.Finding.ID, k.At.Format(time.RFC3339), err)
		}
		if err := addConfirmed(m, "confirmed/"+k.At.UTC().Format(frozenForm)+"/", &was); err != nil {
			return err
		}
	}
	return nil
}

// ofConfirmations picks for each confirmation what was kept last before it: what
// was kept for one that came to nothing is of none.
func ofConfirmations(kept []storage.ConfirmedEvidence, events []rules.Event) (list []storage.ConfirmedEvidence) {
	for _, e := range events { // oldest first, as kept is
		if e.To != rules.Confirmed || e.From == rules.Confirmed {
			continue
		}
		n := 0
		for n < len(kept) && !kept[n].At.After(e.At) {
			n++
		}
		if n > 0 {
			list = append(list, kept[n-1])
		}
		kept = kept[n:]
	}
	return list
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
