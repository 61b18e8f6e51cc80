package engine

import (
	"fmt"
	"strconv"
	"strings"
)

// shape says how the values of a type lie in a native block.
type shape uint8

const (
	shapeFixed    shape = iota // width bytes a row
	shapeString                // length and bytes
	shapeNullable              // a byte a row, then the values of the one part
	shapeArray                 // an end offset a row, then the values of the one part
	shapeTuple                 // the values of each part
	shapeLow                   // dictionary of the one part, and indexes into it
	shapeJSON                  // strings behind a version
)

// datatype is a parsed type.
type datatype struct {
	shape shape
	width uint64
	parts []*datatype
	// prefixed tells that it, or one of its parts, begins with a version that
	// stands before all values of the column.
	prefixed bool
}

const (
	maxTypeText  = 1 << 16
	maxTypeDepth = 32
)

// widths of types that have no arguments, or whose arguments do not matter, in
// bytes.
var widths = map[string]uint64{
	"Int8": 1, "Int16": 2, "Int32": 4, "Int64": 8, "Int128": 16, "Int256": 32,
	"UInt8": 1, "UInt16": 2, "UInt32": 4, "UInt64": 8, "UInt128": 16, "UInt256": 32,
	"Float32": 4, "Float64": 8, "BFloat16": 2, "Bool": 1, "UUID": 16,
	"Date": 2, "Date32": 4, "DateTime": 4, "DateTime32": 4, "DateTime64": 8, "Time": 4, "Time64": 8,
	"IPv4": 4, "IPv6": 16, "Enum8": 1, "Enum16": 2,
	"Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32, "Nothing": 1,
	"IntervalNanosecond": 8, "IntervalMicrosecond": 8, "IntervalMillisecond": 8, "IntervalSecond": 8,
	"IntervalMinute": 8, "IntervalHour": 8, "IntervalDay": 8, "IntervalWeek": 8, "IntervalMonth": 8,
	"IntervalQuarter": 8, "IntervalYear": 8,
}

// geometries are names for compositions of other types.
var geometries = map[string]string{
	"Point": "Tuple(Float64, Float64)", "Ring": "Array(Point)", "LineString": "Array(Point)",
	"Polygon": "Array(Ring)", "MultiLineString": "Array(LineString)", "MultiPolygon": "Array(Polygon)",
}

// parseType parses the name of a type.
func parseType(text string) (*datatype, error) {
	if len(text) > maxTypeText {
		return nil, fmt.Errorf("a type of %d bytes", len(text))
	}
	return typeAt(text, 0)
}

func typeAt(text string, depth int) (*datatype, error) {
	if depth > maxTypeDepth {
		return nil, fmt.Errorf("type %.40q is nested too deeply", text)
	}
	text = strings.TrimSpace(text)
	name, arguments, ok := splitType(text)
	if !ok {
		return nil, fmt.Errorf("type %.80q is not well formed", text)
	}
	if width, ok := widths[name]; ok {
		return &datatype{shape: shapeFixed, width: width}, nil
	}
	if same, ok := geometries[name]; ok {
		return typeAt(same, depth+1)
	}
	switch name {
	case "String":
		return &datatype{shape: shapeString}, nil
	case "JSON":
		return &datatype{shape: shapeJSON, prefixed: true}, nil
	case "FixedString":
		return fixed(text, arguments, 1<<24, func(n uint64) uint64 { return n })
	case "Decimal":
		return fixed(text, arguments, 76, decimalWidth)
	case "SimpleAggregateFunction":
		if len(arguments) == 2 {
			return typeAt(arguments[1], depth+1)
		}
	default:
		if s, ok := composites[name]; ok {
			return composite(text, name, s, arguments, depth)
		}
	}
	return nil, fmt.Errorf("columns of type %.80s cannot be carried", text)
}

// fixed is a type whose width depends on a number.
func fixed(text string, arguments []string, most uint64, width func(uint64) uint64) (*datatype, error) {
	if len(arguments) > 0 {
		if n, err := strconv.ParseUint(arguments[0], 10, 64); err == nil && n > 0 && n <= most {
			return &datatype{shape: shapeFixed, width: width(n)}, nil
		}
	}
	return nil, fmt.Errorf("type %.80q is not well formed", text)
}

// decimalWidth is the width of a decimal of so many digits.
func decimalWidth(digits uint64) uint64 {
	switch {
	case digits <= 9:
		return 4
	case digits <= 18:
		return 8
	case digits <= 38:
		return 16
	}
	return 32
}

// composites are the types made of others.
var composites = map[string]shape{
	"Nullable": shapeNullable, "Array": shapeArray, "LowCardinality": shapeLow,
	"Tuple": shapeTuple, "Map": shapeTuple, "Nested": shapeTuple,
}

func composite(text, name string, s shape, arguments []string, depth int) (*datatype, error) {
	t := &datatype{shape: s, prefixed: s == shapeLow}
	wanted := map[string]int{"Map": 2, "Nullable": 1, "Array": 1, "LowCardinality": 1}
	if n, ok := wanted[name]; ok && n != len(arguments) {
		return nil, fmt.Errorf("type %.80q is not well formed", text)
	}
	for _, argument := range arguments {
		part, err := partOf(name, argument, depth)
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, part)
		t.prefixed = t.prefixed || part.prefixed
	}
	switch name {
	case "LowCardinality":
		// The dictionary holds the bare values: null is its first entry.
		if t.parts[0].shape == shapeNullable {
			t.parts[0] = t.parts[0].parts[0]
		}
		if t.parts[0].shape > shapeString {
			return nil, fmt.Errorf("type %.80q is not well formed", text)
		}
	case "Tuple":
		if len(t.parts) == 0 {
			return &datatype{shape: shapeFixed, width: 1}, nil
		}
	case "Map", "Nested":
		// Both lie as an array of tuples.
		return &datatype{shape: shapeArray, parts: []*datatype{t}, prefixed: t.prefixed}, nil
	}
	return t, nil
}

// partOf parses an argument; those of tuples may have a name before the type.
func partOf(name, argument string, depth int) (*datatype, error) {
	if name != "Tuple" && name != "Nested" {
		return typeAt(argument, depth+1)
	}
	list := tokens(argument)
	if len(list) > 1 && (list[0].kind == tokenQuoted || list[1].kind == tokenWord) {
		argument = argument[list[1].start:]
	}
	return typeAt(argument, depth+1)
}

// splitType splits Name(a, b(c, d)) into Name, a and b(c, d).
func splitType(text string) (name string, arguments []string, ok bool) {
	open := strings.IndexByte(text, '(')
	if open < 0 {
		return text, nil, text != ""
	}
	if text[len(text)-1] != ')' {
		return "", nil, false
	}
	name, text = text[:open], text[open+1:len(text)-1]
	depth, from := 0, 0
	for _, t := range tokens(text) {
		if t.kind != tokenSign {
			continue
		}
		switch text[t.start] {
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				return "", nil, false
			}
		case ',':
			if depth == 0 {
				arguments = append(arguments, strings.TrimSpace(text[from:t.start]))
				from = t.end
			}
		}
	}
	if rest := strings.TrimSpace(text[from:]); rest != "" || len(arguments) > 0 {
		arguments = append(arguments, rest)
	}
	return name, arguments, depth == 0
}
