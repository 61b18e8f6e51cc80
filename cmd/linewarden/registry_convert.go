package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xlsx"
	"github.com/linewarden/linewarden/registry/xml"
)

func newRegistryConvert(g *globals) *cobra.Command {
	var (
		out, ledgers string
		force        bool
	)
	c := &cobra.Command{
		Use:   "convert FILE... --out DIR",
		Short: "Make ledgers of the XML files of IP filings and data centres",
		Long: "convert reads XML files (IP address filings V.3.0 in GBK, and files like those of the information\n" +
			"security systems of data centres) and writes the ledgers they fill as CSV into DIR, to be looked\n" +
			"through, completed and imported. Enterprises that the ledgers of --ledgers name keep their ids.\n" +
			"Persons are never taken over. Nothing is written when a file has an error.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usagef("name the directory of the ledgers with --out")
			}
			return g.convertLedgers(args, out, ledgers, force)
		},
	}
	c.Flags().StringVar(&out, "out", "", "`directory` to write the ledgers to")
	c.Flags().StringVar(&ledgers, "ledgers", "", "`directory` of ledgers whose enterprises keep their ids, by name")
	c.Flags().BoolVar(&force, "force", false, "replace ledgers that are in the directory already")
	return c
}

func (g *globals) convertLedgers(files []string, out, ledgers string, force bool) error {
	var known []registry.Table
	if ledgers != "" {
		tables, problems := registry.Read(ledgers, xlsx.Reader{})
		if err := firstError(problems); err != nil {
			return fmt.Errorf("ledgers in %s: %w", ledgers, err)
		}
		known = tables
	}
	converter, show := xml.NewConverter(known), newProgress(g.err)
	failed := false
	for i, file := range files {
		show.say("%d of %d files: %s", i+1, len(files), file)
		problems, err := convertFile(converter, file)
		if err != nil {
			show.end()
			return err
		}
		if len(problems) > 0 {
			show.end()
		}
		for _, p := range problems {
			text := p.String()
			if p.Warning {
				text += " (warning)"
			}
			fmt.Fprintln(g.err, text)
			failed = failed || !p.Warning
		}
	}
	show.end()
	if failed {
		fmt.Fprintln(g.err, "nothing was written")
		return errSilent
	}
	return g.writeLedgers(converter.Tables(), out, force)
}

func convertFile(c *xml.Converter, file string) (_ []registry.Problem, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return c.Read(file, f), nil
}

// writeLedgers writes tables as CSV, none over a ledger that is there unless
// that is forced.
func (g *globals) writeLedgers(tables []registry.Table, dir string, force bool) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("write ledgers: %w", err)
	}
	for _, t := range tables {
		name := filepath.Join(dir, t.Name+".csv")
		if _, err := os.Lstat(name); !force && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already and was not replaced, nothing was written; choose another directory, or use --force", name)
		}
	}
	rows := 0
	for _, t := range tables {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.Write(t.Columns); err != nil {
			return fmt.Errorf("write ledger %s: %w", t.Name, err)
		}
		for _, r := range t.Rows {
			if err := w.Write(r.Fields); err != nil {
				return fmt.Errorf("write ledger %s: %w", t.Name, err)
			}
		}
		if w.Flush(); w.Error() != nil {
			return fmt.Errorf("write ledger %s: %w", t.Name, w.Error())
		}
		if err := writeFileWhole(filepath.Join(dir, t.Name+".csv"), b.Bytes()); err != nil {
			return err
		}
		rows += len(t.Rows)
	}
	fmt.Fprintf(g.err, "%d rows in %d ledgers written to %s; see linewarden registry check %s\n", rows, len(tables), dir, dir)
	return nil
}
