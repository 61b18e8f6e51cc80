package console_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/rules"
)

// TestUnmaskedFilesSayWhy asks for evidence and unmasked exports with a reason and
// without: the reason, who asked and for whom it is stand on what is answered.
func TestUnmaskedFilesSayWhy(t *testing.T) {
	m := hostile()
	m.findings[0].Basis = &rules.Basis{Fact: []byte("{}")}
	s := serve(t, m)
	compliance, noc := s.token(t, accounts.Compliance), s.token(t, accounts.NOC)
	why := "reason=" + url.QueryEscape("案件移送") + "&recipient=" + url.QueryEscape("某局")
	for _, c := range []struct {
		token, path string
		status      int
		has, not    string
	}{
		{compliance, "/api/v1/findings/aaaa/evidence", 422, "reason_missing", "PK"},
		{compliance, "/api/v1/findings/aaaa/evidence?reason=+", 422, "reason_missing", "PK"},
		{compliance, "/api/v1/findings/aaaa/evidence?reason=a%0Ab", 422, "report_texts", "PK"},
		{compliance, "/api/v1/findings/aaaa/evidence?" + why, 200, " 案件移送 某局", ""},
		{noc, "/api/v1/findings/aaaa/evidence?" + why, 403, "role", "PK"},
		{compliance, "/api/v1/findings/export?format=csv&unmasked=true", 422, "reason_missing", "203.0.113"},
		{noc, "/api/v1/findings/export?format=csv&unmasked=true&" + why, 403, "no_unmasked", "203.0.113"},
		{compliance, "/api/v1/findings/export?format=csv&unmasked=true&" + why, 200, "recipient: 某局", ""},
		{compliance, "/api/v1/findings/export?format=ndjson&unmasked=true&" + why, 200, `"unmasked_reason":"案件移送"`, ""},
		{compliance, "/api/v1/findings/export?format=json&" + why, 200, `"masked":true,"third_party_prefix_v4":24`, "案件移送"},
	} {
		a := s.get(t, c.token, c.path)
		if a.status != c.status || !strings.Contains(a.body, c.has) || c.not != "" && strings.Contains(a.body, c.not) {
			t.Errorf("%s: %d, want %d with %q without %q: %.800s", c.path, a.status, c.status, c.has, c.not, a.body)
		}
	}
}
