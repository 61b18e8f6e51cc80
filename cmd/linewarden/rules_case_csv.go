package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/flows"
)

// The limits of the files of a case.
const (
	maxCaseFile  = 64 << 20
	maxCaseFlows = 1_000_000 // records, with those that repeat makes
)

// caseRow is one row of a CSV file, by column. The first mistake in it is kept.
type caseRow struct {
	file   string
	line   int
	fields map[string]string
	err    error
}

func (r *caseRow) fail(column, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s:%d: %s: %s", r.file, r.line, column, fmt.Sprintf(format, args...))
	}
}

// readCaseCSV calls use with every row of a file that has some of the columns;
// a file that is not there has no rows.
func readCaseCSV(file string, columns []string, use func(r *caseRow) error) error {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	text, err := readBounded(file, maxCaseFile)
	if err != nil {
		return err
	}
	c := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	c.Comment, c.TrimLeadingSpace = '#', true
	header, err := c.Read()
	if err != nil {
		return fmt.Errorf("%s: read the header: %w", file, err)
	}
	for i, name := range header {
		if header[i] = strings.TrimSpace(name); !slices.Contains(columns, header[i]) {
			return fmt.Errorf("%s:1: there is no column %q; the columns are %s", file, header[i], strings.Join(columns, ", "))
		}
	}
	for {
		fields, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		row := &caseRow{file: file, fields: make(map[string]string, len(header))}
		row.line, _ = c.FieldPos(0)
		for i, name := range header {
			row.fields[name] = strings.TrimSpace(fields[i])
		}
		if err := use(row); err != nil {
			return err
		}
		if row.err != nil {
			return row.err
		}
	}
}

func (r *caseRow) time(column string, loc *time.Location) time.Time {
	text := r.fields[column]
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, loc); err == nil {
			return t
		}
	}
	r.fail(column, "%q is neither an RFC 3339 time nor of the form 2006-01-02 15:04", text)
	return time.Time{}
}

func (r *caseRow) addr(column string) netip.Addr {
	text := r.fields[column]
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		r.fail(column, "%q is not an IP address", text)
	}
	return a.Unmap()
}

func (r *caseRow) number(column string, bits int) uint64 {
	text := r.fields[column]
	if text == "" {
		return 0
	}
	v, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		r.fail(column, "%q is not a whole number of %d bits", text, bits)
	}
	return v
}

// flowColumns are the columns of flows.csv: those of flows list, and how often
// a flow comes again.
func flowColumns() []string {
	return append(slices.Sorted(maps.Keys(flowFields())),
		"start", "end", "received", "exporter", "protocol_version", "src", "dst", "next_hop", "direction", "sampling",
		"repeat", "every", "missed",
		// What enrichment finds out is taken from nobody.
		"line", "line_direction", "peer_line", "holder", "sampling_source", "forwarding_status", "biflow", "clock_skewed")
}

// flowFields are the columns that hold plain numbers.
func flowFields() map[string]func(f *flows.Record, r *caseRow, column string) {
	return map[string]func(f *flows.Record, r *caseRow, column string){
		"domain":     func(f *flows.Record, r *caseRow, c string) { f.Source.Domain = uint32(r.number(c, 32)) },
		"in_if":      func(f *flows.Record, r *caseRow, c string) { f.InIf = uint32(r.number(c, 32)) },
		"out_if":     func(f *flows.Record, r *caseRow, c string) { f.OutIf = uint32(r.number(c, 32)) },
		"src_port":   func(f *flows.Record, r *caseRow, c string) { f.SrcPort = uint16(r.number(c, 16)) },
		"dst_port":   func(f *flows.Record, r *caseRow, c string) { f.DstPort = uint16(r.number(c, 16)) },
		"proto":      func(f *flows.Record, r *caseRow, c string) { f.Proto = uint8(r.number(c, 8)) },
		"tcp_flags":  func(f *flows.Record, r *caseRow, c string) { f.TCPFlags = uint16(r.number(c, 16)) },
		"tos":        func(f *flows.Record, r *caseRow, c string) { f.ToS = uint8(r.number(c, 8)) },
		"bytes":      func(f *flows.Record, r *caseRow, c string) { f.Bytes = r.number(c, 64) },
		"packets":    func(f *flows.Record, r *caseRow, c string) { f.Packets = r.number(c, 64) },
		"src_as":     func(f *flows.Record, r *caseRow, c string) { f.SrcAS = uint32(r.number(c, 32)) },
		"dst_as":     func(f *flows.Record, r *caseRow, c string) { f.DstAS = uint32(r.number(c, 32)) },
		"src_vlan":   func(f *flows.Record, r *caseRow, c string) { f.SrcVLAN = uint16(r.number(c, 16)) },
		"dst_vlan":   func(f *flows.Record, r *caseRow, c string) { f.DstVLAN = uint16(r.number(c, 16)) },
		"mpls_label": func(f *flows.Record, r *caseRow, c string) { f.MPLSLabel = uint32(r.number(c, 20)) },
		"icmp":       func(f *flows.Record, r *caseRow, c string) { f.ICMP = uint16(r.number(c, 16)) },
	}
}

