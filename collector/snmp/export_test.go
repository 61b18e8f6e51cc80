package snmp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// PollNow makes every device due, whatever its phase.
func (p *Poller) PollNow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.devices {
		d.due = time.Now()
	}
}

// ReadOver polls a device over a connection.
func (p *Poller) ReadOver(ctx context.Context, conn net.Conn, address netip.Addr) (found int, err error) {
	d := &device{address: address, agent: &p.agents[0]}
	d.session = d.agent.session(address, &p.config)
	d.session.Context = ctx
	if err := d.session.Connect(); err != nil {
		return 0, err
	}
	own := d.session.Conn
	d.session.Conn = conn
	defer func() { err = errors.Join(err, own.Close()) }()
	return p.read(ctx, d)
}

// IndexOf finds the interface that an object is of.
var IndexOf = indexOf
