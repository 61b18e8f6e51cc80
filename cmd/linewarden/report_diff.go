package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/report/quarterly"
	"github.com/linewarden/linewarden/report/signed"
)

func newReportDiff(g *globals) *cobra.Command {
	var key string
	c := &cobra.Command{
		Use: "diff OLD NEW", Short: "Say why two reports of a quarter are not the same", Args: cobra.ExactArgs(2),
		Long: "diff compares the directories of two reports: the versions of ledgers, rules and log they were\n" +
			"made from, and every finding that is new, gone or told otherwise. It needs no store.",
		RunE: func(_ *cobra.Command, args []string) error { return g.diffReports(args[0], args[1], key) },
	}
	c.Flags().StringVar(&key, "key", "", "`file` with the public key (default: that of the data directory)")
	return c
}

func (g *globals) diffReports(before, after, keyFile string) error {
	keyFile, err := g.publicKeyFile(keyFile)
	if err != nil {
		return err
	}
	public, err := signed.ReadPublic(keyFile)
	if err != nil {
		return err
	}
	var opened [2]*signed.Opened
	for i, dir := range []string{before, after} {
		if opened[i], err = signed.Open(os.DirFS(dir), public); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		for _, p := range opened[i].Problems {
			fmt.Fprintf(g.err, "%s: %s\n", dir, p)
		}
	}
	lines, err := quarterly.Differ(opened[0], opened[1])
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		lines = []string{"一致 identical"}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(g.out, line); err != nil {
			return err
		}
	}
	return nil
}
