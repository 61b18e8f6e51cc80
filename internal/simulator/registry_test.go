package simulator

import (
	"path/filepath"
	"testing"

	"github.com/linewarden/linewarden/registry"
)

// TestLedgersAreInOrder reads the ledgers as the product does.
func TestLedgersAreInOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "registry")
	c := testCarrier(t, nil)
	if err := c.WriteLedgers(dir); err != nil {
		t.Fatal(err)
	}
	tables, problems := registry.Read(dir, nil)
	ledgers, more := registry.Parse(tables)
	for _, p := range append(problems, more...) {
		if !p.Warning { // blocks that are sublet without a record overlap
			t.Error(p)
		}
	}
	if len(tables) != len(ledgerColumns) {
		t.Errorf("%d ledgers, want %d", len(tables), len(ledgerColumns))
	}
	rows := 0
	for _, table := range tables {
		rows += len(table.Rows)
	}
	kept := len(ledgers.Enterprises) + len(ledgers.Licences) + len(ledgers.Commitments) + len(ledgers.Evaluations) +
		len(ledgers.ASNs) + len(ledgers.Downstreams) + len(ledgers.Sources) + len(ledgers.Allocations) +
		len(ledgers.Broadcasts) + len(ledgers.Exporters) + len(ledgers.Interfaces) + len(ledgers.Gateways) +
		len(ledgers.Lines) + len(ledgers.LineEndpoints) + len(ledgers.UserFiles) + len(ledgers.Approvals) +
		len(ledgers.Translations) + len(ledgers.ICPFilings) + len(ledgers.ICPAccesses) + len(ledgers.Domains) + len(ledgers.Networks)
	if rows == 0 || kept != rows {
		t.Errorf("%d of %d rows were kept", kept, rows)
	}
}
