package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/linewarden/linewarden/console/manual"
	"github.com/linewarden/linewarden/report"
)

func newManual(g *globals) *cobra.Command {
	var lang string
	c := &cobra.Command{
		Use:   "manual [PAGE]",
		Short: "Print a page of the manual, or list its pages",
		Long: "manual prints a page of the manual as Markdown, in Chinese or English, and without a page the\n" +
			"list of them. The manual is inside the program: no network is needed.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := oneOf("lang", lang, manual.Chinese, manual.English); err != nil {
				return err
			}
			if len(args) == 0 {
				return g.listManual(lang)
			}
			page, ok := manual.Find(lang, strings.TrimSuffix(args[0], ".md"))
			if !ok {
				return fmt.Errorf("there is no page %q, see linewarden manual", args[0])
			}
			_, err := fmt.Fprint(g.out, page.Text)
			return err
		},
	}
	c.Flags().StringVar(&lang, "lang", manual.Chinese, "language: zh or en")
	c.AddCommand(newManPages())
	return c
}

func (g *globals) listManual(lang string) error {
	t := report.NewTable("页 PAGE", "类别 KIND", "标题 TITLE")
	for _, p := range manual.Pages(lang) {
		t.AppendRow([]any{p.ID, string(p.Kind), p.Title})
	}
	_, err := fmt.Fprintln(g.out, t.Render())
	return err
}

func newManPages() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write a man page for each command", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("make the directory of man pages: %w", err)
			}
			return writeManPages(cmd.Root(), args[0])
		},
	}
}

// writeManPages writes the page of a command and those below it, so that
// `man linewarden-findings-list` shows what --help does.
func writeManPages(c *cobra.Command, dir string) error {
	if c.Hidden || c.Name() == "help" {
		return nil
	}
	file := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
	if err := os.WriteFile(file, []byte(manPage(c)), 0o644); err != nil {
		return fmt.Errorf("write man page: %w", err)
	}
	for _, sub := range c.Commands() {
		if err := writeManPages(sub, dir); err != nil {
			return err
		}
	}
	return nil
}

// manPage is the page of one command in the macros of man(7).
func manPage(c *cobra.Command) string {
	var b strings.Builder
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".TH %s 1\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n", roff(strings.ToUpper(name)), roff(name), roff(c.Short), roff(c.UseLine()))
	long := c.Long
	if long == "" {
		long = c.Short
	}
	fmt.Fprintf(&b, ".SH DESCRIPTION\n.nf\n%s\n.fi\n", roff(long))
	manFlags(&b, "OPTIONS", c.NonInheritedFlags())
	manFlags(&b, "GLOBAL OPTIONS", c.InheritedFlags())
	if c.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(name+"-"+sub.Name()+"(1)"), roff(sub.Short))
			}
		}
	}
	b.WriteString(".SH EXIT STATUS\n0 done, 1 the work failed or found invalid input, 2 wrong usage.\n")
	return b.String()
}

func manFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		head := "--" + f.Name
		if f.Shorthand != "" {
			head = "-" + f.Shorthand + ", " + head
		}
		if value != "" {
			head += " " + value
		}
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(head), roff(usage))
	})
}

// roff escapes what roff would read as its own: backslashes, hyphens, and dots
// and quotes that begin a line.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
