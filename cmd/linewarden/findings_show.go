package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

func newFindingsShow(g *globals) *cobra.Command {
	var (
		u      unmaskFlags
		format string
	)
	c := &cobra.Command{
		Use: "show ID", Short: "Show one finding with all it rests on and its history", Args: cobra.ExactArgs(1),
		Long: "show prints one finding: its figures, the parameters it was judged by, the rows of the ledgers as\n" +
			"they were known then with the import that brought them, the routes, the completeness of the flow\n" +
			"data by exporter, and the history of the case. Networks of third parties, addresses of subscribers\n" +
			"and individuals, and restricted bodies are masked without --unmasked; who works the case is not.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.showFinding(cmd.Context(), args[0], format, &u)
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	u.bind(c)
	return c
}

func (g *globals) showFinding(ctx context.Context, id, format string, u *unmaskFlags) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	if err := u.check(cfg); err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		f, err := s.findingOf(ctx, id)
		if err != nil {
			return err
		}
		if _, err := u.permit(ctx, cfg, g.err, "finding/"+id, f.Province); err != nil {
			return err
		}
		all, err := s.groundsOf(ctx, f)
		if err != nil {
			return err
		}
		if !u.unmasked && cfg.Privacy.MaskExports {
			if err := s.hide(ctx, cfg, g, all); err != nil {
				return err
			}
		}
		if format == "json" {
			return report.WriteValue(g.out, all)
		}
		if err := report.WriteFinding(g.out, &all.Finding, all.Events, cfg.location); err != nil {
			return fmt.Errorf("show finding: %w", err)
		}
		return all.write(g.out, cfg.location)
	})
}

// findingOf returns a finding that must be there.
func (o *opened) findingOf(ctx context.Context, id string) (*rules.Finding, error) {
	f, ok, err := o.Finding(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read finding: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("there is no finding %q, see linewarden findings list", id)
	}
	return &f, nil
}

// grounds is a finding with all it rests on.
type grounds struct {
	rules.Finding
	Events       []rules.Event          `json:"events"`
	Basis        *rules.Basis           `json:"basis"` // null where it was not kept
	LedgerRows   []storage.LedgerRow    `json:"ledger_rows"`
	Routes       []routeGround          `json:"routes"`
	Completeness []exporterCompleteness `json:"exporter_completeness"`
	// Precision is how often people confirmed what the rule found.
	Precision rules.Precision `json:"rule_precision"`
}

// routeGround is one path that was held in the window.
type routeGround struct {
	Prefix string    `json:"prefix"`
	Path   string    `json:"path"`
	Router string    `json:"router"`
	Peer   string    `json:"peer"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"` // zero while held
}

// exporterCompleteness is what arrived of one exporter in the window.
type exporterCompleteness struct {
	Exporter string `json:"exporter"`
	Received uint64 `json:"received"`
	Stored   uint64 `json:"stored"`
	Missed   uint64 `json:"missed"`
	// Minutes is in how many minutes it was heard, Expected in how many it should
	// have been, and Silent in how many of those it fell silent beyond its habit.
	Minutes      uint64  `json:"minutes_heard"`
	Expected     uint64  `json:"minutes_expected"`
	Silent       uint64  `json:"minutes_silent"`
	Completeness float64 `json:"completeness"`
}

// maxRouteGrounds is how many paths are shown.
const maxRouteGrounds = 200

// groundsOf gathers what a finding rests on, by its evidence.
func (o *opened) groundsOf(ctx context.Context, f *rules.Finding) (*grounds, error) {
	all := &grounds{Finding: *f, Basis: f.Basis, LedgerRows: []storage.LedgerRow{}, Routes: []routeGround{}, Completeness: []exporterCompleteness{}}
	var err error
	if all.Events, err = o.Events(ctx, f.ID); err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	decided, err := o.Adjudications(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what became of the rule's findings: %w", err)
	}
	all.Precision = rules.PrecisionOf(decided, f.Rule)
	var known time.Time
	if f.Basis != nil {
		known = f.Basis.Ledgers.Known
	}
	exporters := make(map[string]bool)
	for _, e := range f.Evidence {
		switch e.Kind {
		case "ledger_row":
			rows, err := o.LedgerRows(ctx, e.Ref, known)
			if err != nil {
				return nil, fmt.Errorf("read the rows of %s: %w", e.Ref, err)
			}
			all.LedgerRows = append(all.LedgerRows, rows...)
		case "routes":
			if err := o.addRoutes(ctx, all, strings.TrimPrefix(e.Ref, "routes/")); err != nil {
				return nil, err
			}
		case "completeness":
			if exporter, ok := strings.CutPrefix(e.Ref, "flow_books/"); ok {
				exporters[exporter] = true
			}
		}
	}
	return all, o.addCompleteness(ctx, all, exporters)
}

