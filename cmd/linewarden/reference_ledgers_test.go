package main

import (
	"go/ast"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/rules"
)

// readerTexts say what a column takes, by the method that reads its cells.
var readerTexts = map[string]rules.Text{
	"id":      text("标识，不含空格", "an identifier"),
	"free":    text("文字", "text"),
	"uscc":    text("18 位统一社会信用代码（校验位须正确）", "the 18 characters of a unified social credit code; its check character is verified"),
	"place":   text("GB/T 2260 代码，省 2 位或市 6 位", "a code of GB/T 2260: two digits (province) or six (city)"),
	"date":    text("日期 YYYY-MM-DD", "a day, YYYY-MM-DD"),
	"addr":    text("IP 地址", "an IP address"),
	"prefix":  text("地址段，如 192.0.2.0/24", "a prefix, such as 192.0.2.0/24"),
	"yesNo":   text("yes 或 no", "yes or no"),
	"asn":     text("自治系统号", "an AS number"),
	"country": text("ISO 3166-1 两位国家代码", "a country, two letters of ISO 3166-1"),
	"domain":  text("域名", "a domain name"),
	"each":    text("以分号分隔的列表", "a list, separated by semicolons"),
}

// ledgerTexts say what each ledger holds.
var ledgerTexts = map[string]rules.Text{
	"enterprises":    text("单位：用户、持证单位、运营商自身", "enterprises: customers, holders of licences, the carrier itself"),
	"licences":       text("经营许可，每项业务一行", "licences, a row for each service"),
	"commitments":    text("承诺整改取得许可的单位", "commitments to obtain a licence"),
	"evaluations":    text("机房、节点等的评测", "evaluations of sites and nodes"),
	"asns":           text("自治系统号及其持有单位", "AS numbers and who holds them"),
	"downstreams":    text("已报备的下游关系", "filed customers of customers"),
	"sources":        text("本运营商的地址来源", "the carrier's own blocks"),
	"allocations":    text("分配给用户的地址段", "blocks allocated to customers"),
	"broadcasts":     text("广播备案", "filed announcements"),
	"exporters":      text("导出流量的路由器", "routers that export flows"),
	"interfaces":     text("路由器接口及其专线", "their interfaces, and the lines on them"),
	"gateways":       text("国际通信出入口局", "international gateways"),
	"lines":          text("专线", "leased lines"),
	"line_endpoints": text("专线两端登记的地址", "addresses declared at the ends of lines"),
	"user_files":     text("国际专线用户档案", "files of the users of international lines"),
	"approvals":      text("跨境、域名等批准", "approvals: cross-border, domain names"),
	"translations":   text("地址转换（NAT）", "address translation (NAT)"),
	"icp_filings":    text("网站备案", "filings of web sites"),
	"icp_access":     text("网站接入", "by whom sites are connected"),
	"domains":        text("观测到的域名解析", "names that were observed, with their addresses"),
	"networks":       text("外部网络的已知信息", "what is known of other networks"),
}

// ledgerColumn is a column as the sources say it.
type ledgerColumn struct {
	name     string
	required bool
	takes    rules.Text
}

// ledgerReader reads the schema of the ledgers from its sources: the ledgers
// themselves offer no list of their columns.
type ledgerReader struct {
	t     *testing.T
	words map[string][]string // variables that list words
}

// TestReferenceLedgers makes the page of ledgers from their schema.
func TestReferenceLedgers(t *testing.T) {
	trees := parseFolder(t, "../../registry")
	r := &ledgerReader{t: t, words: make(map[string][]string)}
	builders := make(map[string]*ast.FuncDecl)
	var order []string
	for _, tree := range trees {
		for _, d := range tree.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				r.learnWords(d)
			case *ast.FuncDecl:
				builders[d.Name.Name] = d
			}
		}
	}
	ast.Inspect(builders["schemas"].Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if name, ok := call.Fun.(*ast.Ident); ok && strings.HasSuffix(name.Name, "Schema") {
				order = append(order, name.Name)
			}
		}
		return true
	})
	if len(order) < 20 {
		t.Fatalf("only %d ledgers", len(order))
	}
	p := newReferencePage(text("参考：台账", "Reference: ledgers"),
		text("每个台账是一个同名 CSV 文件（UTF-8），或工作簿中的同名工作表。缺少的文件为空台账，缺少的列为未知，多余的列为错误，空单元格为未知。列表以分号分隔。`valid_to` 是最后一个有效日。",
			"Each ledger is a CSV file of that name (UTF-8), or a sheet of that name in a workbook. A missing file is an empty ledger, a missing column is unknown, an unknown column is an error, an empty cell is unknown. Lists are separated by semicolons. `valid_to` is the last day that is valid."))
	for _, name := range order {
		r.describe(p, builders[name])
	}
	p.compare(t, "reference-ledgers")
}

