package evidence_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/rules"
)

// TestCustodyNamesWhatWasAltered has packages signed with the right key, whose
// history is not as the log has it.
func TestCustodyNamesWhatWasAltered(t *testing.T) {
	for want, alter := range map[string]func(m *evidence.Material){
		"event 1 of finding": func(m *evidence.Material) { m.Events[0].Note = "other words" },
		"comes after event":  func(m *evidence.Material) { m.Events = append(m.Events, m.Events[0]) },
		"is about finding other": func(m *evidence.Material) {
			m.Events[0].Finding = "other"
			event, err := m.Events[0].After(rules.Link{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			m.Events[0] = event
		},
	} {
		m := material(t)
		alter(m)
		var b bytes.Buffer
		if err := evidence.Write(&b, m, key); err != nil {
			t.Fatal(err)
		}
		if v := verify(t, b.Bytes(), pub); !strings.Contains(strings.Join(v.Problems, "\n"), want) {
			t.Errorf("want %q, got %q", want, v.Problems)
		}
	}
}
