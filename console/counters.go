package console

import (
	"net/http"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// countersAnswer is how flows and the counters of interfaces go together.
type countersAnswer struct {
	State rules.CounterState `json:"state"`
	// Ratio is what the flows say by what the counters say, between Low and High;
	// all three are 0 where the state is absent.
	Ratio float64            `json:"ratio"`
	Low   float64            `json:"low"`
	High  float64            `json:"high"`
	Cause rules.CounterCause `json:"cause"`
	// Agree, Disagree, Unsure and Absent count directions of interfaces.
	Agree    int `json:"agree"`
	Disagree int `json:"disagree"`
	Unsure   int `json:"unsure"`
	Absent   int `json:"absent"`
	// Reliable is the share of the octets whose flows can be relied on, and Factor
	// by what the flows of all interfaces are off, where that is the cause.
	Reliable float64 `json:"reliable"`
	Factor   float64 `json:"factor"`
}

func countersOf(list []rules.CountedInterface) countersAnswer {
	a := rules.AccountCounters(list)
	return countersAnswer{a.State, a.Ratio, a.Low, a.High, a.Cause, a.Agree, a.Disagree, a.Unsure, a.Absent, a.Reliable, a.Factor}
}

// directionAnswer is one direction of an interface.
type directionAnswer struct {
	State     rules.CounterState `json:"state"`
	Ratio     float64            `json:"ratio"`
	Low       float64            `json:"low"`
	High      float64            `json:"high"`
	Cause     rules.CounterCause `json:"cause"`
	FlowBytes float64            `json:"flow_bytes"`
	Octets    float64            `json:"octets"`
}

func directionOf(c *rules.CountedInterface, m *rules.Measured) directionAnswer {
	a := c.Compare(m)
	return directionAnswer{a.State, a.Ratio, a.Low, a.High, a.Cause, m.FlowBytes, m.Octets}
}

// countedAnswer is an interface whose flows are compared with its own counters.
type countedAnswer struct {
	Exporter string `json:"exporter"`
	IfIndex  uint32 `json:"if_index"`
	Name     string `json:"name"`
	// Hours is how many hours are compared.
	Hours uint64          `json:"hours"`
	In    directionAnswer `json:"in"`
	Out   directionAnswer `json:"out"`
}

// lineCompleteness is how complete the data of a line is, and why.
type lineCompleteness struct {
	Line         string          `json:"line"`
	From         time.Time       `json:"from"`
	To           time.Time       `json:"to"`
	Exporters    []string        `json:"exporters"`
	Received     uint64          `json:"received"`
	Stored       uint64          `json:"stored"`
	Missed       uint64          `json:"missed"`
	Expected     uint64          `json:"expected_minutes"`
	Silent       uint64          `json:"silent_minutes"`
	Completeness float64         `json:"completeness"`
	Counters     countersAnswer  `json:"counters"`
	Interfaces   []countedAnswer `json:"interfaces"`
}

// lineCompleteness tells how complete the data of a line is, as the rules see it.
func (s *Console) lineCompleteness(w http.ResponseWriter, r *http.Request, c *caller) {
	line, view, ok := s.visibleLine(w, r, c)
	if !ok {
		return
	}
	window, byAddress, ok := s.booksAsked(w, r)
	if !ok {
		return
	}
	all, exporters := rules.LineBooks(view.LinePorts(line.ID), byAddress)
	answer := lineCompleteness{
		line.ID, window.From, window.To, append([]string{}, exporters...), all.Received, all.Stored, all.Missed, all.Expected, all.Silent,
		all.Completeness(), countersOf(all.Counted),
		[]countedAnswer{},
	}
	for i := range all.Counted {
		one := &all.Counted[i]
		answer.Interfaces = append(answer.Interfaces, countedAnswer{
			one.Exporter.String(), one.Interface, one.Name, one.Hours, directionOf(one, &one.In), directionOf(one, &one.Out),
		})
	}
	s.json(w, r, http.StatusOK, answer)
}
