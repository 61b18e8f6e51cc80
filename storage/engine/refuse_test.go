package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// TestRefused lists statements by which a client would get at the machine.
func TestRefused(t *testing.T) {
	c := open(t, enginetest.Addr(t), single)
	db := database(t, c)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	proof := filepath.Join(t.TempDir(), "proof")
	run(t, c, "CREATE TABLE "+db+".t (s String) ENGINE = MergeTree ORDER BY s")
	for _, sql := range []string{
		"SELECT * FROM file('SECRET', 'LineAsString')",
		"SELECT file('SECRET')", "SELECT FILE /* */ ('SECRET')", "SELECT `file`('SECRET')", "SELECT \"file\"('SECRET')",
		"SELECT * APPLY(file) FROM (SELECT 'SECRET' AS s)", "SELECT * APPLY file FROM (SELECT 'SECRET' AS s)",
		"INSERT INTO DB.t VALUES (file('SECRET'))", "INSERT INTO DB.t SELECT file('SECRET')",
		"CREATE FUNCTION f AS (p) -> file(p)",
		"SELECT * FROM default.`SECRET`", "SELECT * FROM 'SECRET'", "SELECT * FROM `SECRET`",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", "SELECT * FROM remote('127.0.0.1:1', 'system.one')",
		"SELECT * FROM executable('id', 'TSV', 's String')",
		"CREATE TABLE DB.f (s String) ENGINE = File(LineAsString, 'SECRET')", "CREATE TABLE DB.f (s String) ENGINE File(LineAsString)",
		"CREATE TABLE DB.u (s String) ENGINE = URL('http://127.0.0.1:1/', LineAsString)",
		"CREATE TABLE DB.x (s String) ENGINE = Executable('id', TSV)",
		"CREATE TABLE DB.d (s String) ENGINE = Distributed('default', 'DB', 't')", "CREATE TABLE DB.d (s String) ENGINE Distributed('default', 'DB', 't')",
		"CREATE DATABASE fs ENGINE = Filesystem('/')", "CREATE DATABASE sq ENGINE = SQLite('PROOF')",
		"CREATE DICTIONARY DB.d (a UInt64, b String) PRIMARY KEY a SOURCE(EXECUTABLE(COMMAND 'id > PROOF' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(0)",
		"CREATE DICTIONARY DB.d (a UInt64, b String) PRIMARY KEY a SOURCE(CLICKHOUSE(HOST '127.0.0.1' PORT 1 TABLE 'x')) LAYOUT(FLAT()) LIFETIME(0)",
		"SELECT 1 INTO OUTFILE 'PROOF'", "INSERT INTO DB.t FROM INFILE 'SECRET' FORMAT LineAsString",
		"INSERT INTO FUNCTION file('PROOF', 'CSV') VALUES (1)", "INSERT INTO TABLE FUNCTION file('PROOF', 'CSV') SELECT 1",
		"BACKUP TABLE DB.t TO File('PROOF')", "SYSTEM SHUTDOWN", "CREATE USER u", "GRANT ALL ON *.* TO default",
		"SELECT 1; SELECT 2", "DROP TABLE DB.t; SELEC", "SELECT 1;\n-- x\nDROP TABLE DB.t", "INSERT INTO DB.t SELECT 'x'; DROP TABLE DB.t",
		"exit", "QUIT", "quit;", "q", "\\q",
		"SET log_comment = 'x'", "SELECT 1 SETTINGS log_comment = 'x'",
	} {
		text := strings.NewReplacer("SECRET", secret, "PROOF", proof, "DB", db).Replace(sql)
		if err := c.Exec(t.Context(), text); codeOf(err) == 0 {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if _, err := os.Stat(proof); err == nil {
		t.Error("something was written")
	}
	if n := one[uint64](t, c, "SELECT count() FROM "+db+".t"); n != 0 {
		t.Errorf("%d rows", n)
	}
	run(t, c, "SELECT 'file(x)' AS file, ';' AS `exit`", "SELECT file FROM (SELECT 1 AS file) WHERE file IN (1)")
}
