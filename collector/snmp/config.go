package snmp

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"
)

// Config says which devices are polled, and how. Start from DefaultConfig.
type Config struct {
	// Every is how often each device is polled.
	Every time.Duration `yaml:"every"`
	// Timeout is how long an answer may take, and Retries how often the question
	// is asked again.
	Timeout time.Duration `yaml:"timeout"`
	Retries int           `yaml:"retries"`
	// Workers is how many devices are asked at a time.
	Workers int `yaml:"workers"`
	// Agents say how devices are spoken to; the first that has a device counts.
	// Devices of none are not polled; without any there is no polling.
	Agents []Agent `yaml:"agents"`
}

// Agent says how some devices are spoken to: by a community (version 2c) or as a
// user (version 3). Secrets come from files alone.
type Agent struct {
	// Exporters are prefixes of addresses of devices.
	Exporters []netip.Prefix `yaml:"exporters"`
	// Port is where the agent listens.
	Port uint16 `yaml:"port"`
	// CommunityFile holds the community of version 2c.
	CommunityFile string `yaml:"community_file"`
	// User is that of version 3. Without AuthFile nothing is authenticated,
	// without PrivacyFile nothing is encrypted.
	User        string `yaml:"user"`
	Auth        string `yaml:"auth"` // sha, sha224, sha256, sha384, sha512, md5
	AuthFile    string `yaml:"auth_file"`
	Privacy     string `yaml:"privacy"` // aes, aes192, aes256, aes192c, aes256c, des
	PrivacyFile string `yaml:"privacy_file"`
}

// DefaultConfig returns the configuration of an empty file, which polls nothing.
func DefaultConfig() Config {
	return Config{Every: time.Minute, Timeout: 2 * time.Second, Retries: 2, Workers: 32}
}

// authProtocols and privacyProtocols are by the words of the configuration; the
// empty word is the default.
var (
	authProtocols = map[string]gosnmp.SnmpV3AuthProtocol{
		"": gosnmp.SHA256, "md5": gosnmp.MD5, "sha": gosnmp.SHA, "sha224": gosnmp.SHA224, "sha256": gosnmp.SHA256, "sha384": gosnmp.SHA384, "sha512": gosnmp.SHA512,
	}
	privacyProtocols = map[string]gosnmp.SnmpV3PrivProtocol{
		"": gosnmp.AES, "des": gosnmp.DES, "aes": gosnmp.AES, "aes192": gosnmp.AES192, "aes256": gosnmp.AES256, "aes192c": gosnmp.AES192C, "aes256c": gosnmp.AES256C,
	}
)

// Validate returns every problem of the configuration, each with its key. It does
// not look into files.
func (c Config) Validate() error {
	var problems []error
	problem := func(key, format string, args ...any) {
		problems = append(problems, fmt.Errorf("collector.snmp.%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if c.Every < 10*time.Second || c.Every > 10*time.Minute {
		problem("every", "%v is not from 10s to 10m, within which counters can be told from new ones", c.Every)
	}
	if c.Timeout <= 0 || c.Retries < 0 || c.Timeout*time.Duration(c.Retries+1) > c.Every {
		problem("timeout", "%v with %d retries is longer than the interval", c.Timeout, c.Retries)
	}
	if c.Workers < 1 {
		problem("workers", "%d is less than one", c.Workers)
	}
	for i := range c.Agents {
		c.Agents[i].validate(fmt.Sprintf("agents[%d].", i), problem)
	}
	return errors.Join(problems...)
}

func (a *Agent) validate(key string, problem func(key, format string, args ...any)) {
	if len(a.Exporters) == 0 {
		problem(key+"exporters", "names no device; 0.0.0.0/0 and ::/0 are all of the ledgers")
	}
	if (a.CommunityFile == "") == (a.User == "") {
		problem(key+"community_file", "needs either community_file (version 2c) or user (version 3)")
	}
	if a.CommunityFile != "" && (a.AuthFile != "" || a.PrivacyFile != "") {
		problem(key+"auth_file", "is of version 3, which needs user")
	}
	if _, known := authProtocols[a.Auth]; !known {
		problem(key+"auth", "%q is none of sha, sha224, sha256, sha384, sha512, md5", a.Auth)
	}
	if _, known := privacyProtocols[a.Privacy]; !known {
		problem(key+"privacy", "%q is none of aes, aes192, aes256, aes192c, aes256c, des", a.Privacy)
	}
	if a.PrivacyFile != "" && a.AuthFile == "" {
		problem(key+"privacy_file", "needs auth_file too: what is encrypted is authenticated (RFC 3414)")
	}
}

// defaultPort is that of SNMP agents (RFC 3417).
const defaultPort = 161

// credentials are an Agent with its secrets.
type credentials struct {
	Agent
	community, auth, privacy string
}

// read reads the secrets of an agent.
func (a Agent) read() (credentials, error) {
	c := credentials{Agent: a}
	if c.Port == 0 {
		c.Port = defaultPort
	}
	for _, secret := range []struct {
		file string
		to   *string
	}{{a.CommunityFile, &c.community}, {a.AuthFile, &c.auth}, {a.PrivacyFile, &c.privacy}} {
		if secret.file == "" {
			continue
		}
		text, err := os.ReadFile(secret.file)
		if err != nil {
			return c, fmt.Errorf("read a secret of SNMP: %w", err)
		}
		if *secret.to = strings.TrimSpace(string(text)); *secret.to == "" {
			return c, fmt.Errorf("read a secret of SNMP: %s is empty", secret.file)
		}
	}
	return c, nil
}

// has tells whether a device is spoken to in this way.
func (c *credentials) has(exporter netip.Addr) bool {
	for _, p := range c.Exporters {
		if p.Contains(exporter) {
			return true
		}
	}
	return false
}

// session returns a session with a device, which is not connected yet.
func (c *credentials) session(exporter netip.Addr, config *Config) *gosnmp.GoSNMP {
	s := &gosnmp.GoSNMP{
		Target: exporter.String(), Port: c.Port, Transport: "udp", Timeout: config.Timeout, Retries: config.Retries,
		MaxOids: gosnmp.MaxOids, MaxRepetitions: repetitions, Version: gosnmp.Version2c, Community: c.community,
	}
	if c.User == "" {
		return s
	}
	user := &gosnmp.UsmSecurityParameters{UserName: c.User}
	s.Version, s.SecurityModel, s.MsgFlags, s.SecurityParameters = gosnmp.Version3, gosnmp.UserSecurityModel, gosnmp.NoAuthNoPriv, user
	if c.auth != "" {
		s.MsgFlags = gosnmp.AuthNoPriv
		user.AuthenticationProtocol, user.AuthenticationPassphrase = authProtocols[c.Auth], c.auth
	}
	if c.privacy != "" {
		s.MsgFlags = gosnmp.AuthPriv
		user.PrivacyProtocol, user.PrivacyPassphrase = privacyProtocols[c.Privacy], c.privacy
	}
	return s
}
