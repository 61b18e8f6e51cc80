package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// The states of sd_notify(3).
const (
	stateReady    = "READY=1"
	stateStopping = "STOPPING=1"
	stateAlive    = "WATCHDOG=1"
)

// supervisor tells the service manager how the daemon is, by the protocol of
// sd_notify(3): datagrams to a unix socket. Without a manager it says nothing.
type supervisor struct {
	socket   string        // path, or @ and an abstract name; empty without a manager
	watchdog time.Duration // within which the manager wants a sign of life; 0 = it does not
	log      *slog.Logger
}

// newSupervisor reads what the manager says in the environment, which env looks
// up, to the process with the number pid (sd_watchdog_enabled(3)).
func newSupervisor(env func(string) string, pid int, log *slog.Logger) (*supervisor, error) {
	s := &supervisor{socket: env("NOTIFY_SOCKET"), log: log}
	usec, whose := env("WATCHDOG_USEC"), env("WATCHDOG_PID")
	if s.socket == "" || usec == "" || whose != "" && whose != strconv.Itoa(pid) {
		return s, nil
	}
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 || n > int64(24*time.Hour/time.Microsecond) {
		return nil, fmt.Errorf("WATCHDOG_USEC is %q, which is no number of microseconds within a day; start by the service manager, or unset it", usec)
	}
	s.watchdog = time.Duration(n) * time.Microsecond
	return s, nil
}

// say sends one state. What goes wrong is logged: a manager that hears nothing
// acts by itself.
func (s *supervisor) say(ctx context.Context, state string) {
	if s.socket == "" {
		return
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unixgram", s.socket)
	if err == nil {
		_, err = c.Write([]byte(state))
		if cerr := c.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		s.log.Warn("the service manager was not told", "state", state, "error", err)
	}
}

// watch says that the daemon is ready, and then that it lives, twice in each
// span that the manager waits, as sd_watchdog_enabled(3) advises, each time
// after alive has returned. When ctx ends it says that the daemon stops.
func (s *supervisor) watch(ctx context.Context, alive func()) {
	s.say(ctx, stateReady)
	var ticks <-chan time.Time
	if s.watchdog > 0 {
		ticker := time.NewTicker(s.watchdog / 2)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			s.say(context.WithoutCancel(ctx), stateStopping)
			return
		case <-ticks:
			alive()
			s.say(ctx, stateAlive)
		}
	}
}

// alive returns when the daemon is not stuck: it takes the locks that the way
// of the flows takes. A store that is away is no reason to be killed, as the
// spool bridges it.
func (d *daemon) alive() {
	d.collector.Sockets()
	d.spool.Stats()
	d.path.books.Totals(func(flows.Source, flows.Count) {})
}
