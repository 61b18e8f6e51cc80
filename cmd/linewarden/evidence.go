package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/casefile"
	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/report/timestamp"
	"github.com/linewarden/linewarden/rules"
)

func newEvidence(g *globals) *cobra.Command {
	var f evidenceFlags
	c := &cobra.Command{
		Use: "evidence ID --out FILE.zip", Short: "Write a signed evidence package of a finding", Args: cobra.ExactArgs(1),
		Long: "evidence writes a zip file with all that a finding rests on, signed with the key of this\n" +
			"installation, which is made when it is first needed. Whoever has the public key checks it with\n" +
			"linewarden verify, offline and without the daemon; linewarden evidence key prints that key.\n\n" +
			"A package shows what was measured, unmasked, as it is for an authorised case: where there are\n" +
			"accounts it takes the role for it and --reason, which stand in the audit log and on the package.\n" +
			"linewarden report problem writes a masked account of a case. --timestamp-request writes what a time-stamping authority is asked (RFC 3161); its\n" +
			"answer goes into the package with --timestamp, or later with linewarden evidence stamp.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.out == "" {
				return usagef("--out is missing: name the file to write")
			}
			return g.writeEvidence(cmd.Context(), args[0], &f)
		},
	}
	f.bind(c, evidencePurpose())
	f.bindWho(c)
	c.Flags().StringVarP(&f.out, "out", "o", "", "`file` to write")
	c.Flags().BoolVar(&f.force, "force", false, "replace the files if they are there")
	c.Flags().StringVar(&f.request, "timestamp-request", "", "`file` to write a request for a time-stamp of the manifest to (.tsq)")
	c.Flags().StringVar(&f.timestamp, "timestamp", "", "`file` with the answer of a time-stamping authority about the manifest (.tsr)")
	c.AddCommand(newEvidenceKey(g), newEvidenceStamp(g))
	return c
}

// evidencePurpose is what a package is for where nothing else is said. It has the
// case file in both languages.
func evidencePurpose() rules.Text {
	return rules.Text{ZH: "案件证据 evidence of a case", EN: "evidence of a case"}
}

// evidenceFlags are the flags of evidence.
type evidenceFlags struct {
	handlingFlags
	out, request, timestamp string
	force                   bool
}

// checkUnmasked checks what says who asks for a package and why.
func (f *evidenceFlags) checkUnmasked(cfg *Config) error {
	f.unmasked, f.action = true, "evidence_written"
	return f.check(cfg)
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

func (g *globals) writeEvidence(ctx context.Context, id string, f *evidenceFlags) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	if err := f.checkUnmasked(cfg); err != nil {
		return err
	}
	for _, file := range []string{f.out, f.request} {
		if _, err := os.Stat(file); err == nil && !f.force {
			return fmt.Errorf("%s is there already; name another file, or replace it with --force", file)
		}
	}
	key, err := signed.OpenKey(keyDir(cfg))
	if err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		m, err := gatherEvidence(ctx, cfg, s.Store, id)
		if err != nil {
			return err
		}
		privacy, err := f.privacy(cfg, "", registry.DateOf(m.Finding.Window.To.In(cfg.location)))
		if err != nil {
			return err
		}
		if privacy.By, err = f.permit(ctx, cfg, g.err, "finding/"+id, m.Finding.Province); err != nil {
			return err
		}
		m.Handling = privacy.Handling()
		if f.timestamp != "" {
			if m.Timestamp, err = os.ReadFile(f.timestamp); err != nil {
				return fmt.Errorf("read the time-stamp: %w", err)
			}
		}
		var b bytes.Buffer
		if err := casefile.Pack(&b, m, key); err != nil {
			if errors.Is(err, timestamp.ErrOther) {
				err = fmt.Errorf("%w; the case has moved on since it was asked for: put it into the package of then with linewarden evidence stamp", err)
			}
			return err
		}
		return g.keepPackage(b.Bytes(), f)
	})
}

