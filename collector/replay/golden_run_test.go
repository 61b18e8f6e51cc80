package replay_test

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/collector/replay"
	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/netflow"
	"github.com/linewarden/linewarden/flows/sflow"
	"github.com/linewarden/linewarden/internal/testkit"
)

// families are the scenarios of flow export.
var families = []string{"netflow5", "netflow9", "netflow-legacy", "ipfix", "sflow5", "malformed", "ipfix-bgp", "ipfix-bmp"}

// run is what came out of a replay.
type run struct {
	records  []flows.Record
	books    *flows.Books
	packets  int
	failures []error // of files that are not whole
}

// keep is a sink that keeps what it is given.
type keep struct {
	*run
}

func (k keep) Append(records []flows.Record) error {
	testkit.Store(k.books, records)
	k.records = append(k.records, records...)
	return nil
}

func (keep) Flush(context.Context) error { return nil }
func (keep) Close(context.Context) error { return nil }

var _ collector.FlowSink = keep{}

// exporter is where payloads without address come from.
var exporter = netip.MustParseAddr("192.0.2.1")

// line is the path of datagrams in these tests.
type line struct {
	*run
	pipeline *collector.Pipeline
}

func newLine(tb testing.TB) *line {
	tb.Helper()
	r := &run{books: flows.NewBooks()}
	p, err := collector.NewPipeline(collector.PipelineConfig{
		Netflow: netflow.New(netflow.Config{Books: r.books, KeepEventTime: true}),
		SFlow:   sflow.New(sflow.Config{Books: r.books}),
		Sink:    keep{r}, Books: r.books,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &line{r, p}
}

// replay leads a file through the pipeline.
func (l *line) replay(tb testing.TB, s testkit.Scenario, file string) {
	tb.Helper()
	packets, err := packetsOf(tb, s, file)
	for _, p := range packets {
		l.packets++
		l.take(tb, p)
	}
	if err != nil {
		l.failures = append(l.failures, err)
	}
}

// packetsOf reads a file of a scenario. An error that tells of a damaged or
// incomplete file is returned, any other fails.
func packetsOf(tb testing.TB, s testkit.Scenario, file string) (list []flows.Packet, failure error) {
	tb.Helper()
	name, o := filepath.Join(testkit.CapturesDir(tb), filepath.FromSlash(file)), replay.Options{AnyPort: true, Exporter: exporter}
	switch filepath.Ext(file) {
	case ".dat", ".bin", ".dump":
		o.Raw = true
	}
	if several[s.Name] {
		// Three messages in one file: as IPFIX messages each is a datagram.
		o.Raw = false
		name = asMessages(tb, name)
	}
	r, err := replay.Open(name, o)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	}()
	for {
		p, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return list, nil
		case errors.Is(err, replay.ErrDamaged), errors.Is(err, replay.ErrIncomplete):
			return list, err
		case err != nil:
			tb.Fatal(err)
		}
		p.Payload = slices.Clone(p.Payload)
		list = append(list, p)
	}
}

func (l *line) take(tb testing.TB, p flows.Packet) {
	tb.Helper()
	if err := l.pipeline.Take(p); err != nil {
		tb.Fatal(err)
	}
}

// end counts what still waits, and checks the books.
func (l *line) end(tb testing.TB) *run {
	tb.Helper()
	if err := l.pipeline.Flush(); err != nil {
		tb.Fatal(err)
	}
	testkit.Balance(tb, l.books)
	sum := testkit.Sum(l.books)
	if n := sum.DatagramsLost[flows.ReasonDecoderPanic] + sum.Lost[flows.ReasonDecoderPanic]; n > 0 {
		tb.Errorf("the decoder panicked %d times", n)
	}
	if sum.Stored != uint64(len(l.records)) {
		tb.Errorf("%d records in the books, %d with the sink", sum.Stored, len(l.records))
	}
	return l.run
}

// replayAll leads files, or all of the scenario, through one pipeline.
func replayAll(tb testing.TB, s testkit.Scenario, files []string) *run {
	tb.Helper()
	l := newLine(tb)
	if files == nil {
		files = s.Files
	}
	for _, file := range files {
		l.replay(tb, s, file)
	}
	return l.end(tb)
}

// several are scenarios whose payload files hold several IPFIX messages.
var several = map[string]bool{"ipfix/logstash-ipfix": true}

// asMessages gives a file a name that ends in .ipfix.
func asMessages(tb testing.TB, name string) string {
	tb.Helper()
	link := filepath.Join(tb.TempDir(), strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))+".ipfix")
	if err := os.Symlink(name, link); err != nil {
		tb.Fatal(err)
	}
	return link
}
