package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/bgp"
)

// line writes an event on one line, every field of its route in it.
func line(e *bgp.Event) string {
	r := &e.Route
	where := fmt.Sprintf("%v %s %d", r.Prefix, rd(r.Distinguisher), r.PathID)
	switch e.Kind {
	case bgp.Withdraw:
		return "W " + where
	case bgp.EndOfRIB:
		return fmt.Sprintf("E %d", e.Family)
	case bgp.Announce:
	default:
		return fmt.Sprintf("unexpected kind %d", e.Kind)
	}
	med, pref := "-", "-"
	if r.HasMED {
		med = fmt.Sprint(r.MED)
	}
	if r.HasLocalPref {
		pref = fmt.Sprint(r.LocalPref)
	}
	return fmt.Sprintf("A %s [%v] %d %v %s %s %s %v", where, r.Path, r.Origin, r.NextHop, med, pref,
		communities(r.Communities), r.LargeCommunities)
}

func communities(list []uint32) string {
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = fmt.Sprintf("%d:%d", c>>16, c&0xffff)
	}
	return strings.Join(words, ",")
}

// rd writes a route distinguisher as type:administrator:number, "" for none.
func rd(d uint64) string {
	switch kind := d >> 48; {
	case d == 0:
		return ""
	case kind == 0:
		return fmt.Sprintf("0:%d:%d", d>>32&0xffff, d&0xffffffff)
	case kind == 1:
		return fmt.Sprintf("1:%d.%d.%d.%d:%d", d>>40&255, d>>32&255, d>>24&255, d>>16&255, d&0xffff)
	default:
		return fmt.Sprintf("%d:%d:%d", kind, d>>16&0xffffffff, d&0xffff)
	}
}

// lines decodes messages and returns their events as lines.
func lines(d *Decoder, messages [][]byte, s Session) (list []string) {
	for _, m := range messages {
		if m[18] != TypeUpdate {
			continue
		}
		err := d.Message(m, s, &bgp.Event{}, func(e *bgp.Event) { list = append(list, line(e)) })
		if err != nil {
			list = append(list, "refused "+err.Error())
		}
	}
	return list
}

// compare fails with the lines that only one of two lists has, order aside.
func compare(t *testing.T, want, got []string) {
	t.Helper()
	missing, extra := difference(want, got)
	for _, l := range missing[:min(5, len(missing))] {
		t.Errorf("missing %s", l)
	}
	for _, l := range extra[:min(5, len(extra))] {
		t.Errorf("extra   %s", l)
	}
	if len(missing)+len(extra) > 0 {
		t.Errorf("%d of %d lines missing, %d of %d extra", len(missing), len(want), len(extra), len(got))
	}
}

func difference(want, got []string) (missing, extra []string) {
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	for len(want) > 0 || len(got) > 0 {
		switch {
		case len(got) == 0 || len(want) > 0 && want[0] < got[0]:
			missing, want = append(missing, want[0]), want[1:]
		case len(want) == 0 || got[0] < want[0]:
			extra, got = append(extra, got[0]), got[1:]
		default:
			want, got = want[1:], got[1:]
		}
	}
	return missing, extra
}
