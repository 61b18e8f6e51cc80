package reconciliation

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/linewarden/linewarden/report/signed"
)

// ErrFormat is the error of a manifest that is not one of this package.
var ErrFormat = errors.New("this is not a reconciliation that this program reads")

// Verdict is what checking a reconciliation found.
type Verdict struct {
	Manifest Manifest `json:"manifest"`
	Problems []string `json:"problems"`
}

// Verify checks what was opened: its rows are counted again.
func Verify(o *signed.Opened) (*Verdict, error) {
	if o.Common.Kind != Kind || o.Common.Format != format {
		return nil, fmt.Errorf("%w: kind %q, format %d", ErrFormat, o.Common.Kind, o.Common.Format)
	}
	v := &Verdict{Problems: o.Problems}
	if err := json.Unmarshal(o.Manifest, &v.Manifest); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	var rows []Row
	raw, err := o.Read("reconciliation.json")
	if err == nil {
		err = json.Unmarshal(raw, &rows)
	}
	if err != nil {
		v.Problems = append(v.Problems, fmt.Sprintf("reconciliation.json cannot be read: %v", err))
		return v, nil
	}
	counts := countsOf(rows)
	for _, n := range names {
		if counts[n.ZH] != v.Manifest.Counts[n.ZH] {
			v.Problems = append(v.Problems, fmt.Sprintf("reconciliation.json has %d rows of %s, and the manifest says %d", counts[n.ZH], n.ZH, v.Manifest.Counts[n.ZH]))
		}
	}
	return v, nil
}
