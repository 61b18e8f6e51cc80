package storage

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"time"
)

// Config says where the store is and how long it keeps what.
type Config struct {
	// Addr lists addresses that are tried in order: host:port, or unix:///path.
	Addr []string
	// Database is the name of a database of the store's own; default linewarden.
	Database string
	// Username is the ClickHouse user; default "default".
	Username string
	Password string
	// TLS is how servers are spoken to; nil for connections in the clear. An
	// empty ServerName stands for the host of the address. Sockets have none.
	TLS *tls.Config
	// Cluster is the name of the cluster in the servers' configuration whose
	// shards share the tables; empty for one server or engine.
	Cluster   string
	Retention Retention
	// ThirdPartyV4 and ThirdPartyV6 are the prefix lengths of networks in
	// rollups where no ledger names a more specific one; default 24 and 48.
	ThirdPartyV4, ThirdPartyV6 int
	// Location is the carrier's time zone; default UTC.
	Location *time.Location
	Logger   *slog.Logger

	// rewrite, where tests set it, changes what is run and asked: they have a
	// cluster in one engine, without the parts that need a Keeper.
	rewrite func(sql string) (string, error)
}

// rewritten is a statement as it is run.
func (c *Config) rewritten(sql string) (string, error) {
	if c.rewrite == nil {
		return sql, nil
	}
	return c.rewrite(sql)
}

// Retention is how long rows are kept after they were stored, in whole seconds;
// zero keeps them for good.
type Retention struct {
	Flows, Rollups, Routes, Findings time.Duration
}

// identifier is what a database may be called, so that its name can stand in a
// statement as it is.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// withDefaults fills the defaults in and checks the rest.
func (c Config) withDefaults() (Config, error) {
	if c.Database == "" {
		c.Database = "linewarden"
	}
	if c.Username == "" {
		c.Username = "default"
	}
	if c.ThirdPartyV4 == 0 {
		c.ThirdPartyV4 = 24
	}
	if c.ThirdPartyV6 == 0 {
		c.ThirdPartyV6 = 48
	}
	if c.Location == nil {
		c.Location = time.UTC
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, c.check()
}

func (c *Config) check() error {
	var problems []error
	if len(c.Addr) == 0 {
		problems = append(problems, errors.New("addr is empty: name a ClickHouse server (host:port) or the socket of an engine (unix:///path)"))
	}
	for _, addr := range c.Addr {
		problems = append(problems, checkAddr(addr))
	}
	switch strings.ToLower(c.Database) {
	case "default", "system", "information_schema":
		problems = append(problems, fmt.Errorf("database %q belongs to ClickHouse: name one for Linewarden alone, such as linewarden", c.Database))
	default:
		if !identifier.MatchString(c.Database) {
			problems = append(problems, fmt.Errorf("database %q: a name has letters, digits and underscores, at most 63, and does not begin with a digit", c.Database))
		}
	}
	problems = append(problems, c.checkCluster())
	if c.ThirdPartyV4 < 1 || c.ThirdPartyV4 > 32 {
		problems = append(problems, fmt.Errorf("third_party_prefix_v4 is %d, it must be from 1 to 32", c.ThirdPartyV4))
	}
	if c.ThirdPartyV6 < 1 || c.ThirdPartyV6 > 128 {
		problems = append(problems, fmt.Errorf("third_party_prefix_v6 is %d, it must be from 1 to 128", c.ThirdPartyV6))
	}
	r := c.Retention
	for _, keep := range []time.Duration{r.Flows, r.Rollups, r.Routes, r.Findings} {
		if keep < 0 || keep%time.Second != 0 {
			problems = append(problems, fmt.Errorf("retention of %v is not a whole number of seconds", keep))
		}
	}
	return errors.Join(problems...)
}

func checkAddr(addr string) error {
	if path, ok := strings.CutPrefix(addr, unixScheme); ok {
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("addr %q: the path of a socket is absolute, as in unix:///run/linewarden/engine.sock", addr)
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("addr %q is neither host:port nor unix:///path: %w", addr, err)
	}
	return nil
}
