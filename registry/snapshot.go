package registry

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Snapshot answers look-ups from ledgers that do not change any more. It is
// built once, is safe for concurrent use, and the ledgers it was built from
// must not be changed.
type Snapshot struct {
	ledgers     *Ledgers
	carrierASNs []uint32

	enterprises map[string]*Enterprise
	group       map[string]string // enterprise to the one that names its group
	licences    map[string][]*Licence
	lines       map[string][]*Line
	endpoints   map[string][]*LineEndpoint
	userFiles   map[string][]*UserFile // by line
	exporters   map[netip.Addr]*Exporter
	ports       map[portKey]*portRows
	linePorts   map[string][]*portRows
	carriers    []*ASN
	prefixes    *prefixes
	// endpointLines holds the rows of the line of each row of LineEndpoints.
	endpointLines [][]*Line

	version Version
	remotes RemoteLookup // nil if there is none

	views [viewSlots]atomic.Pointer[View]

	indexOnce sync.Once
	indexed   *index
}

// viewSlots is how many days keep their View. Two days that share a slot turn
// each other out; a View is so small that this costs nothing.
const viewSlots = 1024

type portKey struct {
	exporter netip.Addr
	ifIndex  uint32
}

// portRows is an interface with a Port for each row of its line: which one
// holds depends on the day.
type portRows struct {
	lines []Port
	bare  Port // when the interface has no line that day
}

// Port is an interface of an exporter, and the line that ends there on the day
// it was asked for.
type Port struct {
	Interface *Interface
	// Line is nil when no line is filed here, or none is valid on the day.
	Line *Line
	// Counts is set where the bytes of the line are counted: at its
	// customer-role interfaces, or at its international ones when it has none of
	// the former.
	Counts bool
}

// NewSnapshot returns a snapshot of l. carrierASNs are the ASNs of the carrier
// itself; their enterprises in l are the carrier. Where rows of one key contend
// for a day the first in the file is taken.
func NewSnapshot(l *Ledgers, carrierASNs []uint32, options ...Option) *Snapshot {
	s := &Snapshot{
		ledgers: l, carrierASNs: slices.Clone(carrierASNs),
		enterprises: make(map[string]*Enterprise, len(l.Enterprises)),
		licences:    make(map[string][]*Licence),
		lines:       make(map[string][]*Line, len(l.Lines)),
		endpoints:   make(map[string][]*LineEndpoint),
		userFiles:   make(map[string][]*UserFile),
		exporters:   make(map[netip.Addr]*Exporter, len(l.Exporters)),
		ports:       make(map[portKey]*portRows, len(l.Interfaces)),
		linePorts:   make(map[string][]*portRows),
	}
	s.indexEnterprises()
	s.indexLines()
	s.indexPorts()
	s.prefixes = newPrefixes(l)
	for _, set := range options {
		set(s)
	}
	return s
}

func (s *Snapshot) indexEnterprises() {
	for i := range s.ledgers.Enterprises {
		if e := &s.ledgers.Enterprises[i]; s.enterprises[e.ID] == nil {
			s.enterprises[e.ID] = e
		}
	}
	s.group = groups(s.ledgers.Enterprises)
	for i := range s.ledgers.Licences {
		l := &s.ledgers.Licences[i]
		s.licences[l.EnterpriseID] = append(s.licences[l.EnterpriseID], l)
	}
	for i := range s.ledgers.ASNs {
		if a := &s.ledgers.ASNs[i]; a.EnterpriseID != "" && slices.Contains(s.carrierASNs, a.ASN) {
			s.carriers = append(s.carriers, a)
		}
	}
}

func (s *Snapshot) indexLines() {
	l := s.ledgers
	for i := range l.Lines {
		s.lines[l.Lines[i].ID] = append(s.lines[l.Lines[i].ID], &l.Lines[i])
	}
	s.endpointLines = make([][]*Line, len(l.LineEndpoints))
	for i := range l.LineEndpoints {
		e := &l.LineEndpoints[i]
		s.endpoints[e.LineID] = append(s.endpoints[e.LineID], e)
		s.endpointLines[i] = s.lines[e.LineID]
	}
	named := make(map[string][]string) // user file to the lines that name it
	for i := range l.Lines {
		if line := &l.Lines[i]; line.UserFile != "" && !slices.Contains(named[line.UserFile], line.ID) {
			named[line.UserFile] = append(named[line.UserFile], line.ID)
		}
	}
	for i := range l.UserFiles {
		f := &l.UserFiles[i]
		if f.LineID != "" {
			s.userFiles[f.LineID] = append(s.userFiles[f.LineID], f)
		}
		for _, line := range named[f.ID] {
			if line != f.LineID {
				s.userFiles[line] = append(s.userFiles[line], f)
			}
		}
	}
}

func (s *Snapshot) indexPorts() {
	l := s.ledgers
	for i := range l.Exporters {
		if e := &l.Exporters[i]; s.exporters[e.Address] == nil {
			s.exporters[e.Address] = e
		}
	}
	atCustomer := make(map[string]bool)
	for i := range l.Interfaces {
		if l.Interfaces[i].Role == "customer" {
			atCustomer[l.Interfaces[i].LineID] = true
		}
	}
	for i := range l.Interfaces {
		in := &l.Interfaces[i]
		key := portKey{in.Exporter, in.IfIndex}
		if s.ports[key] != nil {
			continue
		}
		counts := in.Role == "customer" || in.Role == "international" && !atCustomer[in.LineID]
		rows := &portRows{bare: Port{Interface: in, Counts: counts}}
		s.ports[key] = rows
		if in.LineID == "" {
			continue
		}
		for _, line := range s.lines[in.LineID] {
			rows.lines = append(rows.lines, Port{Interface: in, Line: line, Counts: counts})
		}
		s.linePorts[in.LineID] = append(s.linePorts[in.LineID], rows)
	}
}

// groups joins enterprises to their owners, and returns for each one the same
// name for all of its group. Owners that have no row of their own join their
// daughters too; a circle of owners is one group.
func groups(enterprises []Enterprise) map[string]string {
	root := make(map[string]string)
	find := func(id string) string {
		for root[id] != "" && root[id] != id {
			if up := root[root[id]]; up != "" {
				root[id] = up // halve the way for the next one
			}
			id = root[id]
		}
		return id
	}
	for i := range enterprises {
		e := &enterprises[i]
		if e.ID == "" || e.ParentID == "" {
			continue
		}
		child, owner := find(e.ID), find(e.ParentID)
		root[owner] = owner
		root[child] = owner
	}
	out := make(map[string]string, len(root))
	for id := range root {
		out[id] = find(id)
	}
	return out
}

// Ledgers returns what the snapshot was built from. It must not be changed.
func (s *Snapshot) Ledgers() *Ledgers { return s.ledgers }

// At returns the ledgers as they are valid on that day.
func (s *Snapshot) At(day Date) *View {
	slot := &s.views[uint32(day)%viewSlots]
	if v := slot.Load(); v != nil && v.day == day {
		return v
	}
	v := &View{snapshot: s, day: day}
	slot.Store(v)
	return v
}
