package engine

import (
	"slices"
	"strings"
)

// kind says which way a statement takes through the engine.
type kind uint8

const (
	kindOther  kind = iota // run as a whole: DDL, SHOW, INSERT ... SELECT
	kindSelect             // streamed
	kindInsert             // fed with blocks of the client
	kindInline             // an insert that brings its data in its text
)

// statement is a text of a client, as far as it must be understood.
type statement struct {
	kind kind
	text string // what the engine is given
	// Of inserts:
	table   string   // as written
	columns []string // as listed, nil for none
	format  string   // of inline data
	data    string   // the inline data
}

// words reads a statement token by token.
type words struct {
	sql  string
	list []token
}

func (w words) at(i int) string {
	if i < 0 || i >= len(w.list) {
		return ""
	}
	return w.sql[w.list[i].start:w.list[i].end]
}

// is tells whether token i is a bare word, in any case.
func (w words) is(i int, word string) bool {
	return i >= 0 && i < len(w.list) && w.list[i].kind == tokenWord && strings.EqualFold(w.at(i), word)
}

func (w words) sign(i int, c byte) bool {
	return i >= 0 && i < len(w.list) && w.list[i].kind == tokenSign && w.at(i)[0] == c
}

// parse finds out what a statement is, and refuses what clients may not do.
func parse(sql string) (statement, error) {
	w := words{sql, tokens(sql)}
	if len(w.list) == 0 {
		return statement{}, raise(codeSyntax, "Syntax error: the statement is empty")
	}
	if w.is(0, "INSERT") {
		return parseInsert(w)
	}
	// A semicolon ends the statement; nothing may follow it.
	for i := range w.list {
		if !w.sign(i, ';') {
			continue
		}
		for j := i + 1; j < len(w.list); j++ {
			if !w.sign(j, ';') {
				return statement{}, raise(codeSyntax, "Syntax error: multi-statements are not allowed")
			}
		}
		w = words{sql[:w.list[i].start], w.list[:i]}
		break
	}
	if len(w.list) == 0 {
		return statement{}, raise(codeSyntax, "Syntax error: the statement is empty")
	}
	if err := refuse(w); err != nil {
		return statement{}, err
	}
	st := statement{text: w.sql}
	switch {
	case w.is(0, "SELECT"), w.is(0, "WITH"), w.is(0, "FROM"), w.sign(0, '('):
		st.kind = kindSelect
		st.text = withoutFormat(w)
	case w.is(0, "SHOW"), w.is(0, "DESCRIBE"), w.is(0, "DESC"), w.is(0, "EXPLAIN"), w.is(0, "EXISTS"), w.is(0, "CHECK"):
		st.text = withoutFormat(w)
	}
	return st, nil
}

// withoutFormat takes the FORMAT clause out: the client gets native blocks.
func withoutFormat(w words) string {
	for i := len(w.list) - 2; i > 0; i-- {
		if w.is(i, "FORMAT") && w.list[i+1].kind == tokenWord && (i+2 == len(w.list) || w.is(i+2, "SETTINGS")) {
			return w.sql[:w.list[i].start] + w.sql[w.list[i+1].end:]
		}
	}
	return w.sql
}

// parseInsert reads INSERT INTO [TABLE] table [(columns)] [SETTINGS ...] and
// what follows: VALUES, FORMAT, a SELECT, or nothing.
func parseInsert(w words) (statement, error) {
	i := 1
	for w.is(i, "INTO") || w.is(i, "TABLE") {
		i++
	}
	if w.is(i, "FUNCTION") {
		return statement{}, raise(codeDenied, "INSERT INTO FUNCTION is not allowed on the embedded engine")
	}
	st := statement{kind: kindInsert}
	if i >= len(w.list) {
		return statement{}, raise(codeSyntax, "Syntax error: INSERT names no table")
	}
	first := i
	for i++; w.sign(i, '.'); i += 2 {
	}
	st.table = w.sql[w.list[first].start:w.list[min(i, len(w.list))-1].end]
	if w.sign(i, '(') && !w.is(i+1, "SELECT") && !w.is(i+1, "WITH") && !w.sign(i+1, '(') {
		var err error
		if st.columns, i, err = columnList(w, i); err != nil {
			return statement{}, err
		}
	}
	return parseSource(w, st, i)
}

// parseSource reads from token i on where the rows of an insert come from.
func parseSource(w words, st statement, i int) (statement, error) {
	for ; i < len(w.list); i++ {
		switch {
		case w.is(i, "VALUES"):
			return insertData(w, st, i, "Values", w.list[i].end)
		case w.is(i, "FORMAT") && i+1 < len(w.list):
			return insertData(w, st, i, w.at(i+1), w.list[i+1].end)
		case w.is(i, "SELECT"), w.is(i, "WITH"), w.sign(i, '('), w.is(i, "WATCH"):
			return insertSelect(w)
		case w.is(i, "FROM"):
			return statement{}, raise(codeDenied, "INSERT FROM INFILE is not allowed on the embedded engine")
		case w.sign(i, ';'):
			return insertData(w, st, i, "", w.list[i].start)
		}
	}
	st.text = w.sql
	return st, refuse(w)
}

