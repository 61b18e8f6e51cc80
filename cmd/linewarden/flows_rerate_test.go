package main

import (
	"strings"
	"testing"
	"time"
)

func TestRerateFlags(t *testing.T) {
	cfg := DefaultConfig()
	cfg.location = time.UTC
	good := rerateFlags{exporter: "192.0.2.1", from: "2026-09-14", to: "2026-09-14", by: "noc", note: "configured 1:100", domain: 7, rate: 100}
	c, err := good.correction(&cfg)
	if err != nil || c.To.Sub(c.From) != 24*time.Hour || c.Rate != 100 || c.Domain != 7 || c.Actor != "noc" || c.Exporter.String() != "192.0.2.1" {
		t.Errorf("%+v, %v", c, err)
	}
	for want, change := range map[string]func(f *rerateFlags){
		"not an IP address": func(f *rerateFlags) { f.exporter = "core1" },
		"both needed":       func(f *rerateFlags) { f.to = "" },
		"--rate is needed":  func(f *rerateFlags) { f.rate = 0 },
		"--note is needed":  func(f *rerateFlags) { f.note = "" },
		"neither an RFC":    func(f *rerateFlags) { f.from = "yesterday" },
	} {
		f := good
		change(&f)
		if _, err := f.correction(&cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", want, err)
		}
	}
}
