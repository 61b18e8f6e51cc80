package engine

import "strings"

// tokenKind tells the tokens of a statement apart.
type tokenKind uint8

const (
	tokenWord   tokenKind = iota // bare word or number
	tokenQuoted                  // `identifier` or "identifier"
	tokenText                    // 'text' or $tag$text$tag$
	tokenSign                    // any other single byte
)

// token is a piece of a statement, without comments and space.
type token struct {
	kind       tokenKind
	start, end int
}

// tokens cuts a statement up as the engine's lexer does, as far as is needed to
// know what is a comment and what is quoted.
func tokens(sql string) (list []token) {
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c <= ' ':
			i++
		case strings.HasPrefix(sql[i:], "--"), strings.HasPrefix(sql[i:], "#!"), strings.HasPrefix(sql[i:], "# "):
			i = after(sql, i, "\n")
		case strings.HasPrefix(sql[i:], "/*"):
			i = after(sql, i+2, "*/")
		default:
			t := token{start: i}
			t.kind, t.end = next(sql, i)
			list = append(list, t)
			i = t.end
		}
	}
	return list
}

// after returns the place behind the next mark, or the end.
func after(sql string, i int, mark string) int {
	if n := strings.Index(sql[i:], mark); n >= 0 {
		return i + n + len(mark)
	}
	return len(sql)
}

func next(sql string, i int) (kind tokenKind, end int) {
	switch c := sql[i]; {
	case c == '\'':
		return tokenText, quoted(sql, i)
	case c == '`' || c == '"':
		return tokenQuoted, quoted(sql, i)
	case wordByte(c):
		for end = i + 1; end < len(sql) && (wordByte(sql[end]) || sql[end] == '$'); end++ {
		}
		return tokenWord, end
	case c == '$':
		for end = i + 1; end < len(sql) && wordByte(sql[end]); end++ {
		}
		if end < len(sql) && sql[end] == '$' {
			return tokenText, after(sql, end+1, sql[i:end+1])
		}
	}
	return tokenSign, i + 1
}

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// quoted returns the end of a quoted piece, in which a backslash hides the next
// byte and a doubled quote stands for one.
func quoted(sql string, i int) int {
	quote := sql[i]
	for i++; i < len(sql); i++ {
		switch sql[i] {
		case '\\':
			i++
		case quote:
			if i+1 >= len(sql) || sql[i+1] != quote {
				return i + 1
			}
			i++
		}
	}
	return len(sql)
}

// unquote returns the name an identifier token stands for.
func unquote(text string) string {
	if len(text) < 2 || text[0] != '`' && text[0] != '"' && text[0] != '\'' || text[len(text)-1] != text[0] {
		return text
	}
	quote, text := text[0], text[1:len(text)-1]
	if !strings.ContainsAny(text, "\\`\"'") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(unescape(text[i]))
			continue
		case c == quote && i+1 < len(text) && text[i+1] == quote:
			i++
		}
		b.WriteByte(c)
	}
	return b.String()
}

// unescape returns the byte that a letter behind a backslash stands for.
func unescape(c byte) byte {
	if i := strings.IndexByte(`abfnrtv0e`, c); i >= 0 {
		return "\a\b\f\n\r\t\v\x00\x1b"[i]
	}
	return c
}
