package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xml"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/envelope"
	"github.com/linewarden/linewarden/report/signed"
)

func newReportEnvelope(g *globals) *cobra.Command {
	c := group("envelope", "Seal files for an authority, keep them, hand them out again, and open them",
		newEnvelopeKey(g), newEnvelopeSeal(g), newEnvelopeList(g), newEnvelopeResend(g), newEnvelopeOpen(g), newEnvelopePrune(g))
	c.Long = "envelope packs XML documents of filings and data centres for a recipient: checked against their\n" +
		"schema, compressed, encrypted to the recipient's age key, hashed, numbered without a gap and\n" +
		"signed. Envelopes are kept in a folder. Nothing is sent anywhere: carrying them is for you."
	return c
}

// envelopeSpool is where the envelopes of an installation are, unless a folder
// is named.
func envelopeSpool(cfg *Config, named string) *envelope.Spool {
	if named == "" {
		named = filepath.Join(cfg.DataDir, "envelopes")
	}
	return envelope.OpenSpool(named)
}

func spoolFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "spool", "", "`folder` of the envelopes (default: envelopes in the data directory)")
}

func newEnvelopeKey(g *globals) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "key --out FILE", Short: "Make the key of a recipient: the file stays with it, what is printed is for who seals", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return usagef("--out is missing: name the file to write")
			}
			id, err := age.GenerateX25519Identity()
			if err != nil {
				return fmt.Errorf("make a key: %w", err)
			}
			f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return fmt.Errorf("make a key: %w", err)
			}
			_, err = fmt.Fprintf(f, "# public key: %s\n%s\n", id.Recipient(), id)
			if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
				return fmt.Errorf("make a key: %w", err)
			}
			_, err = fmt.Fprintln(g.out, id.Recipient())
			return err
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "`file` to write; it is never replaced")
	return c
}

// sealFlags are the flags of seal.
type sealFlags struct {
	to                                         []string
	toFile, spool, recipient, purpose, expires string
}

func newEnvelopeSeal(g *globals) *cobra.Command {
	var f sealFlags
	c := &cobra.Command{
		Use: "seal FILE.xml... --to KEY", Short: "Seal XML documents, one envelope each", Args: cobra.MinimumNArgs(1),
		Long: "seal checks each document against the schema of IP filings and data centre files; one that does\n" +
			"not fit keeps all of them from being sealed. KEY is an age key (age1…) of the recipient.",
		RunE: func(_ *cobra.Command, args []string) error { return g.sealEnvelopes(args, &f) },
	}
	flags := c.Flags()
	flags.StringArrayVar(&f.to, "to", nil, "age `key` of who may open it (age1…); may be given several times")
	flags.StringVar(&f.toFile, "to-file", "", "`file` with age keys, one a line")
	flags.StringVar(&f.recipient, "recipient", "", "`name` of who it is for; it stands on the envelope")
	flags.StringVar(&f.purpose, "purpose", "", "`text` that says what it is for; it stands on the envelope")
	flags.StringVar(&f.expires, "expires", "", "last `day` the content may be used (default: a year from now)")
	spoolFlag(c, &f.spool)
	return c
}

// recipients reads the keys of who may open an envelope.
func (f *sealFlags) recipients() ([]age.Recipient, error) {
	keys := strings.Join(f.to, "\n")
	if f.toFile != "" {
		text, err := os.ReadFile(f.toFile)
		if err != nil {
			return nil, fmt.Errorf("read the keys of recipients: %w", err)
		}
		keys += "\n" + string(text)
	}
	if strings.TrimSpace(keys) == "" {
		return nil, usagef("--to is missing: name the age key of the recipient; linewarden report envelope key makes one")
	}
	list, err := age.ParseRecipients(strings.NewReader(keys))
	if err != nil {
		return nil, usagef("--to: %w", err)
	}
	return list, nil
}

func (g *globals) sealEnvelopes(files []string, f *sealFlags) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	to, err := f.recipients()
	if err != nil {
		return err
	}
	now := time.Now()
	expires := registry.DateOf(now.In(cfg.location).AddDate(1, 0, 0))
	if f.expires != "" {
		if expires, err = registry.ParseDate(f.expires); err != nil {
			return usagef("--expires: %w", err)
		}
	}
	key, err := signed.OpenKey(keyDir(cfg))
	if err != nil {
		return err
	}
	documents, err := readDocuments(files)
	if err != nil {
		return err
	}
	spool := envelopeSpool(cfg, f.spool)
	for _, d := range documents {
		entry := envelope.Entry{At: now.UTC(), By: systemUser(), Recipient: f.recipient}
		entry, err := spool.Add(d, entry, func(number uint64) ([]byte, error) {
			return envelope.Seal(envelope.Header{
				Sender: cfg.Carrier.Name, Number: number, Created: now, Recipient: f.recipient, Purpose: f.purpose, Expires: expires.String(),
			}, d, fits, key, to...)
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(g.out, "%d %s\n", entry.Number, spool.File(entry.Number))
	}
	return nil
}

// readDocuments reads all documents and checks them, before any is sealed.
func readDocuments(files []string) ([]*envelope.Document, error) {
	var list []*envelope.Document
	var problems []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		d := &envelope.Document{Name: filepath.Base(file), Kind: documentKind(text), Content: text}
		if err := fits(d); err != nil {
			problems = append(problems, fmt.Errorf("seal %s: %w", file, err))
		}
		list = append(list, d)
	}
	return list, errors.Join(problems...)
}

