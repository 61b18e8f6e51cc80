package console_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/rules"
)

// serveWithin makes a console that no server runs, for a bubble of time.
func serveWithin(t *testing.T) *console.Console {
	t.Helper()
	c, err := console.New(t.Context(), console.Config{
		Accounts: accounts.New(filepath.Join(t.TempDir(), "accounts.json")), Location: time.UTC, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func damage(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// document is what the tests read of the description of the API.
type document struct {
	OpenAPI    string                          `yaml:"openapi"`
	Paths      map[string]map[string]operation `yaml:"paths"`
	Components struct {
		Schemas map[string]schema `yaml:"schemas"`
	} `yaml:"components"`
}

type operation struct {
	ID         string      `yaml:"operationId"`
	Parameters []parameter `yaml:"parameters"`
	Responses  map[string]struct {
		Headers map[string]any `yaml:"headers"`
		Content map[string]struct {
			Schema schema `yaml:"schema"`
		} `yaml:"content"`
	} `yaml:"responses"`
}

type parameter struct {
	Name string `yaml:"name"`
	In   string `yaml:"in"`
}

type schema struct {
	Ref        string            `yaml:"$ref"`
	Items      *schema           `yaml:"items"`
	Properties map[string]schema `yaml:"properties"`
	AllOf      []schema          `yaml:"allOf"`
	OneOf      []schema          `yaml:"oneOf"`
}

// each visits all operations.
func (d *document) each(visit func(path, method string, o operation)) {
	for path, methods := range d.Paths {
		for method, o := range methods {
			visit(path, method, o)
		}
	}
}

func described(t *testing.T, s *site) document {
	t.Helper()
	a := s.get(t, "", "/api/v1/openapi.yaml")
	var d document
	if err := yaml.Unmarshal([]byte(a.body), &d); err != nil || a.status != http.StatusOK || d.OpenAPI != "3.1.0" {
		t.Fatalf("%d %v", a.status, err)
	}
	return d
}

// TestEveryRouteIsDescribed compares the document with what is served: paths,
// methods and parameters.
func TestEveryRouteIsDescribed(t *testing.T) {
	s := serve(t, hostile())
	want := make(map[string][]string)
	for path, methods := range described(t, s).Paths {
		for method, o := range methods {
			params := []string{}
			for _, p := range o.Parameters {
				if p.In == "query" {
					params = append(params, p.Name)
				}
			}
			slices.Sort(params)
			want[strings.ToUpper(method)+" "+path] = params
		}
	}
	got := make(map[string][]string)
	for name, params := range s.console.RoutesOfAPI() {
		got[name] = slices.Sorted(slices.Values(params))
	}
	if len(got) == 0 {
		t.Fatal("nothing is served")
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is served and not described", name)
		}
	}
	for name, params := range want {
		if served, ok := got[name]; !ok {
			t.Errorf("%s is described and not served", name)
		} else if !slices.Equal(served, params) {
			t.Errorf("%s takes %v and is described with %v", name, served, params)
		}
	}
}

// whole is a store in which no field is empty.
func whole() *memory {
	m := hostile()
	at := m.findings[0].LastSeen
	f := &m.findings[0]
	f.Evidence = []rules.Evidence{{Kind: "traffic"}, {Kind: "ledger_row", Ref: "lines/L2"}}
	f.Benign = []rules.BenignTest{{Name: "cdn"}}
	f.Case = &rules.Case{Assignee: "a", Due: &at, Remedy: rules.LineStopped, ConfirmedBy: []string{"a"}}
	m.events[0].Case = f.Case
	m.events[0].Link = rules.Link{Number: 1, Body: "b", Previous: "p", Hash: "h"}
	return m
}

// TestAnswersAreAsDescribed holds actual answers against the schemas: each field
// is there, and no other.
func TestAnswersAreAsDescribed(t *testing.T) {
	s := serve(t, whole())
	d := described(t, s)
	token := s.token(t, accounts.Admin)
	s.person(t, "li", accounts.NOC)
	seen := make(map[string]bool)
	ids := examples(t, s, token)
	// What is there is read before anything is changed.
	for _, reading := range []bool{true, false} {
		d.each(func(path, method string, o operation) {
			if (method == "get") != reading {
				return
			}
			for status, r := range o.Responses {
				if _, ok := r.Content["application/json"]; !ok || !strings.HasPrefix(status, "20") {
					continue
				}
				a := ids.ask(t, s, token, strings.ToUpper(method), path)
				var v any
				if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status/100 != 2 {
					t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
					continue
				}
				if status != strconv.Itoa(a.status) && o.ID != "exportFindings" {
					t.Errorf("%s is described with %s and answers %d", o.ID, status, a.status)
				}
				for name := range r.Headers {
					if a.header.Get(name) == "" {
						t.Errorf("%s: %s is described and not in the answer", o.ID, name)
					}
				}
				d.compare(t, o.ID, r.Content["application/json"].Schema, v, seen)
			}
		})
	}
	var problem any
	if err := json.Unmarshal([]byte(s.get(t, token, "/api/v1/findings/none").body), &problem); err != nil {
		t.Fatal(err)
	}
	d.compare(t, "problem", schema{Ref: "#/components/schemas/Problem"}, problem, seen)
	for name, sc := range d.Components.Schemas {
		if asked[name] {
			continue
		}
		for field := range sc.Properties {
			if !seen[name+"."+field] {
				t.Errorf("%s.%s is described and was in no answer", name, field)
			}
		}
	}
}

// asked are the schemas that are asked for, and never an answer.
var asked = map[string]bool{
	"Move": true, "BulkMove": true, "BulkItem": true, "Login": true, "PasswordChange": true, "ImportRequest": true, "ReportRequest": true, "BacktestRequest": true,
	"NewUser": true, "UserChange": true, "TokenRequest": true,
}

// fields returns the properties of a schema and the name of each one's place.
func (d *document) fields(s schema) map[string][2]any {
	all := make(map[string][2]any)
	name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
	if s.Ref != "" {
		s = d.Components.Schemas[name]
	}
	for field, of := range s.Properties {
		all[field] = [2]any{name, of}
	}
	for _, part := range append(s.AllOf, s.OneOf...) {
		maps.Copy(all, d.fields(part))
	}
	return all
}

// compare holds a value against a schema and notes the fields that it has.
func (d *document) compare(t *testing.T, where string, s schema, v any, seen map[string]bool) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		if s.Items == nil {
			t.Errorf("%s: an array is not described", where)
			return
		}
		for _, item := range v {
			d.compare(t, where+"[]", *s.Items, item, seen)
		}
	case map[string]any:
		fields := d.fields(s)
		if len(fields) == 0 { // any object
			return
		}
		for field, value := range v {
			of, ok := fields[field]
			if !ok {
				t.Errorf("%s: %s is in the answer and not described", where, field)
				continue
			}
			seen[of[0].(string)+"."+field] = true
			d.compare(t, where+"."+field, of[1].(schema), value, seen)
		}
	}
}
