package console_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// ledgers holds rows of two provinces.
func ledgers() *registry.Snapshot {
	edge := netip.MustParseAddr("192.0.2.1")
	block := netip.MustParsePrefix("198.51.100.0/24")
	return registry.NewSnapshot(&registry.Ledgers{
		Enterprises: []registry.Enterprise{{ID: "E1", Name: "甲公司", Place: "310000", CreditSince: registry.NewDate(2020, 1, 1)}, {ID: "E2", Name: "乙公司", Place: "110000"}},
		Licences:    []registry.Licence{{No: "B1-1", EnterpriseID: "E1", Service: "B11", National: true, Status: "active"}},
		Lines: []registry.Line{
			{ID: "L2", EnterpriseID: "E1", Scope: "international", APlace: "310000", ZCountry: "SG", UserFile: "U1"},
			{ID: "L1", EnterpriseID: "E1", Scope: "domestic", APlace: "110000"},
			{ID: "L0", APlace: "310000", Valid: registry.Validity{To: registry.NewDate(2001, time.May, 1)}},
		},
		LineEndpoints: []registry.LineEndpoint{{LineID: "L2", End: "a", Prefix: netip.MustParsePrefix("198.51.100.0/28"), Kind: "office"}},
		UserFiles:     []registry.UserFile{{ID: "U1", LineID: "L2", EnterpriseID: "E1", OfficeUseCommitted: registry.Yes}},
		Interfaces:    []registry.Interface{{Exporter: edge, IfIndex: 7, Role: "international", LineID: "L2"}},
		Approvals:     []registry.Approval{{No: "A1", EnterpriseID: "E1", Kind: "cross_border", LineID: "L2"}},
		ASNs:          []registry.ASN{{ASN: 64501, EnterpriseID: "E1"}},
		Allocations: []registry.Allocation{
			{Prefix: block, EnterpriseID: "E1", Use: "idc", Cloud: registry.Yes, Place: "310000"},
			{Prefix: netip.MustParsePrefix("198.51.100.64/26"), Parent: block, EnterpriseID: "E1", Use: "enterprise", Place: "310000"},
			{Prefix: netip.MustParsePrefix("203.0.113.0/24"), EnterpriseID: "E2", Place: "110000"},
		},
		Broadcasts: []registry.Broadcast{{Prefix: block, Announcer: "E1", Applicant: "E1"}},
		ICPFilings: []registry.ICPFiling{{No: "沪ICP备1号", Domain: "example.cn", EnterpriseID: "E1", Status: "active"}},
		Domains: []registry.Domain{
			{Domain: "www.example.cn", Address: netip.MustParseAddr("198.51.100.5"), Source: "zone"},
			{Domain: "secret.example.cn", Address: netip.MustParseAddr("203.0.113.5"), Source: "zone"},
		},
		Exporters: []registry.Exporter{{Address: edge, Name: "edge", Place: "310000"}},
	}, []uint32{64500}, registry.WithVersion(registry.Version{ID: "v1", Known: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}))
}

// uploadOf is a form with files, by names and contents in turn.
func uploadOf(t *testing.T, files ...string) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.CreateFormFile("file", files[i])
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

// send sends a request with a body by a token.
func (s *site) send(t *testing.T, token, method, path, kind, body string) answer {
	t.Helper()
	return s.ask(t, s.Client(), method, path, body, "Content-Type", kind, "Authorization", "Bearer "+token)
}

// check uploads ledgers and returns the id of the check.
func (s *site) check(t *testing.T, token string, files ...string) (string, answer) {
	t.Helper()
	kind, body := uploadOf(t, files...)
	a := s.send(t, token, http.MethodPost, "/api/v1/ledgers/checks", kind, body)
	var c struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &c); err != nil {
		t.Fatal(err, a.body)
	}
	return c.ID, a
}

const goodCSV = "enterprise_id,name,place\nE1,甲公司,310000\nE3,丙公司,310000\n"

// example is how each operation is asked, by method and path.
type example map[string][2]string

