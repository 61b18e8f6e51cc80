package custom

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/linewarden/linewarden/rules"
)

// The limits of a directory.
const (
	// MaxFileBytes is the size of one file.
	MaxFileBytes = 64 << 10
	// MaxFiles is the number of rules.
	MaxFiles = 200
)

// Problem is something wrong in a file, with what to do about it.
type Problem struct {
	File    string
	Line    int // counts from 1
	Message string
}

// Error returns file:line: message.
func (p *Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message) }

// Load reads every .yaml and .yml file of a directory, in the order of their
// names, and returns their rules in the order of ids with all that is wrong.
// Files that begin with a dot are passed over, and a directory that does not
// exist is a problem.
func Load(dir string) ([]rules.Rule, []*Problem) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, []*Problem{{dir, 1, fmt.Sprintf("the directory cannot be read: %v", reason(err))}}
	}
	var (
		found []rules.Rule
		bad   []*Problem
		where = make(map[string]string)
		files int
	)
	for _, e := range entries {
		suffix := filepath.Ext(e.Name())
		if strings.HasPrefix(e.Name(), ".") || (suffix != ".yaml" && suffix != ".yml") {
			continue
		}
		file := filepath.Join(dir, e.Name())
		if files++; files > MaxFiles {
			return found, append(bad, &Problem{file, 1, fmt.Sprintf("there are more than %d rules; keep some elsewhere", MaxFiles)})
		}
		text, err := readFile(file)
		if err != nil {
			bad = append(bad, &Problem{file, 1, err.Error()})
			continue
		}
		r, problems := Parse(file, text)
		if bad = append(bad, problems...); len(problems) > 0 {
			continue
		}
		if other := where[r.Spec.ID]; other != "" {
			bad = append(bad, &Problem{file, 1, fmt.Sprintf("rule %s is in %s already; give one of the two another id", r.Spec.ID, other)})
			continue
		}
		where[r.Spec.ID] = file
		found = append(found, r)
	}
	slices.SortFunc(found, func(a, b rules.Rule) int { return strings.Compare(a.Spec.ID, b.Spec.ID) })
	return found, bad
}

func readFile(file string) (_ []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, reason(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err == nil && len(text) > MaxFileBytes {
		err = fmt.Errorf("the file has more than %d bytes; a rule is a page at most", MaxFileBytes)
	}
	return text, err
}

func reason(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// document is a file as it is written.
type document struct {
	ID         string   `yaml:"id"`
	Version    string   `yaml:"version"`
	Clauses    []clause `yaml:"clauses"`
	Title      text     `yaml:"title"`
	Claim      text     `yaml:"claim"`
	Subject    string   `yaml:"subject"`
	Severity   string   `yaml:"severity"`
	Lookback   int      `yaml:"lookback_days"`
	Quiet      int      `yaml:"quiet_days"`
	Params     []param  `yaml:"params"`
	Fact       string   `yaml:"fact"`
	Only       string   `yaml:"only"`
	When       string   `yaml:"when"`
	Confidence string   `yaml:"confidence"`
}

type clause struct {
	ID   string `yaml:"id"`
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

type text struct {
	ZH string `yaml:"zh"`
	EN string `yaml:"en"`
}

type param struct {
	Name    string  `yaml:"name"`
	Unit    string  `yaml:"unit"`
	Default float64 `yaml:"default"`
	Min     float64 `yaml:"min"`
	Max     float64 `yaml:"max"`
	Meaning text    `yaml:"meaning"`
}

// Parse makes a rule of the text of a file, or returns all that is wrong with
// it.
func Parse(file string, content []byte) (rules.Rule, []*Problem) {
	if len(content) > MaxFileBytes {
		return rules.Rule{}, []*Problem{{file, 1, fmt.Sprintf("the file has more than %d bytes; a rule is a page at most", MaxFileBytes)}}
	}
	p := &parser{file: file, doc: document{Severity: string(rules.Medium), Lookback: 7, Quiet: 7, Confidence: "0.5"}}
	if strings.TrimSpace(string(content)) == "" {
		p.bad(1, "the file is empty; it needs at least id, version, title, claim, fact and when")
		return rules.Rule{}, p.problems
	}
	if err := yaml.UnmarshalWithOptions(content, &p.doc, yaml.Strict()); err != nil {
		p.bad(lineOf(err), "%s", firstLine(err))
		return rules.Rule{}, p.problems
	}
	p.places = findPlaces(content)
	return p.rule(), p.problems
}

// lineOf returns the line a YAML error is about.
func lineOf(err error) int {
	if syntax, ok := errors.AsType[yaml.Error](err); ok && syntax.GetToken() != nil {
		return max(1, syntax.GetToken().Position.Line)
	}
	return 1
}

// firstLine returns what a YAML error says, without the excerpt of the file.
func firstLine(err error) string {
	message := err.Error()
	if syntax, ok := errors.AsType[yaml.Error](err); ok {
		message = syntax.GetMessage()
	}
	message, _, _ = strings.Cut(message, "\n")
	if strings.Contains(message, "mapping value is not allowed") {
		message += "; put an expression that holds a colon in quotes, or on the lines after |"
	}
	return message
}

// idPattern is what a rule may be called.
var idPattern = regexp.MustCompile(`^custom-[a-z0-9]+(-[a-z0-9]+)*$`)

// namePattern is what a parameter may be called.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
