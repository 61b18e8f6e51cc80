package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

const (
	// recentSpan is the time over which exporters are judged.
	recentSpan = time.Hour
	// silentSpan is how long an exporter may say nothing. Routers with any
	// traffic export at least each active timeout, which is 30 minutes at most
	// in the defaults of the vendors, and a minute or less where configured.
	silentSpan = 15 * time.Minute
	// mostBooks bounds how many rows of books are read to find one minute.
	mostBooks = 200_000
	// mostStrangers bounds how many unknown exporters are named.
	mostStrangers = 10
	// warnLoss and failLoss are shares of the records; below 0.9 of the records
	// most rules withhold their judgement.
	warnLoss, failLoss = 0.005, 0.1
)

// heard is what the books say of an exporter.
type heard struct {
	count    flows.Count // of the recent span, all its sources together
	missed   float64     // records of the recent span that never arrived
	last     time.Time   // start of the last minute in which something arrived, zero = unknown
	ever     bool
	notAfter time.Time // where last is unknown: it was silent from then on
	template bool      // one of its protocols has templates
}

// checkExporters compares what was heard with the ledger.
func (d *doctor) checkExporters(ctx context.Context, s *opened) error {
	version, err := s.ledgerVersion(ctx)
	if err != nil {
		return err
	}
	tables, err := s.Ledgers(ctx, version.Known)
	if err != nil {
		return fmt.Errorf("read the ledgers in force: %w", err)
	}
	ledgers, _ := registry.Parse(tables)
	entries, err := s.BookEntries(ctx, rules.Window{From: d.now.Add(-recentSpan), To: d.now.Add(recentSpan)})
	if err != nil {
		return err
	}
	known := make(map[netip.Addr]*heard)
	for i := range entries {
		note(known, &entries[i])
	}
	if err := d.searchSilent(ctx, s, ledgers.Exporters, known); err != nil {
		return err
	}
	d.judgeExporters(ledgers.Exporters, known)
	return nil
}

// note adds an entry of the books.
func note(known map[netip.Addr]*heard, e *flows.Entry) {
	if !e.Source.Exporter.IsValid() {
		return // what nobody can be held to
	}
	h := known[e.Source.Exporter]
	if h == nil {
		h = &heard{}
		known[e.Source.Exporter] = h
	}
	c := &e.Count
	if c.Datagrams > 0 {
		h.ever = true
		if e.Minute.After(h.last) {
			h.last = e.Minute
		}
	}
	h.count.Add(c)
	if c.SequenceGaps > 0 {
		h.missed += float64(c.RecordsMissed) * float64(c.SequenceGaps-min(c.Reordered, c.SequenceGaps)) / float64(c.SequenceGaps)
	}
	h.template = h.template || e.Source.Version == flows.NetFlow9 || e.Source.Version == flows.IPFIX
}

// searchSilent finds when those were last heard that were not in the recent
// span, looking back twice as far each time, as long as books are kept.
func (d *doctor) searchSilent(ctx context.Context, s *opened, exporters []registry.Exporter, known map[netip.Addr]*heard) error {
	missing := make(map[netip.Addr]bool)
	for _, e := range exporters {
		if known[e.Address] == nil {
			missing[e.Address] = true
		}
	}
	keep := max(time.Duration(d.cfg.Storage.Retention.Rollups), 2*recentSpan)
	for back := recentSpan; back < keep && len(missing) > 0; back *= 2 {
		w := rules.Window{From: d.now.Add(-2 * back), To: d.now.Add(-back)}
		books, err := s.ExporterBooks(ctx, w)
		if err != nil {
			return err
		}
		rows, some := uint64(0), false
		for _, b := range books {
			rows += b.Minutes
			if missing[b.Exporter] && b.Minutes > 0 {
				known[b.Exporter] = &heard{ever: true, notAfter: w.To}
				delete(missing, b.Exporter)
				some = true
			}
		}
		if !some || rows > mostBooks {
			continue
		}
		if err := findLast(ctx, s, w, known); err != nil {
			return err
		}
	}
	return nil
}

