package storage_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// flowKey tells the flows of a test apart.
type flowKey struct {
	start, end       int64
	src, dst         netip.Addr
	srcPort, dstPort uint16
	bytes            uint64
}

func keyOf(r *flows.Record) flowKey {
	return flowKey{r.Start.UnixNano(), r.End.UnixNano(), r.Src, r.Dst, r.SrcPort, r.DstPort, r.Bytes}
}

// bare returns records as they arrive without ledgers, and what labels them as
// they are.
func bare(records []flows.Record) (stripped []flows.Record, label func([]flows.Record)) {
	labels := make(map[flowKey]flows.Labels)
	for _, r := range records {
		labels[keyOf(&r)] = r.Labels
		r.Labels = flows.Labels{}
		stripped = append(stripped, r)
	}
	return stripped, func(list []flows.Record) {
		for i := range list {
			list[i].Labels = labels[keyOf(&list[i])]
		}
	}
}

// relabel labels every flow anew and returns what became of the days.
func relabel(t *testing.T, s *storage.Store, r storage.Relabelling) (days []storage.RelabelledDay, err error) {
	t.Helper()
	if r.Span == (rules.Window{}) {
		r.Span = everyWindow()
	}
	err = s.RelabelFlows(t.Context(), r, func(d storage.RelabelledDay) error {
		days = append(days, d)
		return nil
	})
	return days, err
}

