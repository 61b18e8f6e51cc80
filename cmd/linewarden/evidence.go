package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

func newEvidence(g *globals) *cobra.Command {
	var out string
	var force bool
	c := &cobra.Command{
		Use: "evidence ID --out FILE.zip", Short: "Write a signed evidence package of a finding", Args: cobra.ExactArgs(1),
		Long: "evidence writes a zip file with all that a finding rests on, signed with the key of this\n" +
			"installation, which is made when it is first needed. Whoever has the public key checks it with\n" +
			"linewarden verify, offline and without the daemon; linewarden evidence key prints that key.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("--out is missing: name the file to write")
			}
			return g.writeEvidence(cmd.Context(), args[0], out, force)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "`file` to write")
	c.Flags().BoolVar(&force, "force", false, "replace the file if it is there")
	c.AddCommand(newEvidenceKey(g))
	return c
}

func newEvidenceKey(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "key", Short: "Print the public key that checks evidence packages and reports", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := g.config()
			if err != nil {
				return err
			}
			key, err := signed.OpenKey(keyDir(cfg))
			if err != nil {
				return err
			}
			text, err := signed.MarshalPublic(signed.PublicOf(key))
			if err != nil {
				return err
			}
			fmt.Fprintf(g.err, "key %s\n", signed.KeyID(signed.PublicOf(key)))
			_, err = g.out.Write(text)
			return err
		},
	}
}

// keyDir is where the keys of an installation are.
func keyDir(cfg *Config) string { return filepath.Join(cfg.DataDir, "keys") }

func (g *globals) writeEvidence(ctx context.Context, id, out string, force bool) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	if _, err := os.Stat(out); err == nil && !force {
		return fmt.Errorf("%s is there already; name another file, or replace it with --force", out)
	}
	key, err := signed.OpenKey(keyDir(cfg))
	if err != nil {
		return err
	}
	s, err := openStore(ctx, g)
	if err != nil {
		return err
	}
	return s.closeAfter(ctx, func() error {
		m, err := gatherEvidence(ctx, cfg, s.Store, id)
		if err != nil {
			return err
		}
		return g.writeOut(out, func(w io.Writer) error { return evidence.Write(w, m, key) })
	})
}

func newVerify(g *globals) *cobra.Command {
	var (
		log         bool
		key, format string
	)
	c := &cobra.Command{
		Use: "verify FILE.zip | verify DIR | verify --log", Short: "Check an evidence package, a report, or the log of findings", Args: cobra.MaximumNArgs(1),
		Long: "verify FILE.zip checks an evidence package with the public key of who signed it: offline,\n" +
			"without a store. It compares every file with the signed manifest, derives the verdict again\n" +
			"from the fact, and names what was altered, left out or added.\n\n" +
			"verify DIR checks a report in the same way, and counts its findings again.\n\n" +
			"verify --log reads the log of all findings of the store, in which each event holds the hash of\n" +
			"the one before, and compares every finding with what its last event says of it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case log == (len(args) == 1):
				return usagef("say what to verify: a FILE.zip, the DIR of a report, or --log")
			case log:
				return g.verifyLog(cmd.Context())
			}
			if err := oneOf("format", format, "text", "json"); err != nil {
				return err
			}
			if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
				return g.verifyReport(args[0], key, format)
			}
			return g.verifyPackage(args[0], key, format)
		},
	}
	c.Flags().BoolVar(&log, "log", false, "check the log of findings of the store")
	c.Flags().StringVar(&key, "key", "", "`file` with the public key (default: that of the data directory)")
	c.Flags().StringVar(&format, "format", "text", "text or json")
	return c
}

// publicKeyFile returns the file with the public key: the one that was named,
// or the key directory of this installation.
func (g *globals) publicKeyFile(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	cfg, err := g.config()
	if err != nil {
		return "", err
	}
	dir := keyDir(cfg)
	if _, err := os.Stat(dir); err != nil {
		return "", usagef("--key is missing: name the file with the public key of who signed it")
	}
	return dir, nil
}

func (g *globals) verifyPackage(file, keyFile, format string) (err error) {
	if keyFile, err = g.publicKeyFile(keyFile); err != nil {
		return err
	}
	public, err := signed.ReadPublic(keyFile)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("open the evidence package: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open the evidence package: %w", err)
	}
	v, err := evidence.Verify(f, info.Size(), public, rules.Catalogue())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if format == "json" {
		err = report.WriteValue(g.out, v)
	} else {
		err = g.printVerdict(file, v)
	}
	if err == nil && !v.Intact() {
		err = errSilent
	}
	return err
}

func (g *globals) printVerdict(file string, v *evidence.Verdict) error {
	m := &v.Manifest
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s v%s · %s %s · %s · key %s\n", file, m.Rule, m.RuleVersion, m.Subject.Kind, m.Subject.ID, m.State, m.Key)
	for _, p := range v.Problems {
		fmt.Fprintf(&b, "异常 problem: %s\n", p)
	}
	if v.Intact() {
		fmt.Fprintf(&b, "完整 intact: %d files as signed, the verdict follows from the fact\n", len(m.Files))
	}
	_, err := g.out.Write(b.Bytes())
	return err
}

func (g *globals) verifyLog(ctx context.Context) error {
	s, err := openStore(ctx, g)
	if err != nil {
		return err
	}
	return s.closeAfter(ctx, func() error {
		c, err := s.CheckLog(ctx)
		if err != nil {
			return fmt.Errorf("verify the log: %w", err)
		}
		if c.Unchained > 0 {
			fmt.Fprintf(g.out, "%d events are from before the log was a chain and cannot be checked\n", c.Unchained)
		}
		if c.First > 1 {
			fmt.Fprintf(g.out, "the log begins with event %d; older ones were removed after their retention\n", c.First)
		}
		fmt.Fprintf(g.out, "完整 intact: %d events, %d findings; last event %d, hash %s\n", c.Events, c.Findings, c.Last.Number, c.Last.Hash)
		return nil
	})
}
