package registry

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzLedger reads any bytes as any ledger: nothing crashes, every problem can
// be found in the file and printed on a line, and a ledger without an error
// keeps each of its rows.
func FuzzLedger(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/orderly.txtar")
	if err != nil {
		f.Fatal(err)
	}
	names := ledgerNames()
	for _, file := range archive.Files {
		for i, name := range names {
			if file.Name == name+".csv" {
				f.Add(uint8(i), file.Data)
			}
		}
	}
	for _, seed := range []string{"", "\ufeff", "a\"b\n", "\"", "asn\n\"64500\n1\n", "prefix\n::/0\n0.0.0.0/0\n", "line_id,use\nL1\n\n,\n", "\xff\xfe", "asn\r1\r"} {
		f.Add(uint8(4), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		name := names[int(which)%len(names)]
		p := &problems{file: name + ".csv"}
		table := readCSV(text, p)
		said := p.all()
		if table == nil {
			if len(said) == 0 {
				t.Fatal("no table, and no word why")
			}
			return
		}
		table.Name = name
		ledgers, more := Parse([]Table{*table})
		failed := false
		for _, problem := range append(said, more...) {
			failed = failed || !problem.Warning
			if problem.File == "" || problem.Row < 1 || problem.Column < 1 || problem.Message == "" || strings.ContainsAny(problem.Message, "\n\r\x1b") || !utf8.ValidString(problem.Message) {
				t.Fatalf("problem %+v", problem)
			}
		}
		if kept := countRows(ledgers); kept > len(table.Rows) || !failed && kept != len(table.Rows) {
			t.Fatalf("%d of %d rows kept, failed %v", kept, len(table.Rows), failed)
		}
		if changes := Diff([]Table{*table}, []Table{*table}); len(changes) != 0 {
			t.Fatalf("a ledger differs from itself: %v", changes)
		}
		if n := len(Diff(nil, []Table{*table})); n != len(table.Rows) {
			t.Fatalf("%d rows added of %d", n, len(table.Rows))
		}
		lookAround(NewSnapshot(ledgers, []uint32{64500}), ledgers)
	})
}

func countRows(l *Ledgers) int {
	return len(l.Enterprises) + len(l.Licences) + len(l.Commitments) + len(l.Evaluations) + len(l.ASNs) + len(l.Downstreams) +
		len(l.Sources) + len(l.Allocations) + len(l.Broadcasts) + len(l.Exporters) + len(l.Interfaces) + len(l.Gateways) +
		len(l.Lines) + len(l.LineEndpoints) + len(l.UserFiles) + len(l.Approvals) + len(l.Translations) + len(l.ICPFilings) +
		len(l.ICPAccesses) + len(l.Domains) + len(l.Networks)
}

// lookAround asks for everything there is.
func lookAround(s *Snapshot, l *Ledgers) {
	for _, day := range []Date{0, 1, 20000, -5} {
		v := s.At(day)
		for _, a := range l.Allocations {
			v.Allocation(a.Prefix.Addr())
			v.LedgerNet(a.Prefix.Addr())
			v.Covering(a.Prefix)
		}
		for _, n := range l.Networks {
			v.Network(n.Prefix.Addr())
			v.LedgerNet(n.Prefix.Addr())
		}
		for _, i := range l.Interfaces {
			v.Port(i.Exporter, i.IfIndex)
			v.LinePorts(i.LineID)
		}
		for _, e := range l.Enterprises {
			v.Siblings(e.ID, e.ParentID)
		}
	}
}
