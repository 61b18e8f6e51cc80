package flows_test

import (
	"reflect"
	"testing"

	"github.com/linewarden/linewarden/flows"
)

// everyFigure returns all numbers of a count, in the order of its fields.
func everyFigure(t *testing.T, c flows.Count) []uint64 {
	t.Helper()
	var list []uint64
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Uint64:
			list = append(list, f.Uint())
		case reflect.Array:
			for k := range f.Len() {
				list = append(list, f.Index(k).Uint())
			}
		default:
			t.Fatalf("%s is a %v: this test does not know it", v.Type().Field(i).Name, f.Kind())
		}
	}
	return list
}
