package storage

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/registry"
)

// Vantage is what an interface lets one see of an allocation: the smaller, the
// nearer.
type Vantage uint8

// The vantages. Other interfaces need no row.
const (
	VantageCustomer Vantage = iota
	// VantageBorder is an interface to a peer, to transit or abroad.
	VantageBorder
	VantageOther
)

// Scope is what a roll-up must know of the ledgers of a day.
type Scope struct {
	Ports []ScopePort
	// Pools are the subscriber pools, whose addresses are kept in no rollup.
	Pools []netip.Prefix
	// Lines are the international lines, whose pairs and services are counted.
	Lines []ScopeLine
	// Shared are the allocations with translated addresses, whose sessions are
	// counted.
	Shared []netip.Prefix
}

// ScopePort is an interface with the line that ends there, empty for none.
type ScopePort struct {
	Exporter netip.Addr
	IfIndex  uint32
	Vantage  Vantage
	Line     string
}

// ScopeLine is an international line with the prefixes declared for its ends:
// servers in them are kept by address.
type ScopeLine struct {
	ID   string
	Ends []netip.Prefix
}

// ScopeOf takes the scope of a day from the ledgers.
func ScopeOf(ledgers *registry.Snapshot, day registry.Date) Scope {
	l, view := ledgers.Ledgers(), ledgers.At(day)
	s := Scope{Ports: scopePorts(l, view), Lines: scopeLines(l, view)}
	seen := make(map[netip.Prefix]bool)
	for i := range l.Allocations {
		a := &l.Allocations[i]
		if a.Use == "subscriber_pool" && a.Valid.Contains(day) && !seen[a.Prefix] {
			seen[a.Prefix] = true
			s.Pools = append(s.Pools, a.Prefix)
		}
	}
	s.Shared = scopeShared(l, view, day)
	s.sort()
	return s
}

// scopeShared are the allocations that lie within translated addresses, and
// those that translated addresses lie in.
func scopeShared(l *registry.Ledgers, view *registry.View, day registry.Date) []netip.Prefix {
	if len(l.Translations) == 0 {
		return nil
	}
	shared := make(map[netip.Prefix]bool)
	for i := range l.Translations {
		for _, a := range view.Covering(l.Translations[i].PublicPrefix) {
			shared[a.Prefix] = true
		}
	}
	for i := range l.Allocations {
		a := &l.Allocations[i]
		if a.Valid.Contains(day) && !shared[a.Prefix] && len(view.CoveringTranslations(a.Prefix)) > 0 {
			shared[a.Prefix] = true
		}
	}
	return slices.Collect(maps.Keys(shared))
}

func scopePorts(l *registry.Ledgers, view *registry.View) (ports []ScopePort) {
	for i := range l.Interfaces {
		in := &l.Interfaces[i]
		port := view.Port(in.Exporter, in.IfIndex)
		if port == nil || port.Interface != in { // the first row of an interface holds
			continue
		}
		p := ScopePort{Exporter: in.Exporter, IfIndex: in.IfIndex, Vantage: vantageOf(in.Role)}
		if port.Line != nil {
			p.Line = port.Line.ID
		}
		if p.Vantage != VantageOther || p.Line != "" {
			ports = append(ports, p)
		}
	}
	return ports
}

func scopeLines(l *registry.Ledgers, view *registry.View) (lines []ScopeLine) {
	for i := range l.Lines {
		line := &l.Lines[i]
		if line.Scope != "international" || view.Line(line.ID) != line {
			continue
		}
		sl := ScopeLine{ID: line.ID}
		for _, e := range view.Endpoints(line.ID) {
			if e.Prefix.IsValid() {
				sl.Ends = append(sl.Ends, e.Prefix)
			}
		}
		lines = append(lines, sl)
	}
	return lines
}

// vantageOf is the vantage of an interface by its role in the ledger.
func vantageOf(role string) Vantage {
	switch role {
	case "customer":
		return VantageCustomer
	case "peer", "transit", "international":
		return VantageBorder
	}
	return VantageOther
}

