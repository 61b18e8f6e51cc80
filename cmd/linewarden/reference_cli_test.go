package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// TestReferenceCLI makes the page of commands from their help.
func TestReferenceCLI(t *testing.T) {
	p := newReferencePage(text("参考：命令行", "Reference: commands"),
		text("每条命令的帮助为英文原文。供人阅读的文字输出到标准错误，数据输出到标准输出；退出码 0 为完成，1 为执行失败或输入无效，2 为用法错误。",
			"The text of each is what `--help` prints. Text for people goes to standard error, data to standard output; exit codes are 0 done, 1 the work failed or found invalid input, 2 wrong usage."))
	n := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" {
			return
		}
		n++
		var help strings.Builder
		c.SetOut(&help)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		p.both("## " + c.CommandPath() + "\n\n```text\n" + strings.TrimSpace(help.String()) + "\n```\n")
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	root := newRoot(streams{out: io.Discard, err: io.Discard})
	root.InitDefaultCompletionCmd()
	visit(root)
	if n < 40 {
		t.Errorf("only %d commands", n)
	}
	p.compare(t, "reference-cli")
}

// TestReferenceAPI makes the page of the API from its OpenAPI document.
func TestReferenceAPI(t *testing.T) {
	b, err := os.ReadFile("../../console/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type operation struct {
		Summary, Description string
		Parameters           []struct{ Name, In, Description string }
	}
	var doc struct {
		Paths yaml.MapSlice
	}
	if err := yaml.UnmarshalWithOptions(b, &doc, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	p := newReferencePage(text("参考：API", "Reference: API"),
		text("完整定义在 `/api/v1/openapi.yaml`（OpenAPI 3.1），由程序自身提供；说明为英文原文。错误为 `application/problem+json`（RFC 9457）：`title`、`status`、`detail`。",
			"The whole of it is at `/api/v1/openapi.yaml` (OpenAPI 3.1), which the program serves. Errors are `application/problem+json` (RFC 9457) with `title`, `status` and `detail`."))
	var rows [][]rules.Text
	for _, path := range doc.Paths {
		text, err := yaml.Marshal(path.Value)
		if err != nil {
			t.Fatal(err)
		}
		var methods map[string]operation
		if err := yaml.Unmarshal(text, &methods); err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			o, ok := methods[method]
			if !ok {
				continue
			}
			var names []string
			for _, q := range o.Parameters {
				if q.In == "query" {
					names = append(names, "`"+q.Name+"`")
				}
			}
			rows = append(rows, []rules.Text{
				code1(strings.ToUpper(method) + " " + path.Key.(string)), same(o.Summary), same(o.Description), same(strings.Join(names, " ")),
			})
		}
	}
	if len(rows) < 10 {
		t.Errorf("only %d operations", len(rows))
	}
	p.table([]rules.Text{text("请求", "request"), text("作用", "what it does"), text("谁可以", "for whom"), text("查询参数", "query parameters")}, rows)
	p.compare(t, "reference-api")
}

// reasonTexts say what became of data that is not stored, and what to do.
var reasonTexts = map[string][2]rules.Text{
	"malformed":        {text("报文或数据集不符合协议", "the datagram or set is not what the protocol says"), text("升级路由器软件，或保留抓包以供分析", "update the router's software, or keep a capture to look at")},
	"unknown_version":  {text("不是 NetFlow v5/v9、IPFIX、sFlow v5", "it is neither NetFlow v5 or v9, IPFIX nor sFlow v5"), text("核对导出版本；检查是否有别的程序向该端口发送", "check the version of the export, and what else sends to the port")},
	"decoder_panic":    {text("解码器自身出错，只损失该报文", "the decoder itself failed; only that datagram is lost"), text("保留抓包并报告", "keep a capture and report it")},
	"unknown_template": {text("模板始终没有到", "its template never came"), text("让路由器每分钟发送模板", "have the router send its templates each minute")},
	"parked_too_long":  {text("等待模板超过 collector.parking.max_age", "it waited for its template longer than collector.parking.max_age"), text("缩短模板周期", "have templates sent more often")},
	"parking_full":     {text("等待区已满（collector.parking.max_bytes）", "where it would wait was full (collector.parking.max_bytes)"), text("缩短模板周期，或增大等待区", "have templates sent more often, or raise the bound")},
	"unknown_sampling": {text("采样比始终未知，且配置要求拒绝", "its sampling rate never came, and the configuration refuses such"), text("让路由器导出采样选项，或填写 exporters.csv", "have the router export its rate, or fill in exporters.csv")},
	"not_ip":           {text("不是 IP 流（如 ARP），不属于核查范围", "it is no IP flow (ARP, say) and not looked at"), text("无需处理", "nothing")},
	"queue_full":       {text("写入队列已满", "the queue of the writer was full"), text("检查磁盘和存储的速度", "look at the speed of disk and store")},
	"store_refused":    {text("存储拒绝该批", "the store refused the batch"), text("查看守护进程日志", "see the log of the daemon")},
	"kernel_drop":      {text("内核因接收缓冲不足丢弃", "the kernel dropped it for want of receive buffer"), text("增大 net.core.rmem_max，增加 CPU 或采集器", "raise net.core.rmem_max, add cores or a collector")},
	"shutdown":         {text("停止时仍在等待模板", "it still waited for its template at the end of the program"), text("无需处理；少停启", "nothing; restart less often")},
	"spool_full":       {text("缓存或其磁盘已满", "the spool, or its disk, was full"), text("恢复存储，腾出磁盘，增大 collector.spool.max_bytes", "bring the store back, make room, raise collector.spool.max_bytes")},
	"spool_damaged":    {text("缓存文件损坏", "the file of the spool was damaged"), text("检查磁盘", "check the disk")},
}

