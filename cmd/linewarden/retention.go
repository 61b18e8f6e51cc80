package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/storage"
)

// expireClosed deletes what the configuration keeps no longer. It shares the
// lock of the runs, which may be reading it.
func (a *auditor) expireClosed(ctx context.Context) {
	a.running.Lock()
	defer a.running.Unlock()
	done, err := a.store.Expire(ctx, time.Now(), "linewarden serve")
	for i := range done {
		d := &done[i]
		a.log.Info("deleted by age", "table", d.Table, "partition", d.Partition, "rows", d.Rows, "held", d.Held, "setting", d.Setting, "keep", d.Keep)
	}
	if err != nil && ctx.Err() == nil {
		a.log.Error("deleting by age failed and is tried again within the hour", "error", err)
	}
}

func newRetention(g *globals) *cobra.Command {
	return group("retention", "List and do what is deleted because of its age", newRetentionList(g), newRetentionRun(g), newRetentionHolds(g))
}

func newRetentionList(g *globals) *cobra.Command {
	var (
		format string
		limit  int
	)
	c := &cobra.Command{
		Use: "list", Short: "List what was deleted because of its age, oldest first", Args: cobra.NoArgs,
		Long: "list prints the records of deletions: table, the day, month or year of storing, the rows, the\n" +
			"copies of them that stay under holds, when, and by which setting. A record is written before\n" +
			"anything is deleted and is never deleted itself; one that is not done was interrupted.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usagef("--limit: %d is not a number of records", limit)
			}
			return g.listDeletions(cmd.Context(), format, limit)
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	c.Flags().IntVar(&limit, "limit", 0, "at most this `number` of the newest records; 0 is all")
	return c
}

func (g *globals) listDeletions(ctx context.Context, format string, limit int) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		list, err := s.Deletions(ctx, limit)
		if err != nil {
			return err
		}
		if format != "table" {
			return report.WriteJSON(g.out, list)
		}
		return g.writeTable(deletionTable(list, cfg.location), nil, format)
	})
}

func deletionTable(list []storage.Deletion, loc *time.Location) table.Writer {
	t := report.NewTable("时间 AT", "表 TABLE", "分区 PARTITION", "行数 ROWS", "留存副本 HELD", "最早 FIRST", "最晚 LAST", "依据 SETTING", "期限 KEPT", "执行 BY", "状态 STATE")
	for i := range list {
		d := &list[i]
		state := "完成 done"
		if !d.Done {
			state = "中断 interrupted"
		}
		at := func(v time.Time) string { return v.In(loc).Format(time.RFC3339) }
		t.AppendRow(table.Row{at(d.At), d.Table, d.Partition, d.Rows, d.Held, at(d.First), at(d.Last), d.Setting, d.Keep, d.By, state})
	}
	return t
}

func newRetentionRun(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Delete now what the configuration keeps no longer, as serve does every hour", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			cfg, err := g.config()
			if err != nil {
				return err
			}
			return g.withStore(ctx, cfg, func(s *opened) error {
				done, err := s.Expire(ctx, time.Now(), systemUser())
				for i := range done {
					fmt.Fprintf(g.out, "%s %s: %d rows, %d held\n", done[i].Table, done[i].Partition, done[i].Rows, done[i].Held)
				}
				if err != nil {
					return fmt.Errorf("delete by age: %w", err)
				}
				fmt.Fprintf(g.err, "%d partitions deleted; see linewarden retention list\n", len(done))
				return nil
			})
		},
	}
}

// holdRow is a hold as other programs read it.
type holdRow struct {
	ID      string            `json:"id"`
	Finding string            `json:"finding"`
	State   string            `json:"state"`
	At      time.Time         `json:"at"`
	By      string            `json:"by"`
	Note    string            `json:"note"`
	From    time.Time         `json:"from"`
	To      time.Time         `json:"to"`
	Rows    map[string]uint64 `json:"rows"`
}

func newRetentionHolds(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "holds [FINDING]", Short: "List what is kept for findings beyond its lifetime", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			finding := ""
			if len(args) > 0 {
				finding = args[0]
			}
			return g.listHolds(cmd.Context(), finding, format)
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}

func (g *globals) listHolds(ctx context.Context, finding, format string) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		holds, err := s.Holds(ctx, finding)
		if err != nil {
			return err
		}
		names := map[storage.HoldState]string{storage.HoldCopying: "copying", storage.HoldKept: "kept", storage.HoldReleased: "released"}
		rows := make([]holdRow, len(holds))
		t := report.NewTable("线索 FINDING", "状态 STATE", "时间 AT", "批准 BY", "起 FROM", "止 TO", "行数 ROWS", "说明 NOTE")
		for i := range holds {
			h := &holds[i]
			rows[i] = holdRow{h.ID, h.Finding, names[h.State], h.At, h.By, h.Note, h.From, h.To, h.Rows}
			var n uint64
			for _, v := range h.Rows {
				n += v
			}
			at := func(v time.Time) string { return v.In(cfg.location).Format(time.RFC3339) }
			t.AppendRow(table.Row{h.Finding, names[h.State], at(h.At), h.By, at(h.From), at(h.To), strconv.FormatUint(n, 10), h.Note})
		}
		if format != "table" {
			return report.WriteJSON(g.out, rows)
		}
		return g.writeTable(t, nil, format)
	})
}
