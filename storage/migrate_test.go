package storage_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// schemaOf is the text of every table and view of the database.
func schemaOf(tb testing.TB, s *storage.Store) string {
	tb.Helper()
	text, err := s.Text(tb.Context(), `SELECT arrayStringConcat(groupArray(create_table_query), '\n')
FROM (SELECT create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name)`)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func TestMigrateTwice(t *testing.T) {
	s := open(t, configure(t))
	store(t, s, traffic(10, 1)...)
	before := schemaOf(t, s)
	for range 2 {
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if after := schemaOf(t, s); after != before || strings.Count(before, "CREATE") < 12 {
		t.Errorf("the schema changed from\n%s\nto\n%s", before, after)
	}
	if n := count(t, s, "flows"); n != 10 {
		t.Errorf("%d flows are left of 10", n)
	}
	if n := count(t, s, "schema_versions"); n != uint64(storage.NewestSchema()) {
		t.Errorf("%d steps are noted, want %d", n, storage.NewestSchema())
	}
}

func TestMigrateTogether(t *testing.T) {
	cfg := configure(t)
	first := reopen(t, cfg)
	second, err := storage.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, s := range []*storage.Store{first, second} {
		wg.Go(func() {
			if err := s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestMigrateGoesOnAfterAnInterruption(t *testing.T) {
	s := open(t, configure(t))
	want := schemaOf(t, s)
	for _, statement := range []string{
		"TRUNCATE TABLE schema_versions", "DROP VIEW flow_hours_from_flows", "DROP TABLE finding_events", "DROP TABLE audit_runs",
	} {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := schemaOf(t, s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestBooksOfTheFirstSchema opens books from before the spool had losses.
func TestBooksOfTheFirstSchema(t *testing.T) {
	s := open(t, configure(t))
	want := schemaOf(t, s)
	for _, statement := range []string{
		"ALTER TABLE schema_versions DELETE WHERE version > 1 SETTINGS mutations_sync = 2",
		"ALTER TABLE flow_books DROP COLUMN lost_spool_full, DROP COLUMN datagrams_lost_spool_full",
		"ALTER TABLE flow_books DROP COLUMN lost_spool_damaged, DROP COLUMN datagrams_lost_spool_damaged",
	} {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := schemaOf(t, s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFlowsWithStoredNetworks opens flows from when networks were stored beside
// their addresses.
func TestFlowsWithStoredNetworks(t *testing.T) {
	s := open(t, configure(t))
	changes := []string{"ALTER TABLE schema_versions DELETE WHERE version > 3 SETTINGS mutations_sync = 2"}
	for _, name := range []string{"src_net", "dst_net", "src_allocation", "dst_allocation"} {
		changes = append(changes, "ALTER TABLE flows DROP COLUMN "+name, "ALTER TABLE flows ADD COLUMN "+name+" IPv6 CODEC(ZSTD(1))")
	}
	changes = append(changes, `INSERT INTO flows (stored, start, families, src, src_net, src_net_bits, dst_net_bits, src_allocation_bits, dst_allocation_bits)
SELECT now(), now64(9, 'UTC'), 21, toIPv6('198.51.100.77'), toIPv6('198.51.100.64'), 122, 255, 255, 255`)
	for _, statement := range changes {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for r, err := range s.Flows(t.Context(), storage.FlowFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got, want := r.Labels.SrcNet, netip.MustParsePrefix("198.51.100.64/26"); got != want || r.Labels.DstNet.IsValid() {
			t.Errorf("networks %v and %v, want %v and none", got, r.Labels.DstNet, want)
		}
	}
	computed, err := s.Text(t.Context(), "SELECT concat(toString(src_net), ' ', toString(dst_net)) FROM flows")
	if err != nil || computed != "::ffff:198.51.100.64 ::" {
		t.Errorf("computed networks are %q, %v", computed, err)
	}
	store(t, s, traffic(100, 1)...)
	if n := count(t, s, "flows"); n != 101 {
		t.Errorf("%d flows are stored, want 101", n)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	s := open(t, configure(t))
	if err := s.Exec(t.Context(), "INSERT INTO schema_versions SELECT 99, 'of the future', now()"); err != nil {
		t.Fatal(err)
	}
	before := schemaOf(t, s)
	err := s.Migrate(t.Context())
	if !errors.Is(err, storage.ErrNewerSchema) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"schema 99", "up to 9", "use the newer linewarden"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if schemaOf(t, s) != before {
		t.Error("a refused schema was changed")
	}
}

func TestChangedTableIsNamed(t *testing.T) {
	s := open(t, configure(t))
	for _, statement := range []string{"ALTER TABLE flows DROP COLUMN tos", "ALTER TABLE audit_runs MODIFY COLUMN subjects UInt32"} {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Migrate(t.Context())
	if err == nil {
		t.Fatal("a changed table was taken")
	}
	for _, want := range []string{"flows.tos is missing", "audit_runs.subjects is UInt32 instead of UInt64"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestRetentionFollowsTheConfiguration(t *testing.T) {
	cfg := configure(t)
	open(t, cfg)
	for _, tt := range []struct {
		flows time.Duration
		want  string
	}{
		{7 * 24 * time.Hour, "TTL stored + toIntervalSecond(864000)"},
		{36 * time.Hour, "TTL stored + toIntervalSecond(388800)"},
		{0, ""},
		{time.Hour, "TTL stored + toIntervalSecond(262800)"},
	} {
		cfg.Retention.Flows = tt.flows
		s, err := storage.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := s.Text(t.Context(), "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'flows'")
		if err != nil {
			t.Fatal(err)
		}
		if tt.want == "" && strings.Contains(got, "TTL ") || !strings.Contains(got, tt.want) {
			t.Errorf("retention %v gives %s", tt.flows, got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOldRowsGo writes flows that were stored long ago, beside new flows of old
// events.
func TestOldRowsGo(t *testing.T) {
	s := open(t, configure(t))
	old := traffic(10, 1)
	for i := range old {
		old[i].Start = old[i].Start.AddDate(-20, 0, 0)
		old[i].End = old[i].End.AddDate(-20, 0, 0)
	}
	store(t, s, old...)
	for _, statement := range []string{
		"INSERT INTO flows SELECT * REPLACE (now() - toIntervalDay(11) AS stored) FROM flows",
		"OPTIMIZE TABLE flows FINAL",
	} {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, "flows"); n != 10 {
		t.Errorf("%d flows are left, want the 10 that were stored just now", n)
	}
}

// TestWildClocks writes a batch of flows of many years: it is one part all the
// same.
func TestWildClocks(t *testing.T) {
	s := open(t, configure(t))
	records := traffic(400, 1)
	for i := range records {
		records[i].Start = noon.AddDate(0, 0, -20*i)
	}
	store(t, s, records...)
	parts, err := s.Number(t.Context(), "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'flows' AND active")
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, "flows"); n != 400 || parts != 1 {
		t.Errorf("%d flows in %d parts", n, parts)
	}
}

func TestPrivacyReachesTheRollups(t *testing.T) {
	cfg := configure(t)
	s := open(t, cfg)
	bare := traffic(1, 1)[0]
	bare.Labels.SrcNet, bare.Labels.DstNet = netip.Prefix{}, netip.Prefix{}
	store(t, s, bare)
	day := rules.Window{From: noon.AddDate(0, 0, -1), To: noon.AddDate(0, 0, 1)}
	rollUp(t, s, day, storage.Scope{})
	cfg.ThirdPartyV4 = 20
	again, err := storage.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	store(t, again, bare)
	rollUp(t, again, day, storage.Scope{})
	var bits []int
	for n, err := range again.LineNetworks(t.Context(), day, time.UTC) {
		if err != nil {
			t.Fatal(err)
		}
		if !n.Near.Contains(bare.Src) && !n.Near.Contains(bare.Dst) || n.Near.Masked() != n.Near {
			t.Errorf("near network %v of %v and %v", n.Near, bare.Src, bare.Dst)
		}
		bits = append(bits, n.Near.Bits(), n.Far.Bits())
	}
	slices.Sort(bits)
	if !slices.Equal(bits, []int{20, 20}) { // the hour was rolled up anew
		t.Errorf("networks of %v bits", bits)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
