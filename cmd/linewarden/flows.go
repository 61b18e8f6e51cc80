package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/storage"
)

func newFlows(g *globals) *cobra.Command {
	return group("flows", "Read stored flow records", newFlowsList(g), newFlowsRerate(g), newFlowsRelabel(g))
}

// flowFlags are the filters of flows list.
type flowFlags struct {
	from, to, exporter, line, prefix, format string
	limit                                    int
}

func newFlowsList(g *globals) *cobra.Command {
	var f flowFlags
	c := &cobra.Command{
		Use: "list", Short: "List stored flow records, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.listFlows(cmd.Context(), &f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.from, "from", "", "only flows that began at or after this `time`")
	flags.StringVar(&f.to, "to", "", "only flows that began before the end of this `time`")
	flags.StringVar(&f.exporter, "exporter", "", "only this exporter `address`")
	flags.StringVar(&f.line, "line", "", "only this line `id`")
	flags.StringVar(&f.prefix, "prefix", "", "only flows with an address in this `prefix`")
	flags.IntVar(&f.limit, "limit", 0, "at most this many, 0 for all (a table shows 100 unless told)")
	formatFlag(flags, &f.format, "table", "json", "jsonl")
	return c
}

func (f *flowFlags) filter(cfg *Config) (storage.FlowFilter, error) {
	filter := storage.FlowFilter{Line: f.line, Limit: f.limit}
	if f.limit < 0 {
		return filter, usagef("--limit: %d is negative", f.limit)
	}
	if f.format == "table" && f.limit == 0 {
		filter.Limit = 100
	}
	w, err := parseSpan(f.from, f.to, cfg.location)
	if err != nil {
		return filter, err
	}
	filter.From, filter.To = w.From, w.To
	if f.exporter != "" {
		if filter.Exporter, err = netip.ParseAddr(f.exporter); err != nil {
			return filter, usagef("--exporter: %q is not an IP address", f.exporter)
		}
	}
	if f.prefix != "" {
		if filter.Prefix, err = parsePrefix(f.prefix); err != nil {
			return filter, usagef("--prefix: %q is neither a prefix nor an address", f.prefix)
		}
	}
	return filter, nil
}

// parsePrefix reads a prefix, or an address as the prefix of itself alone.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("prefix: %w", err)
	}
	return p.Masked(), nil
}

func (g *globals) listFlows(ctx context.Context, f *flowFlags) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	filter, err := f.filter(cfg)
	if err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		out := bufio.NewWriterSize(g.out, 1<<16)
		w := flowWriterFor(f.format, out)
		for r, err := range s.Flows(ctx, filter) {
			if err == nil {
				err = w.write(&r)
			}
			if err != nil {
				return errors.Join(fmt.Errorf("list flows: %w", err), out.Flush())
			}
		}
		return errors.Join(w.end(), out.Flush())
	})
}

// flowWriter writes records one after the other.
type flowWriter struct {
	write func(r *flows.Record) error
	end   func() error
}