// learnWords keeps the lists of words that columns take.
func (r *ledgerReader) learnWords(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || len(v.Values) != len(v.Names) {
			continue
		}
		for i, value := range v.Values {
			lit, ok := value.(*ast.CompositeLit)
			if !ok {
				continue
			}
			for _, e := range lit.Elts {
				if s := literal(e); s != "" {
					r.words[v.Names[i].Name] = append(r.words[v.Names[i].Name], s)
				}
			}
		}
	}
}

func (r *ledgerReader) describe(p *referencePage, fn *ast.FuncDecl) {
	var name string
	var key []string
	var columns []ledgerColumn
	history := false
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		field, ok := kv.Key.(*ast.Ident)
		if !ok {
			return true
		}
		switch field.Name {
		case "name":
			name = literal(kv.Value)
		case "key":
			for _, e := range kv.Value.(*ast.CompositeLit).Elts {
				key = append(key, literal(e))
			}
		case "history":
			history = true
		case "columns":
			for _, e := range kv.Value.(*ast.CompositeLit).Elts {
				columns = append(columns, r.column(e.(*ast.CallExpr)))
			}
			return false
		}
		return true
	})
	say, ok := ledgerTexts[name]
	if !ok || len(columns) == 0 {
		r.t.Errorf("the ledger %q of %s is not explained in ledgerTexts, or has no columns", name, fn.Name.Name)
	}
	p.say(same("## " + name))
	keys := "`" + strings.Join(key, "`, `") + "`"
	more := rules.Text{}
	if history {
		more = text("；同一键可有多行，有效期不得重叠", "; a key may have several rows whose days do not overlap")
	}
	p.say(text(say.ZH+"。键："+keys+more.ZH+"。", strings.ToUpper(say.EN[:1])+say.EN[1:]+". Key: "+keys+more.EN+"."))
	var rows [][]rules.Text
	for _, c := range columns {
		must := text("", "")
		if c.required {
			must = text("必填", "required")
		}
		rows = append(rows, []rules.Text{code1(c.name), must, c.takes})
	}
	p.table([]rules.Text{text("列", "column"), text("", ""), text("内容", "content")}, rows)
}

// column reads must("name", func...) or may("name", func...).
func (r *ledgerReader) column(call *ast.CallExpr) ledgerColumn {
	c := ledgerColumn{name: literal(call.Args[0]), required: call.Fun.(*ast.Ident).Name == "must"}
	var parts []rules.Text
	ast.Inspect(call.Args[1], func(n ast.Node) bool {
		m, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := m.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if on, ok := method.X.(*ast.Ident); !ok || on.Name != "c" && on.Name != "entry" {
			return true
		}
		if t, ok := r.reads(method.Sel.Name, m.Args); ok && !slices.Contains(parts, t) {
			parts = append(parts, t)
		}
		return true
	})
	if len(parts) == 0 {
		r.t.Errorf("what column %s takes is not known: name its reader in readerTexts", c.name)
	}
	for i, t := range parts {
		if i > 0 {
			c.takes.ZH += "；"
			c.takes.EN += "; "
		}
		c.takes.ZH += t.ZH
		c.takes.EN += t.EN
	}
	return c
}

// reads says what a method of a cell takes.
func (r *ledgerReader) reads(method string, args []ast.Expr) (rules.Text, bool) {
	switch method {
	case "oneOf":
		if name, ok := args[0].(*ast.Ident); ok {
			list := "`" + strings.Join(r.words[name.Name], "` `") + "`"
			return text("取值之一："+list, "one of "+list), true
		}
	case "to":
		ledger := literal(args[0])
		return text("`"+ledger+"` 的键", "the key of a row of `"+ledger+"`"), true
	case "decimal":
		return text("数字，"+literal(args[0]), "a number, "+literal(args[0])), true
	case "whole":
		return text("整数", "a whole number"), true
	case "code":
		return text("或 `CN`（全国）", "or `CN`, the whole country"), true
	}
	t, ok := readerTexts[method]
	return t, ok
}
