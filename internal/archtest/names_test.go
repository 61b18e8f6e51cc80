package archtest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// namesOfCodes is where reports and the console have the names of what findings
// say in codes: by section and code, in Chinese and English.
const namesOfCodes = "report/names.json"

// checkNames wants every figure and every innocent explanation that a rule gives
// to have both its names. Figures whose names rules put together at run time
// are beyond what a reader of sources can know.
func checkNames(m *module) (found []string) {
	given := map[string]map[string]string{"benign": {}, "figure": {}} // the place of each code
	for _, f := range m.files {
		if f.dir() != "rules" || !f.isGo() || f.isTest() {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			for _, code := range benignNames(n) {
				given["benign"][unquoted(code)] = m.at(f, code.Pos())
			}
			for _, code := range figureNames(n) {
				given["figure"][unquoted(code)] = m.at(f, code.Pos())
			}
			return true
		})
	}
	names := map[string]map[string][]string{}
	for _, f := range m.files {
		if f.name == namesOfCodes {
			if err := json.Unmarshal([]byte(f.text), &names); err != nil {
				return []string{fmt.Sprintf("%s: %v", f.name, err)}
			}
		}
	}
	for section, codes := range given {
		for code, place := range codes {
			if both := names[section][code]; !accuracyOf(code) && (len(both) != 2 || slices.Contains(both, "")) {
				found = append(found, fmt.Sprintf("%s: %s %q is not named in %s", place, section, code, namesOfCodes))
			}
		}
	}
	return found
}

// accuracyOf reports whether a figure is how sure another one is: it is shown
// beside that one and has no name of its own.
func accuracyOf(figure string) bool {
	return strings.HasSuffix(figure, "_half_width") || strings.HasSuffix(figure, "_relative_error")
}

// benignNames returns the names in a literal of BenignTest, alone or in a list.
func benignNames(n ast.Node) []*ast.BasicLit {
	literal, ok := n.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	if isIdent(literal.Type, "BenignTest") {
		return firstField(literal)
	}
	var names []*ast.BasicLit
	if list, ok := literal.Type.(*ast.ArrayType); ok && isIdent(list.Elt, "BenignTest") {
		for _, e := range literal.Elts {
			if one, ok := e.(*ast.CompositeLit); ok && one.Type == nil {
				names = append(names, firstField(one)...)
			}
		}
	}
	return names
}

// firstField returns the first field of a literal if it is a string.
func firstField(literal *ast.CompositeLit) []*ast.BasicLit {
	if len(literal.Elts) == 0 {
		return nil
	}
	field := literal.Elts[0]
	if pair, ok := field.(*ast.KeyValueExpr); ok {
		field = pair.Value
	}
	return written(field)
}

// figureNames returns the keys of a literal of FactSet, and the index of an
// element of the Facts of a judgement.
func figureNames(n ast.Node) (names []*ast.BasicLit) {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if !isIdent(n.Type, "FactSet") {
			return nil
		}
		for _, e := range n.Elts {
			if pair, ok := e.(*ast.KeyValueExpr); ok {
				names = append(names, written(pair.Key)...)
			}
		}
	case *ast.IndexExpr:
		if of, ok := n.X.(*ast.SelectorExpr); ok && of.Sel.Name == "Facts" {
			names = written(n.Index)
		}
	}
	return names
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// written is the expression if it is a string that is written out.
func written(e ast.Expr) []*ast.BasicLit {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		return []*ast.BasicLit{l}
	}
	return nil
}

func unquoted(l *ast.BasicLit) string {
	text, err := strconv.Unquote(l.Value)
	if err != nil {
		return ""
	}
	return text
}
