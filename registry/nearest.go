package registry

// nearest returns the name most like text, or nothing when none is like it:
// more than a third of the longer one would have to change.
func nearest(text string, names []string) string {
	best, least := "", -1
	for _, name := range names {
		if d := distance(text, name); least < 0 || d < least {
			best, least = name, d
		}
	}
	if least < 0 || 3*least > max(len(text), len(best)) {
		return ""
	}
	return best
}

// distance returns how many letters must be added, removed, replaced or
// swapped with their neighbour to make b of a. Long texts count as wholly
// different.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return max(len(a), len(b))
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replaced := above[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, replaced)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

// didYouMean returns a hint to append to a message, or nothing.
func didYouMean(text string, names []string) string {
	if name := nearest(text, names); name != "" {
		return "; did you mean " + name + "?"
	}
	return ""
}
