package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
)

// ClickHouseConfig names servers; without addresses the embedded engine is
// used.
type ClickHouseConfig struct {
	// Addr lists servers in the order in which they are tried.
	Addr         []string        `yaml:"addr"`
	Database     string          `yaml:"database"`
	Username     string          `yaml:"username"`
	Password     string          `yaml:"password"`
	PasswordFile string          `yaml:"password_file"`
	TLS          ClientTLSConfig `yaml:"tls"`
	// Cluster is the name under which the servers know each other (remote_servers).
	// Tables are then replicated and distributed.
	Cluster string `yaml:"cluster"`
}

// ClientTLSConfig says how servers are trusted, and how this client shows who it
// is. Any file or name of it switches TLS on.
type ClientTLSConfig struct {
	Enabled    bool   `yaml:"enabled"`
	CAFile     string `yaml:"ca_file"`     // PEM; empty trusts what the system trusts
	CertFile   string `yaml:"cert_file"`   // PEM, of this client
	KeyFile    string `yaml:"key_file"`    // PEM, of this client
	ServerName string `yaml:"server_name"` // in the certificate; empty is the host of the address
}

// EmbeddedConfig is the engine inside.
type EmbeddedConfig struct {
	Path string `yaml:"path"`
	// Memory bounds what the engine takes, in bytes; 0 is half of what the machine
	// or its control group has.
	Memory Size `yaml:"memory"`
}

// minEngineMemory is the least with which the engine merges parts of flows.
const minEngineMemory = 512 << 20

// checkStorage looks at what leads to the store.
func (c *Config) checkStorage(bad complain) {
	if m := c.Storage.Embedded.Memory; m != 0 && m < minEngineMemory {
		bad("storage.embedded.memory", "%d bytes are less than 512MiB, the least the engine works with; leave it out for half of the machine", m)
	}
	s := c.Storage.ClickHouse
	if s.Password != "" && s.PasswordFile != "" {
		bad("storage.clickhouse.password_file", "is named beside a password; keep one of the two")
	}
	if (s.TLS.CertFile == "") != (s.TLS.KeyFile == "") {
		bad("storage.clickhouse.tls", "cert_file and key_file are named together or not at all")
	}
	if len(s.Addr) > 0 {
		return
	}
	if s.Cluster != "" {
		bad("storage.clickhouse.cluster", "%q needs the servers of the cluster in storage.clickhouse.addr", s.Cluster)
	}
	if s.TLS != (ClientTLSConfig{}) {
		bad("storage.clickhouse.tls", "is for servers, and storage.clickhouse.addr names none")
	}
}

// config reads the files of a TLS configuration; nil when there is none.
func (t ClientTLSConfig) config() (*tls.Config, error) {
	if t == (ClientTLSConfig{}) {
		return nil, nil //nolint:nilnil // connections in the clear
	}
	cfg := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		var err error
		if cfg.RootCAs, err = certificatesOf("storage.clickhouse.tls.ca_file", t.CAFile); err != nil {
			return nil, err
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("storage.clickhouse.tls.cert_file and key_file: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// password returns the password of the server, from the file if one is named.
func (c ClickHouseConfig) password() (string, error) {
	if c.PasswordFile == "" {
		return c.Password, nil
	}
	return passwordOf("storage.clickhouse.password_file", c.PasswordFile)
}

// passwordOf reads the file that a key of the configuration names.
func passwordOf(key, file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// certificatesOf reads the authorities of the file that a key of the
// configuration names.
func certificatesOf(key, file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: %s has no certificate in PEM", key, file)
	}
	return pool, nil
}
