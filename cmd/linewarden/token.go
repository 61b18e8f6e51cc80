package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/report"
)

func newToken(g *globals) *cobra.Command {
	return group("token", "Manage the tokens by which programs use the API", newTokenCreate(g), newTokenRevoke(g), newTokenList(g))
}

func newTokenCreate(g *globals) *cobra.Command {
	var name, owner, role, provinces, expires string
	c := &cobra.Command{
		Use: "create --name NAME (--user USER | --role ROLE)", Short: "Make a token and print it once", Args: cobra.NoArgs,
		Long: "create prints a token to standard output. It is kept nowhere, only its hash is. A token of a\n" +
			"user has the role and provinces of the user and ends with it; one with a role stands alone.\n" +
			"Programs send it as: Authorization: Bearer TOKEN",
		RunE: func(*cobra.Command, []string) error {
			t := accounts.Token{Name: name, User: owner}
			if name == "" {
				return usagef("--name is missing: it says what the token is for")
			}
			if (owner == "") == (role == "") || owner != "" && provinces != "" {
				return usagef("give either --user, or --role and perhaps --provinces")
			}
			var err error
			if role != "" {
				if t.Scope, err = scopeOf(role, provinces); err != nil {
					return err
				}
			}
			return g.changeAccounts(func(cfg *Config, f *accounts.File) (string, string, error) {
				if t.Expires, err = expiry(expires, cfg.location); err != nil {
					return "", "", err
				}
				made, secret, err := f.AddToken(t)
				if err != nil {
					return "", "", err
				}
				fmt.Fprintf(g.err, "令牌只显示这一次 token %s, shown this once:\n", made.ID)
				if _, err := fmt.Fprintln(g.out, secret); err != nil {
					return "", "", fmt.Errorf("print the token: %w", err)
				}
				return "token_create", "token/" + made.ID, nil
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&name, "name", "", "what the token is for (required)")
	flags.StringVar(&owner, "user", "", "`user` whose role and provinces it has")
	flags.StringVar(&role, "role", "", "role of its own: "+strings.Join(accounts.Roles(), ", "))
	flags.StringVar(&provinces, "provinces", "", "`codes` of provinces it is confined to, with --role")
	flags.StringVar(&expires, "expires", "", "`time` it ends: RFC 3339, a date, which includes that day, or a span such as 90d (default: never)")
	return c
}

// expiry reads when a token ends: an instant or a span from now.
func expiry(text string, loc *time.Location) (time.Time, error) {
	var span Duration
	if text != "" && span.UnmarshalText([]byte(text)) == nil {
		return time.Now().Add(time.Duration(span)).UTC(), nil
	}
	t, err := parseInstant("expires", text, loc, true)
	if err != nil || t.IsZero() {
		return t, err
	}
	return t.UTC(), nil
}

func newTokenRevoke(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a token at once", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return g.changeAccounts(func(_ *Config, f *accounts.File) (string, string, error) {
				return "token_revoke", "token/" + args[0], f.RevokeToken(args[0])
			})
		},
	}
}

// tokenRow is a token as other programs read it.
type tokenRow struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	User      string     `json:"user"`
	Role      string     `json:"role"`
	Provinces []string   `json:"provinces"`
	Created   time.Time  `json:"created"`
	Expires   *time.Time `json:"expires"`
}

func newTokenList(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "list", Short: "List the tokens, without their secrets", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := g.config()
			if err != nil {
				return err
			}
			tokens, err := cfg.accounts().Tokens()
			if err != nil {
				return err
			}
			rows := make([]tokenRow, len(tokens))
			t := report.NewTable("ID", "名称 NAME", "用户 USER", "角色 ROLE", "省份 PROVINCES", "创建 CREATED", "失效 EXPIRES")
			for i, k := range tokens {
				rows[i] = tokenRow{ID: k.ID, Name: k.Name, User: k.User, Role: string(k.Role), Provinces: append([]string{}, k.Provinces...), Created: k.Created}
				ends := ""
				if !k.Expires.IsZero() {
					rows[i].Expires = &tokens[i].Expires
					ends = k.Expires.In(cfg.location).Format(time.RFC3339)
				}
				t.AppendRow(table.Row{k.ID, k.Name, k.User, k.Role, strings.Join(k.Provinces, ";"), k.Created.In(cfg.location).Format(time.RFC3339), ends})
			}
			return g.writeTable(t, rows, format)
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}
