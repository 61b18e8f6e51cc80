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
