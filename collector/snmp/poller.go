package snmp

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/linewarden/linewarden/flows"
)

const (
	// describeEvery is after how many polls names and speeds are read again.
	describeEvery = 30
	// longestPause is how many intervals a device that does not answer is left
	// alone at most.
	longestPause = 8
	// lookEvery is how often the poller looks who is due.
	lookEvery = time.Second
)

// Outcome says how a poll ended. The set is closed, so that it can be a label.
type Outcome uint8

// The outcomes. Each poll begun ends as answered or under exactly one other.
const (
	Answered Outcome = iota
	// Timeout is a device that did not answer, or not in time: version 2c leaves
	// questions with a wrong community without answer.
	Timeout
	// Unreachable is a device of which the network says that it cannot be had.
	Unreachable
	// Refused is a device that answers that it does not know the user, or that
	// digests or encryption are wrong.
	Refused
	// Unusable is a device whose answers have no counters or contradict their
	// format.
	Unusable
	// Stopped is a poll that was under way at the end.
	Stopped

	numOutcomes
)

// String returns the metric label.
func (o Outcome) String() string {
	return [...]string{"answered", "timeout", "unreachable", "refused", "unusable", "stopped", "unknown"}[min(o, numOutcomes)]
}

// Deps is what a Poller works with.
type Deps struct {
	// Exporters returns the devices of the ledgers.
	Exporters func() []netip.Addr
	// Sink takes the readings.
	Sink flows.CounterSink
	// Logger must be set.
	Logger *slog.Logger
}

// Poller reads counters of interfaces from devices. It is made by New, and works
// while Run does.
type Poller struct {
	config Config
	deps   Deps
	agents []credentials

	mu      sync.Mutex // guards everything below
	devices map[netip.Addr]*device
	books   Books
}

// Books is the account of polls. It balances when
//
//	Polls = sum(Outcomes) + polls under way
type Books struct {
	Polls    uint64
	Outcomes [numOutcomes]uint64
	// Late counts polls that began a whole interval late, for want of workers.
	Late uint64
	// Answering and Failing count the devices by their last poll.
	Answering, Failing int
	// Interfaces counts what the last polls read.
	Interfaces int
}

// device is what is known of one device. While it is busy, what is below belongs
// to the worker that polls it.
type device struct {
	address netip.Addr
	agent   *credentials
	due     time.Time
	busy    bool
	last    Outcome
	polled  bool
	found   int // interfaces

	session  *gosnmp.GoSNMP
	known    table
	polls    int
	failures int
}

// New returns a poller that does nothing yet. It reads the secrets: a file that
// cannot be read is an error.
func New(config Config, deps Deps) (*Poller, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	p := &Poller{config: config, deps: deps, devices: make(map[netip.Addr]*device)}
	for _, a := range config.Agents {
		c, err := a.read()
		if err != nil {
			return nil, err
		}
		p.agents = append(p.agents, c)
	}
	return p, nil
}

// Books returns the account so far.
func (p *Poller) Books() Books {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.books
	for _, d := range p.devices {
		switch {
		case !d.polled:
		case d.last == Answered:
			b.Answering++
			b.Interfaces += d.found
		default:
			b.Failing++
		}
	}
	return b
}

// Run polls until ctx ends. It returns when the polls under way have ended.
func (p *Poller) Run(ctx context.Context) {
	if len(p.agents) == 0 {
		return
	}
	work := make(chan *device)
	var workers sync.WaitGroup
	for range p.config.Workers {
		workers.Go(func() {
			for d := range work {
				p.visit(ctx, d)
			}
		})
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for now := time.Now(); ctx.Err() == nil; {
		p.hand(ctx, now, work)
		select {
		case <-ctx.Done():
		case now = <-tick.C:
		}
	}
	close(work)
	workers.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.devices {
		d.hangUp()
	}
}

// hand gives the devices that are due to workers, as long as one is free.
func (p *Poller) hand(ctx context.Context, now time.Time, work chan<- *device) {
	for _, d := range p.dueAt(now) {
		select {
		case work <- d:
		case <-ctx.Done():
			return
		}
	}
}

// dueAt follows the ledgers, and returns the devices that are due.
func (p *Poller) dueAt(now time.Time) (list []*device) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := make(map[netip.Addr]bool)
	for _, address := range p.deps.Exporters() {
		wanted[address] = true
		if p.devices[address] != nil {
			continue
		}
		for i := range p.agents {
			if p.agents[i].has(address) {
				p.devices[address] = &device{address: address, agent: &p.agents[i], due: now.Add(p.phase(address))}
				break
			}
		}
	}
	for address, d := range p.devices {
		switch {
		case d.busy:
		case !wanted[address]:
			d.hangUp()
			delete(p.devices, address)
		case !now.Before(d.due):
			if d.polled && now.Sub(d.due) > p.config.Every {
				p.books.Late++
			}
			d.busy = true
			list = append(list, d)
		}
	}
	return list
}

