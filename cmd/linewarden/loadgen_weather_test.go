package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/net/ipv4"
)

// loadWeather is what happens to datagrams between exporters and the collector,
// done by the generator itself: not every kernel has netem, and what it did is
// known to the datagram.
type loadWeather struct {
	loss, repeat, late float64 // shares of the datagrams with records
	clock              time.Duration
	toll
}

// toll is what the weather did during one order to send. Announcements are
// spared, and counted as sent.
type toll struct {
	lostRecords, lostDatagrams         uint64
	repeatedRecords, repeatedDatagrams uint64
	announced                          uint64 // datagrams without records
}

const tollFormat = "%d %d %d %d %d"

func (t toll) String() string {
	return fmt.Sprintf(tollFormat, t.lostRecords, t.lostDatagrams, t.repeatedRecords, t.repeatedDatagrams, t.announced)
}

// change reads three shares.
func (w *loadWeather) change(order string) error {
	if _, err := fmt.Sscan(order, &w.loss, &w.repeat, &w.late); err != nil {
		return fmt.Errorf("weather %q: %w", order, err)
	}
	for _, share := range []float64{w.loss, w.repeat, w.late} {
		if share < 0 || share > 1 {
			return fmt.Errorf("weather %q is no list of shares", order)
		}
	}
	return nil
}

// expose loads a datagram, unless the weather is bad to it.
func (g *loadGun) expose(s *shot) {
	w := g.weather
	if w.loss > 0 && rand.Float64() < w.loss {
		w.lostDatagrams++
		w.lostRecords += uint64(len(s.flows))
		return
	}
	if w.late > 0 && g.late == nil && rand.Float64() < w.late {
		g.late = s
		return
	}
	g.messages = append(g.messages, ipv4.Message{Buffers: s.vector})
	if w.repeat > 0 && rand.Float64() < w.repeat {
		w.repeatedDatagrams++
		w.repeatedRecords += uint64(len(s.flows))
		g.messages = append(g.messages, ipv4.Message{Buffers: s.vector})
	}
	if g.late != nil {
		g.messages = append(g.messages, ipv4.Message{Buffers: g.late.vector})
		g.late = nil
	}
}

// clear sends what is still late.
func (g *loadGun) clear() error {
	if g.late == nil {
		return nil
	}
	g.messages = append(g.messages, ipv4.Message{Buffers: g.late.vector})
	g.late = nil
	return g.flush()
}

// stepClock sets the clocks of all exporters off by a span. Their uptime goes on
// as it did, as it does where a router is given a time.
func (b *battery) stepClock(order string) error {
	to, err := time.ParseDuration(order)
	if err != nil {
		return errors.Join(errors.New("no span to step clocks by"), err)
	}
	for _, g := range b.guns {
		if s, ok := g.shooter.(*templateShooter); ok {
			s.boot = s.boot.Add(to - b.weather.clock)
		}
	}
	b.weather.clock = to
	return nil
}
