package xlsx

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
)

func TestSurvive(t *testing.T) {
	sheets, err := survive(func() ([]registry.Sheet, error) {
		var list []registry.Sheet
		return list[:1:1], nil
	})
	if sheets != nil || err == nil || err.Error() != "the workbook is damaged: runtime error: slice bounds out of range [::1] with capacity 0" {
		t.Errorf("got %v, %v", sheets, err)
	}
}
