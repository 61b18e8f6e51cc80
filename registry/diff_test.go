package registry_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
)

// tableOf reads CSV text as the table of a ledger.
func tableOf(tb testing.TB, name, text string) registry.Table {
	tb.Helper()
	t := registry.Table{Name: name}
	for i, fields := range readAll(tb, text) {
		if i == 0 {
			t.Columns = fields
		} else {
			t.Rows = append(t.Rows, registry.Row{Number: i + 1, Fields: fields})
		}
	}
	return t
}

func TestDiff(t *testing.T) {
	const lines = "line_id,use,bandwidth_mbps,valid_from,valid_to\n"
	tests := []struct {
		name     string
		ledger   string
		old, new string // without text there is no such ledger
		want     []string
	}{
		{"nothing changes", "lines", lines + "L1,idc,10,,\n", lines + "L1,idc,10,,\n", nil},
		{"rows in another order", "lines", lines + "L1,,,,\nL2,,,,\n", lines + "L2,,,,\nL1,,,,\n", nil},
		{"columns in another order", "lines", "line_id,use\nL1,idc\n", "use,line_id\nidc,L1\n", nil},
		{"an unknown column more", "lines", "line_id\nL1\n", "line_id,use\nL1,\n", nil},
		{"a column filled in", "lines", "line_id\nL1\n", "line_id,use\nL1,idc\n", []string{`changed lines line_id=L1: use "" -> "idc"`}},
		{"a column gone", "lines", "line_id,use\nL1,idc\n", "line_id\nL1\n", []string{`changed lines line_id=L1: use "idc" -> ""`}},
		{"first import", "lines", "", lines + "L1,idc,,2024-01-01,\n", []string{`added lines line_id=L1: line_id "L1", use "idc", valid_from "2024-01-01"`}},
		{"ledger gone", "lines", lines + "L1,idc,,,\nL2,,,,\n", "", []string{"removed lines line_id=L1", "removed lines line_id=L2"}},
		{"changed, added and removed", "lines", lines + "L1,idc,10,,\nL2,,,,\n", lines + "L3,,,,\nL1,cdn,20,,\n", []string{
			`added lines line_id=L3: line_id "L3"`, `changed lines line_id=L1: use "idc" -> "cdn", bandwidth_mbps "10" -> "20"`, "removed lines line_id=L2",
		}},
		{"a row is closed and followed by another", "lines", lines + "L1,idc,10,2024-01-01,\n", lines + "L1,idc,20,2025-01-01,\nL1,idc,10,2024-01-01,2024-12-31\n", []string{
			`added lines line_id=L1: line_id "L1", use "idc", bandwidth_mbps "20", valid_from "2025-01-01"`,
			`changed lines line_id=L1: valid_to "" -> "2024-12-31"`,
		}},
		{"the start of a row is mended", "lines", lines + "L1,idc,10,2024-01-01,\n", lines + "L1,idc,10,2024-02-01,\n", []string{
			`changed lines line_id=L1: valid_from "2024-01-01" -> "2024-02-01"`,
		}},
		{"one of two equal rows", "lines", "line_id\n" + strings.Repeat("L1\n", 2), "line_id\nL1\n", []string{"removed lines line_id=L1"}},
		{"a key of two columns", "allocations", "prefix,enterprise_id,use\n198.51.100.0/24,E1,idc\n198.51.100.0/24,E2,idc\n", "prefix,enterprise_id,use\n198.51.100.0/24,E2,cdn\n198.51.100.0/24,E3,idc\n", []string{
			`changed allocations prefix=198.51.100.0/24 enterprise_id=E2: use "idc" -> "cdn"`,
			`added allocations prefix=198.51.100.0/24 enterprise_id=E3: prefix "198.51.100.0/24", enterprise_id "E3", use "idc"`,
			"removed allocations prefix=198.51.100.0/24 enterprise_id=E1",
		}},
		{"cells that run together", "downstreams", "upstream_asn,downstream_asn\n1,12\n", "upstream_asn,downstream_asn\n11,2\n", []string{
			`added downstreams upstream_asn=11 downstream_asn=2: upstream_asn "11", downstream_asn "2"`, "removed downstreams upstream_asn=1 downstream_asn=12",
		}},
		{"a ledger of another version", "unheard", "a,b\n1,2\n", "a,b\n1,3\n", []string{`added unheard a=1 b=3: a "1", b "3"`, "removed unheard a=1 b=2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var old, rows []registry.Table
			if tt.old != "" {
				old = append(old, tableOf(t, tt.ledger, tt.old))
			}
			if tt.new != "" {
				rows = append(rows, tableOf(t, tt.ledger, tt.new))
			}
			var got []string
			for _, c := range registry.Diff(old, rows) {
				got = append(got, c.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			back := registry.Diff(rows, old)
			if len(back) != len(got) {
				t.Errorf("%d changes there, %d back: %v", len(got), len(back), back)
			}
		})
	}
}

func TestDiffIsOrderedByLedger(t *testing.T) {
	rows := []registry.Table{tableOf(t, "networks", "prefix\n8.8.8.0/24\n"), tableOf(t, "enterprises", "enterprise_id\nE1\n")}
	got := registry.Diff(nil, rows)
	if len(got) != 2 || got[0].Ledger != "enterprises" || got[1].Ledger != "networks" {
		t.Errorf("got %v", got)
	}
}

func TestDiffAsJSON(t *testing.T) {
	text, err := json.Marshal(registry.Diff([]registry.Table{tableOf(t, "lines", "line_id,use\nL1,idc\n")}, []registry.Table{tableOf(t, "lines", "line_id,use\nL1,cdn\n")}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"kind":"changed","ledger":"lines","key":[{"column":"line_id","text":"L1"}],"row":2,"cells":[{"column":"use","old":"idc","new":"cdn"}]}]`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if text, err = json.Marshal(registry.Diff(nil, nil)); err != nil || string(text) != "[]" {
		t.Errorf("no change is %s, %v", text, err)
	}
}

// TestDiffOfWholeLedgers changes one cell of every ledger.
func TestDiffOfWholeLedgers(t *testing.T) {
	tables, _ := registry.Read(folder(t, orderly(t, nil)), nil)
	if got := registry.Diff(tables, tables); len(got) != 0 {
		t.Fatalf("nothing changed: %v", got)
	}
	changed, _ := registry.Read(folder(t, orderly(t, nil)), nil)
	for i := range changed {
		fields := changed[i].Rows[0].Fields
		fields[len(fields)-1] += "x"
	}
	got := registry.Diff(tables, changed)
	kinds := make(map[registry.ChangeKind]int)
	for _, c := range got {
		kinds[c.Kind]++
		if strings.Contains(c.String(), "\n") {
			t.Errorf("%q is more than one line", c)
		}
	}
	// The last column of domains and of evaluations is part of the key.
	if len(got) != 23 || kinds[registry.Changed] != 19 || kinds[registry.Added] != 2 || kinds[registry.Removed] != 2 {
		t.Errorf("%d changes, %v", len(got), kinds)
	}
}
