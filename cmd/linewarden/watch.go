package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// fileMark is what changes with a file.
type fileMark struct {
	size     int64
	modified int64 // nanoseconds
}

// fileWatch notices that files have changed. It asks for them from time to time:
// that sees what notifications do not, as volumes of networks and the links that
// Kubernetes swaps.
type fileWatch struct {
	taken map[string]fileMark // when they were last read
	seen  map[string]fileMark // at the last look
}

func newFileWatch(sources []string) *fileWatch {
	w := &fileWatch{}
	w.reset(sources)
	return w
}

// reset takes the files as they are for what has been read.
func (w *fileWatch) reset(sources []string) {
	w.taken = markFiles(sources)
	w.seen = w.taken
}

// changed tells that files differ from those that were read, and have been so
// since the last look.
func (w *fileWatch) changed(sources []string) bool {
	now := markFiles(sources)
	settled := maps.Equal(now, w.seen)
	w.seen = now
	return settled && !maps.Equal(now, w.taken)
}

// markFiles marks files, and those in directories. What is not there has no mark.
func markFiles(sources []string) map[string]fileMark {
	marks := make(map[string]fileMark)
	mark := func(name string) bool {
		info, err := os.Stat(name)
		if err != nil {
			return false
		}
		marks[name] = fileMark{info.Size(), info.ModTime().UnixNano()}
		return info.IsDir()
	}
	for _, s := range sources {
		if s == "" || !mark(s) {
			continue
		}
		entries, err := os.ReadDir(s)
		if err != nil {
			continue
		}
		for _, e := range entries {
			mark(filepath.Join(s, e.Name()))
		}
	}
	return marks
}

// followFiles reads ledgers, rules and the like anew at each hangup, and where
// the configuration asks for it when they change, until ended is closed.
func (d *daemon) followFiles(ctx context.Context, g *globals, hangups <-chan os.Signal, ended <-chan struct{}) {
	cfg := d.cfg
	sources := func() []string { return cfg.sources(g.fileOfConfig()) }
	var looks <-chan time.Time
	if every := time.Duration(d.cfg.Reload.Watch); every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		looks = ticker.C
	}
	files := newFileWatch(sources())
	for {
		select {
		case <-ended:
			return
		case <-hangups:
		case <-looks:
			if !files.changed(sources()) {
				continue
			}
			d.log.Info("files have changed and are read anew")
		}
		files.reset(sources())
		cfg = d.reload(ctx, g, cfg)
	}
}
