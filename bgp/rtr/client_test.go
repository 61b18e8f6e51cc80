package rtr

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestChanges follows a session through an update: it is asked for after the
// refresh interval, and counts from its end on.
func TestChanges(t *testing.T) {
	play(t, nil, func(s *stage) {
		s.serve()
		began := time.Now()
		s.hear(askSerial7)
		if waited := time.Since(began); waited != 1800*time.Second {
			t.Errorf("asked again after %v, the cache said 1800 s", waited)
		}
		key := message(1, routerKey, 0x100, make([]byte, 24+5)...)
		s.say(s.response(5), key, s.roa(0, "192.0.2.0/24", 24, 64496), s.roa(1, "198.51.100.0/22", 24, 0))
		s.expect(served)
		s.say(s.end(5, 8))
		s.expect("1: 198.51.100.0/22-24 AS0, 2001:db8::/32-48 AS64497")
		status := s.client.Status()[0]
		if !status.Connected || !status.Current || status.Serial != 8 || status.SessionID != 5 || status.Payloads != 2 || status.Answers != 2 {
			t.Errorf("the status is %+v", status)
		}
	})
}

// TestNotice asks at once when the cache has news, but not twice in a second.
func TestNotice(t *testing.T) {
	play(t, nil, func(s *stage) {
		s.serve()
		began := time.Now()
		s.say(message(1, 0, 5, words(7)...)) // what is known already
		s.say(message(1, 0, 5, words(9)...))
		s.hear(askSerial7)
		if waited := time.Since(began); waited != noticeGap {
			t.Errorf("asked %v after the notice", waited)
		}
		// A notice while the answer is on its way is not forgotten.
		s.say(s.response(5), message(1, 0, 5, words(10)...), s.end(5, 9))
		s.hear("01010005 0000000c 00000009")
	})
}

// TestCut ends a connection in the middle of an answer: nothing has changed, and
// the next connection goes on where the session was.
func TestCut(t *testing.T) {
	play(t, nil, func(s *stage) {
		s.serve()
		s.hear(askSerial7)
		s.say(s.response(5), s.roa(0, "192.0.2.0/24", 24, 64496))
		if err := s.conn.Close(); err != nil {
			t.Error(err)
		}
		s.accept()
		s.hear(askSerial7)
		s.expect(served)
		if got := s.client.Status()[0].Ends[EndClosed]; got != 1 {
			t.Errorf("%d connections were closed by the cache", got)
		}
	})
}

// TestRefusedSerial asks for all after a cache did not answer for changes, as
// stayrtr does not after a restart; what is there stays in use meanwhile.
func TestRefusedSerial(t *testing.T) {
	for name, last := range map[string][]byte{"report": message(1, 10, 0, words(0, 0)...), "closed": nil} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(s *stage) {
				s.serve()
				s.hear(askSerial7)
				s.say(last)
				_ = s.conn.Close()
				s.accept()
				s.hear(askAll)
				s.expect(served)
				s.say(s.response(6), s.end(6, 1))
				s.expect("1: ")
				s.hear("01010006 0000000c 00000001")
			})
		})
	}
}

// TestCacheReset asks for all when the cache cannot say what changed; what is
// there stays in use meanwhile.
func TestCacheReset(t *testing.T) {
	play(t, nil, func(s *stage) {
		s.serve()
		s.hear(askSerial7)
		s.say(message(1, 8, 0))
		s.hear(askAll)
		s.expect(served)
		s.say(s.response(6), s.roa(1, "203.0.113.0/24", 24, 64499), s.end(6, 1))
		s.expect("1: 203.0.113.0/24-24 AS64499")
	})
}

// TestNewSession forgets what was learned in a session that is no more (RFC 8210 section 5.1).
func TestNewSession(t *testing.T) {
	for name, act := range map[string]func(s *stage){
		"answer": func(s *stage) {
			s.hear(askSerial7)
			s.say(s.response(6))
		},
		"notice": func(s *stage) { s.say(message(1, 0, 6, words(1)...)) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(s *stage) {
				s.serve()
				act(s)
				s.hearReport(0)
				s.expect("0: ")
				s.accept()
				s.hear(askAll)
			})
		})
	}
}

// TestExpire uses payloads for as long as the cache said, and no longer.
func TestExpire(t *testing.T) {
	play(t, nil, func(s *stage) {
		s.serve()
		began := time.Now()
		_ = s.conn.Close()
		<-time.After(7199 * time.Second)
		s.expect(served)
		<-time.After(2 * time.Second)
		s.expect("0: ")
		if s.client.Status()[0].Current {
			t.Errorf("current after %v", time.Since(began))
		}
		s.accept()
		s.hear(askAll)
	})
}

// TestLimit refuses more payloads than are allowed, keeps what there was, and
// leaves the cache in peace for the retry interval.
func TestLimit(t *testing.T) {
	play(t, func(c *Config) { c.MaxPayloads = 2 }, func(s *stage) {
		s.serve()
		s.hear(askSerial7)
		s.say(s.response(5), s.roa(1, "198.51.100.0/24", 24, 1))
		s.hearReport(1)
		s.expect(served)
		began := time.Now()
		s.accept()
		if waited := time.Since(began); waited < 150*time.Second || waited > 300*time.Second {
			t.Errorf("came back after %v", waited)
		}
	})
}

