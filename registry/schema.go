package registry

// schema says how the rows of one ledger are read.
type schema[T any, K comparable] struct {
	name    string
	columns []column[T]
	// key names the columns that together name a row.
	key []string
	// id returns the values of key. Two rows of one id are an error, unless the
	// ledger keeps history and they are valid on different days.
	id func(r *T) K
	// span returns the days a row is about, nil if it is about none. from and
	// to are its columns.
	span     func(r *T) Validity
	from, to string
	history  bool
	rows     func(l *Ledgers) *[]T
}

// column is one column of a ledger.
type column[T any] struct {
	name     string
	read     func(r *T, c *cell)
	required bool
}

// must makes a column one that every row has to fill in.
func must[T any](name string, read func(r *T, c *cell)) column[T] {
	return column[T]{name, read, true}
}

// may makes a column one that a row may leave empty.
func may[T any](name string, read func(r *T, c *cell)) column[T] {
	return column[T]{name, read, false}
}

// ledger is a schema of whatever row.
type ledger interface {
	title() string
	columnNames() []string
	keyColumns() []string
	parse(in *reading, t *Table)
}

func (s *schema[T, K]) title() string        { return s.name }
func (s *schema[T, K]) keyColumns() []string { return s.key }

func (s *schema[T, K]) columnNames() []string {
	names := make([]string, len(s.columns))
	for i := range s.columns {
		names[i] = s.columns[i].name
	}
	return names
}

// schemas returns the ledgers in the order of their documentation.
func schemas() []ledger {
	return []ledger{
		enterprisesSchema(), licencesSchema(), commitmentsSchema(), evaluationsSchema(),
		asnsSchema(), downstreamsSchema(), sourcesSchema(), allocationsSchema(), broadcastsSchema(),
		exportersSchema(), interfacesSchema(), gatewaysSchema(), linesSchema(), lineEndpointsSchema(),
		userFilesSchema(), approvalsSchema(), translationsSchema(),
		icpFilingsSchema(), icpAccessSchema(), domainsSchema(), networksSchema(),
	}
}

// ledgerNames returns the names of all ledgers.
func ledgerNames() []string {
	var names []string
	for _, s := range schemas() {
		names = append(names, s.title())
	}
	return names
}