// keepPackage writes a package, and where it is wanted what a time-stamping
// authority is asked about it.
func (g *globals) keepPackage(packed []byte, f *evidenceFlags) error {
	if err := g.writeOut(f.out, func(w io.Writer) error { _, err := w.Write(packed); return err }); err != nil || f.request == "" {
		return err
	}
	return writeRequest(f.out, f.request)
}

func newVerify(g *globals) *cobra.Command {
	var f verifyFlags
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
			case f.log == (len(args) == 1):
				return usagef("say what to verify: a FILE.zip, the DIR of a report, or --log")
			case f.log:
				return g.verifyLog(cmd.Context())
			}
			if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
				return g.verifyReport(args[0], &f)
			}
			return g.verifyPackage(args[0], &f)
		},
	}
	c.Flags().BoolVar(&f.log, "log", false, "check the log of findings of the store")
	c.Flags().StringVar(&f.key, "key", "", "`file` with the public key (default: that of the data directory)")
	c.Flags().StringVar(&f.tsaCA, "tsa-ca", "", "`file` with certificates (PEM) of time-stamping authorities to trust; a time-stamp is asked for then")
	c.Flags().StringArrayVar(&f.tsaLists, "tsa-crl", nil, "`file` with the revoked certificates (CRL, DER or PEM) of an authority; may be given several times")
	formatFlag(c.Flags(), &f.format, "text", "json")
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

// verifyFlags are the flags of verify.
type verifyFlags struct {
	log                bool
	key, format, tsaCA string
	tsaLists           []string
}

// public reads the key that signatures are checked with.
func (f *verifyFlags) public(g *globals) (ed25519.PublicKey, error) {
	file, err := g.publicKeyFile(f.key)
	if err != nil {
		return nil, err
	}
	return signed.ReadPublic(file)
}

// trust reads what time-stamps are checked by; nil where no authority was named.
func (f *verifyFlags) trust() (*timestamp.Trust, error) {
	if f.tsaCA == "" {
		if len(f.tsaLists) > 0 {
			return nil, usagef("--tsa-crl is given with --tsa-ca only")
		}
		return nil, nil
	}
	text, err := os.ReadFile(f.tsaCA)
	if err != nil {
		return nil, fmt.Errorf("read the certificates of authorities: %w", err)
	}
	var t timestamp.Trust
	if t.Roots, err = timestamp.Roots(text); err != nil {
		return nil, fmt.Errorf("--tsa-ca %s: %w", f.tsaCA, err)
	}
	for _, file := range f.tsaLists {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the revoked certificates: %w", err)
		}
		lists, err := timestamp.Lists(text)
		if err != nil {
			return nil, fmt.Errorf("--tsa-crl %s: %w", file, err)
		}
		t.Lists = append(t.Lists, lists...)
	}
	return &t, nil
}

// stampText tells of a time-stamp; nothing where there is none.
func stampText(s *timestamp.Stamp) string {
	switch {
	case s == nil:
		return ""
	case s.Unrevoked:
		return fmt.Sprintf("时间戳 time-stamp: %s by %s, serial %s, not revoked\n", s.Time.Format(time.RFC3339), s.Signer, s.Serial)
	case s.Trusted:
		return fmt.Sprintf("时间戳 time-stamp: %s by %s, serial %s; revocation was not checked: name lists with --tsa-crl\n", s.Time.Format(time.RFC3339), s.Signer, s.Serial)
	}
	return fmt.Sprintf("时间戳 time-stamp: %s by %s, who was not checked: name the authority with --tsa-ca\n", s.Time.Format(time.RFC3339), s.Signer)
}

func (g *globals) verifyPackage(file string, flags *verifyFlags) (err error) {
	public, err := flags.public(g)
	if err != nil {
		return err
	}
	trust, err := flags.trust()
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
	v.CheckStamp(trust)
	if flags.format == "json" {
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
	b.WriteString(stampText(v.Stamp))
	_, err := g.out.Write(b.Bytes())
	return err
}

func (g *globals) verifyLog(ctx context.Context) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
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
