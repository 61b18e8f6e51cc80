package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

const (
	positionFile  = "position"
	positionMagic = "LWSPPOS1"
	slotSize      = 44
	slotDistance  = 4096
)

// place is what is done with: everything up to acked, and what was dropped from
// the number from to below the number to.
type place struct {
	acked, from, to uint64
}

// advance moves acked on, over the dropped range if it comes to that.
func (p *place) advance(seq uint64) {
	p.acked = max(p.acked, seq)
	if p.from <= p.acked+1 && p.acked < p.to {
		p.acked = p.to - 1
	}
}

// drop marks numbers from lo to below hi as done with. They follow acked, or
// the range that was dropped last if that is ahead of it.
func (p *place) drop(lo, hi uint64) {
	switch {
	case lo <= p.acked+1:
		p.advance(hi - 1)
	case p.to == lo:
		p.to = hi
	default:
		p.from, p.to = lo, hi
	}
}

// ahead is how many beyond acked were dropped.
func (p *place) ahead() uint64 {
	if p.to > p.acked+1 {
		return p.to - p.from
	}
	return 0
}

// position is the place on disk.
type position struct {
	mu         sync.Mutex // guards everything below, and comes before Spool.mu
	file       *os.File   // nil until there is something to keep
	generation uint64
	kept       place // as it is on disk
	synced     bool  // and the disk has it
}

// load reads the position, if there is one. It is doubtful when a slot is
// damaged: it may be older than the last one written.
func (p *position) load(dir string) (at place, doubtful bool, err error) {
	file, err := os.OpenFile(filepath.Join(dir, positionFile), os.O_RDWR, fileMode)
	if errors.Is(err, fs.ErrNotExist) {
		return place{}, true, nil
	}
	if err != nil {
		return place{}, false, err
	}
	p.file = file
	var b [slotSize]byte
	for slot := range int64(2) {
		_, err := file.ReadAt(b[:], slot*slotDistance)
		if err != nil && !errors.Is(err, io.EOF) && !unreadable(err) {
			return place{}, false, err
		}
		found, generation, whole := parseSlot(b[:])
		switch {
		case err != nil || !whole:
			doubtful = true
		case generation >= p.generation:
			p.generation, p.kept = generation, found
		}
	}
	return p.kept, doubtful, nil
}

// create makes the file, whole or not at all, so that writing to it later needs
// no room.
func (p *position) create(dir string, d disk) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file != nil {
		return nil
	}
	path := filepath.Join(dir, positionFile)
	file, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return fmt.Errorf("keep the position: %w", err)
	}
	b := make([]byte, 2*slotDistance)
	putSlot(b, p.kept, 0)
	putSlot(b[slotDistance:], p.kept, 1)
	if err = d.write(file, b, 0); err == nil {
		err = d.sync(file)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = d.syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("keep the position: %w", errors.Join(err, file.Close()))
	}
	p.file, p.generation, p.synced = file, 1, true
	return nil
}

// write keeps a place. The caller has mu.
func (p *position) write(at place, sync bool, d disk) error {
	if p.file == nil || at == p.kept && (p.synced || !sync) {
		return nil
	}
	if at != p.kept {
		var b [slotSize]byte
		putSlot(b[:], at, p.generation+1)
		// If it fails the slot may be damaged, and is written again next time;
		// the other one holds.
		if err := d.write(p.file, b[:], int64((p.generation+1)%2)*slotDistance); err != nil {
			return fmt.Errorf("keep the position: %w", err)
		}
		p.generation++
		p.kept, p.synced = at, false
	}
	if sync {
		if err := d.sync(p.file); err != nil {
			return fmt.Errorf("keep the position: %w", err)
		}
		p.synced = true
	}
	return nil
}

func putSlot(b []byte, at place, generation uint64) {
	le := binary.LittleEndian
	copy(b, positionMagic)
	le.PutUint64(b[8:], generation)
	le.PutUint64(b[16:], at.acked)
	le.PutUint64(b[24:], at.from)
	le.PutUint64(b[32:], at.to)
	le.PutUint32(b[40:], checksum(b[:40]))
}

func parseSlot(b []byte) (at place, generation uint64, whole bool) {
	le := binary.LittleEndian
	if string(b[:8]) != positionMagic || le.Uint32(b[40:]) != checksum(b[:40]) {
		return at, 0, false
	}
	return place{le.Uint64(b[16:]), le.Uint64(b[24:]), le.Uint64(b[32:])}, le.Uint64(b[8:]), true
}
