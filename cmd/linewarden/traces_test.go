package main

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// spanReceiver is a collector of traces, by the protocol buffers of OTLP.
type spanReceiver struct {
	url string

	mu    sync.Mutex // guards spans
	spans map[string]*wire.Span
}

func startSpanReceiver(t *testing.T) *spanReceiver {
	t.Helper()
	r := &spanReceiver{spans: make(map[string]*wire.Span)}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *spanReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if err := r.take(req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (r *spanReceiver) take(req *http.Request) error {
	if req.URL.Path != "/v1/traces" || req.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("%s of %s", req.Header.Get("Content-Type"), req.URL.Path)
	}
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			return err
		}
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var got collect.ExportTraceServiceRequest
	if err := proto.Unmarshal(b, &got); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range got.GetResourceSpans() {
		if !strings.Contains(resource.GetResource().String(), "linewarden") {
			return errors.New("the resource does not say whose spans they are")
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				r.spans[s.GetName()] = s
			}
		}
	}
	return nil
}

// traceOf writes a configuration with a collector of traces, runs a command by it
// and returns all that it says.
func traceOf(t *testing.T, endpoint string, args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "linewarden.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "traces: {endpoint: %q}\n", endpoint), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, append([]string{"--config", file, "--data", filepath.Join(dir, "data")}, args...)...).CombinedOutput()
	return string(out), err
}

// TestTracesOfAudit has an audit send its spans: the command, the roll-up, and a
// span for each rule, all of one trace.
func TestTracesOfAudit(t *testing.T) {
	receiver := startSpanReceiver(t)
	if out, err := traceOf(t, receiver.url+"/", "audit", "--from", "2026-03-01", "--to", "2026-03-01"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root := receiver.spans["linewarden audit"]
	if root == nil || len(root.GetParentSpanId()) > 0 {
		t.Fatalf("the spans are %v", receiver.spans)
	}
	for _, name := range []string{"roll up", "rule licence-missing", "rule icp-unfiled"} {
		s := receiver.spans[name]
		if s == nil {
			t.Fatalf("there is no span %q", name)
		}
		if string(s.GetParentSpanId()) != string(root.GetSpanId()) || string(s.GetTraceId()) != string(root.GetTraceId()) ||
			s.GetStartTimeUnixNano() < root.GetStartTimeUnixNano() || s.GetEndTimeUnixNano() > root.GetEndTimeUnixNano() || len(s.GetTraceId()) != 16 {
			t.Errorf("%q is of %s and not within its audit", name, hex.EncodeToString(s.GetTraceId()))
		}
	}
}

// TestTracesOfFailure has a report that cannot be made say so in its span, and a
// collector that cannot be reached keep nothing from being done.
func TestTracesOfFailure(t *testing.T) {
	receiver := startSpanReceiver(t)
	if _, err := traceOf(t, receiver.url, "report", "quarterly", "--quarter", "2026Q1", "--out", filepath.Join(t.TempDir(), "report")); err == nil {
		t.Fatal("a report about nothing is made")
	}
	if s := receiver.spans["linewarden report quarterly"]; s.GetStatus().GetCode() != wire.Status_STATUS_CODE_ERROR || !strings.Contains(s.GetStatus().GetMessage(), "there is no data") {
		t.Errorf("the spans are %v", receiver.spans)
	}
	out, err := traceOf(t, "http://127.0.0.1:1", "audit", "--rule", "licence-missing")
	if err != nil || !strings.Contains(out, "traces were not delivered") {
		t.Errorf("without its collector an audit ends with %v: %s", err, out)
	}
	if err := span(t.Context(), "x", func(context.Context) error { return errSilent }); !errors.Is(err, errSilent) {
		t.Errorf("a span hides the error of its work: %v", err)
	}
}
