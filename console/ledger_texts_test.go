package console_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/accounts"
)

// TestLedgerTexts has all in Chinese that package registry is known to say, by
// the words that its own tests expect.
func TestLedgerTexts(t *testing.T) {
	said, err := filepath.Glob("../registry/testdata/problems/*.want")
	if err != nil || len(said) < 4 {
		t.Fatalf("%v %v", said, err)
	}
	line := regexp.MustCompile(`^[^:]+: [^:]+:\d+:\d+: (.*?)(?: \(warning\))?$`)
	tell, seen := console.LedgerTexts()
	for _, file := range said {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for one := range strings.Lines(string(text)) {
			found := line.FindStringSubmatch(strings.TrimSuffix(one, "\n"))
			if found == nil {
				t.Fatalf("%s: %q is no problem", file, one)
			}
			code, zh := tell(found[1], "zh-CN")
			if code == "other" || zh == found[1] || strings.Contains(zh, "%!") || strings.Contains(zh, "；;") {
				t.Errorf("%s is told as %s: %s", found[1], code, zh)
			}
			if same, en := tell(found[1], "en"); en != found[1] || same != code {
				t.Errorf("%s is told in English as %s: %s", found[1], same, en)
			}
			for _, hint := range []string{"; write ", "; did you mean", "for the one address"} {
				if strings.Contains(zh, hint) {
					t.Errorf("%s has a hint in English: %s", found[1], zh)
				}
			}
		}
	}
	if n := len(seen()); n < 55 {
		t.Errorf("only %d of the texts are told", n)
	}
	// What is not known stays as it is.
	if code, text := tell("the cell is odd", "zh-CN"); code != "other" || text != "the cell is odd" {
		t.Errorf("%s %s", code, text)
	}
}

// TestLedgerCheckLanguage uploads what is wrong and reads why in both languages.
func TestLedgerCheckLanguage(t *testing.T) {
	s := serve(t, hostile())
	token := s.token(t, accounts.Compliance)
	id, _ := s.check(t, token, "enterprises.csv", "enterprise_id,name,place\n,甲,310000\nE2,乙,9\n", "remarks.csv", "a\n1\n")
	for lang, want := range map[string]string{"zh": "enterprise_id 为空；每一行都须填写", "en": "enterprise_id is empty; every row needs it"} {
		a := s.get(t, token, "/api/v1/ledgers/checks/"+id, "Accept-Language", lang)
		var check struct {
			Problems []struct{ Message, Code string }
		}
		if err := json.Unmarshal([]byte(a.body), &check); err != nil || len(check.Problems) < 3 {
			t.Fatal(err, a.body)
		}
		if p := check.Problems[0]; p.Message != want || p.Code != "cell_empty" {
			t.Errorf("%s: %+v", lang, p)
		}
	}
}