// sort gives the same scope the same name, whatever the order of the ledgers.
func (s *Scope) sort() {
	slices.SortFunc(s.Ports, func(a, b ScopePort) int {
		return cmp.Or(a.Exporter.Compare(b.Exporter), cmp.Compare(a.IfIndex, b.IfIndex))
	})
	byPrefix := func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	}
	slices.SortFunc(s.Pools, byPrefix)
	slices.SortFunc(s.Shared, byPrefix)
	slices.SortFunc(s.Lines, func(a, b ScopeLine) int { return cmp.Compare(a.ID, b.ID) })
	for i := range s.Lines {
		slices.SortFunc(s.Lines[i].Ends, byPrefix)
	}
}

// rows hands each row of the scope to add, in the columns of rollup_scopes.
func (s *Scope) rows(stored time.Time, name uint64, add func(values ...any) error) error {
	none, noEnds := netip.IPv6Unspecified(), [][]any{}
	for _, p := range s.Ports {
		if err := add(stored, name, "port", wideOrZero(p.Exporter), p.IfIndex, classNames()[p.Vantage], p.Line, none, uint8(0), noEnds); err != nil {
			return err
		}
	}
	for kind, prefixes := range map[string][]netip.Prefix{"pool": s.Pools, "shared": s.Shared} {
		for _, p := range prefixes {
			addr, bits := netOf(p)
			if err := add(stored, name, kind, none, uint32(0), "other", "", netip.AddrFrom16(addr), bits, noEnds); err != nil {
				return err
			}
		}
	}
	for _, l := range s.Lines {
		ends := make([][]any, len(l.Ends))
		for i, p := range l.Ends {
			low, high := span(p)
			ends[i] = []any{low, high}
		}
		if err := add(stored, name, "line", none, uint32(0), "other", l.ID, none, uint8(0), ends); err != nil {
			return err
		}
	}
	return nil
}

func classNames() [3]string { return [...]string{"customer", "border", "other"} }

// name is a hash of the content.
func (s *Scope) name() uint64 {
	h := fnv.New64a()
	text := func(t string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(t)))
		h.Write(n[:])
		h.Write([]byte(t))
	}
	for _, p := range s.Ports {
		text("port")
		text(p.Exporter.String())
		text(strconv.FormatUint(uint64(p.IfIndex), 10))
		text(strconv.Itoa(int(p.Vantage)))
		text(p.Line)
	}
	for _, p := range s.Pools {
		text("pool")
		text(p.String())
	}
	for _, p := range s.Shared {
		text("shared")
		text(p.String())
	}
	for _, l := range s.Lines {
		text("line")
		text(l.ID)
		for _, p := range l.Ends {
			text(p.String())
		}
	}
	return h.Sum64()
}

// keepScope writes a scope of that name where it is not there yet. A scope is
// written anew from time to time, so that its rows do not expire while it is in
// use.
func (s *Store) keepScope(ctx context.Context, scope *Scope, name uint64) error {
	rows := uint64(len(scope.Ports) + len(scope.Pools) + len(scope.Lines) + len(scope.Shared))
	if rows == 0 {
		return nil
	}
	now := time.Now().UTC().Truncate(time.Second)
	var there uint64
	err := s.query(ctx, "read scopes", "SELECT count() FROM rollup_scopes WHERE scope = {scope:UInt64} AND stored > now() - 2592000",
		func(r driver.Rows) error { return r.Scan(&there) }, clickhouse.Named("scope", strconv.FormatUint(name, 10)))
	if err != nil || there >= rows {
		return err
	}
	token := "scope-" + strconv.FormatUint(name, 10) + "-" + strconv.FormatInt(now.Unix()/86400, 10)
	return s.insert(ctx, "write a scope", "INSERT INTO rollup_scopes ("+scopeTable().names()+")", token, func(b driver.Batch) error {
		return scope.rows(now, name, b.Append)
	})
}
