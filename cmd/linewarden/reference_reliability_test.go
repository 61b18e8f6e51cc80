package main

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/rules"
)

// soakTexts say what each part of the soak does.
var soakTexts = []struct {
	part      string
	what, how rules.Text
}{
	{
		"load", text("持续负载", "steady load"),
		text("48 台设备（三种协议）以实测上限的八成持续发送，期间不做汇总与规则；斜率按后一半时间最小二乘",
			"48 exporters of three protocols send at four fifths of the limit measured before; neither roll-ups nor rules run; slopes are by least squares over the second half"),
	},
	{
		"kills", text("随机强杀", "random kills"),
		text("持续接收时随机对引擎或守护进程 kill -9；守护进程停机期间到达的报文不会被接收", "the engine or the daemon is killed by SIGKILL at random moments while flows come; nobody receives what comes while the daemon is down"),
	},
	{
		"disk", text("磁盘写满", "full disk"),
		text("接收时把磁盘写满，之后再腾出空间", "the disk is filled under a daemon that receives, and there is room again later"),
	},
	{
		"loss5", text("丢包 5 %", "5 % loss"),
		text("发送端随机丢弃报文；序列号据此估计缺失记录", "the sender loses datagrams at random; sequence numbers estimate what is missing"),
	},
	{"loss40", text("丢包 40 %", "40 % loss"), text("同上", "as above")},
	{
		"disorder", text("乱序与重复", "disorder"),
		text("5 % 重复、10 % 迟到；不得判为缺失；重复的报文按两份入库", "5 % of datagrams are repeated, 10 % are late; nothing may be called missing; what is repeated is stored twice"),
	},
	{
		"exporters", text("一万台设备", "ten thousand exporters"),
		text("各发模板和数据，随后只发数据", "each sends templates and data, and later data alone"),
	},
	{
		"templates", text("百万模板攻击", "a million templates"),
		text("一个地址发送一百万个模板；其余设备照常", "one address sends a million templates; all others export as usual"),
	},
	{
		"slowloris", text("慢速 HTTP", "slow HTTP clients"),
		text("500 个连接各自每半秒只发一个字节的请求头；期间其他人照常得到应答", "500 connections send a byte of their request's head each half second; others are answered meanwhile"),
	},
	{
		"clock", text("时钟跳变", "steps of clocks"),
		text("设备时钟先快 2 小时、再慢 26 小时、再恢复；偏差期间的记录改用到达时间并计数。守护进程自身的时钟未做跳变：对解码而言那等同于全部设备一起跳变，定时器用单调时钟", "clocks of exporters go two hours ahead, 26 hours back, and right again; records of that time get their arrival as their time and are counted. The clock of the daemon itself was not stepped: to the decoders that is a step of all exporters, and timers are monotonic"),
	},
}

// soakFigureTexts say what each figure is; integers are shown whole.
var soakFigureTexts = []struct {
	figure string
	say    rules.Text
}{
	{"limit", text("实测上限，条/秒", "limit measured, records/s")},
	{"rate", text("实际速率，条/秒", "rate sent, records/s")},
	{"exporters", text("设备", "exporters")},
	{"clients", text("连接", "connections")},
	{"engine_kills", text("引擎被杀次数", "kills of the engine")},
	{"daemon_kills", text("守护进程被杀次数", "kills of the daemon")},
	{"templates", text("发送模板", "templates sent")},
	{"evicted", text("淘汰模板", "templates forgotten")},
	{"sent", text("发送记录", "records sent")},
	{"lost_on_way", text("途中丢失记录", "records lost on the way")},
	{"missed", text("序列号估计缺失记录", "records missing by sequence numbers")},
	{"repeated", text("途中重复记录", "records repeated on the way")},
	{"reordered", text("迟到单位", "late units")},
	{"received", text("收到记录", "records received")},
	{"stored", text("账目：入库记录", "books: records stored")},
	{"rows", text("存储中的行", "rows in the store")},
	{"lost", text("账目：丢失记录", "books: records lost")},
	{"kernel_dropped", text("账目：内核丢弃报文", "books: datagrams the kernel dropped")},
	{"skewed", text("改用到达时间的记录", "records with their arrival as time")},
	{"daemon_mib", text("守护进程内存，MiB", "memory of the daemon, MiB")},
	{"daemon_slope", text("其斜率，MiB/小时", "its slope, MiB/h")},
	{"engine_mib", text("引擎内存，MiB", "memory of the engine, MiB")},
	{"engine_slope", text("其斜率，MiB/小时", "its slope, MiB/h")},
	{"spool_mib", text("缓存，MiB", "spool, MiB")},
	{"spool_most_mib", text("缓存最大，MiB", "spool at most, MiB")},
	{"spool_slope", text("缓存斜率，MiB/小时", "slope of the spool, MiB/h")},
	{"grown_mib", text("内存增加，MiB", "memory grown by, MiB")},
	{"exporter_kib", text("每台设备内存，KiB", "memory of an exporter, KiB")},
	{"worst_ms", text("他人最慢应答，毫秒", "slowest answer to others, ms")},
}

