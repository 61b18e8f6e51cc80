package mrt

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	library "github.com/osrg/gobgp/v3/pkg/packet/mrt"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/internal/testkit"
)

// archives returns unpacked archives to measure with.
func archives(b *testing.B) map[string][]byte {
	b.Helper()
	f, err := os.ReadFile(filepath.Join(testkit.CapturesDir(b), "mrt/pyasn-rib-2014-v4/rib.20140523.0600_firstMB.bz2"))
	if err != nil {
		b.Fatal(err)
	}
	table, _ := io.ReadAll(bzip2.NewReader(bytes.NewReader(f))) // cut short
	return map[string][]byte{
		"table":   table,
		"updates": testkit.Capture(b, "mrt/bgpdump-updates-20160811-1600/updates.20160811.1600.gz"),
	}
}

// BenchmarkReader reads archives of a table of 47 peers and of updates.
func BenchmarkReader(b *testing.B) {
	for name, data := range archives(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			var records, events uint64
			for b.Loop() {
				r, err := NewReader(bytes.NewReader(data))
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Each(b.Context(), func(*bgp.Event) error { events++; return nil }); err != nil && !errors.Is(err, ErrTruncated) {
					b.Fatal(err)
				}
				records += r.Count().Records
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkLibrary parses the same archives with gobgp's own package, which
// makes no events of them.
func BenchmarkLibrary(b *testing.B) {
	for name, data := range archives(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			var records uint64
			for b.Loop() {
				for rest := data; len(rest) >= library.MRT_COMMON_HEADER_LEN; {
					h := &library.MRTHeader{}
					if err := h.DecodeFromBytes(rest[:library.MRT_COMMON_HEADER_LEN]); err != nil {
						b.Fatal(err)
					}
					end := library.MRT_COMMON_HEADER_LEN + int(h.Len)
					if end > len(rest) {
						break
					}
					if _, err := library.ParseMRTBody(h, rest[library.MRT_COMMON_HEADER_LEN:end]); err == nil {
						records++
					}
					rest = rest[end:]
				}
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
