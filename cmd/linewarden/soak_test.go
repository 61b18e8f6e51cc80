package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// The soak runs the daemon under load and faults: for seconds with all other
// tests, and by `make soak` for longer. In each part the books must balance.
const (
	soakVariable = "LINEWARDEN_SOAK"         // span of the steady load, as time.ParseDuration takes it
	soakRecord   = "LINEWARDEN_SOAK_RESULTS" // a file that takes the figures as JSON
)

// soakSpan is how long a part lasts: briefly, or a share of what was asked for.
func soakSpan(t *testing.T, briefly time.Duration, share float64) (span time.Duration, long bool) {
	t.Helper()
	asked := os.Getenv(soakVariable)
	if asked == "" {
		return briefly, false
	}
	whole, err := time.ParseDuration(asked)
	if err != nil || whole < 10*time.Second {
		t.Fatalf("%s=%q is no span of ten seconds or more: %v", soakVariable, asked, err)
	}
	return max(briefly, time.Duration(share*float64(whole))), true
}

// soakFile keeps what the soak has found; the page about reliability is made of it.
const soakFile = "testdata/soak.json"

// soakResults are what soaks have found, by part, and where.
type soakResults struct {
	Machine string               `json:"machine"`
	Note    rules.Text           `json:"note,omitzero"` // of who ran it, as what else ran there
	Parts   map[string]*soakPart `json:"parts"`
}

// soakPart is what one part has found.
type soakPart struct {
	Date    string             `json:"date"`
	Seconds float64            `json:"seconds"`
	Figures map[string]float64 `json:"figures"`
}

// readSoak reads a file of results; one that is not there is empty.
func readSoak(file string) (*soakResults, error) {
	r := &soakResults{Parts: make(map[string]*soakPart)}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	return r, json.Unmarshal(text, r)
}

