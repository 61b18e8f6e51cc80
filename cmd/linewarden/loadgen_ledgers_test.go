package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// loadTables are the ledgers of the carrier by name, each with its header row.
type loadTables map[string][][]string

func (t loadTables) add(ledger string, row ...string) { t[ledger] = append(t[ledger], row) }

// loadSince is when everything in the ledgers of the load began.
const loadSince = "2020-01-01"

// writeLoadLedgers writes the ledgers of the carrier into dir.
func writeLoadLedgers(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	t := loadTables{
		"enterprises":    {{"enterprise_id", "name", "nature", "place"}},
		"exporters":      {{"address", "name", "place", "sampling"}},
		"interfaces":     {{"exporter", "if_index", "name", "role", "line_id", "speed_mbps", "gateway"}},
		"gateways":       {{"gateway", "kind", "place", "status", "valid_from"}},
		"lines":          {{"line_id", "enterprise_id", "scope", "technology", "use", "bandwidth_mbps", "a_place", "z_country", "user_file", "valid_from"}},
		"line_endpoints": {{"line_id", "end", "prefix", "kind"}},
		"user_files":     {{"user_file", "line_id", "enterprise_id", "purpose", "office_use_committed", "committed_on", "clauses", "contact_verified_on", "reviewed_on"}},
		"allocations":    {{"prefix", "enterprise_id", "use", "place", "valid_from"}},
		"networks":       {{"prefix", "country", "operator", "kind", "asn"}},
	}
	t.add("gateways", "G-1", "channel", "110000", "live", loadSince)
	t.addExporters()
	for n := range loadAllocations {
		t.add("allocations", loadBlock(n).String(), loadEnterprise(n/20), "enterprise", "110000", loadSince)
	}
	for n := range loadEnterprises {
		t.add("enterprises", loadEnterprise(n), fmt.Sprintf("企业%04d", n), "enterprise", "110000")
		t.add("allocations", loadBlock6(n).String(), loadEnterprise(n), "enterprise", "110000", loadSince)
	}
	t.addNetworks()
	var failures []error
	for name, rows := range t {
		failures = append(failures, writeLoadLedger(filepath.Join(dir, name+".csv"), rows))
	}
	return errors.Join(failures...)
}

// addExporters adds the exporters with their interfaces and the lines there.
func (t loadTables) addExporters() {
	for p := range loadProtocols {
		for e := range loadExporters {
			address := loadAddress(p, e).String()
			t.add("exporters", address, fmt.Sprintf("%s-%02d", loadProtocols[p], e), "110000", strconv.Itoa(loadSampling))
			t.add("interfaces", address, strconv.Itoa(loadCoreIf), "core", "core", "", "100000", "")
			t.add("interfaces", address, strconv.Itoa(loadAbroadIf), "abroad", "international", "", "100000", "G-1")
			for i, n := range linesOf(p, e) {
				id := loadLine(n)
				t.add("interfaces", address, strconv.Itoa(loadFirstLineIf+i), id, "customer", id, "1000", "")
				if isInternational(n) {
					t.addInternational(n)
					continue
				}
				t.add("lines", id, loadEnterprise(n/2), "domestic", "dia", "enterprise", "1000", "110000", "", "", loadSince)
			}
		}
	}
}

// addInternational adds a line between two offices, with its file. One end is
// in the allocations behind the line, the other in a network abroad.
func (t loadTables) addInternational(n int) {
	id, file := loadLine(n), fmt.Sprintf("UF-%05d", n)
	t.add("lines", id, loadEnterprise(n/2), "international", "iepl", "enterprise", "1000", "110000", "JP", file, loadSince)
	for i := range loadLineBlocks {
		t.add("line_endpoints", id, "a", loadBlock(firstBlockOf(n)+i).String(), "office")
	}
	t.add("line_endpoints", id, "a", loadBlock6(n/2).String(), "office")
	t.add("line_endpoints", id, "z", netip.PrefixFrom(farNetwork(networkAbroad(n)).Addr(), 24).String(), "office")
	t.add("line_endpoints", id, "z", netip.PrefixFrom(plus6(farBase6, networkAbroad(n), 0), 48).String(), "office")
	reviewed := time.Now().AddDate(0, -2, 0).Format(time.DateOnly)
	t.add("user_files", file, id, loadEnterprise(n/2), "办公自用", "yes", loadSince,
		"internal_use;no_resale;no_dc_platform;termination", reviewed, reviewed)
}

// addNetworks adds what is known of the networks of others: most are access
// networks, some host, and a fifth is abroad.
func (t loadTables) addNetworks() {
	kinds := []string{"access", "cdn", "access", "enterprise", "access", "cloud", "access", "enterprise", "datacentre", "access"}
	for n := range loadNetworks {
		country := "CN"
		if isAbroad(n) {
			country = "JP"
		}
		t.add("networks", farNetwork(uint32(n)).String(), country, fmt.Sprintf("operator %d", n), kinds[n%len(kinds)], strconv.Itoa(1000+n))
	}
}

func loadEnterprise(n int) string { return fmt.Sprintf("E-%04d", n) }

func loadLine(n int) string { return fmt.Sprintf("L-%05d", n) }

// loadBlock is an IPv4 allocation, and loadBlock6 the IPv6 one of an enterprise.
func loadBlock(n int) netip.Prefix { return netip.PrefixFrom(plus4(nearBase4, uint32(n)<<8), 24) }

func loadBlock6(enterprise int) netip.Prefix {
	return netip.PrefixFrom(plus6(nearBase6, uint32(enterprise), 0), 48)
}

func farNetwork(n uint32) netip.Prefix { return netip.PrefixFrom(plus4(farBase4, n<<12), 20) }

func writeLoadLedger(file string, rows [][]string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(csv.NewWriter(f).WriteAll(rows), f.Close())
}
