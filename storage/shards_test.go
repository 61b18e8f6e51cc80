package storage_test

import (
	"maps"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/storage"
)

// shardsVariable has the tests of this package be run on a cluster of two shards.
const shardsVariable = "LINEWARDEN_TEST_SHARDS"

func onShards() bool { return os.Getenv(shardsVariable) != "" }

// onOneServer are the methods that a cluster refuses, that only copy tables, or
// that ask nothing.
var onOneServer = []string{"Backup", "Restore", "RelabelFlows", "Ping", "Close", "SchemaVersion"}

// ofTests are the methods that tests add.
var ofTests = []string{"CreateDatabase", "DropDatabase", "DropDeadRuns", "Exec", "Number", "Text"}

// shardTests name for each method of a store the tests that compare what it does
// with what it ought to do, and that pass on a cluster of two shards as well.
var shardTests = map[string]string{
	"Adjacencies":         "TestAdjacenciesAgainstAnOracle",
	"Adjudications":       "TestAdjudications",
	"AllocationContacts":  "TestAnswersAreThoseOfTheOracle TestContactsOfSome",
	"AllocationEntries":   "TestAnswersAreThoseOfTheOracle",
	"AllocationHosts":     "TestAnswersAreThoseOfTheOracle TestHostsOfSome",
	"AllocationSources":   "TestAnswersAreThoseOfTheOracle",
	"AllocationTotals":    "TestAllocationsOfSome",
	"Allocations":         "TestAnswersAreThoseOfTheOracle",
	"AllocationsWithin":   "TestAllocationsOfSome",
	"Announcements":       "TestAnnouncementsAgainstAnOracle",
	"BookEntries":         "TestEveryFigureOfTheBooksComesBack",
	"ChangeFinding":       "TestLogOfTwoProcesses",
	"CheckLog":            "TestLogIsIntact",
	"CheckSchema":         "TestFreshSchemaHasNoDifferences",
	"CompareCounters":     "TestCountersCatchAWrongSamplingRate",
	"CorrectSampling":     "TestSamplingCorrections",
	"CountEvents":         "TestFindingTurns",
	"CountFindings":       "TestFindingPages",
	"CountedInterfaces":   "TestCountersCatchAWrongSamplingRate",
	"Deletions":           "TestExpire",
	"EachFinding":         "TestFindingPages",
	"Events":              "TestFindingComesBack",
	"Expire":              "TestExpire",
	"ExporterBooks":       "TestExporterBooks",
	"Finding":             "TestFindingComesBack",
	"FindingPage":         "TestFindingPages",
	"FindingTurns":        "TestFindingTurns",
	"Findings":            "TestFilterAgreesWithMatch",
	"Flows":               "TestFlowFilters",
	"Hold":                "TestHeldRowsOutliveTheirTables",
	"Holds":               "TestInterruptedHoldIsBegunAnew",
	"KeepEvidence":        "TestKeptEvidence",
	"KeptEvidence":        "TestKeptEvidence",
	"ImportLedgers":       "TestLedgersAsKnownOnADay",
	"ImportLedgersAs":     "TestImportsTogether",
	"LedgerRows":          "TestLedgerRows",
	"LedgerSource":        "TestLedgersAsKnownOnADay",
	"LedgerVersions":      "TestLedgerVersions",
	"Ledgers":             "TestLedgersAsKnownOnADay",
	"LineHours":           "TestAnswersAreThoseOfTheOracle",
	"LineHoursOf":         "TestAnswersAreThoseOfTheOracle",
	"LineNetworks":        "TestAnswersAreThoseOfTheOracle",
	"LinePairs":           "TestAnswersAreThoseOfTheOracle",
	"LineServices":        "TestAnswersAreThoseOfTheOracle TestServicesOfMany",
	"LineSources":         "TestLineSources",
	"Migrate":             "TestMigrateTogether",
	"NewFlowWriter":       "TestLostAnswers",
	"NewLease":            "TestOneOfManyGetsALease",
	"NewRouteWriter":      "TestRoutesAgainstAnOracle",
	"OpenFlowSpool":       "TestSpoolLostAnswers",
	"Origins":             "TestOriginsAgainstAnOracle",
	"PeerHistory":         "TestPeerHistory",
	"RecentEvents":        "TestFindingTurns",
	"Release":             "TestHeldRowsOutliveTheirTables",
	"RollUp":              "TestRunThatDoesNotCount",
	"RouteCoverage":       "TestRouteCoverage",
	"RoutesAt":            "TestRoutesAgainstAnOracle",
	"RoutesWithin":        "TestRoutesWithinStops",
	"Sampling":            "TestSampling",
	"SamplingCorrections": "TestSamplingCorrections",
	"SaveFindings":        "TestSavingTogether",
	"Stats":               "TestStats",
	"WriteBooks":          "TestBooksAreWrittenOnce",
	"WriteCounters":       "TestCountersCatchAWrongSamplingRate",
}

// TestMethodsAreTriedOnShards: no question is added that nobody has asked a cluster.
func TestMethodsAreTriedOnShards(t *testing.T) {
	known := slices.Concat(slices.Collect(maps.Keys(shardTests)), onOneServer, ofTests)
	for method := range reflect.TypeFor[*storage.Store]().Methods() {
		at := slices.Index(known, method.Name)
		if at < 0 {
			t.Errorf("nothing says how %s is tried on a cluster", method.Name)
			continue
		}
		known = slices.Delete(known, at, at+1)
	}
	if len(known) > 0 {
		t.Errorf("a store has no %v", known)
	}
}

// TestTwoShards runs those tests on a cluster of two shards: its statements, its
// Distributed tables, and what each shard knows merged by the other.
func TestTwoShards(t *testing.T) {
	if onShards() || os.Getenv("LINEWARDEN_TEST_CLICKHOUSE") != "" {
		t.Skip("the tests run on the server or cluster that the environment names")
	}
	if raceDetector {
		t.Skip("these tests run under the race detector by themselves, and differ here in their statements alone")
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tests := strings.Fields(strings.Join(slices.Collect(maps.Values(shardTests)), " "))
	slices.Sort(tests)
	tests = slices.Compact(tests)
	c := exec.CommandContext(t.Context(), binary, "-test.v", "-test.count=1", "-test.run", "^("+strings.Join(tests, "|")+")$")
	c.Env = append(os.Environ(), shardsVariable+"=1")
	out, err := c.CombinedOutput()
	for _, name := range tests {
		if !regexp.MustCompile(`(?m)^--- PASS: ` + name + ` `).Match(out) {
			t.Errorf("%s does not pass on two shards", name)
		}
	}
	if err != nil || t.Failed() {
		t.Errorf("%v\n%s", err, out)
	}
}
