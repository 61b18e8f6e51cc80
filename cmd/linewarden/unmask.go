package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/console/audit"
)

// unexplained is the reason of who gave none.
const unexplained = "未说明 none given"

// unmaskFlags are those of a command that may show what is masked.
type unmaskFlags struct {
	unmasked                 bool
	reason, as, passwordFile string
	// action is what the audit log says was done; read_unmasked if it is empty.
	action string
}

func (f *unmaskFlags) bind(c *cobra.Command) {
	c.Flags().BoolVar(&f.unmasked, "unmasked", false, "show third parties, persons and restricted bodies as they are; needs --reason and the role for it, and is in the audit log")
	f.bindWho(c)
}

// bindWho binds what says who asks and why, for what is never masked.
func (f *unmaskFlags) bindWho(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.reason, "reason", "", "`text` that says why nothing is masked; it is logged and printed on what is written")
	flags.StringVar(&f.as, "as", "", "`name` of the account that may see it (default: that of the user of the system); another person's asks for its password")
	flags.StringVar(&f.passwordFile, "password-file", "", "`file` with the password of the account of --as (default: typed, or the first line of standard input)")
}

// check checks what can be checked before the store is opened. While there are no
// accounts nobody has a role, and the reason may be left out: it is told as such.
func (f *unmaskFlags) check(cfg *Config) error {
	reason := strings.TrimSpace(f.reason)
	if f.unmasked && reason == "" {
		alone, err := cfg.accounts().Empty()
		if err != nil {
			return err
		}
		if alone {
			reason, f.reason = unexplained, unexplained
		}
	}
	switch {
	case f.unmasked && reason == "":
		return usagef("--reason is missing: what is not masked says why, which is logged and printed on it")
	case !f.unmasked && f.reason != "":
		return usagef("--reason is given with --unmasked only")
	case !f.unmasked && (f.as != "" || f.passwordFile != ""):
		return usagef("--as and --password-file are given with --unmasked only")
	case strings.ContainsFunc(reason, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return usagef("--reason is one line of text")
	}
	return nil
}

// errUnmasked is the error of who asks for what he may not see.
var errUnmasked = errors.New("unmasked data is not shown")

// permit asks whether unmasked data may be shown to who asks, and writes the
// answer into the audit log before anything is shown. It returns the name that
// is printed. Without --unmasked there is nothing to ask.
//
// Whoever may run a command on a data directory may read its files, so this is
// no wall against the owner of the machine: it keeps people from showing by
// habit what they should not, and leaves a record that names both the user of
// the system, who cannot be chosen, and the account, whose password was given
// where it is another person's. While there are no accounts, the user of the
// system is who asks.
func (f *unmaskFlags) permit(ctx context.Context, cfg *Config, say io.Writer, object string, provinces ...string) (by string, err error) {
	if !f.unmasked {
		return "", nil
	}
	log, err := audit.Open(cfg.auditFile())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	system := systemUser()
	entry := audit.Entry{
		Actor: system, Via: "command", Action: cmp.Or(f.action, "read_unmasked"), Object: object, Detail: "reason=" + f.reason,
	}
	by, role, err := f.identify(ctx, cfg.accounts(), say, system, provinces)
	if err != nil {
		entry.Action, entry.Detail = "unmasked_refused", "as="+f.as+" reason="+f.reason
		return "", errors.Join(fmt.Errorf("%w: %w", errUnmasked, err), log.Add(entry))
	}
	entry.Role = string(role)
	if by != system {
		entry.Actor, entry.Detail = by, "system_user="+system+" "+entry.Detail
	}
	return by, log.Add(entry)
}

// identify finds out who asks, and whether he may see what he asks for.
func (f *unmaskFlags) identify(ctx context.Context, file *accounts.File, say io.Writer, system string, provinces []string) (by string, role accounts.Role, err error) {
	none, err := file.Empty()
	if err != nil {
		return "", "", err
	}
	if none {
		if f.as != "" && f.as != system {
			return "", "", fmt.Errorf("there are no accounts, so that --as %s cannot be checked; leave it out", f.as)
		}
		return system, "", nil
	}
	name := f.as
	if name == "" {
		name = system
	}
	u, known, err := file.User(name)
	if err != nil {
		return "", "", err
	}
	if name != system {
		// Known or not: who is asked a password learns nothing of accounts.
		password, err := readPassword(os.Stdin, say, f.passwordFile)
		if err != nil {
			return "", "", err
		}
		if u, err = file.Login(ctx, name, password); err != nil {
			return "", "", err
		}
	} else if !known {
		return "", "", fmt.Errorf("there are accounts, and %s is none of them; name one with --as", name)
	}
	return u.Name, u.Role, mayUnmask(u.Scope, provinces)
}

// mayUnmask applies to commands what the console applies to its pages: the roles
// that work cases see networks and names as they are, in their provinces.
func mayUnmask(s accounts.Scope, provinces []string) error {
	if s.Role != accounts.Compliance && s.Role != accounts.Admin {
		return fmt.Errorf("the role %s does not permit it, %s and %s do", s.Role, accounts.Compliance, accounts.Admin)
	}
	if len(s.Provinces) == 0 {
		return nil
	}
	if len(provinces) == 0 {
		return fmt.Errorf("the account is for provinces %s, and this covers the whole country", strings.Join(s.Provinces, ", "))
	}
	for _, p := range provinces {
		if !slices.Contains(s.Provinces, p) {
			return fmt.Errorf("the account is for provinces %s, and this covers %s", strings.Join(s.Provinces, ", "), p)
		}
	}
	return nil
}

// systemUser names the user of the system.
func systemUser() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}
