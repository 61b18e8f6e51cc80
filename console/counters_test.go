package console_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/rules"
)

// counted are two interfaces of an exporter: that of line L2, whose flows say a
// half of what it counts, and another whose flows agree.
func counted() []rules.CountedInterface {
	edge := netip.MustParseAddr("192.0.2.1")
	measured := func(bytes float64) rules.Measured {
		return rules.Measured{FlowBytes: bytes, FlowPackets: bytes / 1000, Samples: 1e6, Octets: 1e9, Packets: 1e6, Covered: 3600}
	}
	return []rules.CountedInterface{
		{Exporter: edge, Interface: 7, Name: "ge-0/0/7", Hours: 1, In: measured(0.5e9), Out: measured(0.98e9)},
		{Exporter: edge, Interface: 8, Name: "ge-0/0/8", Hours: 1, In: measured(0.98e9), Out: measured(0.98e9)},
	}
}

// TestCounters wants the completeness of a line by the counters of its own
// interfaces, and of an exporter by those of all.
func TestCounters(t *testing.T) {
	s := serve(t, hostile())
	token := s.token(t, accounts.NOC)
	var line struct {
		Exporters    []string
		Completeness float64
		Counters     struct {
			State           string
			Ratio, Reliable float64
			Agree, Disagree int
		}
		Interfaces []struct {
			IfIndex uint32 `json:"if_index"`
			In, Out struct{ State, Cause string }
		}
	}
	a := s.get(t, token, "/api/v1/lines/L2/completeness")
	if err := json.Unmarshal([]byte(a.body), &line); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	if len(line.Exporters) != 1 || len(line.Interfaces) != 1 || line.Interfaces[0].IfIndex != 7 {
		t.Errorf("the line is counted at %v, %+v", line.Exporters, line.Interfaces)
	}
	if line.Counters.State != "disagree" || line.Counters.Agree != 1 || line.Counters.Disagree != 1 {
		t.Errorf("flows and counters go together as %+v", line.Counters)
	}
	if one := line.Interfaces[0]; one.In.State != "disagree" || one.In.Cause != "not_seen" || one.Out.State != "agree" {
		t.Errorf("the directions are %+v", one)
	}
	if line.Completeness > 0.85 || line.Completeness != line.Counters.Reliable {
		t.Errorf("the completeness is %v, %v is reliable", line.Completeness, line.Counters.Reliable)
	}
	var exporters []struct {
		Exporter string
		Counters struct {
			State           string
			Agree, Disagree int
		}
	}
	a = s.get(t, token, "/api/v1/exporters")
	if err := json.Unmarshal([]byte(a.body), &exporters); err != nil || len(exporters) != 2 {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	if c := exporters[0].Counters; c.Agree != 3 || c.Disagree != 1 {
		t.Errorf("%s: %+v", exporters[0].Exporter, c)
	}
	if c := exporters[1].Counters; c.State != "absent" {
		t.Errorf("%s has no counters, and they are %+v", exporters[1].Exporter, c)
	}
	for _, path := range []string{"/api/v1/lines/L2/completeness?from=2001-01-01&to=2026-01-01", "/api/v1/lines/L2/completeness?from=x"} {
		if a := s.get(t, token, path); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