// hide masks what a finding rests on. The fact it was derived from is left out,
// as it names networks one by one.
func (o *opened) hide(ctx context.Context, cfg *Config, g *globals, all *grounds) error {
	ledgers, err := o.snapshot(ctx, cfg, g.logger())
	if err != nil {
		return err
	}
	p := report.Privacy{Mask: report.Mask{V4: cfg.Privacy.ThirdPartyPrefixV4, V6: cfg.Privacy.ThirdPartyPrefixV6}}
	veil := p.Veil(ledgers)
	all.Finding = p.Matter([]rules.Finding{all.Finding}, veil)[0]
	if all.Basis != nil {
		all.Basis = new(*all.Basis)
		all.Basis.Fact = []byte("null")
	}
	for i := range all.LedgerRows {
		fields := slices.Clone(all.LedgerRows[i].Fields)
		for c := range fields {
			fields[c] = veil.Replace(fields[c])
		}
		all.LedgerRows[i].Fields = fields
	}
	for i := range all.Routes {
		all.Routes[i].Prefix = veil.Replace(all.Routes[i].Prefix)
	}
	return nil
}

// addRoutes adds the paths to a prefix that were held in the window. Evidence
// about an ASN names no prefix and adds none.
func (o *opened) addRoutes(ctx context.Context, all *grounds, what string) error {
	prefix, err := netip.ParsePrefix(what)
	if err != nil {
		return nil
	}
	for r, err := range o.RoutesWithin(ctx, prefix, all.Window) {
		if err != nil {
			return fmt.Errorf("read the routes of %s: %w", prefix, err)
		}
		if len(all.Routes) == maxRouteGrounds {
			return nil
		}
		all.Routes = append(all.Routes, routeGround{
			Prefix: r.Route.Prefix.String(), Path: r.Route.Path.String(), Router: addressText(r.Peer.Router), Peer: addressText(r.Peer.Peer), From: r.From, To: r.To,
		})
	}
	return nil
}

func (o *opened) addCompleteness(ctx context.Context, all *grounds, exporters map[string]bool) error {
	if len(exporters) == 0 {
		return nil
	}
	books, err := o.ExporterBooks(ctx, all.Window)
	if err != nil {
		return fmt.Errorf("read exporter books: %w", err)
	}
	for _, b := range books {
		if exporters[b.Exporter.String()] {
			all.Completeness = append(all.Completeness, exporterCompleteness{
				b.Exporter.String(), b.Received, b.Stored, b.Missed, b.Minutes, b.Expected, b.Silent, b.Completeness(),
			})
		}
	}
	return nil
}

// write writes the grounds for a reader, below the finding itself.
func (all *grounds) write(w io.Writer, loc *time.Location) error {
	at := func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.In(loc).Format(time.RFC3339)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n规则查准率 Precision of the rule (confirmed of adjudicated, 95 %% interval): %s\n", all.Precision)
	if all.Basis == nil {
		b.WriteString("\n判定依据未保存 The facts it was derived from were not kept\n")
	} else {
		b.WriteString("\n参数 Parameters\n")
		for _, name := range slices.Sorted(maps.Keys(all.Basis.Params)) {
			fmt.Fprintf(&b, "  %s = %v\n", name, all.Basis.Params[name])
		}
		fmt.Fprintf(&b, "\n台账版本 Ledgers: import %s, known since %s\n", all.Basis.Ledgers.ID, at(all.Basis.Ledgers.Known))
	}
	if len(all.LedgerRows) > 0 {
		t := report.NewTable("台账 LEDGER", "内容 ROW", "导入 IMPORT", "知悉 KNOWN SINCE", "关闭 CLOSED")
		for _, r := range all.LedgerRows {
			t.AppendRow(table.Row{r.Ledger, rowText(r), r.Import, at(r.Known), at(r.Closed)})
		}
		fmt.Fprintf(&b, "\n%s\n", t.Render())
	}
	if len(all.Routes) > 0 {
		t := report.NewTable("前缀 PREFIX", "路径 AS PATH", "路由器 ROUTER", "邻居 PEER", "起 FROM", "止 TO")
		for _, r := range all.Routes {
			t.AppendRow(table.Row{r.Prefix, r.Path, r.Router, r.Peer, at(r.From), at(r.To)})
		}
		fmt.Fprintf(&b, "\n%s\n", t.Render())
	}
	if len(all.Completeness) > 0 {
		t := report.NewTable("采集点 EXPORTER", "收到 RECEIVED", "入库 STORED", "缺失 MISSED", "静默分钟 SILENT MINUTES", "完整性 COMPLETENESS")
		for _, c := range all.Completeness {
			t.AppendRow(table.Row{c.Exporter, c.Received, c.Stored, c.Missed, fmt.Sprintf("%d/%d", c.Silent, c.Expected), fmt.Sprintf("%.4f", c.Completeness)})
		}
		fmt.Fprintf(&b, "\n%s\n", t.Render())
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write what the finding rests on: %w", err)
	}
	return nil
}

// rowText writes the cells of a row that hold something.
func rowText(r storage.LedgerRow) string {
	var cells []string
	for i, v := range r.Fields {
		if v != "" && i < len(r.Columns) {
			cells = append(cells, r.Columns[i]+"="+v)
		}
	}
	return strings.Join(cells, "\n")
}