// exported is the content of flows but the labels.
func exported(t *testing.T, s *storage.Store) string {
	t.Helper()
	//nolint:unqueryvet // whatever columns there are
	text, err := s.Text(t.Context(), `SELECT toString(count()) || ' ' || toString(sum(sipHash64(*)))
FROM (SELECT * EXCEPT (line, line_direction, peer_line, holder, src_net_bits, dst_net_bits, src_allocation_bits, dst_allocation_bits, src_origin, dst_origin) FROM flows)`)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRelabelledFlowsAreAsIfLabelledOnArrival stores flows without labels, rolls
// them up and labels them anew: flows and rollups are those of an oracle that had
// the labels from the beginning, and what was exported has not changed.
func TestRelabelledFlowsAreAsIfLabelledOnArrival(t *testing.T) {
	s := open(t, configure(t))
	records, scope := smallCarrier(1500, 9)
	stripped, label := bare(records)
	store(t, s, stripped[:900]...)
	store(t, s, stripped[900:]...)
	rollUp(t, s, everyWindow(), scope)
	if n := carried(t, s); n != 0 {
		t.Fatalf("flows of no line have carried %d bytes", n)
	}
	before := exported(t, s)
	days, err := relabel(t, s, storage.Relabelling{Label: label, Alone: true})
	if err != nil || len(days) != 1 || days[0].Flows != 1500 || days[0].Changed == 0 || days[0].Hours == 0 || days[0].Open {
		t.Fatalf("%+v, %v", days, err)
	}
	if after := exported(t, s); after != before {
		t.Errorf("what was exported was %s and is %s", before, after)
	}
	done := rollUp(t, s, everyWindow(), scope)
	if done.Hours != days[0].Hours || done.Late != 0 {
		t.Errorf("%+v after %d hours were touched", done, days[0].Hours)
	}
	answerAll(t, s, newTrafficOracle(records, scope, shanghai(t)))
	again, err := relabel(t, s, storage.Relabelling{Label: label, Alone: true})
	if err != nil || len(again) != 1 || again[0].Changed != 0 || again[0].Hours != 0 {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	if n := count(t, s, "system.tables WHERE database = currentDatabase() AND name = 'flows_relabel'"); n != 0 {
		t.Error("the copy is left")
	}
}

// TestRelabelWithinASpan changes no flow outside of it.
func TestRelabelWithinASpan(t *testing.T) {
	s := open(t, configure(t))
	stripped, label := bare(traffic(3000, 2))
	store(t, s, stripped...)
	middle := rules.Window{From: noon.Add(-6 * time.Second), To: noon.Add(-3 * time.Second)}
	days, err := relabel(t, s, storage.Relabelling{Span: middle, Label: label, Alone: true})
	if err != nil || len(days) != 1 || days[0].Changed == 0 || days[0].Changed == 3000 {
		t.Fatalf("%+v, %v", days, err)
	}
	var changed uint64
	for _, r := range list(t, s, storage.FlowFilter{}) {
		within := !r.Start.Before(middle.From) && r.Start.Before(middle.To)
		if labelled := r.Labels.Line != ""; labelled != within {
			t.Fatalf("a flow of %v has line %q", r.Start, r.Labels.Line)
		} else if labelled {
			changed++
		}
	}
	if changed != days[0].Changed {
		t.Errorf("%d flows have changed, %d are told of", changed, days[0].Changed)
	}
}

// TestRelabelLeavesOpenDays labels the days that are over alone.
func TestRelabelLeavesOpenDays(t *testing.T) {
	s := open(t, configure(t))
	stripped, label := bare(traffic(500, 3))
	store(t, s, stripped...)
	if err := s.Exec(t.Context(), "INSERT INTO flows SELECT * REPLACE (stored - toIntervalDay(3) AS stored) FROM flows"); err != nil { //nolint:unqueryvet // the row as it is
		t.Fatal(err)
	}
	days, err := relabel(t, s, storage.Relabelling{Label: label})
	if err != nil || len(days) != 2 || days[0].Open || days[0].Changed != 500 || !days[1].Open || days[1].Flows != 0 {
		t.Errorf("%+v, %v", days, err)
	}
	if n := count(t, s, "flows WHERE line != ''"); n != 500 {
		t.Errorf("%d flows are labelled of 500 of a closed day", n)
	}
}

// TestFlowsThatComeWhileADayIsLabelled are not lost: the day stays as it was.
func TestFlowsThatComeWhileADayIsLabelled(t *testing.T) {
	s := open(t, configure(t))
	stripped, label := bare(traffic(500, 4))
	store(t, s, stripped...)
	came := false
	_, err := relabel(t, s, storage.Relabelling{Alone: true, Label: func(list []flows.Record) {
		label(list)
		if !came {
			store(t, s, traffic(10, 5)...)
		}
		came = true
	}})
	if !errors.Is(err, storage.ErrRelabelCheck) {
		t.Errorf("got %v", err)
	}
	if n, labelled := count(t, s, "flows"), count(t, s, "flows WHERE line != ''"); n != 510 || labelled != 10 {
		t.Errorf("%d flows, %d of them labelled; want 510 and 10", n, labelled)
	}
	if days, err := relabel(t, s, storage.Relabelling{Alone: true, Label: label}); err != nil || days[0].Flows != 510 {
		t.Errorf("once more: %+v, %v", days, err)
	}
}

// TestAChangedCopyIsNotPutInPlace has labelling change what was exported.
func TestAChangedCopyIsNotPutInPlace(t *testing.T) {
	s := open(t, configure(t))
	stripped, label := bare(traffic(100, 4))
	store(t, s, stripped...)
	before := exported(t, s)
	_, err := relabel(t, s, storage.Relabelling{Alone: true, Label: func(list []flows.Record) {
		label(list)
		list[0].Bytes++
	}})
	if after := exported(t, s); !errors.Is(err, storage.ErrRelabelCheck) || after != before {
		t.Errorf("%v, and the flows are %s of %s", err, after, before)
	}
}

// TestEngineDiesWhileADayIsLabelled kills it in the middle: the old flows are
// there, and the next attempt labels them.
func TestEngineDiesWhileADayIsLabelled(t *testing.T) {
	path := t.TempDir()
	supervisor, err := engine.Supervise(t.Context(), enginetest.Config(t, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := supervisor.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	s := open(t, storage.Config{Addr: []string{supervisor.Addr()}, Database: "flows_of_a_test"})
	stripped, label := bare(traffic(400_000, 6))
	store(t, s, stripped...)
	before, killed := exported(t, s), false
	days, err := relabel(t, s, storage.Relabelling{Alone: true, Label: func(list []flows.Record) {
		label(list)
		if !killed {
			killEngine(t, path)
		}
		killed = true
	}})
	if err == nil {
		t.Fatalf("labelled without an engine: %+v", days)
	}
	if after := exported(t, s); after != before || count(t, s, "flows WHERE line != ''") != 0 {
		t.Errorf("the flows were %s and are %s, after %v", before, after, err)
	}
	// The lease of the attempt that failed may have to run out.
	for err = storage.ErrRelabelling; errors.Is(err, storage.ErrRelabelling); {
		<-time.After(200 * time.Millisecond)
		days, err = relabel(t, s, storage.Relabelling{Alone: true, Label: label})
	}
	if after := exported(t, s); err != nil || after != before || days[0].Changed != 400_000 {
		t.Errorf("once more: %+v, %v; the flows were %s and are %s", days, err, before, after)
	}
}

// TestMigrateCompletesWhatWasLabelled finds copies of processes that were killed.
func TestMigrateCompletesWhatWasLabelled(t *testing.T) {
	for name, c := range map[string]struct {
		statements []string
		labelled   uint64
		hours      bool
	}{
		"killed while it copied": {statements: []string{"INSERT INTO flows_relabel SELECT * REPLACE ('L' AS line) FROM flows LIMIT 60"}},
		"killed before it put the copy in place": {
			statements: []string{"INSERT INTO flows_relabel SELECT * REPLACE ('L' AS line) FROM flows", "ALTER TABLE flows_relabel MODIFY COMMENT '{mark}'"},
			labelled:   100, hours: true,
		},
		"killed after it put the copy in place": {
			statements: []string{
				"INSERT INTO flows_relabel SELECT * REPLACE ('L' AS line) FROM flows", "ALTER TABLE flows_relabel MODIFY COMMENT '{mark}'",
				"ALTER TABLE flows REPLACE PARTITION ID '{day}' FROM flows_relabel",
			},
			labelled: 100, hours: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configure(t)
			s := open(t, cfg)
			stripped, _ := bare(traffic(100, 7))
			store(t, s, stripped...)
			before := exported(t, s)
			day, err := s.Text(t.Context(), "SELECT toString(toYYYYMMDD(max(stored))) FROM flows")
			if err != nil {
				t.Fatal(err)
			}
			mark := strings.NewReplacer("{mark}", "put in place "+day+" 100", "{day}", day)
			for _, statement := range append([]string{"CREATE TABLE flows_relabel AS flows"}, c.statements...) {
				if err := s.Exec(t.Context(), mark.Replace(statement)); err != nil {
					t.Fatal(err)
				}
			}
			migrateTogether(t, cfg, 2)
			touched := count(t, s, "flow_hours WHERE revisions > 0") > 0
			if n, after := count(t, s, "flows WHERE line = 'L'"), exported(t, s); n != c.labelled || after != before || touched != c.hours {
				t.Errorf("%d flows are labelled, want %d; hours to roll up: %v; the flows were %s and are %s", n, c.labelled, touched, before, after)
			}
			if n := count(t, s, "system.tables WHERE database = currentDatabase() AND name = 'flows_relabel'"); n != 0 {
				t.Error("the copy is left")
			}
		})
	}
}

// TestRelabelRefuses names what is in the way.
func TestRelabelRefuses(t *testing.T) {
	cfg := configure(t)
	s := open(t, cfg)
	other := s.NewLease(storage.LeaseConfig{Name: "relabel", Holder: "another"})
	if _, held, err := other.Try(t.Context()); err != nil || !held {
		t.Fatal(held, err)
	}
	if _, err := relabel(t, s, storage.Relabelling{}); !errors.Is(err, storage.ErrRelabelling) {
		t.Errorf("while another process does it: %v", err)
	}
	cfg.Cluster = "carrier"
	if _, err := relabel(t, beside(t, cfg), storage.Relabelling{}); !errors.Is(err, storage.ErrRelabelCluster) {
		t.Errorf("on a cluster: %v", err)
	}
}

// TestLabelsAreTheColumnsThatMayChange compares what labelling may change with
// what a record says that it does.
func TestLabelsAreTheColumnsThatMayChange(t *testing.T) {
	s := open(t, configure(t))
	plain, other := traffic(1, 8)[0], traffic(1, 8)[0]
	other.Labels = flows.Labels{
		Line: "x", LineDirection: flows.ToCustomer, PeerLine: "y", Holder: "z", SrcOrigin: 1, DstOrigin: 2,
		SrcNet: netip.PrefixFrom(plain.Src, 20).Masked(), DstNet: netip.PrefixFrom(plain.Dst, 20).Masked(),
		SrcAllocation: netip.PrefixFrom(plain.Src, 21).Masked(), DstAllocation: netip.PrefixFrom(plain.Dst, 21).Masked(),
	}
	if plain.Labels.LineDirection == flows.ToCustomer {
		other.Labels.LineDirection = flows.FromCustomer
	}
	store(t, s, plain)
	before := exported(t, s)
	days, err := relabel(t, s, storage.Relabelling{Alone: true, Label: func(list []flows.Record) {
		for i := range list {
			list[i].Labels = other.Labels
		}
	}})
	if err != nil || days[0].Changed != 1 || exported(t, s) != before {
		t.Fatalf("%+v, %v", days, err)
	}
	got := list(t, s, storage.FlowFilter{})[0].Labels
	if diff := cmp.Diff(other.Labels, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
