package simulator

import (
	"encoding/csv"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// table is a ledger read back from disk, rows by column name.
type table []map[string]string

// readLedgers writes the ledgers of a carrier and reads them back.
func readLedgers(t testing.TB, c *Carrier) map[string]table {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "registry")
	if err := c.WriteLedgers(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]table)
	for _, e := range entries {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		name := strings.TrimSuffix(e.Name(), ".csv")
		out[name] = table{}
		for _, r := range rows[1:] {
			row := make(map[string]string)
			for i, column := range rows[0] {
				row[column] = r[i]
			}
			out[name] = append(out[name], row)
		}
	}
	return out
}

// keys returns a column as a set.
func (t table) keys(column string) map[string]bool {
	out := make(map[string]bool)
	for _, r := range t {
		out[r[column]] = true
	}
	return out
}

func TestWriteLedgersWritesEveryLedgerOnce(t *testing.T) {
	dir := t.TempDir()
	c := testCarrier(t, nil)
	for range 2 { // the second time replaces
		if err := c.WriteLedgers(dir); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 21 {
		t.Errorf("%d files, want the 21 ledgers and no leftovers: %v", len(entries), entries)
	}
}

func TestWriteLedgersNamesWhatFailed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := testCarrier(t, nil).WriteLedgers(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Fatalf("WriteLedgers into a file: %v", err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "licences.csv"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := testCarrier(t, nil).WriteLedgers(dir); err == nil || !strings.Contains(err.Error(), "licences") {
		t.Fatalf("WriteLedgers over a directory: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*.tmp"))
	if err != nil || len(left) > 0 {
		t.Fatalf("half-written files stay: %v %v", left, err)
	}
}

func TestLedgersReferToEachOther(t *testing.T) {
	l := readLedgers(t, testCarrier(t, nil))
	enterprises, lines, exporters := l["enterprises"].keys("enterprise_id"), l["lines"].keys("line_id"), l["exporters"].keys("address")
	gateways, files := l["gateways"].keys("gateway"), l["user_files"].keys("user_file")
	for name, columns := range map[string]map[string]map[string]bool{
		"enterprises":    {"parent_id": enterprises},
		"licences":       {"enterprise_id": enterprises},
		"asns":           {"enterprise_id": enterprises},
		"allocations":    {"enterprise_id": enterprises},
		"broadcasts":     {"announcer": enterprises, "applicant": enterprises},
		"interfaces":     {"exporter": exporters, "line_id": lines, "gateway": gateways},
		"gateways":       {"operator": enterprises},
		"lines":          {"enterprise_id": enterprises, "user_file": files},
		"line_endpoints": {"line_id": lines},
		"user_files":     {"line_id": lines, "enterprise_id": enterprises},
		"translations":   {"shared_by": enterprises},
	} {
		if len(l[name]) == 0 {
			t.Errorf("ledger %s is empty", name)
		}
		for i, row := range l[name] {
			for column, known := range columns {
				for id := range strings.SplitSeq(row[column], ";") {
					if id != "" && !known[id] {
						t.Errorf("%s.csv:%d:%s: %q is not known", name, i+2, column, id)
					}
				}
			}
		}
	}
	if withLine := l["interfaces"].keys("line_id"); len(withLine)-1 != len(lines) {
		t.Errorf("%d of %d lines have an interface", len(withLine)-1, len(lines))
	}
	if n := len(l["lines"]); n < 38 {
		t.Errorf("%d lines, want about 40", n)
	}
}

func TestKeysAreUnique(t *testing.T) {
	l := readLedgers(t, testCarrier(t, nil))
	for name, columns := range map[string][]string{
		"enterprises": {"enterprise_id"}, "exporters": {"address"}, "interfaces": {"exporter", "if_index"}, "lines": {"line_id", "valid_from"},
		"user_files": {"user_file"}, "allocations": {"prefix", "enterprise_id"}, "networks": {"prefix"}, "asns": {"asn"}, "gateways": {"gateway", "valid_from"},
		"line_endpoints": {"line_id", "end", "prefix"}, "sources": {"prefix"},
	} {
		seen := make(map[string]int)
		for i, row := range l[name] {
			key := ""
			for _, c := range columns {
				key += row[c] + "/"
			}
			if first, twice := seen[key]; twice {
				t.Errorf("%s.csv:%d: %s is row %d already", name, i+2, key, first)
			}
			seen[key] = i + 2
		}
	}
	codes := make(map[string]bool)
	for _, e := range l["enterprises"] {
		if e["uscc"] != "" && codes[e["uscc"]] {
			t.Errorf("uscc %s is given twice", e["uscc"])
		}
		codes[e["uscc"]] = true
	}
}

func TestPrefixesAreCanonicalAndDisjoint(t *testing.T) {
	c := testCarrier(t, nil)
	l := readLedgers(t, c)
	planted := make(map[string]bool) // subjects of the rules that look for this
	truth := c.Truth()
	for _, r := range slices.Concat(truth.Must, truth.May, c.Innocents()) {
		if r.Rule == filingConflict || r.Rule == filingOutside {
			planted[r.SubjectID] = true
		}
	}
	var sources, all []netip.Prefix
	for name, column := range map[string]string{
		"sources": "prefix", "allocations": "prefix", "networks": "prefix", "line_endpoints": "prefix", "broadcasts": "prefix", "translations": "public_prefix",
	} {
		for i, row := range l[name] {
			p, err := netip.ParsePrefix(row[column])
			if err != nil || p.Masked() != p {
				t.Errorf("%s.csv:%d:%s: %q is not a canonical prefix (%v)", name, i+2, column, row[column], err)
				continue
			}
			if planted[p.String()] || row["parent"] != "" {
				continue
			}
			switch name {
			case "sources":
				sources = append(sources, p)
			case "allocations", "networks", "broadcasts":
				for _, o := range all {
					if o.Overlaps(p) && (o != p || name == "networks") { // a block may be filed to be announced
						t.Errorf("%s.csv:%d: %s overlaps %s", name, i+2, p, o)
					}
				}
				all = append(all, p)
			}
		}
	}
	for i, row := range l["allocations"] {
		p := netip.MustParsePrefix(row["prefix"])
		if !planted[p.String()] && !slices.ContainsFunc(sources, func(s netip.Prefix) bool { return s.Overlaps(p) && s.Bits() <= p.Bits() }) {
			t.Errorf("allocations.csv:%d: %s is outside the carrier's blocks", i+2, p)
		}
	}
}

func TestTruthRefersToTheLedgers(t *testing.T) {
	c := testCarrier(t, nil)
	l := readLedgers(t, c)
	known := map[string]map[string]bool{"line": l["lines"].keys("line_id"), "allocation": l["allocations"].keys("prefix"), "enterprise": l["enterprises"].keys("enterprise_id")}
	known["domain"], known["interface"] = l["domains"].keys("domain"), make(map[string]bool)
	maps.Copy(known["domain"], l["icp_filings"].keys("domain"))
	for _, row := range l["interfaces"] {
		known["interface"][row["exporter"]+"/"+row["if_index"]] = true
	}
	known["prefix"], known["asn"] = make(map[string]bool), make(map[string]bool)
	for _, s := range c.sessions {
		for _, r := range s.routes {
			known["prefix"][r.prefix.String()] = true
			for _, asn := range r.path {
				known["asn"][asnText(asn)] = true
			}
		}
	}
	truth := c.Truth()
	for _, r := range slices.Concat(truth.Must, truth.May, c.Innocents()) {
		if !known[r.SubjectKind][r.SubjectID] {
			t.Errorf("%s %s of %s is in no ledger and no route", r.SubjectKind, r.SubjectID, r.Rule)
		}
	}
}

// TestEveryLicensedUseHasAVerdict makes sure that no resource that needs a
// licence is left out of what the simulator says about licences.
func TestEveryLicensedUseHasAVerdict(t *testing.T) {
	c := testCarrier(t, nil)
	l := readLedgers(t, c)
	truth := c.Truth()
	said := make(map[string]bool)
	licensed := make(map[string]bool) // holders with an untroubled licence for a line
	for _, r := range slices.Concat(truth.Must, truth.May, c.Innocents()) {
		if r.Rule == licenceMissing {
			said[r.SubjectID] = true
		}
	}
	needs := map[string]bool{"idc": true, "cdn": true, "ipvpn": true, "isp": true, "dns": true}
	for _, row := range l["lines"] {
		if needs[row["use"]] && !said[row["line_id"]] {
			t.Errorf("line %s of use %s has no verdict", row["line_id"], row["use"])
		}
		licensed[row["enterprise_id"]] = true
	}
	for _, row := range l["allocations"] {
		if needs[row["use"]] && !said[row["prefix"]] && !licensed[row["enterprise_id"]] {
			t.Errorf("allocation %s of use %s has no verdict", row["prefix"], row["use"])
		}
	}
}

func TestCodesAreValid(t *testing.T) {
	// Weights of GB 32100, written out.
	weights := [17]int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}
	l := readLedgers(t, testCarrier(t, nil))
	for _, e := range l["enterprises"] {
		code := e["uscc"]
		if code == "" && e["nature"] == "individual" {
			continue
		}
		if len(code) != 18 || code[2:8] != e["place"] {
			t.Errorf("%s: code %q is not 18 characters with the place %s", e["enterprise_id"], code, e["place"])
			continue
		}
		sum := 0
		for i, w := range weights {
			v := strings.IndexByte("0123456789ABCDEFGHJKLMNPQRTUWXY", code[i])
			if v < 0 {
				t.Errorf("%s: code %q has a character outside the alphabet", e["enterprise_id"], code)
			}
			sum += v * w
		}
		if want := (31 - sum%31) % 31; strings.IndexByte("0123456789ABCDEFGHJKLMNPQRTUWXY", code[17]) != want {
			t.Errorf("%s: check character of %q is wrong", e["enterprise_id"], code)
		}
	}
	// The example of the standard's own annex.
	if got := usccCheck("91350100M000100Y4"); got != "3" {
		t.Errorf("check character %q, want 3", got)
	}
	if got := organisationCode(0); len(got) != 9 {
		t.Errorf("organisation code %q is not nine characters", got)
	}
}
