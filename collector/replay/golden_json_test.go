package replay_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// keysBelow returns the keys of all objects in the values of a key.
func keysBelow(tb testing.TB, text []byte, key string) []string {
	tb.Helper()
	var content any
	if err := json.Unmarshal(text, &content); err != nil {
		tb.Fatal(err)
	}
	names := make(map[string]bool)
	walk(content, key, false, names)
	return slices.Sorted(maps.Keys(names))
}

func walk(v any, key string, below bool, names map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walk(e, key, below, names)
		}
	case map[string]any:
		for k, e := range v {
			if below {
				names[k] = true
			}
			walk(e, key, below || k == key, names)
		}
	}
}