// fits checks a document against its schema.
func fits(d *envelope.Document) error { return validFiling(d.Name, d.Content) }

// documentKind tells data centre files from filings.
func documentKind(text []byte) string {
	if bytes.Contains(text[:min(len(text), 4096)], []byte("<basicInfo")) {
		return "datacentre"
	}
	return "ip-filing"
}

func newEnvelopeList(g *globals) *cobra.Command {
	var spool, format string
	c := &cobra.Command{
		Use: "list", Short: "List the envelopes and what was done with each", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := g.config()
			if err != nil {
				return err
			}
			entries, err := envelopeSpool(cfg, spool).Entries()
			if err != nil {
				return err
			}
			if format == "json" {
				return report.WriteJSON(g.out, entries)
			}
			t := report.NewTable("号 NUMBER", "事件 EVENT", "时间 AT", "操作 BY", "文件 DOCUMENT", "类型 TYPE", "接收 RECIPIENT", "字节 BYTES", "SHA-256", "说明 NOTE")
			for i := range entries {
				e := &entries[i]
				t.AppendRow(table.Row{e.Number, e.Event, e.At.In(cfg.location).Format(time.RFC3339), e.By, e.Name, e.Kind, e.Recipient, e.Bytes, e.SHA256[:min(16, len(e.SHA256))], e.Note})
			}
			return g.writeTable(t, nil, format)
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	spoolFlag(c, &spool)
	return c
}

func newEnvelopeResend(g *globals) *cobra.Command {
	var spool, out, note string
	c := &cobra.Command{
		Use: "resend NUMBER --out FILE", Short: "Hand out an envelope once more, as it was sealed", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			number, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || number == 0 {
				return usagef("%q is not the number of an envelope", args[0])
			}
			if out == "" {
				return usagef("--out is missing: name the file to write")
			}
			cfg, err := g.config()
			if err != nil {
				return err
			}
			if _, err := os.Stat(out); err == nil {
				return fmt.Errorf("%s is there already; name another file", out)
			}
			text, err := envelopeSpool(cfg, spool).Again(number, time.Now(), systemUser(), note)
			if err != nil {
				return err
			}
			return writeFileWhole(out, text)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "`file` to write")
	c.Flags().StringVar(&note, "note", "", "`text` that says why; it stands in the list")
	spoolFlag(c, &spool)
	return c
}

func newEnvelopeOpen(g *globals) *cobra.Command {
	var key, identity, out string
	c := &cobra.Command{
		Use: "open FILE [--identity FILE --out FILE]", Short: "Check an envelope, and open it with the recipient's key", Args: cobra.ExactArgs(1),
		Long: "open checks hash and signature with the public key of the sender. With --identity it decrypts the\n" +
			"document too, checks it against its schema, and writes it to --out. It needs no store.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (identity == "") != (out == "") {
				return usagef("--identity and --out are given together: the key that opens, and the file to write")
			}
			return g.openEnvelope(cmd.Context(), args[0], key, identity, out)
		},
	}
	c.Flags().StringVar(&key, "key", "", "`file` with the public key of the sender (default: that of the data directory)")
	c.Flags().StringVar(&identity, "identity", "", "`file` with the age key of the recipient")
	c.Flags().StringVarP(&out, "out", "o", "", "`file` to write the document to; it is not replaced")
	return c
}

func (g *globals) openEnvelope(_ context.Context, file, keyFile, identity, out string) (err error) {
	if keyFile, err = g.publicKeyFile(keyFile); err != nil {
		return err
	}
	public, err := signed.ReadPublic(keyFile)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("open the envelope: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	e, err := envelope.Read(f)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := e.Check(public); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	fmt.Fprintf(g.out, "完整 intact: %s, number %d of %s, %s, for %s, until %s, signed with key %s\n",
		e.Name, e.Number, e.Sender, e.Created.Format(time.RFC3339), e.Recipient, e.Expires, e.Key)
	if identity == "" {
		return nil
	}
	return extract(e, identity, out)
}

// extract decrypts the document of an envelope into a file.
func extract(e *envelope.Envelope, identity, out string) error {
	text, err := os.ReadFile(identity)
	if err != nil {
		return fmt.Errorf("read the key of the recipient: %w", err)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", identity, err)
	}
	d, err := e.Open(identities...)
	if err != nil {
		return err
	}
	if problems := xml.Validate(d.Name, bytes.NewReader(d.Content)); len(problems) > 0 {
		return fmt.Errorf("the document does not fit its schema: %s (%d problems)", problems[0], len(problems))
	}
	if _, err := os.Stat(out); err == nil {
		return fmt.Errorf("%s is there already; name another file", out)
	}
	return writeFileWhole(out, d.Content)
}

func newEnvelopePrune(g *globals) *cobra.Command {
	var (
		spool string
		days  int
	)
	c := &cobra.Command{
		Use: "prune", Short: "Delete old envelopes; the list keeps what they were", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := g.config()
			if err != nil {
				return err
			}
			done, err := envelopeSpool(cfg, spool).Prune(time.Duration(days)*24*time.Hour, time.Now(), systemUser())
			if errors.Is(err, envelope.ErrTooYoung) {
				return usagef("--older-than: %w", err)
			}
			fmt.Fprintf(g.err, "%d envelopes deleted\n", len(done))
			return err
		},
	}
	c.Flags().IntVar(&days, "older-than", 365, "`days` after which an envelope is deleted; at least 92")
	spoolFlag(c, &spool)
	return c
}
