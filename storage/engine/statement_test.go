package engine

import (
	"errors"
	"slices"
	"testing"
)

func TestParse(t *testing.T) {
	for _, try := range []struct {
		sql  string
		want statement
		code int
	}{
		{sql: "SELECT 1", want: statement{kind: kindSelect, text: "SELECT 1"}},
		{sql: "select 1 ; ", want: statement{kind: kindSelect, text: "select 1 "}},
		{sql: "/* x */ -- y\nWITH 1 AS a SELECT a FORMAT JSON", want: statement{kind: kindSelect, text: "/* x */ -- y\nWITH 1 AS a SELECT a "}},
		{sql: "SELECT 'FORMAT JSON'", want: statement{kind: kindSelect, text: "SELECT 'FORMAT JSON'"}},
		{sql: "SELECT format FROM t", want: statement{kind: kindSelect, text: "SELECT format FROM t"}},
		{sql: "SHOW TABLES FORMAT TSV", want: statement{text: "SHOW TABLES "}},
		{sql: "DROP TABLE t", want: statement{text: "DROP TABLE t"}},
		{sql: "INSERT INTO t", want: statement{kind: kindInsert, text: "INSERT INTO t", table: "t"}},
		{sql: "insert into table `a b`.\"t\" (x, `y z`, n.`m`) values", want: statement{
			kind: kindInsert, text: "insert into table `a b`.\"t\" (x, `y z`, n.`m`) ", table: "`a b`.\"t\"", columns: []string{"x", "y z", "n.m"},
		}},
		{sql: "INSERT INTO t FORMAT Native ; -- x", want: statement{kind: kindInsert, text: "INSERT INTO t ", table: "t"}},
		{sql: "INSERT INTO t SETTINGS a = 1 FORMAT Native", want: statement{kind: kindInsert, text: "INSERT INTO t SETTINGS a = 1 ", table: "t"}},
		{sql: "INSERT INTO t VALUES (1); (2)", want: statement{kind: kindInline, text: "INSERT INTO t ", table: "t", format: "Values", data: " (1); (2)"}},
		{sql: "INSERT INTO t FORMAT CSV\n1,2", want: statement{kind: kindInline, text: "INSERT INTO t ", table: "t", format: "CSV", data: "\n1,2"}},
		{sql: "INSERT INTO t SELECT 1", want: statement{text: "INSERT INTO t SELECT 1"}},
		{sql: "INSERT INTO t (a) (SELECT 1)", want: statement{text: "INSERT INTO t (a) (SELECT 1)"}},
		{sql: "INSERT INTO t (SELECT 1)", want: statement{text: "INSERT INTO t (SELECT 1)"}},
		{sql: "", code: codeSyntax},
		{sql: " ; ", code: codeSyntax},
		{sql: "/* ", code: codeSyntax},
		{sql: "INSERT", code: codeSyntax},
		{sql: "INSERT INTO t (a", code: codeSyntax},
		{sql: "SELECT 1;SELECT 2", code: codeSyntax},
		{sql: "INSERT INTO t SELECT 1; SELECT 2", code: codeSyntax},
		{sql: "exit", code: codeSyntax},
		{sql: " quit ; ", code: codeSyntax},
		{sql: "INSERT INTO t (* EXCEPT(a)) VALUES", code: codeNotImplemented},
		{sql: "INSERT INTO FUNCTION null('a Int8') VALUES", code: codeDenied},
		{sql: "INSERT INTO t FROM INFILE 'x'", code: codeDenied},
		{sql: "SELECT 1 INTO /**/ OUTFILE 'x'", code: codeDenied},
		{sql: "SELECT fIlE ('x')", code: codeDenied},
		{sql: "CREATE TABLE t (a Int8) ENGINE = `File`(CSV)", code: codeDenied},
		{sql: "CREATE DATABASE d ENGINE Lazy(1)", code: codeDenied},
		{sql: "ATTACH TABLE t FROM '/x' (a Int8) ENGINE = MergeTree ORDER BY a", code: codeDenied},
	} {
		got, err := parse(try.sql)
		code := 0
		if e := new(exception); errors.As(err, &e) {
			code = e.code
		}
		if code != try.code || err == nil && (got.kind != try.want.kind || got.text != try.want.text || got.table != try.want.table ||
			got.format != try.want.format || got.data != try.want.data || !slices.Equal(got.columns, try.want.columns)) {
			t.Errorf("%q:\ngot  %+v, %v\nwant %+v, code %d", try.sql, got, err, try.want, try.code)
		}
	}
}

func TestUnquote(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "`a b`": "a b", "\"x\"\"y\"": `x"y`, `'it\'s'`: "it's", `'it''s'`: "it's",
		`'\t\n\\\0'`: "\t\n\\\x00", "'": "'", "''": "", `'\\t'`: `\t`, "`a'": "`a'",
	} {
		if got := unquote(text); got != want {
			t.Errorf("%s became %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", "a", `\`, "'", "it's `x`", "\n\x00"} {
		if got := unquote(quote(text)); got != text {
			t.Errorf("%q became %q", text, got)
		}
		if got := unquote(backquote(text)); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestExceptionOf(t *testing.T) {
	for text, want := range map[string]exception{
		"Code: 60. DB::Exception: Unknown table x. (UNKNOWN_TABLE)": {60, "Unknown table x. (UNKNOWN_TABLE)"},
		"Code: 1. Other: x": {1, "Other: x"},
		"Code: x. y":        {codeEngineFailed, "Code: x. y"},
		"something else":    {codeEngineFailed, "something else"},
	} {
		if got := exceptionOf(errors.New(text)); *got != want {
			t.Errorf("%s: %+v", text, *got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, sql := range []string{"SELECT 1", "INSERT INTO t (a, `b`) VALUES (1)", "INSERT INTO a.b FORMAT", "/*", "'\\", "$a$", "`", "ATTACH FROM 'x", "ENGINE", "CREATE ENGINE ="} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		end := 0
		for _, k := range tokens(sql) {
			if k.start < end || k.end <= k.start || k.end > len(sql) {
				t.Fatalf("token %+v behind %d", k, end)
			}
			end = k.end
		}
		st, err := parse(sql)
		if err == nil && len(st.text)+len(st.data) > len(sql) {
			t.Errorf("%q grew to %+v", sql, st)
		}
	})
}
