package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// officeLine returns international line I1 of E1 between its offices in
// Hangzhou and Frankfurt, with what is known of the networks around: a data
// centre of E2 and clouds at home, clouds and access networks abroad.
func officeLine(t *testing.T) *registry.Ledgers {
	t.Helper()
	l := lineOnPort(t)
	l.Lines[0].ZCountry = "DE"
	l.ASNs = append(l.ASNs, registry.ASN{ASN: 65010, EnterpriseID: "E1"})
	l.Allocations = append(l.Allocations,
		registry.Allocation{Prefix: prefix("36.10.0.0/24"), EnterpriseID: "E2", Use: "idc", Place: "330100"},
		registry.Allocation{Prefix: prefix("36.10.1.0/24"), EnterpriseID: "E2", Use: "cdn"},
		registry.Allocation{Prefix: prefix("36.10.2.0/24"), EnterpriseID: "E2", Use: "enterprise"},
		registry.Allocation{Prefix: prefix("36.10.3.0/24"), EnterpriseID: "E1S", Use: "idc"},
		registry.Allocation{Prefix: prefix("36.10.4.0/24"), EnterpriseID: "E2", Use: "idc", Place: "810000"},
	)
	l.Networks = []registry.Network{
		{Prefix: prefix("39.1.0.0/24"), Country: "CN", Operator: "Cloud East", Kind: "cloud", ASN: 65101},
		{Prefix: prefix("39.2.0.0/24"), Country: "CN", Operator: "Fast Web", Kind: "cdn", ASN: 65102},
		{Prefix: prefix("39.3.0.0/24"), Country: "CN", Operator: "Elsewhere Telecom", Kind: "access", ASN: 65103},
		{Prefix: prefix("51.1.0.0/24"), Country: "DE", Operator: "Rhein Cloud", Kind: "cloud", ASN: 65201},
		{Prefix: prefix("51.2.0.0/24"), Country: "HK", Operator: "Harbour DC", Kind: "datacentre", ASN: 65202},
		{Prefix: prefix("51.3.0.0/24"), Country: "DE", Operator: "Main Access", Kind: "access", ASN: 65203},
		{Prefix: prefix("51.4.0.0/24"), Operator: "Nowhere Cloud", Kind: "cloud", ASN: 65204},
	}
	return l
}

func datacentre(t *testing.T, l *registry.Ledgers, u usage, books []rules.ExporterBooks) judged {
	t.Helper()
	if books == nil {
		books = heard(1)
	}
	return judge(t, rules.IntlDatacentre(), l, trafficOf{networks: u.networks(t), books: books}, "2026-02-23", "2026-03-01")["I1"]
}

