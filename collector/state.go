package collector

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// SaveState writes the state to a file, whole or not at all: a crash in between
// leaves the file as it was. The last one is of a decoder that has ended.
func SaveState(path string, state State, last bool) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("save templates and sampling rates: %w", err)
		}
	}()
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	if err := fill(file, state, last); err != nil {
		return errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	if err := file.Close(); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncFolder(folder)
}

func fill(file *os.File, state State, last bool) error {
	buffered := bufio.NewWriter(file)
	if err := state.Save(buffered, last); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return file.Sync()
}

// syncFolder makes a rename in the folder last over a loss of power.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// LoadState reads what SaveState wrote. A missing file is an empty state. A
// file that cannot be read costs what was in it and nothing more: it is set
// aside under the name path.damaged, and the state stays empty.
func LoadState(path string, state State, logger *slog.Logger) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load templates and sampling rates: %w", err)
	}
	failure := state.Load(bufio.NewReader(file))
	if err := file.Close(); err != nil {
		return fmt.Errorf("load templates and sampling rates: %w", err)
	}
	if failure == nil {
		return nil
	}
	aside := path + ".damaged"
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("set damaged state aside: %w", err)
	}
	logger.Warn("the saved templates and sampling rates are damaged; data waits until the exporters send them again",
		"file", aside, "error", failure)
	return nil
}
