package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// precisionTime is how long a command that only shows rules waits for the store:
// the rules are known without it.
const precisionTime = 10 * time.Second

// adjudications returns what people decided about the findings of each rule.
// Without a store nobody has decided anything; a store that does not answer is
// said on stderr, and known is false.
func (g *globals) adjudications(ctx context.Context, cfg *Config) (all []rules.Adjudications, known bool) {
	if len(cfg.Storage.ClickHouse.Addr) == 0 {
		if _, err := os.Stat(cfg.Storage.Embedded.Path); errors.Is(err, os.ErrNotExist) {
			return nil, true
		}
	}
	ctx, cancel := context.WithTimeout(ctx, precisionTime)
	defer cancel()
	s, err := openAsIs(ctx, cfg, true, g.logger())
	if err == nil {
		err = s.closeAfter(ctx, func() error {
			all, err = s.Adjudications(ctx)
			return err
		})
	}
	if err != nil {
		fmt.Fprintf(g.err, "查准率未知 the precision of the rules is not known: %v\n", err)
		return nil, false
	}
	return all, true
}

// precisionText writes a precision that may not be known.
func precisionText(p *rules.Precision) string {
	if p == nil {
		return "未知 not known"
	}
	return p.String()
}