// findLast finds the last minute of those that were last heard in w.
func findLast(ctx context.Context, s *opened, w rules.Window, known map[netip.Addr]*heard) error {
	entries, err := s.BookEntries(ctx, w)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if h := known[e.Source.Exporter]; h != nil && h.notAfter.Equal(w.To) && e.Count.Datagrams > 0 {
			h.last = e.Minute // in the order of time
		}
	}
	return nil
}

// judgeExporters gives a line for each exporter of the ledger, and one for
// those that are in none.
func (d *doctor) judgeExporters(exporters []registry.Exporter, known map[netip.Addr]*heard) {
	if len(exporters) == 0 {
		d.warn("exporters", "exporters.csv", text("台账中没有导出设备", "there are no exporters in the ledgers"), text("在 exporters.csv 和 interfaces.csv 中登记路由器与接口", "enter routers and interfaces into exporters.csv and interfaces.csv"))
	}
	ever, silent := 0, 0
	inLedger := make(map[netip.Addr]bool)
	for _, e := range exporters {
		inLedger[e.Address] = true
		h := known[e.Address]
		if h != nil && h.ever {
			ever++
		}
		if !d.judgeExporter(e, h) {
			silent++
		}
	}
	if d.daemon != nil && ever > 0 && silent == len(exporters) {
		d.fail("exporters", "", text("曾有流量导出的设备现在全部静默", "exporters were heard before, and all of them are silent now"),
			text("检查本机网卡、路由、防火墙（nft list ruleset）与监听端口", "check this machine's interface, routes, firewall (nft list ruleset) and ports"))
	}
	var strangers []string
	for a, h := range known {
		if !inLedger[a] && h.ever {
			strangers = append(strangers, a.String())
		}
	}
	if len(strangers) > 0 {
		slices.Sort(strangers)
		list := strings.Join(strangers[:min(len(strangers), mostStrangers)], " ")
		d.warn("exporters", "exporters.csv", text(fmt.Sprintf("收到 %d 个未登记设备的导出：%s", len(strangers), list), fmt.Sprintf("%d exporters are heard that are in no ledger: %s", len(strangers), list)),
			text("登记到 exporters.csv；来历不明的用防火墙拒绝", "enter them into exporters.csv; refuse unknown ones by the firewall"))
	}
}

// judgeExporter looks at one exporter and tells whether it is heard.
func (d *doctor) judgeExporter(e registry.Exporter, h *heard) (alive bool) {
	subject := strings.TrimSpace(e.Address.String() + " " + e.Name)
	receive := text("在路由器上核对导出目的地址、源地址和端口；用 tcpdump -ni any udp and host "+e.Address.String()+" 确认是否到达本机",
		"check destination, source address and port of the export on the router; see by tcpdump -ni any udp and host "+e.Address.String()+" whether it arrives")
	if h == nil || !h.ever {
		d.warn("exporter", subject, text("从未收到", "was never heard"), receive).trouble = troubleSilent
		return false
	}
	if d.daemon == nil { // nobody has listened lately
		since := h.lastText(d.cfg.location)
		d.ok("exporter", subject, text("最后一次收到："+since.ZH, "last heard "+since.EN))
		return true
	}
	if h.last.Before(d.now.Add(-silentSpan)) {
		since := h.lastText(d.cfg.location)
		d.warn("exporter", subject, text("静默，最后一次收到："+since.ZH, "is silent, last heard "+since.EN), receive).trouble = troubleSilent
		return false
	}
	if h.last.After(d.now.Add(2 * time.Minute)) {
		d.fail("clock", subject, text("账目在未来，系统时间可能被调回", "its books are in the future: the clock may have been put back"), text("校正系统时间", "correct the time of this machine"))
	}
	before := len(d.list)
	d.judgeDecoding(subject, h)
	d.judgeLoss(subject, h)
	if len(d.list) == before {
		d.ok("exporter", subject, text(fmt.Sprintf("近 1 小时 %d 个报文、%d 条记录", h.count.Datagrams, h.count.Records),
			fmt.Sprintf("%d datagrams with %d records in the last hour", h.count.Datagrams, h.count.Records)))
	}
	return true
}

