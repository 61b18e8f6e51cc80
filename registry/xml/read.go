package xml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/linewarden/linewarden/registry"
)

// The limits of a file.
const (
	// MaxFileBytes is its size; the filing specification allows 50 MB.
	MaxFileBytes = 64 << 20
	// MaxRecords is the number of records of all files.
	MaxRecords = 1_000_000
	// maxNodes is the number of elements of one record, maxDepth how deep they
	// lie, and maxText how long the text of one is.
	maxNodes = 100_000
	maxDepth = 24
	maxText  = 4096
)

// node is an element of a record.
type node struct {
	name     string
	text     string
	children []*node
	line     int
}

// first returns the text of the first child of that name.
func (n *node) first(name string) string {
	for _, c := range n.children {
		if c.name == name {
			return strings.TrimSpace(c.text)
		}
	}
	return ""
}

// each visits the elements of that name at any depth.
func (n *node) each(name string, visit func(*node)) {
	for _, c := range n.children {
		if c.name == name {
			visit(c)
			continue
		}
		c.each(name, visit)
	}
}

// records are the elements that are read as a whole.
func records() []string {
	return []string{"Ly", "Fpsy", "Zdip", "Gbxx", "Bbdw", "houseInfo", "userInfo", "idcId", "idcName"}
}

// errTooLarge and its like end the reading of a file.
var (
	errTooLarge   = fmt.Errorf("the file has more than %d bytes; split it", MaxFileBytes)
	errTooMany    = fmt.Errorf("there are more than %d records; convert fewer files at a time", MaxRecords)
	errRecord     = fmt.Errorf("a record has more than %d elements, or they lie deeper than %d", maxNodes, maxDepth)
	errText       = fmt.Errorf("the text of an element is longer than %d bytes", maxText)
	errDoctype    = errors.New("the file has a document type declaration, which is not read; remove it")
	errNotFilings = errors.New("the file is neither an IP filing (root UploadData with IP) nor a data centre file (root basicInfo)")
)

// reader reads the records of one file.
type reader struct {
	decoder *xml.Decoder
	root    string
}

// limited fails where a plain LimitReader would end.
type limited struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLarge
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

func newReader(r io.Reader) *reader {
	d := xml.NewDecoder(&limited{r, MaxFileBytes + 1})
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(label) {
		case "gbk", "gb2312", "gb18030", "cp936", "x-gbk":
			return simplifiedchinese.GB18030.NewDecoder().Reader(in), nil
		case "utf-8", "utf8":
			return in, nil
		}
		return nil, fmt.Errorf("the character set %q is not read; save the file in UTF-8 or GBK", label)
	}
	return &reader{decoder: d}
}

// each calls use with every record, in the order of the file.
func (r *reader) each(use func(*node) error) error {
	for {
		token, err := r.decoder.Token()
		if errors.Is(err, io.EOF) {
			if r.root == "" {
				return errNotFilings
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.Directive:
			if strings.HasPrefix(strings.ToUpper(string(t)), "DOCTYPE") {
				return errDoctype
			}
		case xml.StartElement:
			if err := r.start(t.Name.Local, use); err != nil {
				return err
			}
		}
	}
}

// start takes the beginning of an element: of the root, of a container, or of a
// record, which is read to its end.
func (r *reader) start(name string, use func(*node) error) error {
	switch {
	case r.root == "":
		if r.root = name; name != "UploadData" && name != "basicInfo" {
			return errNotFilings
		}
	case r.root == "UploadData" && (name == "ICP" || name == "YM"):
		return fmt.Errorf("the file holds filings of kind %s; only IP is read", name)
	case name == "deleteInfo":
		return r.decoder.Skip()
	case slices.Contains(records(), name):
		n, err := r.record(name)
		if err != nil {
			return err
		}
		return use(n)
	}
	return nil
}

// record reads an element whose beginning was taken.
func (r *reader) record(name string) (*node, error) {
	line, _ := r.decoder.InputPos()
	top := &node{name: name, line: line}
	open, count := []*node{top}, 1
	for len(open) > 0 {
		token, err := r.decoder.Token()
		if err != nil {
			return nil, err
		}
		last := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if count++; count > maxNodes || len(open) >= maxDepth {
				return nil, errRecord
			}
			line, _ := r.decoder.InputPos()
			child := &node{name: t.Name.Local, line: line}
			last.children = append(last.children, child)
			open = append(open, child)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(last.text)+len(t) > maxText {
				return nil, errText
			}
			last.text += string(t)
		}
	}
	return top, nil
}

// problem makes a problem of a file out of an error, at the line where reading
// ended.
func (r *reader) problem(file string, err error) registry.Problem {
	line, _ := r.decoder.InputPos()
	message := err.Error()
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		line, message = syntax.Line, "the XML is broken: "+syntax.Msg
	}
	return registry.Problem{File: file, Row: max(1, line), Column: 1, Message: message}
}
