package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

const (
	maxFileLines     = 500
	maxFunctionLines = 80
)

// topLevel are the folders the repository may have at its root.
var topLevel = []string{
	".", ".ci", ".github", "bgp", "cmd", "collector", "console", "deploy",
	"flows", "internal", "registry", "report", "rules", "storage",
}

var (
	statement = regexp.MustCompile("^[\"`]\\s*(SELECT|INSERT INTO|ALTER TABLE|DROP TABLE|TRUNCATE TABLE|CREATE (TABLE|DATABASE|MATERIALIZED|VIEW))\\b")
	unnamed   = regexp.MustCompile(`//\s*nolint(:[a-z0-9,]+)?\s*(//\s*)?$`)
	// Spelled in pieces, so that these lines are no traces themselves.
	traces = regexp.MustCompile(`(^|[\s"'=:(,])/(home|Users|root|wor` + `k)/[a-zA-Z]|` +
		`registry\.npm` + `js\.org|npm` + `mirror\.com|proxy\.gola` + `ng\.org|goproxy\.` + `(cn|io)|files\.python` + `hosted\.org|"resol` + `ved":`)
)

func checkTopLevel(m *module) (found []string) {
	for _, f := range m.files {
		top, _, deep := strings.Cut(f.name, "/")
		if deep && !slices.Contains(topLevel, top) {
			found = append(found, f.name+": the top-level folder is not one of ours")
		}
	}
	return found
}

func checkDocs(m *module) (found []string) {
	for dir, files := range m.packages() {
		documented := slices.ContainsFunc(files, func(f *source) bool {
			return strings.HasSuffix(f.name, "/doc.go") && f.tree.Doc != nil
		})
		if !documented {
			found = append(found, dir+": has no doc.go with a package comment")
		}
	}
	return found
}

func checkTested(m *module) (found []string) {
	for dir, files := range m.packages() {
		if !slices.ContainsFunc(files, (*source).isTest) {
			found = append(found, dir+": has no test")
		}
	}
	return found
}

func checkFileSize(m *module) (found []string) {
	for _, f := range m.files {
		if f.isGo() && !f.isTest() && !f.isGenerated() && f.lines() > maxFileLines {
			found = append(found, fmt.Sprintf("%s: %d lines, at most %d", f.name, f.lines(), maxFileLines))
		}
	}
	return found
}

func checkFunctionSize(m *module) (found []string) {
	m.functions(func(f *source, fn *ast.FuncDecl) {
		lines := m.fset.Position(fn.End()).Line - m.fset.Position(fn.Pos()).Line + 1
		if !f.isTest() && !f.isGenerated() && lines > maxFunctionLines {
			found = append(found, fmt.Sprintf("%s: %s has %d lines, at most %d", m.at(f, fn.Pos()), fn.Name.Name, lines, maxFunctionLines))
		}
	})
	return found
}

func checkInit(m *module) (found []string) {
	m.functions(func(f *source, fn *ast.FuncDecl) {
		if fn.Recv == nil && fn.Name.Name == "init" {
			found = append(found, m.at(f, fn.Pos())+": init runs behind the reader's back")
		}
	})
	return found
}

func checkSQL(m *module) (found []string) {
	for _, f := range m.files {
		if !f.isGo() || f.isTest() || covers("storage/...", f.dir()) {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && statement.MatchString(lit.Value) {
				found = append(found, m.at(f, lit.Pos())+": SQL outside storage")
			}
			return true
		})
	}
	return found
}

// checkSleep refuses sleeps in tests, save inside a synctest bubble, where they cost nothing.
func checkSleep(m *module) (found []string) {
	m.calls(func(f *source, call *ast.CallExpr, inBubble bool) {
		if f.isTest() && !inBubble && isSelector(call.Fun, "time", "Sleep") {
			found = append(found, m.at(f, call.Pos())+": a test must not sleep")
		}
	})
	return found
}

func checkBackground(m *module) (found []string) {
	m.calls(func(f *source, call *ast.CallExpr, _ bool) {
		lost := isSelector(call.Fun, "context", "Background") || isSelector(call.Fun, "context", "TODO")
		if lost && !f.isTest() && !covers("cmd/...", f.dir()) {
			found = append(found, m.at(f, call.Pos())+": the context must come from the caller")
		}
	})
	return found
}

func checkSkip(m *module) (found []string) {
	m.calls(func(f *source, call *ast.CallExpr, _ bool) {
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return
		}
		silent := sel.Sel.Name == "SkipNow" || sel.Sel.Name == "Skip" && len(call.Args) == 0
		if receiver, named := sel.X.(*ast.Ident); silent && named && slices.Contains([]string{"t", "b", "f", "tb"}, receiver.Name) {
			found = append(found, m.at(f, call.Pos())+": a skip must say why")
		}
	})
	return found
}

func checkSuppressions(m *module) (found []string) {
	for _, f := range m.files {
		if !f.isGo() {
			continue
		}
		for _, group := range f.tree.Comments {
			for _, c := range group.List {
				if unnamed.MatchString(c.Text) {
					found = append(found, m.at(f, c.Pos())+": a suppression must name its linter and reason")
				}
			}
		}
	}
	return found
}

func checkTraces(m *module) (found []string) {
	for _, f := range m.files {
		for number, line := range strings.Split(f.text, "\n") {
			if traces.MatchString(line) {
				found = append(found, fmt.Sprintf("%s:%d: names a machine's path or a package registry", f.name, number+1))
			}
		}
	}
	return found
}

// functions visits every function declaration.
func (m *module) functions(visit func(*source, *ast.FuncDecl)) {
	for _, f := range m.files {
		if !f.isGo() {
			continue
		}
		for _, d := range f.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				visit(f, fn)
			}
		}
	}
}

// calls visits every call and tells whether it stands inside synctest.Test.
func (m *module) calls(visit func(f *source, call *ast.CallExpr, inBubble bool)) {
	for _, f := range m.files {
		if !f.isGo() {
			continue
		}
		var bubbles []ast.Node
		ast.Inspect(f.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if isSelector(call.Fun, "synctest", "Test") {
				bubbles = append(bubbles, call)
			}
			visit(f, call, slices.ContainsFunc(bubbles, func(b ast.Node) bool { return b.Pos() <= call.Pos() && call.End() <= b.End() }))
			return true
		})
	}
}

func isSelector(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg && sel.Sel.Name == name
}
