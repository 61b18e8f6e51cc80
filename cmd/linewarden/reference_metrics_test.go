package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/rules"
)

// described is a metric as it describes itself.
type described struct {
	name, help string
	labels     []string
}

var descPattern = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "((?:[^"\\]|\\.)*)",(?: unit: "[^"]*",)? constLabels: \{(.*?)\}, variableLabels: \{(.*)\}\}$`)

// describedMetrics returns every metric of a daemon but those of the Go runtime
// and the process.
func describedMetrics(t *testing.T) (all []described) {
	t.Helper()
	d := &daemon{path: &path{}, store: &opened{}, auditor: &auditor{metrics: newAuditMetrics()}}
	descs := make(chan *prometheus.Desc)
	go func() {
		newMetrics(d).Describe(descs)
		close(descs)
	}()
	for desc := range descs {
		m := descPattern.FindStringSubmatch(desc.String())
		if m == nil {
			t.Fatalf("a metric that cannot be read: %s", desc)
		}
		if strings.HasPrefix(m[1], "go_") || strings.HasPrefix(m[1], "process_") {
			continue
		}
		one := described{name: m[1], help: m[2]}
		one.labels = strings.FieldsFunc(m[4], func(r rune) bool { return r == ',' || r == ' ' || r == '{' || r == '}' })
		if m[3] != "" {
			constant, _, _ := strings.Cut(m[3], "=")
			one.labels = append(one.labels, constant)
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b described) int { return strings.Compare(a.name, b.name) })
	return all
}

// kindOf says what kind of metric it is: counters end in _total, and there is
// one histogram.
func (d described) kindOf() rules.Text {
	switch {
	case strings.HasSuffix(d.name, "_total"):
		return text("计数器", "counter")
	case d.name == "linewarden_audit_seconds":
		return text("直方图", "histogram")
	}
	return text("当前值", "gauge")
}

// TestReferenceMetrics makes the page of metrics from what they say of themselves.
func TestReferenceMetrics(t *testing.T) {
	p := newReferencePage(text("参考：指标", "Reference: metrics"),
		text("从 `http.listen` 的 `/metrics` 读取（Prometheus 格式）。说明为程序自带的英文原文。标签 `exporter` 只用于台账中的设备，其余合并为 `other`。此外还有 Go 运行时和进程的指标（`go_*`、`process_*`）。",
			"They are at `/metrics` of `http.listen`, in the format of Prometheus. The label `exporter` names the exporters of the ledgers alone; all others share `other`. Besides there are those of the Go runtime and the process (`go_*`, `process_*`)."))
	var rows [][]rules.Text
	for _, d := range describedMetrics(t) {
		labels := ""
		if len(d.labels) > 0 {
			labels = "`" + strings.Join(d.labels, "` `") + "`"
		}
		if !strings.HasSuffix(d.help, ".") {
			t.Errorf("the help of %s is no sentence: %q", d.name, d.help)
		}
		rows = append(rows, []rules.Text{code1(d.name), d.kindOf(), same(labels), same(d.help)})
	}
	if len(rows) < 40 {
		t.Errorf("only %d metrics", len(rows))
	}
	p.table([]rules.Text{text("指标", "metric"), text("类型", "kind"), text("标签", "labels"), text("说明", "meaning")}, rows)
	p.compare(t, "reference-metrics")
}
