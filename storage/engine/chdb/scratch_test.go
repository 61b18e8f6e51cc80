package chdb

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestScratch(t *testing.T) {
	home, _ := os.UserHomeDir()
	l, err := Load(filepath.Join(home, ".cache/linewarden/engine/26.7.3-stable.1/libchdb.so"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(l.Version())
	dir := os.Getenv("SCR")
	c, err := l.Connect("--path="+dir+"/data", "--config-file="+dir+"/config.xml", "--log_comment=abc")
	if err != nil {
		t.Fatal(err)
	}
	q := func(s string) {
		r, err := c.Query(s, "TSVWithNamesAndTypes", nil)
		if err != nil {
			fmt.Println(s, "=> ERR", err)
			return
		}
		fmt.Printf("%s => %q\n", s, r.Bytes())
		r.Free()
	}
	defer c.Close()
	for _, s := range []string{
		"select version(), timezone(), currentUser(), currentDatabase()",
		"select name, engine from system.databases",
		"select name,value from system.merge_tree_settings where name like 'fsync%' and changed",
		"select name,value from system.server_settings where changed",
		"select Settings from system.processes",
		"show grants",
		"select * from file('/etc/passwd','LineAsString') limit 1",
		"select * from default.`/etc/passwd` limit 1",
		"select * from '/etc/passwd' limit 1",
		"select * from url('http://127.0.0.1:1/','LineAsString') limit 1",
		"select file('/etc/passwd')",
		"create table if not exists default.t (a Int32) engine=MergeTree order by a",
		"insert into default.t values (1),\n\n(2)",
		"select count() from default.t",
		"drop database default", "create database default engine=Atomic",
		"select name, engine from system.databases",
		"show tables from default",
		"create database if not exists x", "create table if not exists x.t (a Int32) engine=MergeTree order by a",
		"show create table x.t",
	} {
		q(s)
	}
	for _, s := range []string{"select 1", "select 1; select 2", "exit", "selec 1", "insert into t (a) values", "insert into t (a) format Native", "insert into t values (1)", "", "-- c", "show tables", "system shutdown", "drop table x", "select 1 format JSON", "select {a:Int32}", "begin", "explain select 1", "optimize table x", "set a=1", "kill query where 1", "system flush logs"} {
		a, err := c.Classify(s)
		fmt.Println("classify", s, a, err)
	}
}