// examples prepares what requests refer to.
func examples(t *testing.T, s *site, token string) example {
	t.Helper()
	good, _ := s.check(t, token, "enterprises.csv", goodCSV)
	bad, _ := s.check(t, token, "enterprises.csv", "enterprise_id,name\nE1,\x01\n,x\n")
	a := s.post(t, token, "/api/v1/reports", `{"quarter":"2026Q1"}`)
	var report struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &report); err != nil {
		t.Fatal(err, a.body)
	}
	await(t, s, token, report.ID)
	a = s.post(t, token, "/api/v1/backtests", `{"rule":"intl-third-party","from":"2026-03-01","to":"2026-03-09"}`)
	var backtest struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &backtest); err != nil {
		t.Fatal(err, a.body)
	}
	await(t, s, token, backtest.ID)
	const v = "/api/v1"
	return example{
		"GET " + v + "/ledgers/checks/{id}":         {v + "/ledgers/checks/" + bad},
		"GET " + v + "/ledgers/checks/{id}/changes": {v + "/ledgers/checks/" + good + "/changes"},
		"GET " + v + "/ledgers/kinds/{ledger}/rows": {v + "/ledgers/kinds/enterprises/rows"},
		"POST " + v + "/ledgers/imports":            {v + "/ledgers/imports", `{"check":"` + good + `"}`},
		"GET " + v + "/reports/{id}":                {v + "/reports/" + report.ID},
		"POST " + v + "/reports":                    {v + "/reports", `{"quarter":"2026Q1","language":"en"}`},
		"GET " + v + "/backtests/{id}":              {v + "/backtests/" + backtest.ID},
		"POST " + v + "/backtests":                  {v + "/backtests", `{"rule":"intl-third-party"}`},
		"GET " + v + "/rules/{id}":                  {v + "/rules/intl-third-party"},
		"GET " + v + "/enterprises/{id}":            {v + "/enterprises/E1"},
		"GET " + v + "/resources":                   {v + "/resources?q=198.51.100.5"},
		"GET " + v + "/allocations/detail":          {v + "/allocations/detail?prefix=198.51.100.0/24"},
		"GET " + v + "/routes":                      {v + "/routes?prefix=192.0.2.0/24"},
		"GET " + v + "/routes/history":              {v + "/routes/history?prefix=192.0.2.0/24"},
		"GET " + v + "/routes/origins":              {v + "/routes/origins?prefix=192.0.2.0/24"},
		"GET " + v + "/findings/export":             {v + "/findings/export?format=json"},
		"POST " + v + "/findings/moves":             {v + "/findings/moves", `{"findings":[{"id":"aaaa","expected_state":"open"},{"id":"none","etag":"x"}],"note":"n"}`},
		"POST " + v + "/findings/{id}/moves":        {v + "/findings/aaaa/moves", `{"note":"n","expected_state":"open"}`},
		"POST " + v + "/session":                    {v + "/session", `{"name":"li","password":"` + password + `"}`},
		"POST " + v + "/users":                      {v + "/users", `{"name":"han","role":"noc","provinces":["31"],"password":"` + password + `"}`},
		"PATCH " + v + "/users/{name}":              {v + "/users/li", `{"role":"compliance","provinces":["31"]}`},
		"POST " + v + "/tokens":                     {v + "/tokens", `{"name":"x","role":"noc"}`},
	}
}

// ask sends the example of an operation, or one made of its path.
func (e example) ask(t *testing.T, s *site, token, method, path string) answer {
	t.Helper()
	to := e[method+" "+path]
	if to[0] == "" {
		id := "aaaa"
		if strings.Contains(path, "/lines/") {
			id = "L2"
		}
		to[0] = strings.Replace(path, "{id}", id, 1)
	}
	if path == "/api/v1/ledgers/checks" {
		kind, body := uploadOf(t, "enterprises.csv", goodCSV)
		return s.send(t, token, method, path, kind, body)
	}
	if method == http.MethodGet {
		return s.get(t, token, to[0])
	}
	return s.send(t, token, method, to[0], "application/json", to[1])
}

// until asks again and again.
func (s *site) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 10_000 {
		if is() {
			return
		}
	}
	t.Fatal("never: " + what)
}

// await waits until a job is no longer under way.
func await(t *testing.T, s *site, token, id string) {
	t.Helper()
	s.until(t, "the job is done", func() bool {
		a := s.get(t, token, "/api/v1/system")
		return strings.Contains(a.body, id) && !strings.Contains(a.body, `"running"`)
	})
}