func flowWriterFor(format string, out io.Writer) flowWriter {
	if format == "table" {
		return flowTable(out)
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if format == "jsonl" {
		return flowWriter{
			write: func(r *flows.Record) error { return enc.Encode(rowOf(r)) },
			end:   func() error { return nil },
		}
	}
	separator := "["
	return flowWriter{
		write: func(r *flows.Record) error {
			if _, err := io.WriteString(out, separator); err != nil {
				return fmt.Errorf("write flow: %w", err)
			}
			separator = ","
			return enc.Encode(rowOf(r))
		},
		end: func() error {
			text := "]\n"
			if separator == "[" {
				text = "[]\n"
			}
			_, err := io.WriteString(out, text)
			return err
		},
	}
}

func flowTable(out io.Writer) flowWriter {
	t := report.NewTable("START", "EXPORTER", "IN", "OUT", "SRC", "DST", "PROTO", "BYTES", "PACKETS", "SAMPLING", "LINE", "DIRECTION", "HOLDER")
	return flowWriter{
		write: func(r *flows.Record) error {
			t.AppendRow(table.Row{
				r.Start.UTC().Format(time.RFC3339), r.Source.Exporter, r.InIf, r.OutIf,
				endpoint(r.Src, r.SrcPort), endpoint(r.Dst, r.DstPort), r.Proto, r.Bytes, r.Packets, r.SamplingRate,
				r.Labels.Line, r.Labels.LineDirection, r.Labels.Holder,
			})
			return nil
		},
		end: func() error {
			_, err := fmt.Fprintln(out, t.Render())
			return err
		},
	}
}

func endpoint(addr netip.Addr, port uint16) string {
	if port == 0 {
		return addr.String()
	}
	return netip.AddrPortFrom(addr, port).String()
}

// flowRow is a record as other programs read it.
type flowRow struct {
	Start           string `json:"start"`
	End             string `json:"end"`
	Received        string `json:"received"`
	Exporter        string `json:"exporter"`
	Domain          uint32 `json:"domain"`
	ProtocolVersion string `json:"protocol_version"`
	InIf            uint32 `json:"in_if"`
	OutIf           uint32 `json:"out_if"`
	Src             string `json:"src"`
	Dst             string `json:"dst"`
	SrcPort         uint16 `json:"src_port"`
	DstPort         uint16 `json:"dst_port"`
	Proto           uint8  `json:"proto"`
	TCPFlags        uint16 `json:"tcp_flags"`
	ToS             uint8  `json:"tos"`
	Bytes           uint64 `json:"bytes"`
	Packets         uint64 `json:"packets"`
	Sampling        uint64 `json:"sampling"`
	SamplingSource  string `json:"sampling_source"`
	NextHop         string `json:"next_hop"`
	SrcAS           uint32 `json:"src_as"`
	DstAS           uint32 `json:"dst_as"`
	SrcVLAN         uint16 `json:"src_vlan"`
	DstVLAN         uint16 `json:"dst_vlan"`
	MPLSLabel       uint32 `json:"mpls_label"`
	ICMP            uint16 `json:"icmp"`
	Forwarding      uint8  `json:"forwarding_status"`
	Biflow          bool   `json:"biflow"`
	ClockSkewed     bool   `json:"clock_skewed"`
	Direction       string `json:"direction"`
	Line            string `json:"line"`
	LineDirection   string `json:"line_direction"`
	PeerLine        string `json:"peer_line"`
	Holder          string `json:"holder"`
}

func rowOf(r *flows.Record) flowRow {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	addr := addressText
	return flowRow{
		Start: at(r.Start), End: at(r.End), Received: at(r.Received),
		Exporter: addr(r.Source.Exporter), Domain: r.Source.Domain, ProtocolVersion: r.Source.Version.String(),
		InIf: r.InIf, OutIf: r.OutIf, Src: addr(r.Src), Dst: addr(r.Dst), SrcPort: r.SrcPort, DstPort: r.DstPort,
		Proto: r.Proto, TCPFlags: r.TCPFlags, ToS: r.ToS, Bytes: r.Bytes, Packets: r.Packets,
		Sampling: r.SamplingRate, SamplingSource: r.SamplingSource.String(), NextHop: addr(r.NextHop),
		SrcAS: r.SrcAS, DstAS: r.DstAS, SrcVLAN: r.SrcVLAN, DstVLAN: r.DstVLAN, MPLSLabel: r.MPLSLabel, ICMP: r.ICMP,
		Forwarding: r.ForwardingStatus, Biflow: r.Biflow, ClockSkewed: r.ClockSkewed,
		Direction: r.Direction.String(), Line: r.Labels.Line, LineDirection: r.Labels.LineDirection.String(),
		PeerLine: r.Labels.PeerLine, Holder: r.Labels.Holder,
	}
}

// addressText writes an address; none is nothing.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
