package pdf

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWrap breaks text where the rules of Chinese and English let it.
func TestWrap(t *testing.T) {
	d, err := New(Options{Created: time.Unix(0, 0), Page: "%d %s"})
	if err != nil {
		t.Fatal(err)
	}
	d.font(10, black, false)
	em := d.pdf.GetStringWidth("国")
	for _, c := range []struct {
		text string
		ems  float64
		want []string
	}{
		{"国际专线", 2.1, []string{"国际", "专线"}},
		{"国际，专线", 2.1, []string{"国", "际，", "专线"}},       // no comma begins a line
		{"国（际）专线", 2.1, []string{"国", "（际", "）专", "线"}}, // where nothing else fits, it must
		{"Time covered", 4.5, []string{"Time", "covered"}},
		{"one\ntwo", 9, []string{"one", "two"}},
		{"", 9, []string{""}},
	} {
		if got := d.wrap(c.text, c.ems*em); !slices.Equal(got, c.want) {
			t.Errorf("%q in %v is %q, want %q", c.text, c.ems, got, c.want)
		}
	}
	long := strings.Repeat("a", 500)
	if got := strings.Join(d.wrap(long, 3*em), ""); got != long {
		t.Error("a long word loses letters")
	}
}

// TestShown leaves nothing out silently.
func TestShown(t *testing.T) {
	has, err := coverage(fontFile)
	if err != nil {
		t.Fatal(err)
	}
	if got := shown(has, "喆堃 A\t😀\x00\n"); got != "喆堃 A [U+1F600] \n" {
		t.Errorf("shown as %q", got)
	}
	for _, r := range "疑似线索，（）《》“”、；：％–—·→≥±×℃①②③ÄéñΩд" {
		if !has[r] {
			t.Errorf("the font has no %c", r)
		}
	}
	for _, bad := range [][]byte{nil, fontFile[:20], fontFile[:300]} {
		if _, err := coverage(bad); err == nil {
			t.Errorf("a font of %d bytes is read", len(bad))
		}
	}
}