func TestIntlDatacentre(t *testing.T) {
	const own = 9_500_000
	const home, cloud = "36.10.0.0/24", "51.1.0.0/24"
	three := [7]uint64{0, 4_000_000, 0, 4_000_000, 0, 4_000_000}
	declare := func(end, kind, p string) func(*registry.Ledgers) {
		return func(l *registry.Ledgers) {
			l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: "I1", End: end, Prefix: prefix(p), Kind: kind})
		}
	}
	tests := []struct {
		name   string
		usage  usage
		change func(l *registry.Ledgers)
		books  []rules.ExporterBooks
		want   rules.Outcome
		reason string
	}{
		{name: "data centre of another to a cloud abroad", usage: usage{home, cloud, daily(1_000_000), own}, want: rules.Fires},
		{name: "CDN of another to a data centre in Hong Kong", usage: usage{"36.10.1.0/24", "51.2.0.0/24", daily(1_000_000), own}, want: rules.Fires},
		{name: "cloud at home by the ledger of networks", usage: usage{"39.1.0.0/24", cloud, daily(1_000_000), own}, want: rules.Fires},
		{name: "CDN at home by the ledger of networks", usage: usage{"39.2.0.0/24", cloud, daily(1_000_000), own}, want: rules.Fires},
		{name: "ends the other way round", usage: usage{cloud, home, daily(1_000_000), own}, want: rules.Fires},
		{name: "another's data centre in Hong Kong by its allocation", usage: usage{home, "36.10.4.0/24", daily(1_000_000), own}, want: rules.Fires},
		{name: "both at home", usage: usage{home, "39.1.0.0/24", daily(1_000_000), own}},
		{name: "both abroad", usage: usage{cloud, "51.2.0.0/24", daily(1_000_000), own}},
		{name: "office to a cloud abroad", usage: usage{"10.1.0.0/16", cloud, daily(9_000_000), own}},
		{name: "data centre at home to the office abroad", usage: usage{home, "10.2.0.0/16", daily(9_000_000), own}},
		{name: "data centre at home to an access network abroad", usage: usage{home, "51.3.0.0/24", daily(9_000_000), own}},
		{name: "access network at home to a cloud abroad", usage: usage{"39.3.0.0/24", cloud, daily(9_000_000), own}},
		{name: "another enterprise's office to a cloud abroad", usage: usage{"36.10.2.0/24", cloud, daily(9_000_000), own}},
		{name: "cloud of an unknown country", usage: usage{home, "51.4.0.0/24", daily(9_000_000), own}},
		{name: "the group's own data centre for its offices", usage: usage{"36.10.3.0/24", cloud, daily(9_000_000), own}},
		{name: "rented and declared as the holder's data centre", usage: usage{home, cloud, daily(9_000_000), own}, change: declare("a", "datacentre", "36.10.0.0/24")},
		{name: "a private data centre, declared", usage: usage{"10.9.0.0/24", cloud, daily(9_000_000), own}, change: declare("a", "datacentre", "10.9.0.0/24")},
		{name: "a data centre declared as an office", usage: usage{home, cloud, daily(1_000_000), own}, want: rules.Fires, change: declare("a", "office", "36.10.0.0/24")},
		{name: "declared data centre of another's line", usage: usage{home, cloud, daily(1_000_000), own}, want: rules.Fires, change: func(l *registry.Ledgers) {
			l.Lines = append(l.Lines, registry.Line{ID: "I2", EnterpriseID: "E2", Scope: "domestic"})
			l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: "I2", End: "a", Prefix: prefix("36.10.0.0/24"), Kind: "datacentre"})
		}},
		{name: "data centre declared at the far end", usage: usage{home, "10.2.7.0/24", daily(1_000_000), own}, want: rules.Fires, change: declare("z", "datacentre", "10.2.7.0/24")},
		{name: "data centre announced for the holder", usage: usage{"39.1.0.0/24", cloud, daily(9_000_000), own}, change: func(l *registry.Ledgers) {
			l.Broadcasts = append(l.Broadcasts, registry.Broadcast{Prefix: prefix("39.1.0.0/24"), Announcer: "CT", Applicant: "E1"})
		}},
		{name: "at the share", usage: usage{home, cloud, daily(500_000), own}, want: rules.Fires},
		{name: "under the share", usage: usage{home, cloud, daily(499_000), own}},
		{name: "three days", usage: usage{home, cloud, three, own}, want: rules.Fires},
		{name: "two days", usage: usage{home, cloud, [7]uint64{0, 6_000_000, 0, 6_000_000}, own}},
		{name: "few samples", usage: usage{home, cloud, [7]uint64{166_000, 166_000, 167_000}, 0}, want: rules.Withheld, reason: "low_samples"},
		{name: "samples enough", usage: usage{home, cloud, [7]uint64{167_000, 167_000, 167_000}, 0}, want: rules.Fires},
		{name: "few samples between data centres", usage: usage{home, cloud, [7]uint64{33_000, 33_000, 33_000}, 100_000}, want: rules.Withheld, reason: "low_samples"},
		{name: "incomplete", usage: usage{home, cloud, daily(1_000_000), own}, books: heard(0.89), want: rules.Withheld, reason: "low_completeness"},
		{name: "domestic", usage: usage{home, cloud, daily(1_000_000), own}, change: func(l *registry.Ledgers) { l.Lines[0].Scope = "domestic" }},
		{name: "the carrier's own", usage: usage{home, cloud, daily(1_000_000), own}, change: func(l *registry.Ledgers) { l.Lines[0].EnterpriseID = "CT" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := officeLine(t)
			if tt.change != nil {
				tt.change(l)
			}
			got := datacentre(t, l, tt.usage, tt.books)
			if got.Outcome != tt.want || got.Reason != tt.reason {
				t.Fatalf("outcome %v %q, want %v %q: %+v", got.Outcome, got.Reason, tt.want, tt.reason, got.Facts)
			}
		})
	}
}

func TestIntlDatacentreFigures(t *testing.T) {
	got := datacentre(t, officeLine(t), usage{"36.10.0.0/24", "51.1.0.0/24", daily(4_000_000), 6_000_000}, nil)
	if got.Facts["datacentre_share"] != 0.4 || got.Facts["datacentre_bytes_per_day"] != uint64(4_000_000) || got.Facts["days_with_datacentre"] != 7 || got.Severity != rules.Critical {
		t.Errorf("figures %v, severity %s", got.Facts, got.Severity)
	}
	if names, _ := got.Facts["third_party_networks"].([]string); !slices.Equal(names, []string{"36.10.0.0/24 near idc of E2", "51.1.0.0/24 far cloud of Rhein Cloud in DE"}) {
		t.Errorf("networks %v", names)
	}
	if !strings.Contains(got.Explanation.ZH, "40.0%") || !strings.Contains(got.Explanation.EN, "40.0 %") {
		t.Errorf("explanation %v", got.Explanation)
	}
	if got.Confidence < 0.99 || got.Completeness != 1 || len(got.Benign) != 3 {
		t.Errorf("confidence %v completeness %v benign %v", got.Confidence, got.Completeness, got.Benign)
	}
}
