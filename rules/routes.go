package rules

// Routes answers the questions of the rules that need routes. storage
// implements it from the history of announcements and withdrawals.
type Routes interface{}