// phase is when in the interval a device is polled.
func (p *Poller) phase(address netip.Addr) time.Duration {
	h := fnv.New64a()
	h.Write(address.AsSlice())
	return time.Duration(h.Sum64() % uint64(p.config.Every))
}

// visit polls a device and keeps the books.
func (p *Poller) visit(ctx context.Context, d *device) {
	p.mu.Lock()
	p.books.Polls++
	p.mu.Unlock()
	found, err := p.read(ctx, d)
	outcome := outcomeOf(ctx, err)
	if err != nil {
		// The next poll begins with a new session: the device may have another
		// engine, or the socket an error.
		d.hangUp()
		d.known = nil
		d.failures++
	} else {
		d.failures = 0
	}
	p.mu.Lock()
	changed := !d.polled || d.last != outcome
	d.busy, d.polled, d.last, d.found = false, true, outcome, found
	d.due = d.due.Add(p.config.Every)
	if now := time.Now(); d.due.Before(now) {
		d.due = now.Add(p.config.Every / 2)
	}
	d.due = d.due.Add(p.config.Every * time.Duration(min(1<<min(d.failures, 3), longestPause)-1))
	p.books.Outcomes[outcome]++
	p.mu.Unlock()
	if changed && outcome != Stopped {
		p.tell(d.address, outcome, found, err)
	}
}

// tell logs that a device answers or does not, once.
func (p *Poller) tell(address netip.Addr, outcome Outcome, found int, err error) {
	if err == nil {
		p.deps.Logger.Info("counters of interfaces are polled", "exporter", address, "interfaces", found)
		return
	}
	p.deps.Logger.Warn("counters of interfaces are not polled; it is tried again", "exporter", address, "outcome", outcome.String(), "error", err)
}

// read polls a device and hands its readings on. An answer that makes the library
// panic costs this poll.
func (p *Poller) read(ctx context.Context, d *device) (found int, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.Every)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			found, err = 0, fmt.Errorf("decode an answer: panic: %v", r)
		}
	}()
	if d.session == nil {
		d.session = d.agent.session(d.address, &p.config)
		d.session.Context = ctx
		if err := d.session.Connect(); err != nil {
			return 0, fmt.Errorf("open a socket: %w", err)
		}
	}
	d.session.Context = ctx
	if d.polls%describeEvery == 0 {
		d.known = nil
	}
	t, err := poll(d.session, d.address, d.known)
	if err != nil {
		return 0, err
	}
	d.polls++
	d.known = t
	for _, c := range t {
		p.deps.Sink.TakeCounters(*c)
	}
	return len(t), nil
}

// hangUp ends the session. That its socket does not close well changes nothing.
func (d *device) hangUp() {
	if d.session != nil && d.session.Conn != nil {
		_ = d.session.Close()
	}
	d.session = nil
}

// notAuthentic is what gosnmp says of the report, itself without a digest, by
// which an agent answers that it does not know the user or that the digest is
// wrong. It has no error value of its own.
const notAuthentic = "packet is not authentic"

// outcomeOf tells how a poll ended.
func outcomeOf(ctx context.Context, err error) Outcome {
	switch {
	case err == nil:
		return Answered
	case ctx.Err() != nil:
		return Stopped
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Unreachable
	case errors.Is(err, gosnmp.ErrUnknownUsername), errors.Is(err, gosnmp.ErrWrongDigest), errors.Is(err, gosnmp.ErrDecryption),
		errors.Is(err, gosnmp.ErrUnknownSecurityLevel), errors.Is(err, gosnmp.ErrNotInTimeWindow),
		strings.Contains(err.Error(), notAuthentic):
		return Refused
	case errors.Is(err, context.DeadlineExceeded), strings.Contains(err.Error(), "timeout"):
		return Timeout
	}
	return Unusable
}
