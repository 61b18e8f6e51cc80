package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// oneOf checks the value of a flag that takes a few words.
func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return usagef("--%s: %q is not one of %s", flag, value, strings.Join(allowed, ", "))
}

// formatFlag gives a command the flag --format. The first of the words holds
// unless another is named.
func formatFlag(flags *pflag.FlagSet, into *string, words ...string) {
	*into = words[0]
	last := len(words) - 1
	flags.Var(&word{into, words}, "format", strings.Join(words[:last], ", ")+" or "+words[last])
}

// word is the value of a flag that takes one of a few words.
type word struct {
	value   *string
	allowed []string
}

func (w *word) String() string { return *w.value }

func (w *word) Type() string { return "string" }

// Set takes the value, or says which there are.
func (w *word) Set(value string) error {
	if !slices.Contains(w.allowed, value) {
		return fmt.Errorf("it is not one of %s", strings.Join(w.allowed, ", "))
	}
	*w.value = value
	return nil
}

// writeOut calls write with the output stream, or with a file that appears
// only when it is whole.
func (g *globals) writeOut(file string, write func(io.Writer) error) error {
	if file == "" || file == "-" {
		return write(g.out)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	return writeFileWhole(file, b.Bytes())
}

// writeFileWhole writes a file under another name beside it and renames it, so
// that nobody sees half of it. What is no regular file, such as a device or a
// pipe, is written to and never replaced; a link stays one.
func writeFileWhole(file string, content []byte) (err error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("write %s: %w", file, err)
	case !info.Mode().IsRegular():
		return writeInto(file, content)
	default:
		if file, err = filepath.EvalSymlinks(file); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", file, err)
			if rerr := os.Remove(tmp.Name()); rerr != nil && !os.IsNotExist(rerr) {
				err = fmt.Errorf("%w (and %s stays: %w)", err, tmp.Name(), rerr)
			}
		}
	}()
	_, err = tmp.Write(content)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

// writeInto writes to what is there already.
func writeInto(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if _, err = f.Write(content); err != nil {
		err = fmt.Errorf("write %s: %w", file, err)
	}
	return errors.Join(err, f.Close())
}
