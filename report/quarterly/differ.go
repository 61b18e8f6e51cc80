package quarterly

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

// Differ says why two reports of a quarter are not the same: what changed in
// their sources, and which findings are told otherwise. Reports from the same
// sources give nothing.
func Differ(before, after *signed.Opened) ([]string, error) {
	var (
		manifests [2]Manifest
		findings  [2]map[string]rules.Finding
	)
	for i, o := range []*signed.Opened{before, after} {
		v, err := Verify(o)
		if err != nil {
			return nil, err
		}
		manifests[i] = v.Manifest
		if findings[i], err = findingsOf(o); err != nil {
			return nil, err
		}
	}
	lines := differManifests(&manifests[0], &manifests[1])
	return append(lines, differFindings(findings[0], findings[1])...), nil
}

func findingsOf(o *signed.Opened) (map[string]rules.Finding, error) {
	content, err := o.Read("findings.json")
	if err != nil {
		return nil, err
	}
	var list []rules.Finding
	if err := json.Unmarshal(content, &list); err != nil {
		return nil, fmt.Errorf("%w: findings.json: %w", signed.ErrReport, err)
	}
	byID := make(map[string]rules.Finding, len(list))
	for _, f := range list {
		byID[f.ID] = f
	}
	return byID, nil
}

func differManifests(a, b *Manifest) []string {
	var lines []string
	differ := func(what string, old, now any) {
		if !reflect.DeepEqual(old, now) {
			lines = append(lines, fmt.Sprintf("%s: %v, then %v", what, old, now))
		}
	}
	differ("quarter", a.Quarter, b.Quarter)
	differ("carrier", a.Carrier, b.Carrier)
	differ("language", a.Language, b.Language)
	differ("quarter not over", a.Unfinished, b.Unfinished)
	differ("ledgers", a.Ledgers.Import, b.Ledgers.Import)
	differ("last event of the log", a.Log.Number, b.Log.Number)
	differ("masked", a.Masked, b.Masked)
	differ("recipient", a.Recipient, b.Recipient)
	differ("purpose", a.Purpose, b.Purpose)
	differ("expires", a.Expires, b.Expires)
	differ("signed by key", a.Key, b.Key)
	all := maps.Clone(a.Rules)
	maps.Copy(all, b.Rules)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		differ("version of rule "+id, orNone(a.Rules[id]), orNone(b.Rules[id]))
	}
	differ("indications in the quarter", a.Counts.Quarter.Indications, b.Counts.Quarter.Indications)
	differ("indications to date", a.Counts.Cumulative.Indications, b.Counts.Cumulative.Indications)
	sums := func(m *Manifest) map[string]string {
		out := make(map[string]string)
		for _, f := range m.Files {
			out[f.Name] = f.SHA256
		}
		return out
	}
	old, now := sums(a), sums(b)
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if now[name] != old[name] {
			lines = append(lines, name+" is another file")
		}
	}
	return lines
}

func differFindings(a, b map[string]rules.Finding) []string {
	var lines []string
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		old, was := a[id]
		now, is := b[id]
		f := all[id]
		name := fmt.Sprintf("finding %s (%s %s)", id, f.Rule, f.Subject.ID)
		switch {
		case !was:
			lines = append(lines, name+" is new")
		case !is:
			lines = append(lines, name+" is gone")
		case old.State != now.State:
			lines = append(lines, fmt.Sprintf("%s was %s, then %s", name, old.State, now.State))
		case !reflect.DeepEqual(old, now):
			lines = append(lines, name+" has other figures")
		}
	}
	return lines
}
