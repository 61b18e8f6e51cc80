package collector

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// memory is a State of plain text that begins with a mark.
type memory struct {
	text   string
	refuse error
}

func (m *memory) Save(w io.Writer, _ bool) error {
	if _, err := io.WriteString(w, "mark "+m.text); err != nil {
		return err
	}
	return m.refuse
}

func (m *memory) Load(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	text, ok := strings.CutPrefix(string(data), "mark ")
	if !ok {
		return errors.New("no mark")
	}
	m.text = text
	return nil
}

func TestStateIsSavedWholeOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "state")
	if err := SaveState(path, &memory{text: "one"}, false); err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("half written")
	if err := SaveState(path, &memory{text: "two", refuse: refusal}, false); !errors.Is(err, refusal) {
		t.Fatalf("refusal is not told: %v", err)
	}
	var got memory
	if err := LoadState(path, &got, testLogger(t)); err != nil || got.text != "one" {
		t.Errorf("loaded %q, %v", got.text, err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("%d files left, %v", len(files), err)
	}
}

func TestStateThatIsMissingOrDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	var got memory
	if err := LoadState(path, &got, testLogger(t)); err != nil || got.text != "" {
		t.Errorf("missing file: %q, %v", got.text, err)
	}
	if err := os.WriteFile(path, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := LoadState(path, &got, testLogger(t)); err != nil || got.text != "" {
		t.Errorf("damaged file: %q, %v", got.text, err)
	}
	kept, err := os.ReadFile(path + ".damaged")
	if err != nil || string(kept) != "rubbish" {
		t.Errorf("the damaged file is not set aside: %q, %v", kept, err)
	}
	if err := SaveState(path, &memory{text: "three"}, false); err != nil {
		t.Fatal(err)
	}
	if err := LoadState(path, &got, testLogger(t)); err != nil || got.text != "three" {
		t.Errorf("after damage: %q, %v", got.text, err)
	}
}

func TestStateInAPlaceThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(file, "state")
	if err := SaveState(path, &memory{}, false); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("save: %v", err)
	}
	if err := LoadState(path, &memory{}, testLogger(t)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("load: %v", err)
	}
}
