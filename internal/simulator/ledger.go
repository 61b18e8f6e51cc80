package simulator

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ledger is one CSV file of the registry.
type ledger struct {
	name    string
	columns []string
	rows    [][]string
}

// ledgerColumns are the ledgers in the order in which they are written.
var ledgerColumns = []ledger{
	{name: "enterprises", columns: []string{"enterprise_id", "name", "name_en", "uscc", "nature", "place", "parent_id", "credit", "credit_since"}},
	{name: "licences", columns: []string{"licence_no", "enterprise_id", "service", "coverage", "valid_from", "valid_to", "status"}},
	{name: "commitments", columns: []string{"enterprise_id", "service", "made_on", "due_on", "fulfilled_on"}},
	{name: "evaluations", columns: []string{"enterprise_id", "service", "place", "node", "capacity_mbps", "passed_on"}},
	{name: "asns", columns: []string{"asn", "enterprise_id", "valid_from", "valid_to"}},
	{name: "downstreams", columns: []string{"upstream_asn", "downstream_asn", "valid_from", "valid_to"}},
	{name: "sources", columns: []string{"prefix", "rir", "obtained_on"}},
	{name: "allocations", columns: []string{"prefix", "enterprise_id", "parent", "use", "cloud", "place", "filing_no", "valid_from", "valid_to"}},
	{name: "broadcasts", columns: []string{"prefix", "announcer", "applicant", "valid_from", "valid_to"}},
	{name: "exporters", columns: []string{"address", "name", "place", "sampling"}},
	{name: "interfaces", columns: []string{"exporter", "if_index", "name", "role", "line_id", "speed_mbps", "gateway"}},
	{name: "gateways", columns: []string{"gateway", "kind", "place", "operator", "status", "valid_from", "valid_to"}},
	{name: "lines", columns: []string{"line_id", "enterprise_id", "scope", "technology", "use", "bandwidth_mbps", "a_place", "z_country", "order_origin", "user_file", "valid_from", "valid_to"}},
	{name: "line_endpoints", columns: []string{"line_id", "end", "prefix", "kind"}},
	{name: "user_files", columns: []string{"user_file", "line_id", "enterprise_id", "purpose", "office_use_committed", "committed_on", "clauses", "contact_verified_on", "reviewed_on"}},
	{name: "approvals", columns: []string{"approval_no", "enterprise_id", "kind", "line_id", "valid_from", "valid_to"}},
	{name: "translations", columns: []string{"public_prefix", "shared_by"}},
	{name: "icp_filings", columns: []string{"filing_no", "domain", "enterprise_id", "status", "valid_from", "valid_to"}},
	{name: "icp_access", columns: []string{"filing_no", "domain", "provider", "prefixes", "valid_from", "valid_to"}},
	{name: "domains", columns: []string{"domain", "address", "first_seen", "last_seen", "source"}},
	{name: "networks", columns: []string{"prefix", "country", "operator", "kind", "asn"}},
}

// WriteLedgers writes every ledger as a CSV file into dir, which is made if it
// is not there. Files of the same names are replaced.
func (c *Carrier) WriteLedgers(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make ledger directory: %w", err)
	}
	for _, l := range c.ledgers {
		if err := l.write(dir); err != nil {
			return fmt.Errorf("write ledger %s: %w", l.name, err)
		}
	}
	return nil
}

// write replaces the file in one step, so that a reader never meets half of it.
func (l ledger) write(dir string) (err error) {
	f, err := os.CreateTemp(dir, "."+l.name+"-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = csv.NewWriter(f).WriteAll(append([][]string{l.columns}, l.rows...))
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, l.name+".csv"))
}