// withheldTexts say why a rule did not judge.
var withheldTexts = map[string]rules.Text{
	"low_completeness": text("数据完整性低于规则的下限", "the data was less complete than the rule wants"),
	"low_samples":      text("采样包数低于规则的下限", "there were fewer sampled packets than the rule wants"),
	"sampling_unknown": text("采样比未知，流量无法还原", "the sampling rate is not known, and the traffic cannot be scaled"),
	"wrong_fact":       text("事实与规则不匹配（程序错误）", "the fact is not of the rule (a mistake of the program)"),
}

// TestReferenceCodes makes the page of the codes by which losses, withheld
// judgements, states and checks are named.
func TestReferenceCodes(t *testing.T) {
	p := newReferencePage(text("参考：代码", "Reference: codes"),
		text("指标标签、接口和 doctor 输出中的代码及其含义。", "What the codes in labels of metrics, in the API and in the output of doctor mean."))
	p.say(text("## 流量丢失的原因（标签 reason）", "## Why flow data was lost (label reason)"))
	var rows [][]rules.Text
	for r := range flows.NumReasons {
		say, ok := reasonTexts[r.String()]
		if !ok {
			t.Errorf("the reason %s is not explained in reasonTexts", r)
		}
		rows = append(rows, []rules.Text{code1(r.String()), say[0], say[1]})
	}
	p.table([]rules.Text{text("代码", "code"), text("含义", "meaning"), text("处理", "what to do")}, rows)

	p.say(text("## 路由变化未入库的原因（标签 reason）", "## Why changes of routes were not stored (label reason)"))
	var losses []string
	for l := range storage.NumRouteLosses {
		losses = append(losses, "`"+l.String()+"`")
	}
	p.both(strings.Join(losses, ", ") + "\n")

	p.say(text("## 规则不作判断的原因", "## Why a rule withheld its judgement"))
	rows = nil
	for _, code := range withheldCodes(t) {
		say, ok := withheldTexts[code]
		if !ok {
			t.Errorf("the reason %s is not explained in withheldTexts", code)
		}
		rows = append(rows, []rules.Text{code1(code), say})
	}
	p.table([]rules.Text{text("代码", "code"), text("含义", "meaning")}, rows)

	p.say(text("## doctor 的检查项", "## Checks of doctor"))
	p.both(strings.Join(doctorChecks(t), ", ") + "\n")
	p.say(text("每项为 `ok`、`warn`（可用，但有损失或即将有损失）或 `fail`（不可用，或正在丢失数据），并附处理办法。",
		"Each is `ok`, `warn` (it works, and loses something or soon will) or `fail` (it does not work, or loses data now), with its remedy."))
	p.compare(t, "reference-codes")
}

// withheldCodes finds the reasons that the rules give.
func withheldCodes(t *testing.T) (codes []string) {
	t.Helper()
	found := regexp.MustCompile(`"(low_[a-z]+|sampling_unknown|wrong_fact)"`)
	return wordsIn(t, "../../rules", found)
}

// doctorChecks finds the names of the checks.
func doctorChecks(t *testing.T) (names []string) {
	t.Helper()
	for _, w := range wordsIn(t, ".", regexp.MustCompile(`d\.(?:ok|warn|fail)\("([a-z]+)"`)) {
		names = append(names, "`"+w+"`")
	}
	return names
}

// wordsIn returns what the group of a pattern finds in the product files of a
// folder, in order.
func wordsIn(t *testing.T, dir string, pattern *regexp.Regexp) (words []string) {
	t.Helper()
	seen := make(map[string]bool)
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range pattern.FindAllSubmatch(b, -1) {
			seen[string(m[1])] = true
		}
	}
	for w := range seen {
		words = append(words, w)
	}
	slices.Sort(words)
	return words
}

// TestReferenceManPages wants a man page for each command that man can read.
func TestReferenceManPages(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command(program, "manual", "man", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 40 {
		t.Fatalf("%d man pages, %v", len(pages), err)
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed: it is what reads man pages")
	}
	out, err := exec.Command(groff, append([]string{"-man", "-Kutf8", "-Tutf8", "-ww", "-z"}, pages...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}
