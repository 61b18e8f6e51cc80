package sflow

import "testing"

func TestSequence(t *testing.T) {
	const hour = 3_600_000
	type step struct {
		number, uptime     uint32
		gaps, missed, late uint64
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"in order", []step{{7, hour, 0, 0, 0}, {8, hour, 0, 0, 0}, {9, hour, 0, 0, 0}}},
		{"gap", []step{{7, hour, 0, 0, 0}, {11, hour, 3, 15, 0}, {12, hour, 0, 0, 0}}},
		{"wrap", []step{{0xffffffff, hour, 0, 0, 0}, {0, hour, 0, 0, 0}, {1, hour, 0, 0, 0}}},
		{"gap over the wrap", []step{{0xfffffffe, hour, 0, 0, 0}, {2, hour, 3, 15, 0}}},
		{"late", []step{{7, hour, 0, 0, 0}, {10, hour, 2, 10, 0}, {8, hour, 0, 0, 1}, {9, hour, 0, 0, 1}, {11, hour, 0, 0, 0}}},
		{"late over the wrap", []step{{0xffffffff, hour, 0, 0, 0}, {1, hour, 1, 5, 0}, {0, hour, 0, 0, 1}}},
		{"twice is not late", []step{{7, hour, 0, 0, 0}, {10, hour, 2, 10, 0}, {8, hour, 0, 0, 1}, {8, hour, 0, 0, 0}, {10, hour, 0, 0, 0}, {7, hour, 0, 0, 0}}},
		{"before the first is not late", []step{{7, hour, 0, 0, 0}, {6, hour, 0, 0, 0}, {8, hour, 0, 0, 0}}},
		{"restart", []step{{5000, hour, 0, 0, 0}, {1, 100, 0, 0, 0}, {2, 1100, 0, 0, 0}, {4, 2100, 1, 5, 0}}},
		{"restart to a higher number", []step{{5000, hour, 0, 0, 0}, {9000, 100, 0, 0, 0}, {9001, 100, 0, 0, 0}}},
		{"restart within the window", []step{{20, hour, 0, 0, 0}, {1, 100, 0, 0, 0}, {3, 1100, 1, 5, 0}}},
		{"late by time as well", []step{{7, hour, 0, 0, 0}, {9, hour + 9000, 1, 5, 0}, {8, hour, 0, 0, 1}}},
		{"uptime wraps", []step{{7, 0xffffffff, 0, 0, 0}, {9, 1000, 1, 5, 0}}},
		{"uptime wraps with a late one", []step{{7, 0xfffffff0, 0, 0, 0}, {9, 1000, 1, 5, 0}, {8, 0xfffffff0, 0, 0, 1}}},
		{"new count without restart", []step{{5000, hour, 0, 0, 0}, {1, hour, 0, 0, 0}, {2, hour, 0, 0, 0}, {4, hour, 1, 5, 0}}},
		{"one very late", []step{{5000, hour, 0, 0, 0}, {1, hour, 0, 0, 0}, {5001, hour, 0, 0, 0}, {5003, hour, 1, 5, 0}}},
		{"the longest gap", []step{{0, hour, 0, 0, 0}, {maxGap, hour, maxGap - 1, 5 * (maxGap - 1), 0}}},
		{"beyond it", []step{{0, hour, 0, 0, 0}, {maxGap + 1, hour, 0, 0, 0}, {maxGap + 2, hour, 0, 0, 0}, {maxGap + 4, hour, 1, 5, 0}}},
		{"no uptime", []step{{7, 0, 0, 0, 0}, {9, 0, 1, 5, 0}, {8, 0, 0, 0, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s sequence
			for i, st := range c.steps {
				gaps, missed, late := s.note(st.number, st.uptime, 5)
				if gaps != st.gaps || missed != st.missed || late != st.late {
					t.Errorf("step %d, number %d: %d gaps, %d missed, %d late, want %d, %d, %d",
						i, st.number, gaps, missed, late, st.gaps, st.missed, st.late)
				}
			}
		})
	}
}

// TestSequenceMean checks that the estimate follows the recent past.
func TestSequenceMean(t *testing.T) {
	var s sequence
	number := uint32(0)
	for _, records := range []uint64{1, 9} {
		for range 10 * meanOver {
			number++
			s.note(number, 0, records)
		}
	}
	if _, missed, _ := s.note(number+11, 0, 9); missed < 85 || missed > 90 {
		t.Errorf("%d records missed in 10 datagrams of 9, want 90 at most and nearly", missed)
	}
}
