package main

import (
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/rules"
)

// benign is an innocent explanation that a rule tests.
type benign struct {
	name   string
	result rules.Text
}

// benignFinder reads from the sources of the rules which innocent explanations
// each of them tests, as their results depend on the figures of a case.
type benignFinder struct {
	functions map[string][]*ast.FuncDecl // by name
	files     map[*ast.FuncDecl]string
}

func newBenignFinder(t *testing.T) *benignFinder {
	t.Helper()
	f := &benignFinder{functions: make(map[string][]*ast.FuncDecl), files: make(map[*ast.FuncDecl]string)}
	for name, tree := range parseFolder(t, "../../rules") {
		for _, d := range tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				f.functions[fn.Name.Name] = append(f.functions[fn.Name.Name], fn)
				f.files[fn] = name
			}
		}
	}
	return f
}

// of returns the explanations in the functions of a rule's own files, and in
// those that they call.
func (f *benignFinder) of(id string) []benign {
	own := func(fn *ast.FuncDecl) bool {
		return f.files[fn] == id+".go" || strings.HasPrefix(f.files[fn], id+"-")
	}
	var list []benign
	seen := make(map[*ast.FuncDecl]bool)
	var visit func(fn *ast.FuncDecl)
	visit = func(fn *ast.FuncDecl) {
		if seen[fn] || fn.Body == nil {
			return
		}
		seen[fn] = true
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				list = append(list, benignIn(n)...)
			case *ast.CallExpr:
				if called, ok := n.Fun.(*ast.Ident); ok {
					for _, next := range f.functions[called.Name] {
						if next.Recv == nil && returnsBenign(next) {
							visit(next)
						}
					}
				}
			}
			return true
		})
	}
	for _, name := range slices.Sorted(maps.Keys(f.functions)) {
		for _, fn := range f.functions[name] {
			if own(fn) {
				visit(fn)
			}
		}
	}
	slices.SortFunc(list, func(a, b benign) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(list, func(a, b benign) bool { return a.name == b.name })
}

// returnsBenign reports whether a function gives explanations.
func returnsBenign(fn *ast.FuncDecl) bool {
	if fn.Type.Results == nil {
		return false
	}
	for _, r := range fn.Type.Results.List {
		e := r.Type
		if a, ok := e.(*ast.ArrayType); ok {
			e = a.Elt
		}
		if name, ok := e.(*ast.Ident); ok && name.Name == "BenignTest" {
			return true
		}
	}
	return false
}

// benignIn returns the explanations of a literal: one of the type, or a list.
func benignIn(lit *ast.CompositeLit) []benign {
	if name, ok := lit.Type.(*ast.Ident); ok && name.Name == "BenignTest" {
		return []benign{benignOf(lit)}
	}
	list, ok := lit.Type.(*ast.ArrayType)
	if !ok {
		return nil
	}
	if name, ok := list.Elt.(*ast.Ident); !ok || name.Name != "BenignTest" {
		return nil
	}
	var all []benign
	for _, e := range lit.Elts {
		if one, ok := e.(*ast.CompositeLit); ok && one.Type == nil {
			all = append(all, benignOf(one))
		}
	}
	return all
}

var formatVerb = regexp.MustCompile(`%[-+ #0]*[0-9]*(\.[0-9]+)?[a-zA-Z]`)

func benignOf(lit *ast.CompositeLit) (b benign) {
	parts := make([]ast.Expr, 0, 2)
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Value
		}
		parts = append(parts, e)
	}
	b.name = literal(parts[0])
	if len(parts) < 2 {
		return b
	}
	words, ok := parts[1].(*ast.CompositeLit)
	if !ok {
		return b
	}
	for _, e := range words.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		s := strings.ReplaceAll(formatVerb.ReplaceAllString(literal(kv.Value), "…"), "%%", "%")
		if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "ZH" {
			b.result.ZH = s
		} else {
			b.result.EN = s
		}
	}
	return b
}

// TestReferenceRules makes the page of rules from the catalogue.
func TestReferenceRules(t *testing.T) {
	p := newReferencePage(text("参考：规则", "Reference: rules"),
		text("每条规则的主张、条款（及其约束的日期）、参数和它会检验的无辜解释。结果中的“…”在案件中为实测数字。参数写在配置的 `rules.params` 下；正在使用的值见 `linewarden rules show ID`。",
			"What each rule claims, its clauses (with the days between which they bind), its parameters, and the innocent explanations it tests. Where a result has …, a case has what was measured. Parameters are set below `rules.params`; `linewarden rules show ID` says which are in force."))
	finder := newBenignFinder(t)
	for _, r := range rules.Catalogue() {
		s := r.Spec
		p.say(text("## "+s.ID+"："+s.Title.ZH, "## "+s.ID+": "+s.Title.EN))
		p.say(s.Claim)
		needs := s.Needs()
		var clauses []string
		for _, c := range s.Clauses {
			clauses = append(clauses, "`"+clauseText(c)+"`")
		}
		list := strings.Join(clauses, " ")
		p.say(text("版本 "+s.Version+"；数据："+needs.ZH+"；回看 "+plainNumber(float64(s.LookbackDays))+" 天；静默 "+plainNumber(float64(s.QuietDays))+" 天后终止；条款："+list,
			"Version "+s.Version+"; needs "+needs.EN+"; looks back "+plainNumber(float64(s.LookbackDays))+" days; ceases after "+plainNumber(float64(s.QuietDays))+" quiet days; clauses: "+list))
		p.ruleParameters(s.Params)
		found := finder.of(s.ID)
		if len(found) == 0 {
			t.Errorf("no innocent explanation of %s was found", s.ID)
		}
		p.say(text("检验的无辜解释：", "Innocent explanations that are tested:"))
		var rows [][]rules.Text
		for _, b := range found {
			if b.name == "" {
				t.Errorf("an explanation of %s has no name", s.ID)
			}
			rows = append(rows, []rules.Text{code1(b.name), b.result})
		}
		p.table([]rules.Text{text("名称", "name"), text("不成立时写明", "what is said where it does not hold")}, rows)
	}
	p.compare(t, "reference-rules")
}

func (p *referencePage) ruleParameters(params []rules.Param) {
	if len(params) == 0 {
		p.say(text("没有参数。", "It has no parameters."))
		return
	}
	var rows [][]rules.Text
	for _, q := range params {
		rows = append(rows, []rules.Text{code1(q.Name), same(plainNumber(q.Default)), same(plainNumber(q.Min) + " – " + plainNumber(q.Max)), same(q.Unit), q.Meaning})
	}
	p.table([]rules.Text{text("参数", "parameter"), text("默认", "default"), text("范围", "range"), text("单位", "unit"), text("含义", "meaning")}, rows)
}