// lastText says when an exporter was last heard.
func (h *heard) lastText(loc *time.Location) rules.Text {
	if h.last.IsZero() {
		at := h.notAfter.In(loc).Format(time.RFC3339)
		return text(at+" 之前", "before "+at)
	}
	at := h.last.In(loc).Format(time.RFC3339)
	return text(at, at)
}

// judgeDecoding looks at templates, sampling and time.
func (d *doctor) judgeDecoding(subject string, h *heard) {
	c := &h.count
	noTemplate := c.Lost[flows.ReasonUnknownTemplate] + c.Lost[flows.ReasonParkedTooLong] + c.Lost[flows.ReasonParkingFull]
	remedy := text("缩短路由器的模板发送周期（60 秒），或重发模板", "make the router send its templates each minute")
	switch {
	case noTemplate > 0 && c.Stored == 0, h.template && c.Datagrams > 0 && c.Records == 0:
		d.fail("templates", subject, text("近 1 小时没有模板，数据不能解码", "no template in the last hour, and nothing can be decoded"), remedy).trouble = troubleTemplates
	case noTemplate > 0:
		d.warn("templates", subject, text(fmt.Sprintf("近 1 小时有 %d 条记录因缺少模板而丢失", noTemplate), fmt.Sprintf("%d records of the last hour were lost for want of their template", noTemplate)), remedy).trouble = troubleTemplates
	}
	if c.Unscaled+c.Lost[flows.ReasonUnknownSampling] > 0 {
		n := c.Unscaled + c.Lost[flows.ReasonUnknownSampling]
		d.warn("sampling", subject, text(fmt.Sprintf("近 1 小时有 %d 条记录的采样比未知，流量不能还原", n), fmt.Sprintf("the sampling rate of %d records of the last hour is not known, and their traffic cannot be scaled", n)),
			text("让路由器导出采样选项，或在 exporters.csv 的 sampling 列填写，再用 linewarden flows rerate 更正已入库的", "let the router export its sampling options, or fill in the column sampling of exporters.csv, and correct what is stored by linewarden flows rerate")).trouble = troubleSampling
	}
	if c.ClockSkewed > 0 {
		d.warn("clock", subject, text(fmt.Sprintf("近 1 小时有 %d 条记录的时间偏差超过 %s，已改用到达时间", c.ClockSkewed, d.cfg.Collector.Clock.MaxSkew),
			fmt.Sprintf("the times of %d records of the last hour were off by more than %s, and were replaced", c.ClockSkewed, d.cfg.Collector.Clock.MaxSkew)),
			text("为路由器配置 NTP，并核对其时区", "give the router an NTP server, and check its time zone")).trouble = troubleClock
	}
}

// judgeLoss looks at what the sequence numbers say is missing.
func (d *doctor) judgeLoss(subject string, h *heard) {
	expected := float64(h.count.Records) + h.missed
	if expected == 0 || h.missed/expected < warnLoss {
		return
	}
	share := h.missed / expected
	found := text(fmt.Sprintf("近 1 小时按序号丢失 %.1f%% 的记录", 100*share), fmt.Sprintf("%.1f %% of the records of the last hour never arrived, by their sequence numbers", 100*share))
	remedy := text("检查途中链路与 QoS、本机接收缓冲（见 sockets、buffers），或降低采样率", "check the links and QoS on the way, the receive buffers here (see sockets and buffers), or sample more coarsely")
	if share >= failLoss {
		d.fail("loss", subject, found, remedy).trouble = troubleLoss
		return
	}
	d.warn("loss", subject, found, remedy).trouble = troubleLoss
}
