package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/linewarden/linewarden/storage"
)

// identityFile is the name by which a daemon is known to others on its store.
const identityFile = "daemon.id"

// leadRules runs the rules by the clock while this daemon is the one of all on
// its store that does. A daemon alone leads at once, also after it was killed:
// it comes back under its name.
func (d *daemon) leadRules(ctx context.Context) error {
	name, err := identity(d.cfg.DataDir)
	if err != nil {
		return err
	}
	return d.store.NewLease(storage.LeaseConfig{Name: "rules", Holder: name}).Lead(ctx, func(ctx context.Context, _ uint64) {
		d.auditor.schedule(ctx)
	})
}

// identity returns the name of the daemon on a data directory, which it has to
// itself. The name of the machine is in it, so that a copied directory is
// another one.
func identity(dir string) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name this daemon: %w", err)
	}
	file := filepath.Join(dir, identityFile)
	text, err := os.ReadFile(file)
	id := strings.TrimSpace(string(text))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("name this daemon: %w", err)
	case uuid.Validate(id) != nil:
		id = uuid.NewString()
		if err := writeFileWhole(file, []byte(id+"\n")); err != nil {
			return "", fmt.Errorf("name this daemon: %w", err)
		}
	}
	return host + "/" + id, nil
}
