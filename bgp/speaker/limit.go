package speaker

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/linewarden/linewarden/bgp"
)

// tally counts the paths of a session, to hold them against the limits.
type tally struct {
	neighbor *neighbor
	// bound is at least the number of paths of each family.
	bound [2]int
	// sets are hashes of the paths, if nobody else can tell their number.
	sets [2]map[uint64]struct{}
	seed maphash.Seed
}

func newTally(n *neighbor) *tally {
	t := &tally{neighbor: n, seed: maphash.MakeSeed()}
	if n.speaker.deps.Routes == nil {
		t.sets = [2]map[uint64]struct{}{make(map[uint64]struct{}), make(map[uint64]struct{})}
	}
	return t
}

func (t *tally) limit(family int) int {
	return int(t.neighbor.limits[family].Load())
}

// note counts one event.
func (t *tally) note(e *bgp.Event) {
	if e.Family != bgp.FamilyIPv4 && e.Family != bgp.FamilyIPv6 {
		return
	}
	family := int(e.Family - bgp.FamilyIPv4)
	set := t.sets[family]
	switch {
	case e.Kind == bgp.Announce && set != nil:
		set[t.hash(&e.Route)] = struct{}{}
		t.bound[family] = len(set)
	case e.Kind == bgp.Withdraw && set != nil:
		delete(set, t.hash(&e.Route))
		t.bound[family] = len(set)
	case e.Kind == bgp.Announce:
		t.bound[family]++
	}
}

// over returns the family whose limit is passed, and the number of its paths.
func (t *tally) over() (family bgp.Family, limit, paths int) {
	for f := range t.bound {
		if t.bound[f] <= t.limit(f) {
			continue
		}
		family, limit = bgp.FamilyIPv4+bgp.Family(f), t.limit(f)
		if t.sets[f] != nil {
			return family, limit, t.bound[f]
		}
		// An announcement may have replaced a path: only the sink knows. Of what
		// waits for it, everything may be a new path.
		queued := int(t.neighbor.queued.Load())
		paths = t.neighbor.speaker.deps.Routes(t.neighbor.key, family)
		if paths > limit {
			return family, limit, paths
		}
		t.bound[f] = paths + queued + batchSize
	}
	return bgp.FamilyNone, 0, 0
}

func (t *tally) hash(r *bgp.Route) uint64 {
	var b [21]byte
	a := r.Prefix.Addr().As16()
	copy(b[:], a[:])
	b[16] = uint8(r.Prefix.Bits())
	binary.BigEndian.PutUint32(b[17:], r.PathID)
	return maphash.Bytes(t.seed, b[:])
}
