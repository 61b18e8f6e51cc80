package main

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/rules"
)

// checkCounters compares what flows say with what interfaces have counted.
func (d *doctor) checkCounters(ctx context.Context, s *opened) error {
	accounts, err := counterAccounts(ctx, s, d.now)
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		d.ok("counters", "", text("近 24 小时没有接口计数器，流量未经核对；可配置 collector.snmp，或在设备上打开 sFlow 计数器采样",
			"there were no counters of interfaces in the last 24 hours, and nothing is compared: configure collector.snmp, or counter samples of sFlow"))
		return nil
	}
	for _, exporter := range slices.SortedFunc(maps.Keys(accounts), netip.Addr.Compare) {
		d.judgeCounters(exporter.String(), accounts[exporter])
	}
	return nil
}

func (d *doctor) judgeCounters(exporter string, a rules.CounterAccount) {
	found := countersFound(&a)
	if a.Disagree == 0 && a.State != rules.CountersDisagree {
		d.ok("counters", exporter, found)
		return
	}
	remedy := counterRemedy(&a)
	if a.State != rules.CountersDisagree { // some interfaces alone
		d.warn("counters", exporter, found, remedy).trouble = troubleCounters
		return
	}
	d.fail("counters", exporter, found, remedy).trouble = troubleCounters
}

// countersFound says how flows and counters go together.
func countersFound(a *rules.CounterAccount) rules.Text {
	if a.State == rules.CountersAbsent {
		return text(fmt.Sprintf("近 24 小时无法核对：%d 个接口方向没有流量记录，%d 个没有计数器", a.NotMetered, a.Absent),
			fmt.Sprintf("nothing can be compared in the last 24 hours: %d directions of interfaces have no flows, %d no counters", a.NotMetered, a.Absent))
	}
	return text(fmt.Sprintf("近 24 小时流量为接口计数器的 %.0f%%（%.0f%%–%.0f%%）：%d 个接口方向一致，%d 个不一致（其中 %d 个没有流量记录），%d 个样本不足，%d 个没有计数器",
		100*a.Ratio, 100*a.Low, 100*a.High, a.Agree, a.Disagree, a.NotMetered, a.Unsure, a.Absent),
		fmt.Sprintf("flows of the last 24 hours say %.0f %% (%.0f to %.0f) of what interfaces counted: %d directions agree, %d do not (%d of them have no flows), %d have too few samples, %d no counters",
			100*a.Ratio, 100*a.Low, 100*a.High, a.Agree, a.Disagree, a.NotMetered, a.Unsure, a.Absent))
}

// counterRemedy says what mends the likeliest cause.
func counterRemedy(a *rules.CounterAccount) rules.Text {
	switch a.Cause {
	case rules.CauseSampling:
		return text(fmt.Sprintf("采样比可能差 %.2f 倍：核对设备的采样比与 exporters.csv，已入库的用 linewarden flows rerate 更正", a.Factor),
			fmt.Sprintf("the sampling rate may be off by a factor of %.2f: check it on the device and in exporters.csv, and correct what is stored by linewarden flows rerate", a.Factor))
	case rules.CauseTwice:
		return text("同一报文在入接口和出接口各计一次：只保留一个方向的采样", "packets are metered as they enter and again as they leave: meter one direction only")
	case rules.CauseUnscaled:
		return text("部分流量的采样比未知：见 sampling 项", "the sampling rate of some flows is not known: see the check sampling")
	case rules.CauseRenumbered:
		return text("接口索引可能已重新编号：核对 interfaces.csv 的 if_index，并在设备上固定接口索引（ifindex persist）",
			"interfaces may have been renumbered: check if_index in interfaces.csv, and have the device keep its indices (ifindex persist)")
	case rules.CauseNotMetered:
		return text("这些接口没有流量记录：如有客户专线，打开其采样", "these interfaces have no flows: meter them where lines of customers are on them")
	case rules.CauseOver:
		return text("流量记录多于接口所载：查找重复导出的设备或采样比错误的接口", "flows say more than interfaces carried: look for a second export of the same flows, or for single interfaces with another rate")
	case rules.CauseNotSeen:
	}
	return text("流量记录少于接口所载：查看非 IP 流量、未采样的方向、缓存溢出与途中丢失（见 loss 项）",
		"flows say less than interfaces carried: look for traffic that is not IP, directions that are not metered, a full flow cache, and loss on the way (see the check loss)")
}
