package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// modulePath is the prefix of the module's own import paths.
const modulePath = "github.com/linewarden/linewarden"

// source is one file of the module. Only Go files have a syntax tree.
type source struct {
	name string // slash-separated, relative to the module root
	text string
	tree *ast.File
}

func (s *source) dir() string       { return path.Dir(s.name) }
func (s *source) isTest() bool      { return strings.HasSuffix(s.name, "_test.go") }
func (s *source) isGo() bool        { return s.tree != nil }
func (s *source) isGenerated() bool { return s.tree != nil && ast.IsGenerated(s.tree) }

// lines returns the number of lines of the file.
func (s *source) lines() int { return strings.Count(s.text, "\n") }

// imports returns the paths the file imports.
func (s *source) imports() []string {
	var paths []string
	for _, spec := range s.tree.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// module is a tree of sources, parsed.
type module struct {
	fset  *token.FileSet
	files []*source
}

// packages groups the Go files by folder.
func (m *module) packages() map[string][]*source {
	groups := make(map[string][]*source)
	for _, f := range m.files {
		if f.isGo() {
			groups[f.dir()] = append(groups[f.dir()], f)
		}
	}
	return groups
}

// at names a place of a file as name:line.
func (m *module) at(f *source, pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.name, m.fset.Position(pos).Line)
}

// skipped are folders that hold no source of ours.
func skipped(name string) bool {
	switch name {
	case ".git", "node_modules", "testdata", "bin", "data", "dist":
		return true
	}
	return false
}

// textual tells the files whose text is read; the rest are binary or data.
func textual(name string) bool {
	switch path.Ext(name) {
	case ".go", ".md", ".sh", ".yml", ".yaml", ".json", ".ts", ".js", ".html", ".css", ".mod", ".sum", ".sql", ".toml":
		return true
	}
	base := path.Base(name)
	return base == "Makefile" || base == "run" || base == "Dockerfile" || base == ".npmrc"
}

// load reads the module at root.
func load(t *testing.T, root string) *module {
	t.Helper()
	m := &module{fset: token.NewFileSet()}
	err := filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if full != root && skipped(entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if !textual(name) {
			m.files = append(m.files, &source{name: name})
			return nil
		}
		return m.add(full, name)
	})
	if err != nil {
		t.Fatalf("read the module: %v", err)
	}
	sort.Slice(m.files, func(i, j int) bool { return m.files[i].name < m.files[j].name })
	return m
}

// add reads one text file, and parses it when it is Go.
func (m *module) add(full, name string) error {
	text, err := os.ReadFile(full)
	if err != nil {
		return err
	}
	f := &source{name: name, text: string(text)}
	if strings.HasSuffix(name, ".go") {
		if f.tree, err = parser.ParseFile(m.fset, name, text, parser.ParseComments); err != nil {
			return fmt.Errorf("parse: %w", err)
		}
	}
	m.files = append(m.files, f)
	return nil
}
