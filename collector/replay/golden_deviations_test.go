package replay_test

import "strings"

// deviation is a difference from golden files that is meant, with the reason.
// Texts that are empty stand for any.
type deviation struct {
	file  string // the end of the golden file's name, or a part with * around it
	line  string // where in it
	field string
	want  string
	got   string
	why   string
}

// explains tells whether a difference is this deviation.
func (v *deviation) explains(file string, d *difference) bool {
	is := func(text, have string) bool { return text == "" || text == have }
	return strings.Contains(file, v.file) && is(v.line, d.line) && is(v.field, d.field) && is(v.want, d.want) && is(v.got, d.got)
}

// deviations are all of them. Each was followed down to the bytes.
var deviations = []deviation{}

// leastCompared is how many fields each golden file lets compare. A file that
// is read less well than it was fails.
var leastCompared = map[string]int{}
