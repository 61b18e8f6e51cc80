package main

import (
	"log/slog"
	"net/url"
	"time"
)

// LogConfig says how the daemon writes its log, to the standard error.
type LogConfig struct {
	Format LogFormat `yaml:"format"`
}

// LogFormat is how a line of the log is written.
type LogFormat string

// The formats of the log.
const (
	logText LogFormat = "text" // key=value, for people
	logJSON LogFormat = "json" // an object a line, for collectors of logs
)

// ReloadConfig says when the daemon reads its files anew, besides at SIGHUP.
type ReloadConfig struct {
	// Watch is how often files are looked at; 0 waits for SIGHUP. A change is taken
	// when the next look finds nothing more: ledgers that are copied one after the
	// other would else be taken in halves.
	Watch Duration `yaml:"watch"`
}

// TracesConfig says where traces of audits and reports go.
type TracesConfig struct {
	// Endpoint is the address of a collector of OpenTelemetry (OTLP over HTTP), as
	// http://127.0.0.1:4318; empty makes no traces.
	Endpoint string `yaml:"endpoint"`
}

// minWatch is the shortest time between two looks at the files.
const minWatch = Duration(time.Second)

// checkLife looks at what is about the daemon as a process.
func (c *Config) checkLife(bad complain) {
	if f := c.Log.Format; f != logText && f != logJSON {
		bad("log.format", "%q is neither %q nor %q", f, logText, logJSON)
	}
	if w := c.Reload.Watch; w != 0 && w < minWatch {
		bad("reload.watch", "%v is less than a second; leave it out to wait for SIGHUP", time.Duration(w))
	}
	if e := c.Traces.Endpoint; e != "" {
		if u, err := url.Parse(e); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			bad("traces.endpoint", "%q is not an address such as http://127.0.0.1:4318", e)
		}
	}
}

// daemonLogger returns the logger of the daemon, in the format of its configuration.
func (g *globals) daemonLogger(f LogFormat) *slog.Logger {
	level := slog.LevelInfo
	if g.verbose {
		level = slog.LevelDebug
	}
	if f == logJSON {
		return slog.New(slog.NewJSONHandler(g.err, &slog.HandlerOptions{Level: level, ReplaceAttr: plainErrors}))
	}
	return g.loggerAt(level)
}

// sources are the files and directories that a reload reads; file is that of the
// configuration, empty if there is none.
func (c *Config) sources(file string) []string {
	list := append([]string{file, c.Registry.Dir, c.Registry.Calendar, c.Rules.Dir, c.BGP.RPKI.File, c.HTTP.TLS.CertFile, c.HTTP.TLS.KeyFile}, c.Registry.MMDB...)
	for _, n := range c.BGP.Neighbors {
		list = append(list, n.PasswordFile)
	}
	return list
}
