package speaker

import (
	"context"
	"errors"
	"net/netip"
)

// SetNeighbors has these neighbours in place of those before: all of them, or
// none when one cannot be had. Sessions of those that stay as they were go on, and
// new limits hold from the next route on. Those that are gone or differ otherwise
// are told so, and what they announced is withdrawn, before it returns; ctx bounds
// that. It is called after Start.
func (s *Speaker) SetNeighbors(ctx context.Context, list []Neighbor) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.stopped || s.abandon == nil {
		return errors.New("the speaker does not run")
	}
	next := s.config
	next.Neighbors = list
	if err := next.Validate(); err != nil {
		return err
	}
	order, fresh, gone, err := s.compare(list)
	if err != nil {
		return err
	}
	opened, err := s.expect(ctx, order)
	if err != nil {
		return err
	}
	s.swap(without(s.order, gone)) // nobody else becomes a neighbour meanwhile
	if err := retire(ctx, gone, cause{text: "its configuration has changed", say: &notification{codeCease, subChanged, nil}}); err != nil {
		return err
	}
	for i, n := range order {
		n.limit(list[i])
	}
	for _, n := range fresh {
		n.working.Go(n.work)
	}
	s.swap(order)
	if opened {
		s.sockets.Serve(s.take)
	}
	if len(fresh)+len(gone) > 0 {
		s.deps.Logger.Info("BGP neighbors have changed", "neighbors", len(order), "new", len(fresh), "gone", len(gone))
	}
	return nil
}

// compare returns the neighbours of a configuration, those of them that are new,
// and those that are to go; changing is held.
func (s *Speaker) compare(list []Neighbor) (order, fresh, gone []*neighbor, err error) {
	kept := make(map[*neighbor]bool)
	for _, c := range list {
		if old := s.neighbors[c.Address.Unmap()]; old != nil && old.sameAs(c) {
			order, kept[old] = append(order, old), true
			continue
		}
		n, err := newNeighbor(s, c)
		if err != nil {
			return nil, nil, nil, err
		}
		order, fresh = append(order, n), append(fresh, n)
	}
	for _, n := range s.order {
		if !kept[n] {
			gone = append(gone, n)
		}
	}
	return order, fresh, gone, nil
}

// sameAs tells whether a neighbour is as it is configured, but for its limits.
func (n *neighbor) sameAs(c Neighbor) bool {
	c.Address, c.LimitIPv4, c.LimitIPv6 = c.Address.Unmap(), n.config.LimitIPv4, n.config.LimitIPv6
	return c == n.config
}

// without returns the neighbours of a list that are not gone.
func without(list, gone []*neighbor) []*neighbor {
	left := make(map[*neighbor]bool)
	for _, n := range gone {
		left[n] = true
	}
	var rest []*neighbor
	for _, n := range list {
		if !left[n] {
			rest = append(rest, n)
		}
	}
	return rest
}

// expect has the sockets ask these neighbours for their passwords, and binds them
// if there were none; changing is held.
func (s *Speaker) expect(ctx context.Context, order []*neighbor) (opened bool, err error) {
	if len(s.sockets.Addrs()) == 0 {
		return len(order) > 0, s.listen(ctx, order)
	}
	was, now := make(map[netip.Addr]string), make(map[netip.Addr]string)
	for _, n := range order {
		now[n.config.Address] = n.config.Password
	}
	for _, n := range s.order {
		was[n.config.Address] = n.config.Password
	}
	changes, back := changed(was, now), changed(now, was)
	if err := s.sockets.Control(sign(changes)); err != nil {
		return false, errors.Join(err, s.sockets.Control(sign(back)))
	}
	return false, nil
}

// changed returns the passwords that differ between two configurations, empty
// where there is none any more.
func changed(from, to map[netip.Addr]string) map[netip.Addr]string {
	list := make(map[netip.Addr]string)
	for a, password := range from {
		if password != "" && to[a] == "" {
			list[a] = ""
		}
	}
	for a, password := range to {
		if password != "" && from[a] != password {
			list[a] = password
		}
	}
	return list
}

// swap has connections find these neighbours.
func (s *Speaker) swap(order []*neighbor) {
	byAddress := make(map[netip.Addr]*neighbor, len(order))
	for _, n := range order {
		byAddress[n.config.Address] = n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.neighbors, s.order = byAddress, order
}
