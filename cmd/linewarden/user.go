package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/console/audit"
	"github.com/linewarden/linewarden/report"
)

func newUser(g *globals) *cobra.Command {
	return group("user", "Manage the people who may use the console", newUserAdd(g), newUserPasswd(g), newUserList(g), newUserRemove(g))
}

// passwordFlag names the file of a password. There is no flag for the password
// itself: everybody on the machine can read the arguments of a command.
func passwordFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "password-file", "", "`file` with the password in its first line (default: asked for on a terminal, else read from standard input)")
}

func newUserAdd(g *globals) *cobra.Command {
	var role, provinces, file string
	c := &cobra.Command{
		Use: "add NAME", Short: "Add a user", Args: cobra.ExactArgs(1),
		Long: "add makes a user of the console. The password is asked for twice on a terminal; elsewhere it is\n" +
			"the first line of standard input or of --password-file. A daemon that runs takes the user at once.",
		RunE: func(cmd *cobra.Command, args []string) error {
			scope, err := scopeOf(role, provinces)
			if err != nil {
				return err
			}
			return g.changeAccounts(func(cfg *Config, f *accounts.File) (string, string, error) {
				if _, ok, err := f.User(args[0]); err != nil || ok {
					return "", "", errors.Join(err, errIf(ok, fmt.Errorf("%w: %s", accounts.ErrExists, args[0])))
				}
				password, err := readPassword(cmd.InOrStdin(), g.err, file)
				if err != nil {
					return "", "", err
				}
				return "user_add", "user/" + args[0], f.AddUser(args[0], scope, password)
			})
		},
	}
	c.Flags().StringVar(&role, "role", "", "what the user may do: "+strings.Join(accounts.Roles(), ", ")+" (required)")
	c.Flags().StringVar(&provinces, "provinces", "", "`codes` of provinces the user is confined to, such as 11;31 (default: the whole country)")
	passwordFlag(c, &file)
	return c
}

func errIf(is bool, err error) error {
	if is {
		return err
	}
	return nil
}

// scopeOf reads what an account may see.
func scopeOf(role, provinces string) (accounts.Scope, error) {
	if role == "" {
		return accounts.Scope{}, usagef("--role is missing: it is one of %s", strings.Join(accounts.Roles(), ", "))
	}
	if err := oneOf("role", role, accounts.Roles()...); err != nil {
		return accounts.Scope{}, err
	}
	s := accounts.Scope{Role: accounts.Role(role)}
	for p := range strings.FieldsFuncSeq(provinces, func(r rune) bool { return r == ';' || r == ',' || r == '；' || r == ' ' }) {
		if !slices.Contains(s.Provinces, p) {
			s.Provinces = append(s.Provinces, p)
		}
	}
	return s, nil
}

// changeAccounts lets work change the accounts and records what it did.
func (g *globals) changeAccounts(work func(cfg *Config, f *accounts.File) (action, object string, err error)) (err error) {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	log, err := audit.Open(cfg.auditFile())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	actor := "unknown"
	if u, err := user.Current(); err == nil {
		actor = u.Username
	}
	action, object, err := work(cfg, cfg.accounts())
	if err != nil {
		return err
	}
	return log.Add(audit.Entry{Actor: actor, Via: "command", Action: action, Object: object})
}

func newUserPasswd(g *globals) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "passwd NAME", Short: "Set the password of a user, unlock it and end its sessions", Args: cobra.ExactArgs(1),
		Long: "passwd sets the password of a user, ends a lock-out and all its sessions. Tokens of the user stay\nas they are; see linewarden token revoke.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.changeAccounts(func(_ *Config, f *accounts.File) (string, string, error) {
				if _, ok, err := f.User(args[0]); err != nil || !ok {
					return "", "", errors.Join(err, errIf(!ok, fmt.Errorf("%w: user %q", accounts.ErrNone, args[0])))
				}
				password, err := readPassword(cmd.InOrStdin(), g.err, file)
				if err != nil {
					return "", "", err
				}
				return "password_set", "user/" + args[0], f.SetPassword(args[0], password)
			})
		},
	}
	passwordFlag(c, &file)
	return c
}

func newUserRemove(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Remove a user with its tokens and sessions", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return g.changeAccounts(func(_ *Config, f *accounts.File) (string, string, error) {
				return "user_remove", "user/" + args[0], f.RemoveUser(args[0])
			})
		},
	}
}

// userRow is a user as other programs read it.
type userRow struct {
	Name      string     `json:"name"`
	Role      string     `json:"role"`
	Provinces []string   `json:"provinces"`
	Created   time.Time  `json:"created"`
	Changed   time.Time  `json:"password_changed"`
	Locked    *time.Time `json:"locked_until"`
}

func newUserList(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "list", Short: "List the users", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := g.config()
			if err != nil {
				return err
			}
			users, err := cfg.accounts().Users()
			if err != nil {
				return err
			}
			rows := make([]userRow, len(users))
			t := report.NewTable("用户 USER", "角色 ROLE", "省份 PROVINCES", "密码设置 PASSWORD SET", "锁定至 LOCKED UNTIL")
			for i, u := range users {
				rows[i] = userRow{Name: u.Name, Role: string(u.Role), Provinces: append([]string{}, u.Provinces...), Created: u.Created, Changed: u.Changed}
				locked := ""
				if time.Now().Before(u.Locked) {
					rows[i].Locked = &users[i].Locked
					locked = u.Locked.In(cfg.location).Format(time.RFC3339)
				}
				t.AppendRow(table.Row{u.Name, u.Role, strings.Join(u.Provinces, ";"), u.Changed.In(cfg.location).Format(time.RFC3339), locked})
			}
			return g.writeTable(t, rows, format)
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}

func (g *globals) writeTable(t table.Writer, rows any, format string) error {
	if format == "json" {
		return report.WriteValue(g.out, rows)
	}
	if _, err := fmt.Fprintln(g.out, t.Render()); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// mostPasswordLine bounds what is read of a password, in bytes.
const mostPasswordLine = 4096

// readPassword reads a password: from a file, from a terminal without showing
// it, or the first line of what else standard input is.
func readPassword(in io.Reader, say io.Writer, file string) (_ string, err error) {
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		return firstLine(f)
	}
	terminal, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return firstLine(in)
	}
	var typed [2]string
	for i, prompt := range []string{"密码 password: ", "再输入一次 again: "} {
		fmt.Fprint(say, prompt)
		text, err := term.ReadPassword(int(terminal.Fd()))
		fmt.Fprintln(say)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		typed[i] = string(text)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ")
	}
	return typed[0], nil
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, mostPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("read the password: there is none; type it on a terminal, or give it on standard input or by --password-file")
	}
	return line, nil
}
