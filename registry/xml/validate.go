package xml

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/linewarden/linewarden/registry"
)

// kind is what the text of an element has to be.
type kind uint8

const (
	freeText  kind = iota
	whole          // decimal digits
	ipAddress      // an integer of 32 bits, or an address as text
	calendar       // a date YYYY-MM-DD, and more
	place          // a GB/T 2260 code of six digits
)

// field is an element of a record.
type field struct {
	name     string
	is       kind
	required bool
	// most is how many characters it may have; 0 is maxText bytes.
	most   int
	values []string // those it may have; none is any
	// needs names elements that a value asks for.
	needs map[string][]string
}

// recordSchema is the schema of the records of both kinds of files, in our own
// words, by element. What persons are called and how they are reached is let
// through and never asked for. Elements that are not listed are refused.
func recordSchema(record string) []field {
	first, last := field{name: "Qsip", is: ipAddress, required: true}, field{name: "Zzip", is: ipAddress, required: true}
	common := []field{{name: "Id", is: whole}, {name: "IspId"}, {name: "Bbdwid"}, {name: "Bz", most: maxRemark}}
	provinces := []field{{name: "Shengid", is: place}, {name: "Shiid", is: place}, {name: "Xianid", is: place}}
	unit := slices.Concat(provinces, []field{
		{name: "Dwmc", most: maxUnitName}, {name: "Dwfl"}, {name: "Dwhyfl"}, {name: "Xxdz", most: 512},
	})
	nature := field{name: "Dwxz", values: []string{"1", "2", "3", "4", "5", "6", "999"}}
	switch record {
	case "Ly":
		return append(common, first, last, field{name: "Lydw", required: true})
	case "Fpsy", "Zdip":
		return slices.Concat(common, unit, []field{
			first, last, nature,
			{
				name: "Fpfs", required: true, values: []string{"1", "2", "3", "4"},
				needs: map[string][]string{"1": {"Syfs", "Dwmc"}, "2": {"Fpdx"}, "3": {"Syfs"}},
			},
			{name: "Syfs", values: []string{"1", "2", "3"}},
			{name: "Fpdx", is: whole},
			{name: "Fprq", is: calendar},
			{name: "Sfymtz", values: []string{"0", "1"}},
			{name: "Lxrxm", most: 20},
			{name: "Lxrdh"},
			{name: "Lxrdzyj"},
			{name: "Wgip", is: ipAddress},
			{name: "Wgdz"},
			{name: "Ly_dwlx", values: []string{"0", "1"}},
			{name: "Ly_dwid"},
			{name: "Ly_dwmc"},
		})
	case "Gbxx":
		return append(common, first, last, field{name: "Gbdw", is: whole, required: true}, field{name: "Sqdw", is: whole})
	case "Bbdw":
		return slices.Concat(unit, []field{
			{name: "Id", is: whole, required: true}, nature, {name: "Jyxkzbh"}, {name: "Sfyx", values: []string{"0", "1"}}, {name: "Bz", most: maxRemark},
		})
	}
	return nil
}

// Validate checks one file against the schema that doc.go describes, with the
// limits of the interface specification: what Converter reads leniently is an
// error here.
func Validate(file string, r io.Reader) []registry.Problem {
	v := &validator{file: file}
	in := newReader(r)
	records := 0
	err := in.each(func(n *node) error {
		records++
		if in.root == "UploadData" && records == MaxFilingRecords+1 {
			v.blame(n.line, "the file has more than the %d records that a filing takes", MaxFilingRecords)
		}
		if len(v.problems) >= maxProblems {
			return errTooMany
		}
		v.record(n)
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errTooMany):
		v.problems = append(v.problems, in.problem(file, err))
	case records == 0:
		v.blame(1, "the file has no record")
	case in.root == "basicInfo" && !slices.Contains(v.told, "idcId"):
		v.blame(1, "basicInfo: idcId is missing")
	}
	return v.problems
}

type validator struct {
	file     string
	problems []registry.Problem
	// Of a data centre file: the ids of its data centres so far, and which of the
	// elements that name the operator it has.
	houses, told []string
}

func (v *validator) blame(line int, format string, args ...any) {
	v.problems = append(v.problems, registry.Problem{File: v.file, Row: max(1, line), Column: 1, Message: fmt.Sprintf(format, args...)})
}

func (v *validator) record(n *node) {
	fields := recordSchema(n.name)
	if fields == nil {
		v.datacentre(n)
		return
	}
	seen := make(map[string]bool)
	for _, c := range n.children {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == c.name })
		switch {
		case i < 0:
			v.blame(c.line, "%s: %s is not an element of it", n.name, c.name)
		case seen[c.name]:
			v.blame(c.line, "%s: %s is there twice", n.name, c.name)
		default:
			v.text(n, c, &fields[i])
		}
		seen[c.name] = true
	}
	v.complete(n, fields)
	v.ranges(n, "Qsip", "Zzip")
}

// complete checks that an element has what it needs.
func (v *validator) complete(n *node, fields []field) {
	for i := range fields {
		f := &fields[i]
		if f.required && n.first(f.name) == "" {
			v.blame(n.line, "%s: %s is missing", n.name, f.name)
		}
		for _, other := range f.needs[n.first(f.name)] {
			if n.first(other) == "" {
				v.blame(n.line, "%s: %s is missing, which %s %s asks for", n.name, other, f.name, n.first(f.name))
			}
		}
	}
}

// text checks the text of an element.
func (v *validator) text(n, c *node, f *field) {
	text := strings.TrimSpace(c.text)
	if text == "" {
		return // as if it were not there
	}
	if f.most > 0 && utf8.RuneCountInString(text) > f.most {
		v.blame(c.line, "%s: %s has more than %d characters", n.name, f.name, f.most)
	}
	if len(f.values) > 0 && !slices.Contains(f.values, text) {
		v.blame(c.line, "%s: %s: %q is not one of %s", n.name, f.name, text, strings.Join(f.values, ", "))
	}
	var err error
	switch f.is {
	case ipAddress:
		_, err = address(text)
	case calendar:
		_, err = registry.ParseDate(text[:min(10, len(text))])
	case whole:
		if strings.Trim(text, "0123456789") != "" {
			err = fmt.Errorf("%q is not a number", text)
		}
	case place:
		if len(text) != 6 || placeOf(text, "") == "" {
			err = fmt.Errorf("%q is not a code of six digits (GB/T 2260)", text)
		}
	case freeText:
	}
	if err != nil {
		v.blame(c.line, "%s: %s: %v", n.name, f.name, err)
	}
}

// ranges checks that the first address comes before the last one.
func (v *validator) ranges(n *node, first, last string) {
	if _, err := address(n.first(first)); err != nil {
		return // told already
	}
	if _, err := address(n.first(last)); err != nil && n.first(last) != "" {
		return
	}
	if _, err := prefixes(n.first(first), n.first(last)); err != nil {
		v.blame(n.line, "%s: %v", n.name, err)
	}
}
