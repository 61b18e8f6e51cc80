package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
	"github.com/linewarden/linewarden/rules"
)

// The reference pages of the manual are made by these tests from the program
// itself, and compared. LINEWARDEN_UPDATE_GOLDEN=1 writes them.

// referencePage is a page under way in both languages.
type referencePage struct{ zh, en strings.Builder }

func newReferencePage(title, intro rules.Text) *referencePage {
	p := new(referencePage)
	p.say(text("# "+title.ZH, "# "+title.EN))
	p.say(text("本页由程序生成，由测试与程序比对，不要手工修改。"+intro.ZH, "This page is made from the program and compared with it by a test; do not edit it. "+intro.EN))
	return p
}

// say adds a paragraph.
func (p *referencePage) say(t rules.Text) {
	p.zh.WriteString(t.ZH + "\n\n")
	p.en.WriteString(t.EN + "\n\n")
}

// both adds the same line in both languages.
func (p *referencePage) both(line string) {
	p.zh.WriteString(line + "\n")
	p.en.WriteString(line + "\n")
}

// table adds a table, whose cells are in both languages.
func (p *referencePage) table(head []rules.Text, rows [][]rules.Text) {
	p.row(head)
	rule := make([]rules.Text, len(head))
	for i := range rule {
		rule[i] = same("---")
	}
	p.row(rule)
	for _, r := range rows {
		p.row(r)
	}
	p.both("")
}

func (p *referencePage) row(cells []rules.Text) {
	var zh, en []string
	for _, c := range cells {
		zh, en = append(zh, inCell(c.ZH)), append(en, inCell(c.EN))
	}
	p.zh.WriteString("| " + strings.Join(zh, " | ") + " |\n")
	p.en.WriteString("| " + strings.Join(en, " | ") + " |\n")
}

// inCell keeps text from ending its cell.
func inCell(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "|", `\|`)), " ")
}

// same is a word that is the same in both languages; code is one of the program.
func same(s string) rules.Text { return text(s, s) }

func code1(s string) rules.Text {
	if s == "" {
		return same("")
	}
	return same("`" + s + "`")
}

// compare compares the page with the manual.
func (p *referencePage) compare(t *testing.T, id string) {
	t.Helper()
	for lang, b := range map[string]*strings.Builder{"zh": &p.zh, "en": &p.en} {
		testkit.Golden(t, filepath.Join("..", "..", "console", "manual", lang, id+".md"), []byte(strings.TrimRight(b.String(), "\n")+"\n"))
	}
}

// parseFolder returns the syntax of the product files of a folder by file name.
func parseFolder(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	trees := make(map[string]*ast.File)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		trees[e.Name()] = tree
	}
	return trees
}

// literal returns the value of a string literal, the format of a call of Sprintf,
// or their sum, or "".
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return s
		}
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	case *ast.CallExpr:
		if len(e.Args) > 0 {
			return literal(e.Args[0])
		}
	}
	return ""
}

// plainNumber writes a number as people read it.
func plainNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func clauseText(c rules.Clause) string {
	s := c.ID
	from, to := c.Valid.From, c.Valid.To
	switch {
	case !from.IsZero() && !to.IsZero():
		s += fmt.Sprintf(" (%s – %s)", from, to)
	case !from.IsZero():
		s += fmt.Sprintf(" (%s –)", from)
	case !to.IsZero():
		s += fmt.Sprintf(" (– %s)", to)
	}
	return s
}
