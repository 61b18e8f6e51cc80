package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// streams are where a command writes: data to out, words for people to err.
type streams struct {
	out, err io.Writer
}

// errSilent ends a command with exit code 1 after it has said all itself.
var errSilent = errors.New("failed")

// usageError is a mistake in the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// globals are the flags of every command.
type globals struct {
	streams
	configFile string
	dataDir    string
	verbose    bool
}

func newRoot(io streams) *cobra.Command {
	g := &globals{streams: io}
	root := &cobra.Command{
		Use:           "linewarden",
		Short:         "Audits how a carrier's network resources are really used",
		Long:          "linewarden audits how a carrier's network resources are really used: it collects flow exports\nfrom routers, compares them with the ledgers of lines, addresses and licences, and raises\nfindings with their evidence. It observes and reports; it never blocks.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSubcommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&g.configFile, "config", "", "configuration `file` (default $LINEWARDEN_CONFIG, else ./linewarden.yaml if it is there)")
	flags.StringVar(&g.dataDir, "data", "", "data `directory`: base of engine, spool and keys (default ./data)")
	flags.BoolVarP(&g.verbose, "verbose", "v", false, "log more")
	root.AddCommand(
		newServe(g), newDemo(g), newImport(g), newFlows(g), newRoutes(g), newRegistry(g),
		traced(g, newAudit(g)), newFindings(g), newRejudge(g), newEvidence(g), newVerify(g), traced(g, newReport(g)), newRules(g), newEngine(g), newBackup(g), newRestore(g), newRetention(g), newSchema(g), newUser(g), newToken(g), newVersion(g), newDoctor(g), newManual(g),
	)
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if !c.Runnable() { // that of the shells, which would show its help for any word
			c.Args, c.RunE = noSubcommand, needsSubcommand
		}
	}
	markUsage(root)
	return root
}

// noSubcommand refuses words that are no command.
func noSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("unknown command %q for %q", strings.Join(args, " "), cmd.CommandPath())
}

// markUsage makes every argument check of the tree a usage error.
func markUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			var usage usageError
			if err == nil || errors.As(err, &usage) {
				return err
			}
			return usageError{err}
		}
	}
	for _, sub := range cmd.Commands() {
		markUsage(sub)
	}
}

// group makes a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: noSubcommand, RunE: needsSubcommand}
	c.AddCommand(subs...)
	return c
}

// needsSubcommand is run by a command that only holds others.
func needsSubcommand(cmd *cobra.Command, _ []string) error {
	return usagef("%s needs one of its subcommands, see %s --help", cmd.CommandPath(), cmd.CommandPath())
}

// logger returns the logger of a command; it writes to the error stream.
func (g *globals) logger() *slog.Logger {
	level := slog.LevelWarn
	if g.verbose {
		level = slog.LevelDebug
	}
	return g.loggerAt(level)
}

func (g *globals) loggerAt(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(g.err, &slog.HandlerOptions{Level: level, ReplaceAttr: plainErrors}))
}

// plainErrors writes errors as what they say. The handler would ask those of
// some libraries for the stacks of their making, over many lines.
func plainErrors(_ []string, a slog.Attr) slog.Attr {
	if err, ok := a.Value.Any().(error); ok {
		a.Value = slog.StringValue(err.Error())
	}
	return a
}

// config reads the configuration and lays the global flags over it.
func (g *globals) config() (*Config, error) { return LoadConfig(g.fileOfConfig(), g.dataDir) }

// fileOfConfig is the file that is read, empty if there is none.
func (g *globals) fileOfConfig() string {
	file := g.configFile
	if file == "" {
		file = os.Getenv("LINEWARDEN_CONFIG")
	}
	if file == "" {
		if _, err := os.Stat("linewarden.yaml"); err == nil {
			file = "linewarden.yaml"
		}
	}
	return file
}

// isTerminal reports whether w is a terminal, where progress is shown.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && filepath.Base(f.Name()) != "null"
}

func newVersion(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(g.out, "linewarden", version())
			return err
		},
	}
}

// version returns the module version the binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
