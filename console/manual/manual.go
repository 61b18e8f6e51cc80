package manual

import (
	"embed"
	"strings"
)

//go:embed zh/*.md en/*.md
var files embed.FS

// The languages of the manual, which name its folders.
const (
	Chinese = "zh"
	English = "en"
)

// Kind says what a page is for.
type Kind string

// The kinds of pages.
const (
	Tutorial    Kind = "tutorial"    // to be followed once, from its beginning to its end
	HowTo       Kind = "how-to"      // steps towards one aim
	Reference   Kind = "reference"   // made from the program, to be looked up
	Explanation Kind = "explanation" // what to know before one judges
)

// Page is one page in one language.
type Page struct {
	ID    string // the name of its file without .md, the same in every language
	Kind  Kind
	Title string // the text of its first heading
	Text  string // the Markdown, links to other pages being ID.md
}

// order lists the pages as they are to be read. The first one is the contents.
var order = []struct {
	id   string
	kind Kind
}{
	{"index", Explanation},
	{"tutorial", Tutorial},
	{"howto-cisco-ios-xr", HowTo},
	{"howto-juniper", HowTo},
	{"howto-huawei", HowTo},
	{"howto-h3c", HowTo},
	{"howto-nokia", HowTo},
	{"howto-ledgers", HowTo},
	{"howto-clickhouse", HowTo},
	{"howto-kubernetes", HowTo},
	{"howto-single-sign-on", HowTo},
	{"howto-sizing", HowTo},
	{"howto-backup", HowTo},
	{"howto-upgrade", HowTo},
	{"howto-alerts", HowTo},
	{"reference-config", Reference},
	{"reference-cli", Reference},
	{"reference-metrics", Reference},
	{"reference-rules", Reference},
	{"reference-ledgers", Reference},
	{"reference-codes", Reference},
	{"reference-api", Reference},
	{"findings", Explanation},
	{"sampling", Explanation},
	{"completeness", Explanation},
	{"privacy", Explanation},
	{"evidence", Explanation},
	{"threat-model", Explanation},
	{"reliability", Explanation},
}

// Pages returns all pages of a language in the order of reading. Of a language
// that is none of the two it returns the English ones.
func Pages(lang string) []Page {
	pages := make([]Page, 0, len(order))
	for _, o := range order {
		if p, ok := Find(lang, o.id); ok {
			pages = append(pages, p)
		}
	}
	return pages
}

// Find returns the page of that id, and whether there is one.
func Find(lang, id string) (Page, bool) {
	if lang != Chinese {
		lang = English
	}
	for _, o := range order {
		if o.id != id {
			continue
		}
		text, err := files.ReadFile(lang + "/" + id + ".md")
		if err != nil {
			return Page{}, false
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
		return Page{ID: id, Kind: o.kind, Title: title, Text: string(text)}, true
	}
	return Page{}, false
}