// insertData completes an insert whose clause at token i announces the data,
// which begins at the byte from.
func insertData(w words, st statement, i int, format string, from int) (statement, error) {
	st.text = w.sql[:w.list[i].start]
	if err := refuse(words{w.sql, w.list[:i]}); err != nil {
		return statement{}, err
	}
	rest := words{w.sql[from:], tokens(w.sql[from:])}
	for j := range rest.list {
		if !rest.sign(j, ';') {
			st.kind, st.format, st.data = kindInline, format, w.sql[from:]
			return st, nil
		}
	}
	return st, nil
}

// insertSelect is run as a whole, so nothing may follow it.
func insertSelect(w words) (statement, error) {
	for i := range w.list {
		if w.sign(i, ';') && i+1 < len(w.list) {
			return statement{}, raise(codeSyntax, "Syntax error: multi-statements are not allowed")
		}
	}
	return statement{text: w.sql}, refuse(w)
}

// columnList reads (a, `b c`, n.x), beginning at the bracket.
func columnList(w words, i int) (columns []string, end int, err error) {
	name := ""
	for i++; i < len(w.list); i++ {
		switch t := w.list[i]; {
		case w.sign(i, ')'), w.sign(i, ','):
			if name != "" {
				columns = append(columns, name)
			}
			if w.sign(i, ')') {
				return columns, i + 1, nil
			}
			name = ""
		case t.kind == tokenWord, t.kind == tokenQuoted:
			name += unquote(w.at(i))
		case w.sign(i, '.'):
			name += "."
		default:
			return nil, 0, raise(codeNotImplemented, "the columns of an INSERT must be listed by name")
		}
	}
	return nil, 0, raise(codeSyntax, "Syntax error: the list of columns does not end")
}

// exits are the texts the engine takes for the end of a console session.
var exits = []string{"exit", "quit", "logout", "q", "\\q", "\\Q", ":q", ":Q", "й", "Й", "учше", "йгше", "дщпщге"}

// forbidden are functions, table functions and sources that reach host files
// or run programs. Grants cover most of them, but not the function file and
// not a dictionary's source.
var forbidden = []string{"file", "filecluster", "executable", "executable_pool", "executablepool", "library", "catboostevaluate"}

// refuse returns an exception for what a client may not do.
func refuse(w words) error {
	if slices.Contains(exits, strings.TrimSpace(strings.TrimRight(w.sql, "; \t\r\n"))) {
		return raise(codeSyntax, "Syntax error: this is not a statement")
	}
	for i := range w.list {
		switch {
		case w.is(i, "INTO") && w.is(i+1, "OUTFILE"), w.is(i, "FROM") && w.is(i+1, "INFILE"):
			return raise(codeDenied, "INTO OUTFILE and FROM INFILE are not allowed on the embedded engine")
		case w.named(i) && (w.sign(i+1, '(') || w.is(i-1, "APPLY") || w.sign(i-1, '(') && w.is(i-2, "APPLY")):
			return raise(codeDenied, unquote(w.at(i))+" is not allowed on the embedded engine: it reaches files or programs of the machine")
		}
	}
	return refuseEngines(w)
}

// named tells whether token i is one of the forbidden names.
func (w words) named(i int) bool {
	k := w.list[i].kind
	return (k == tokenWord || k == tokenQuoted) && slices.Contains(forbidden, strings.ToLower(unquote(w.at(i))))
}

// refuseEngines looks at the engine of what is made.
func refuseEngines(w words) error {
	if !w.is(0, "CREATE") && !w.is(0, "ATTACH") && !w.is(0, "REPLACE") {
		return nil
	}
	allowed := append(slices.Clone(tableEngines), grantedEngine)
	if w.is(1, "DATABASE") {
		allowed = databaseEngines
	}
	for i := range w.list {
		switch {
		case w.is(0, "ATTACH") && w.is(i, "FROM") && i+1 < len(w.list) && w.list[i+1].kind == tokenText:
			return raise(codeDenied, "ATTACH FROM is not allowed on the embedded engine")
		case w.is(i, "ENGINE"):
			name := i + 1
			if w.sign(name, '=') {
				name++
			} else if i+1 >= len(w.list) || w.list[name].kind != tokenWord {
				continue
			}
			if engine := unquote(w.at(name)); !slices.Contains(allowed, engine) {
				return raise(codeDenied, "the engine "+engine+" is not allowed on the embedded engine")
			}
		}
	}
	return nil
}