// keepSoak logs the figures of a part, and records them where that is asked for.
// Figures of another machine are not kept beside them.
func keepSoak(t *testing.T, part string, took time.Duration, figures map[string]float64) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		t.Logf("%s: %s %s", part, name, strconv.FormatFloat(figures[name], 'g', 6, 64))
	}
	file := os.Getenv(soakRecord)
	if file == "" {
		return
	}
	r, err := readSoak(file)
	if err != nil {
		t.Fatal(err)
	}
	if machine := describeMachine(); r.Machine != machine {
		r = &soakResults{Machine: machine, Parts: make(map[string]*soakPart)}
	}
	for name, v := range figures {
		figures[name] = roundTo(v, 4)
	}
	r.Parts[part] = &soakPart{Date: time.Now().UTC().Format(time.DateOnly), Seconds: math.Round(took.Seconds()), Figures: figures}
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// roundTo keeps counts as they are, and so many digits of everything else.
func roundTo(v float64, digits int) float64 {
	if v == math.Trunc(v) || math.IsNaN(v) {
		return v
	}
	scale := math.Pow(10, float64(digits)-math.Ceil(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// flowSums is what a daemon says at one moment, summed over exporters.
type flowSums struct {
	datagrams, received, stored, lost, dropped uint64
	gaps, missed, reordered, skewed, evicted   uint64
	spoolBytes                                 uint64
}

func (r *running) sums() flowSums {
	_, body := r.get("metrics")
	s := parseSamples(body)
	flow := func(name string) uint64 { return s.total("linewarden_flow_"+name, "") }
	return flowSums{
		datagrams: flow("datagrams_received_total"), received: flow("records_received_total"),
		stored: flow("records_stored_total"), lost: flow("records_lost_total"),
		dropped: s.total("linewarden_flow_datagrams_lost_total", `reason="kernel_drop"`),
		gaps:    flow("sequence_gaps_total"), missed: flow("records_missed_total"), reordered: flow("sequence_reordered_total"),
		skewed: flow("records_clock_skewed_total"), evicted: flow("templates_evicted_total"),
		spoolBytes: s.total("linewarden_spool_bytes", ""),
	}
}

// total adds up the series of a metric that have a label.
func (s samples) total(metric, label string) uint64 {
	sum := 0.0
	for series, v := range s {
		name, labels, _ := strings.Cut(series, "{")
		if name == metric && strings.Contains(labels, label) {
			sum += v
		}
	}
	return uint64(sum)
}

func (t flowSums) minus(o flowSums) flowSums {
	return flowSums{
		t.datagrams - o.datagrams, t.received - o.received, t.stored - o.stored, t.lost - o.lost, t.dropped - o.dropped,
		t.gaps - o.gaps, t.missed - o.missed, t.reordered - o.reordered, t.skewed - o.skewed, t.evicted - o.evicted, t.spoolBytes,
	}
}

// settle waits until the daemon has done with what has come, and returns what
// has come since before: want records, less what the kernel dropped.
func (r *running) settle(before flowSums, want uint64) flowSums {
	r.t.Helper()
	var now flowSums
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	still, last := time.Now(), flowSums{}
	for began := time.Now(); time.Since(began) < 2*time.Minute; <-tick.C {
		now = r.sums().minus(before)
		if now != last {
			still, last = time.Now(), now
		}
		if now.stored+now.lost == now.received && (now.received == want || time.Since(still) > 3*time.Second) {
			break
		}
	}
	if now.stored+now.lost != now.received {
		r.t.Fatalf("the books do not balance: %+v", now)
	}
	if now.dropped == 0 && now.received != want {
		r.t.Errorf("%d records arrived, and %d should have: %+v", now.received, want, now)
	}
	return now
}

// memory is the resident memory of the daemon and of its engine, in bytes.
func (r *running) memory() (daemon, engine float64) {
	r.t.Helper()
	return residentOf(r.t, r.cmd.Process.Pid), residentOf(r.t, r.enginePID(r.t))
}

func residentOf(t *testing.T, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib * 1024
		}
	}
	t.Fatalf("process %d tells no memory", pid)
	return 0
}

// course is a quantity over time.
type course struct{ hours, values []float64 }

func (c *course) add(at time.Duration, v float64) {
	c.hours, c.values = append(c.hours, at.Hours()), append(c.values, v)
}

// slope is by how much it grows in an hour, by least squares over the second
// half: the first one fills caches and pools.
func (c *course) slope() float64 {
	half := len(c.values) / 2
	x, y := c.hours[half:], c.values[half:]
	n := float64(len(x))
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	d := n*sxx - sx*sx
	if d == 0 {
		return 0
	}
	return (n*sxy - sx*sy) / d
}

func (c *course) last() float64 { return c.values[len(c.values)-1] }

func (c *course) most() float64 { return slices.MaxFunc(c.values, cmp.Compare[float64]) }

// TestSoakFigures plants courses whose slope is known, and figures to round.
func TestSoakFigures(t *testing.T) {
	var grows, flat course
	for i := range 100 {
		grows.add(time.Duration(i)*time.Minute, 50+3*float64(i)/60)
		flat.add(time.Duration(i)*time.Minute, 50+float64(i%2))
	}
	if s := grows.slope(); math.Abs(s-3) > 1e-6 {
		t.Errorf("3 an hour gives %v", s)
	}
	if s := flat.slope(); math.Abs(s) > 0.1 {
		t.Errorf("nothing gives %v", s)
	}
	for v, want := range map[float64]float64{123456: 123456, 1234.56: 1235, -0.0123456: -0.01235, 0: 0} {
		if got := roundTo(v, 4); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v becomes %v, want %v", v, got, want)
		}
	}
	s := parseSamples("a{x=\"1\"} 2\na{x=\"2\"} 3\nab 9\na 1\n")
	if s.total("a", "") != 6 || s.total("a", `x="2"`) != 3 {
		t.Errorf("sums are %d and %d", s.total("a", ""), s.total("a", `x="2"`))
	}
	if _, err := readSoak(filepath.Join(t.TempDir(), "none.json")); err != nil {
		t.Error(err)
	}
	if fmt.Sprint(toll{1, 2, 3, 4, 5}) != "1 2 3 4 5" {
		t.Errorf("a toll is %v", toll{1, 2, 3, 4, 5})
	}
}
