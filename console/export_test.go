package console

import "strings"

// RoutesOfAPI returns each route of the API with the parameters it takes.
func (s *Console) RoutesOfAPI() map[string][]string {
	all := make(map[string][]string)
	for _, r := range s.routes() {
		if strings.HasPrefix(r.path, "/api/") {
			all[r.method+" "+r.path] = r.params
		}
	}
	return all
}

// ProblemTexts are what people are told.
var ProblemTexts = problemTexts

// LedgerTexts returns what tells a problem of a ledger, and which codes it told.
func LedgerTexts() (tell func(message, lang string) (code, text string), seen func() map[string]bool) {
	book, codes := newPhrasebook(), make(map[string]bool)
	return func(message, lang string) (string, string) {
		code, text := book.told(message, lang)
		codes[code] = true
		return code, text
	}, func() map[string]bool { return codes }
}
