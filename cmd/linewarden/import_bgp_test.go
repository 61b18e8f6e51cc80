package main

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// tableDump writes a dump of one peer, 192.0.2.1 in AS 1, that holds a /8 for
// each first octet.
func tableDump(t *testing.T, at time.Time, octets ...byte) string {
	t.Helper()
	record := func(subtype uint16, parts ...[]byte) []byte {
		body := slices.Concat(parts...)
		b := binary.BigEndian.AppendUint32(nil, uint32(at.Unix()))
		b = binary.BigEndian.AppendUint16(b, 13) // TABLE_DUMP_V2
		b = binary.BigEndian.AppendUint16(b, subtype)
		return append(binary.BigEndian.AppendUint32(b, uint32(len(body))), body...)
	}
	file := record(1, []byte{1, 1, 1, 1, 0, 0, 0, 1, 0, 9, 9, 9, 9, 192, 0, 2, 1, 0, 1})
	attributes := []byte{0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0, 1, 0x40, 3, 4, 192, 0, 2, 1}
	for i, octet := range octets {
		file = append(file, record(2, []byte{0, 0, 0, byte(i), 8, octet, 0, 1, 0, 0, 0, 0, 0, 0, 0, byte(len(attributes))}, attributes)...)
	}
	path := filepath.Join(t.TempDir(), "rib")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRouteOfAnEarlierDump imports two dumps, by one command and by two: what
// the later one does not have is over, and what it has goes on.
func TestRouteOfAnEarlierDump(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	first, second := tableDump(t, noon, 10, 20), tableDump(t, noon.Add(8*time.Hour), 20)
	for name, commands := range map[string][][]string{
		"one command": {{first, second}}, "two commands": {{first}, {second}},
	} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			run := func(args ...string) []byte {
				out, err := exec.Command(program, append([]string{"--data", data}, args...)...).Output()
				if err != nil {
					t.Fatalf("%v: %v", args, err)
				}
				return out
			}
			for _, files := range commands {
				run(append([]string{"import", "bgp"}, files...)...)
			}
			for prefix, held := range map[string][2]bool{"10.0.0.0/8": {true, false}, "20.0.0.0/8": {true, true}} {
				for i, at := range []time.Time{noon.Add(time.Hour), noon.Add(9 * time.Hour)} {
					var rows []json.RawMessage
					if err := json.Unmarshal(run("routes", "show", prefix, "--at", at.Format(time.RFC3339), "--format", "json"), &rows); err != nil {
						t.Fatal(err)
					}
					if len(rows) > 0 != held[i] {
						t.Errorf("%s at %v: %d routes, want some: %v", prefix, at, len(rows), held[i])
					}
				}
			}
		})
	}
}