// TestReferenceReliability makes the page about reliability from what the soak
// has found.
func TestReferenceReliability(t *testing.T) {
	r, err := readSoak(soakFile)
	if err != nil {
		t.Fatal(err)
	}
	p := newReferencePage(text("可靠性", "Reliability"),
		text("数字来自 `make soak SOAK=60m`（时长可改；结果在 `cmd/linewarden/testdata/soak.json`）。每一部分的账目都必须平衡：收到 = 入库 + 按原因丢失，否则该部分算失败。",
			"The figures are from `make soak SOAK=60m` (of any span; results are in `cmd/linewarden/testdata/soak.json`). In each part the books must balance, received = stored + lost by reason, or it fails."))
	p.say(text("机器："+r.Machine+"。负载由同一台机器上的另一个进程发出。"+r.Note.ZH, "Machine: "+r.Machine+". Another process on the same machine sends the load. "+r.Note.EN))
	known := make(map[string]bool)
	for _, x := range soakTexts {
		known[x.part] = true
		part := r.Parts[x.part]
		if part == nil {
			p.say(text("## "+x.what.ZH, "## "+x.what.EN))
			p.say(text(x.how.ZH+"。尚无结果。", sentence(x.how.EN)+" There are no figures yet."))
			continue
		}
		p.say(text("## "+x.what.ZH, "## "+x.what.EN))
		p.say(text(x.how.ZH+"。"+part.Date+"，"+plainNumber(part.Seconds)+" 秒。", sentence(x.how.EN)+" "+part.Date+", "+plainNumber(part.Seconds)+" s."))
		p.table([]rules.Text{text("项目", "figure"), text("数值", "value")}, soakRows(t, x.part, part.Figures))
	}
	for name := range r.Parts {
		if !known[name] {
			t.Errorf("soakTexts does not explain the part %s", name)
		}
	}
	p.say(text("## 测试反复检查的", "## What tests check"))
	p.say(text("`make test` 与 CI 每次都以几秒钟重复以上各部分，并检查：", "`make test` and CI repeat all of the above within seconds each time, and check:"))
	for _, line := range []rules.Text{
		text("kill -9 之后每批缓存只入库一次（50 次随机强杀）", "after kill -9 each batch of the spool is stored once (50 random kills)"),
		text("SIGTERM 之后到达的全部入库，退出码 0", "after SIGTERM all that came is stored, and the exit code is 0"),
		text("磁盘满时按配置的策略丢弃并计数", "a full disk drops by the policy of the configuration, and counts"),
		text("SIGHUP 时错误的配置、台账、证书、BGP 邻居不替换好的，`linewarden_reload_failed` 变为 1", "a bad configuration, ledger, certificate or BGP neighbour does not replace a good one on SIGHUP, and `linewarden_reload_failed` becomes 1"),
		text("内嵌引擎意外退出后自动重启", "the engine inside is started again when it ends by itself"),
		text("多台采集器中的一台升级时，模板保留，停机期间丢失的记录由序列号计出，其余不受影响", "while one collector of several is upgraded, templates are kept, sequence numbers count what was lost meanwhile, and the others go on"),
	} {
		p.zh.WriteString("- " + line.ZH + "\n")
		p.en.WriteString("- " + line.EN + "\n")
	}
	p.both("")
	p.say(text("`make bench` 测速度，`make accuracy` 测规则的准确程度。", "`make bench` measures speed, `make accuracy` how right the rules are."))
	p.compare(t, "reliability")
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

// soakRows are the figures of a part in the order of soakFigureTexts.
func soakRows(t *testing.T, part string, figures map[string]float64) (rows [][]rules.Text) {
	t.Helper()
	left := maps.Clone(figures)
	for _, f := range soakFigureTexts {
		if v, ok := figures[f.figure]; ok {
			rows = append(rows, []rules.Text{f.say, same(groupDigits(v))})
			delete(left, f.figure)
		}
	}
	if len(left) > 0 {
		t.Errorf("%s: soakFigureTexts do not explain %v", part, slices.Sorted(maps.Keys(left)))
	}
	return rows
}

// groupDigits writes thousands apart, and of small numbers two more digits.
func groupDigits(v float64) string {
	digits := 0
	if math.Abs(v) < 100 && v != math.Trunc(v) {
		digits = 2
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	whole, rest, _ := strings.Cut(s, ".")
	sign := strings.HasPrefix(whole, "-")
	whole = strings.TrimPrefix(whole, "-")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if sign {
		whole = "-" + whole
	}
	if rest != "" {
		whole += "." + rest
	}
	return whole
}

// TestGroupDigits reads figures as people do.
func TestGroupDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 12: "12", 1234567: "1,234,567", -1234: "-1,234", 12.345: "12.35", -0.5: "-0.50", 123.4: "123"} {
		if got := groupDigits(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}