// caseFlow is a record and how many records before it were lost on the way.
type caseFlow struct {
	flows.Record
	missed uint64
}

// readCaseFlows reads flows.csv, in the order of time.
func readCaseFlows(file string, loc *time.Location) ([]caseFlow, error) {
	var list []caseFlow
	err := readCaseCSV(file, flowColumns(), func(r *caseRow) error {
		f, repeat, every := r.flow(loc)
		if r.err != nil {
			return r.err
		}
		if len(list)+repeat > maxCaseFlows {
			return fmt.Errorf("%s:%d: the case has more than %d flows", r.file, r.line, maxCaseFlows)
		}
		for i := range repeat {
			again := f
			shift := time.Duration(i) * every
			again.Start, again.End, again.Received = f.Start.Add(shift), f.End.Add(shift), f.Received.Add(shift)
			again.Exported = again.Received
			list = append(list, again)
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b caseFlow) int { return a.Start.Compare(b.Start) })
	return list, err
}

// flow makes a record of a row. Without another word it is of IPFIX, TCP and
// unsampled, takes a second, and arrives at its end.
func (r *caseRow) flow(loc *time.Location) (f caseFlow, repeat int, every time.Duration) {
	f.Source.Version, f.Proto, f.SamplingRate, f.SamplingSource = flows.IPFIX, 6, 1, flows.SamplingRecord
	for column, set := range flowFields() {
		if r.fields[column] != "" {
			set(&f.Record, r, column)
		}
	}
	f.Source.Exporter, f.Src, f.Dst, f.NextHop = r.addr("exporter"), r.addr("src"), r.addr("dst"), r.addr("next_hop")
	if !f.Source.Exporter.IsValid() || !f.Src.IsValid() || !f.Dst.IsValid() {
		r.fail("exporter, src, dst", "must be there")
	}
	if text := r.fields["protocol_version"]; text != "" {
		if f.Source.Version = flows.ParseVersion(text); f.Source.Version == flows.VersionUnknown {
			r.fail("protocol_version", "%q is not netflow5, netflow9, ipfix or sflow5", text)
		}
	}
	r.metering(&f.Record)
	r.times(&f.Record, loc)
	f.missed = r.number("missed", 64)
	return f, r.repeat(), r.every()
}

// metering reads how a flow was sampled and where it was metered.
func (r *caseRow) metering(f *flows.Record) {
	if text := r.fields["sampling"]; text != "" {
		if f.SamplingRate = r.number("sampling", 64); f.SamplingRate == 0 {
			f.SamplingSource = flows.SamplingNone
		}
	}
	switch text := r.fields["direction"]; text {
	case "":
	case "ingress":
		f.Direction = flows.Ingress
	case "egress":
		f.Direction = flows.Egress
	default:
		r.fail("direction", "%q is neither ingress nor egress", text)
	}
}

// times reads when a flow was and when it arrived.
func (r *caseRow) times(f *flows.Record, loc *time.Location) {
	if f.Start = r.time("start", loc); f.Start.IsZero() {
		r.fail("start", "is missing")
	}
	if f.End = r.time("end", loc); f.End.IsZero() {
		f.End = f.Start.Add(time.Second)
	}
	if f.Received = r.time("received", loc); f.Received.IsZero() {
		f.Received = f.End
	}
}

func (r *caseRow) repeat() int {
	if r.fields["repeat"] == "" {
		return 1
	}
	return int(r.number("repeat", 20))
}

func (r *caseRow) every() time.Duration {
	text := r.fields["every"]
	if text == "" {
		return time.Hour
	}
	var d Duration
	if err := d.UnmarshalText([]byte(text)); err != nil {
		r.fail("every", "%v", err)
	}
	return time.Duration(d)
}

// readCaseRoutes reads routes.csv, in the order of time. A peer whose first row
// is no up is up from the beginning of the span.
func readCaseRoutes(file string, begin time.Time, loc *time.Location) ([]bgp.Event, error) {
	var list []bgp.Event
	known := make(map[bgp.PeerKey]bool)
	columns := []string{"at", "kind", "peer", "peer_as", "router", "prefix", "path", "next_hop", "local_pref"}
	err := readCaseCSV(file, columns, func(r *caseRow) error {
		e := r.route(begin, loc)
		if !known[e.Peer] && e.Kind != bgp.PeerUp {
			up := bgp.Event{Kind: bgp.PeerUp, Peer: e.Peer, PeerAS: e.PeerAS, Time: begin.UTC()}
			list = append(list, up)
		}
		known[e.Peer] = true
		list = append(list, e)
		return nil
	})
	slices.SortStableFunc(list, func(a, b bgp.Event) int { return a.Time.Compare(b.Time) })
	return list, err
}

// route makes an event of a row; without a kind it is an announcement, without
// a time one of the beginning.
func (r *caseRow) route(begin time.Time, loc *time.Location) bgp.Event {
	e := bgp.Event{Peer: bgp.PeerKey{Router: r.addr("router"), Peer: r.addr("peer")}, PeerAS: uint32(r.number("peer_as", 32)), Time: r.time("at", loc).UTC()}
	if e.Time.IsZero() {
		e.Time = begin.UTC()
	}
	if !e.Peer.Peer.IsValid() {
		r.fail("peer", "is missing")
	}
	if !e.Peer.Router.IsValid() {
		e.Peer.Router = e.Peer.Peer
	}
	switch kind := r.fields["kind"]; kind {
	case "", "announce":
		e.Kind = bgp.Announce
	case "withdraw":
		e.Kind = bgp.Withdraw
	case "up":
		e.Kind = bgp.PeerUp
		return e
	case "down":
		e.Kind = bgp.PeerDown
		return e
	default:
		r.fail("kind", "%q is not announce, withdraw, up or down", kind)
	}
	p, err := netip.ParsePrefix(r.fields["prefix"])
	if err != nil {
		r.fail("prefix", "%q is not a prefix", r.fields["prefix"])
		return e
	}
	e.Route.Prefix, e.Family = p.Masked(), bgp.FamilyOf(p.Addr())
	if e.Kind == bgp.Announce {
		e.Route.NextHop = r.addr("next_hop")
		e.Route.Path = r.path()
		if r.fields["local_pref"] != "" {
			e.Route.LocalPref, e.Route.HasLocalPref = uint32(r.number("local_pref", 32)), true
		}
	}
	return e
}

// path reads AS numbers with spaces between, the nearest first.
func (r *caseRow) path() bgp.ASPath {
	var asns []uint32
	for word := range strings.FieldsSeq(r.fields["path"]) {
		n, err := strconv.ParseUint(word, 10, 32)
		if err != nil {
			r.fail("path", "%q is not an AS number; write them with spaces between, the nearest first", word)
		}
		asns = append(asns, uint32(n))
	}
	if len(asns) == 0 {
		return nil
	}
	return bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: asns}}
}