// TestVersions speaks version 0 with a cache that knows no other.
func TestVersions(t *testing.T) {
	report := message(0, 10, 4, append(words(8), append(message(1, 2, 0), words(0)...)...)...)
	for name, act := range map[string]func(s *stage){
		"report": func(s *stage) {
			s.say(report)
			s.accept()
			s.hear(askAllV0)
		},
		"answer": func(*stage) {},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(s *stage) {
				s.accept()
				s.hear(askAll)
				s.v = 0
				act(s)
				s.say(s.response(5), s.roa(1, "192.0.2.0/24", 24, 64496), s.end(5, 7))
				s.expect("1: 192.0.2.0/24-24 AS64496")
				s.hear("00010005 0000000c 00000007")
				s.v = 1
				s.say(s.response(5))
				s.v = 0
				s.hearReport(codeUnexpected)
			})
		})
	}
}

// TestNoData waits for a cache that has nothing yet, without leaving.
func TestNoData(t *testing.T) {
	play(t, nil, func(s *stage) {
		s.accept()
		s.hear(askAll)
		began := time.Now()
		s.say(message(1, 10, 2, words(0, 0)...))
		s.hear(askAll)
		if waited := time.Since(began); waited != 600*time.Second {
			t.Errorf("asked again after %v", waited)
		}
	})
}

// TestSilence leaves a cache that does not answer, and comes back later each time.
func TestSilence(t *testing.T) {
	play(t, nil, func(s *stage) {
		var gaps []time.Duration
		for range 4 {
			s.accept()
			s.hear(askAll)
			if _, err := s.conn.Read(make([]byte, 1)); err == nil {
				t.Fatal("a silent cache is not left")
			}
			left := time.Now()
			s.conn = <-s.conns
			gaps = append(gaps, time.Since(left))
			_ = s.conn.Close()
		}
		for i, gap := range gaps {
			// Two attempts a round, each after twice the pause before.
			if most := leastPause << (2 * i); gap > most || gap < most/2 {
				t.Errorf("pause %d is %v, at most %v", i, gap, most)
			}
		}
		synctest.Wait()
		if got := s.client.Status()[0].Ends[EndTimeout]; got != 4 {
			t.Errorf("%d timeouts", got)
		}
	})
}

// TestFaults ends connections whose messages cannot be.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		say  func(s *stage) []byte
		code byte
		end  End
	}{
		"announced twice": {func(s *stage) []byte { return s.roa(1, "192.0.2.0/24", 24, 64496) }, 7, EndDuplicate},
		"not there":       {func(s *stage) []byte { return s.roa(0, "192.0.2.0/24", 25, 64496) }, 6, EndUnknown},
		"max length":      {func(s *stage) []byte { return s.roa(1, "10.0.0.0/24", 33, 1) }, 0, EndCorrupt},
		"short":           {func(s *stage) []byte { return s.roa(1, "10.0.0.0/24", 23, 1) }, 0, EndCorrupt},
		"length":          {func(*stage) []byte { return message(1, 4, 0, 1, 2, 3) }, 0, EndCorrupt},
		"huge":            {func(*stage) []byte { return []byte{1, 4, 0, 0, 0xff, 0xff, 0xff, 0xff} }, 0, EndCorrupt},
		"tiny":            {func(*stage) []byte { return []byte{1, 4, 0, 0, 0, 0, 0, 7} }, 0, EndCorrupt},
		"kind":            {func(*stage) []byte { return message(1, 77, 0) }, 5, EndCorrupt},
		"second response": {func(s *stage) []byte { return s.response(5) }, 0, EndCorrupt},
		"reset within":    {func(*stage) []byte { return message(1, 8, 0) }, 0, EndCorrupt},
		"other end":       {func(s *stage) []byte { return s.end(6, 8) }, 0, EndSession},
		"report's text":   {func(*stage) []byte { return message(1, 10, 3, words(0, 9)...) }, 255, EndCorrupt},
		"reported":        {func(*stage) []byte { return message(1, 10, 3, words(0, 0)...) }, 255, EndReported},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(s *stage) {
				s.serve()
				s.hear(askSerial7)
				s.say(s.response(5))
				s.say(c.say(s))
				if c.code == 255 { // nothing answers a report
					if _, err := s.conn.Read(make([]byte, 1)); err == nil {
						t.Error("a report was answered")
					}
				} else {
					s.hearReport(c.code)
				}
				want := served
				if c.end == EndSession {
					want = "0: "
				}
				s.expect(want)
				if status := s.client.Status()[0]; status.Ends[c.end] != 1 || status.LastEnd == "" {
					t.Errorf("the status is %+v", status)
				}
			})
		})
	}
}

func TestConfig(t *testing.T) {
	bad := DefaultConfig()
	bad.Caches, bad.MaxPayloads = []string{"a:1", "a:1", ":323", "b", "c:0"}, 0
	_, err := New(bad, Deps{Sink: new(books), Logger: slog.New(slog.DiscardHandler)})
	for _, want := range []string{`"a:1": named twice`, `":323": not`, `"b": not`, `"c:0": not`, "positive"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error %v does not say %q", err, want)
		}
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("a client without a sink")
	}
}

func TestIntervals(t *testing.T) {
	for in, want := range map[[3]uint32]intervals{
		{0, 0, 0}:                   {time.Second, time.Second, 600 * time.Second},
		{1 << 31, 1 << 31, 1 << 31}: {86400 * time.Second, 7200 * time.Second, 172800 * time.Second},
		{3600, 600, 3600}:           defaultIntervals(),
	} {
		if got := intervalsOf(in); got != want {
			t.Errorf("%v gives %v, want %v", in, got, want)
		}
	}
}
