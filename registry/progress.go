package registry

// Progress is how far the reading of ledgers is.
type Progress struct {
	// Step is read for the text of files and check for their cells.
	Step string
	// Ledger is the one at hand.
	Ledger string
	// Done and Total count bytes for read and rows for check.
	Done, Total int
}

// Watch is told of progress, once for some thousands of rows. It is called by
// whoever reads, and should not take long.
type Watch func(Progress)

// progressRows is how many rows lie between two reports.
const progressRows = 4096

func tell(watch []Watch, p Progress) {
	for _, w := range watch {
		w(p)
	}
}
