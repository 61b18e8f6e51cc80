package manual

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPages wants every listed page in both languages, every file listed, and a
// title on each.
func TestPages(t *testing.T) {
	for _, lang := range []string{Chinese, English} {
		pages := Pages(lang)
		if len(pages) != len(order) {
			t.Errorf("%s has %d pages, %d are listed", lang, len(pages), len(order))
		}
		var ids []string
		for _, p := range pages {
			ids = append(ids, p.ID+".md")
			if !strings.HasPrefix(p.Text, "# ") || p.Title == "" || len(p.Text) < 200 {
				t.Errorf("%s/%s.md does not begin with a title, or says nothing", lang, p.ID)
			}
		}
		entries, err := fs.ReadDir(files, lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !slices.Contains(ids, e.Name()) {
				t.Errorf("%s/%s is not listed", lang, e.Name())
			}
		}
	}
	if _, ok := Find(English, "nothing"); ok {
		t.Error("a page that is not listed is found")
	}
}

// block is a fenced block, from its first line to its last.
var block = regexp.MustCompile("(?ms)^```(.*?)\n(.*?)^```$")

// runnable returns the blocks of a page that are files or commands.
func runnable(text string) (blocks []string) {
	for _, m := range block.FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[1], "console") || strings.Contains(m[1], "file=") {
			blocks = append(blocks, m[0])
		}
	}
	return blocks
}

// TestLanguages wants the same commands and files in both languages.
func TestLanguages(t *testing.T) {
	for _, zh := range Pages(Chinese) {
		en, _ := Find(English, zh.ID)
		if a, b := runnable(zh.Text), runnable(en.Text); !slices.Equal(a, b) {
			t.Errorf("%s: the commands and files of the two languages differ:\n%q\n%q", zh.ID, a, b)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+\.md)(#[^)]*)?\)`)

// brokenLinks names what pages link to and is not there.
func brokenLinks(pages []Page) (found []string) {
	for _, p := range pages {
		for _, m := range link.FindAllStringSubmatch(p.Text, -1) {
			if !slices.ContainsFunc(pages, func(other Page) bool { return other.ID+".md" == m[1] }) {
				found = append(found, fmt.Sprintf("%s links to %s", p.ID, m[1]))
			}
		}
	}
	return found
}

// TestLinks wants what pages link to, and the contents to name every page.
func TestLinks(t *testing.T) {
	for _, lang := range []string{Chinese, English} {
		pages := Pages(lang)
		for _, f := range brokenLinks(pages) {
			t.Errorf("%s: %s, which is not there", lang, f)
		}
		for _, p := range pages[1:] {
			if !strings.Contains(pages[0].Text, "]("+p.ID+".md)") {
				t.Errorf("%s: the contents do not name %s", lang, p.ID)
			}
		}
	}
	// Planted: a link to nowhere.
	if got := brokenLinks([]Page{{ID: "a", Text: "[b](b.md) [a](a.md#x)"}}); len(got) != 1 {
		t.Errorf("a planted link to nowhere gives %v", got)
	}
}

// mostPicture is how large a picture may be, in bytes.
const mostPicture = 100_000

var picture = regexp.MustCompile(`!\[([^\]]*)\]\(([^)]*)\)`)

// badPictures names the pictures of a page that are missing, too large, or said
// by no words to who does not see them.
func badPictures(lang string, p Page) (found []string) {
	for _, m := range picture.FindAllStringSubmatch(p.Text, -1) {
		info, err := os.Stat(filepath.Join(lang, m[2]))
		if err != nil || info.Size() > mostPicture || m[1] == "" {
			found = append(found, fmt.Sprintf("%s/%s.md: %s is missing, has no words or has over %d bytes", lang, p.ID, m[2], mostPicture))
		}
	}
	return found
}

// TestPictures wants every picture of the pages, small and with words.
func TestPictures(t *testing.T) {
	for _, lang := range []string{Chinese, English} {
		for _, p := range Pages(lang) {
			for _, f := range badPictures(lang, p) {
				t.Error(f)
			}
		}
	}
	// Planted: a picture that is not there.
	if got := badPictures(Chinese, Page{ID: "a", Text: "![b](../images/b.webp)"}); len(got) != 1 {
		t.Errorf("a planted picture that is not there gives %v", got)
	}
}
