package flows

import (
	"net/netip"
	"sync"
	"time"
)

// MaxAccounts bounds how many sources have books of their own. Sources beyond
// it share the account of the zero exporter, so that forged addresses cannot
// grow memory.
const MaxAccounts = 1 << 16

// Books keeps one Account per Source. It is safe for concurrent use.
type Books struct {
	mu       sync.RWMutex // guards accounts
	accounts map[Source]*Account
}

// NewBooks returns empty books.
func NewBooks() *Books {
	return &Books{accounts: make(map[Source]*Account)}
}

// Account returns the account of s, opening it when there is none.
func (b *Books) Account(s Source) *Account {
	b.mu.RLock()
	a := b.accounts[s]
	b.mu.RUnlock()
	if a != nil {
		return a
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if a = b.accounts[s]; a != nil {
		return a
	}
	if len(b.accounts) >= MaxAccounts {
		s = Source{Exporter: netip.Addr{}, Version: s.Version}
		if a = b.accounts[s]; a != nil {
			return a
		}
	}
	a = &Account{source: s, open: make(map[int64]*Count)}
	b.accounts[s] = a
	return a
}

// Drain hands over what was counted since the last call, per source and minute
// of arrival, and starts the minutes again from zero. The Count is the callee's.
func (b *Books) Drain(take func(s Source, minute time.Time, c *Count)) {
	for _, a := range b.list() {
		a.mu.Lock()
		open := a.open
		a.open = make(map[int64]*Count)
		a.lastMinute, a.last = 0, nil
		for _, c := range open {
			a.drained.Add(c)
		}
		a.mu.Unlock()
		for minute, c := range open {
			if *c != (Count{}) {
				take(a.source, time.Unix(minute*60, 0).UTC(), c)
			}
		}
	}
}

// Totals calls take with everything ever counted for each source.
func (b *Books) Totals(take func(s Source, c Count)) {
	for _, a := range b.list() {
		take(a.source, a.Total())
	}
}

func (b *Books) list() []*Account {
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := make([]*Account, 0, len(b.accounts))
	for _, a := range b.accounts {
		list = append(list, a)
	}
	return list
}

// Account counts for one source, by the minute in which datagrams arrived.
type Account struct {
	source Source

	mu         sync.Mutex // guards everything below
	open       map[int64]*Count
	last       *Count // open[lastMinute], to spare a map access per datagram
	lastMinute int64
	drained    Count // what Drain has handed over
}

// Source returns whose account it is.
func (a *Account) Source() Source { return a.source }

// Update calls change with the count of the minute of t, under the account's
// lock. It must be short and must not call into the account again.
func (a *Account) Update(t time.Time, change func(c *Count)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a.at(t))
}

// Stored counts n records that arrived in the minute of t as stored.
func (a *Account) Stored(t time.Time, n uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at(t).Stored += n
}

// Lose counts n records that arrived in the minute of t as lost.
func (a *Account) Lose(t time.Time, why Reason, n uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at(t).Lost[why] += n
}

// Total returns everything ever counted.
func (a *Account) Total() Count {
	a.mu.Lock()
	defer a.mu.Unlock()
	total := a.drained
	for _, c := range a.open {
		total.Add(c)
	}
	return total
}

func (a *Account) at(t time.Time) *Count {
	minute := t.Unix() / 60
	if a.last != nil && a.lastMinute == minute {
		return a.last
	}
	c := a.open[minute]
	if c == nil {
		c = new(Count)
		a.open[minute] = c
	}
	a.last, a.lastMinute = c, minute
	return c
}
