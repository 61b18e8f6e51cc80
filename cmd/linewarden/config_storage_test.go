package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStorageConfig(t *testing.T) {
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"memory", "storage: {embedded: {memory: 4GiB}}", ""},
		{"too little memory", "storage: {embedded: {memory: 100MiB}}", "storage.embedded.memory"},
		{"servers", "storage: {clickhouse: {addr: [\"a:9000\", \"b:9440\"], password_file: " + password + ", cluster: c-1, tls: {ca_file: ca.pem, server_name: s}}}", ""},
		{"two passwords", "storage: {clickhouse: {addr: [\"a:9000\"], password: x, password_file: y}}", "keep one of the two"},
		{"half a pair", "storage: {clickhouse: {addr: [\"a:9000\"], tls: {cert_file: c.pem}}}", "cert_file and key_file"},
		{"a cluster of nothing", "storage: {clickhouse: {cluster: c}}", "needs the servers"},
		{"TLS to nothing", "storage: {clickhouse: {tls: {enabled: true}}}", "names none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(dir, "c.yaml")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := LoadConfig(file, dir)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if tt.name == "servers" {
				if got, err := c.Storage.ClickHouse.password(); err != nil || got != "from a file" {
					t.Errorf("password %q, %v", got, err)
				}
				if _, err := c.Storage.ClickHouse.TLS.config(); err == nil || !strings.Contains(err.Error(), "ca_file") {
					t.Errorf("a missing authority: %v", err)
				}
			}
			if tt.name == "memory" && c.Storage.Embedded.Memory != 4<<30 {
				t.Errorf("memory is %d", c.Storage.Embedded.Memory)
			}
		})
	}
}

// TestIdentityStays: a daemon that comes back is known to hold its lease.
func TestIdentityStays(t *testing.T) {
	dir := t.TempDir()
	first, err := identity(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := identity(dir); err != nil || again != first {
		t.Errorf("%q and then %q, %v", first, again, err)
	}
	if other, err := identity(t.TempDir()); err != nil || other == first {
		t.Errorf("two directories are both %q, %v", other, err)
	}
	if err := os.WriteFile(filepath.Join(dir, identityFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if mended, err := identity(dir); err != nil || mended == first || strings.HasSuffix(mended, "/") {
		t.Errorf("an empty file gives %q, %v", mended, err)
	}
}
