package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/cpu"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xlsx"
	"github.com/linewarden/linewarden/storage"
	"github.com/linewarden/linewarden/storage/engine"
)

// checkLedgerFiles reads the ledgers as serve does.
func (d *doctor) checkLedgerFiles() {
	dir := d.cfg.Registry.Dir
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		d.warn("ledgers", dir, text("台账目录不存在：使用已导入的台账", "there is no such directory: what was imported is used"),
			text("建立目录并放入台账，或用 linewarden registry import 导入", "make it and put ledgers there, or use linewarden registry import"))
		return
	}
	tables, problems := registry.Read(dir, xlsx.Reader{})
	_, more := registry.Parse(tables)
	problems = append(problems, more...)
	rows, warnings := 0, 0
	for _, t := range tables {
		rows += len(t.Rows)
	}
	for _, p := range problems {
		if p.Warning {
			warnings++
		}
	}
	remedy := text("用 linewarden registry check "+dir+" 查看全部问题", "see all of them by linewarden registry check "+dir)
	if err := firstError(problems); err != nil {
		d.fail("ledgers", dir, text("台账有错，不能加载："+plain(err), "the ledgers are wrong and cannot be loaded: "+plain(err)), remedy)
		return
	}
	found := text(fmt.Sprintf("%d 个台账，%d 行，%d 条提醒", len(tables), rows, warnings), fmt.Sprintf("%d ledgers, %d rows, %d warnings", len(tables), rows, warnings))
	if warnings > 0 {
		d.warn("ledgers", dir, found, remedy)
		return
	}
	d.ok("ledgers", dir, found)
}

// checkStore opens the store as a command does, with the engine of the daemon
// where one runs, and looks at what is in it.
func (d *doctor) checkStore(ctx context.Context, log *slog.Logger) {
	cfg := *d.cfg
	embedded := len(cfg.Storage.ClickHouse.Addr) == 0
	scratch := ""
	if embedded {
		d.checkCPU()
		if d.daemon == nil && !ours(cfg.Storage.Embedded.Path) {
			// An engine started here would make its files, or leave some that the
			// user of the daemon cannot open.
			var err error
			if scratch, err = os.MkdirTemp("", "linewarden-doctor-"); err != nil {
				d.fail("engine", "", text(plain(err), plain(err)), text("检查临时目录", "check the directory of temporary files"))
				return
			}
			defer os.RemoveAll(scratch) //nolint:errcheck // nothing of value is in it
			cfg.Storage.Embedded.Path = scratch
		}
	}
	s, err := openAsIs(ctx, &cfg, true, log)
	if err != nil && (scratch == "" || !errors.Is(err, storage.ErrDatabase)) {
		d.storeTrouble(err)
		return
	}
	if scratch != "" {
		d.ok("engine", d.cfg.Storage.Embedded.Path, text("引擎可以启动（在临时目录试过）；数据目录尚未建立或属于其他用户，未打开",
			"the engine starts (tried on a temporary directory); the data is not there yet or is another user's, and was not opened"))
		if s != nil {
			err = s.closeAfter(ctx, func() error { return nil })
		}
	} else {
		err = s.closeAfter(ctx, func() error { return d.examineStore(ctx, s) })
	}
	if err != nil {
		d.storeTrouble(err)
	}
}

// ours tells whether dir is there and belongs to the user of this process.
func ours(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// checkCPU looks for what the library of the engine was compiled for.
func (d *doctor) checkCPU() {
	if cpu.X86.HasAVX2 && cpu.X86.HasBMI2 && cpu.X86.HasFMA {
		d.ok("cpu", "", text("支持 AVX2（x86-64-v3）", "has AVX2 (x86-64-v3)"))
		return
	}
	d.fail("cpu", "", text("CPU 不支持 AVX2（x86-64-v3），内嵌引擎不能运行", "the CPU lacks AVX2 (x86-64-v3), and the embedded engine cannot run"),
		text("换用 2013 年以后的 x86-64 服务器、放开虚拟机的 CPU 型号，或配置 storage.clickhouse.addr", "use a server made after 2013, pass the host's CPU model to the virtual machine, or configure storage.clickhouse.addr"))
}

// storeTrouble says why the store cannot be used.
func (d *doctor) storeTrouble(err error) {
	remedy := text("按提示处理；服务器地址在 storage.clickhouse.addr", "do as it says; the servers are in storage.clickhouse.addr")
	switch {
	case errors.Is(err, engine.ErrNoLibrary):
		remedy = text("运行 make engine，或把 libchdb.so 放到 /usr/lib，或配置 ClickHouse 服务器", "run make engine, or put libchdb.so into /usr/lib, or configure a ClickHouse server")
	case errors.Is(err, engine.ErrDiskFull), errors.Is(err, storage.ErrDiskFull):
		remedy = text("清理或扩容磁盘", "make room or enlarge the disk")
	case errors.Is(err, engine.ErrLocked):
		remedy = text("另一个进程占用引擎目录；停止它或等待其结束", "another process has the engine's directory; stop it or wait for its end")
	case errors.Is(err, storage.ErrUnreachable):
		remedy = text("检查服务器是否运行、地址端口与防火墙", "check that the server runs, its address, port and firewall")
	}
	d.fail("engine", "", text("存储不可用："+plain(err), "the store cannot be used: "+plain(err)), remedy)
}

// examineStore looks at schema, imports of ledgers, and books.
func (d *doctor) examineStore(ctx context.Context, s *opened) error {
	d.ok("engine", "", text("存储应答", "the store answers"))
	applied, newest, err := s.SchemaVersion(ctx)
	switch {
	case errors.Is(err, storage.ErrDatabase), err != nil && strings.Contains(err.Error(), "schema_versions"):
		d.ok("schema", "", text("存储为空，serve 启动时建表", "the store is empty; serve makes the tables when it starts"))
		return nil
	case err != nil:
		return err
	case applied < newest:
		d.warn("schema", "", text(fmt.Sprintf("存储为第 %d 版，本版本为第 %d 版", applied, newest), fmt.Sprintf("the store has schema %d, this version has %d", applied, newest)),
			text("升级并重启 serve，启动时自动迁移；先用 linewarden backup 备份", "restart serve of this version, which brings it up to date; make a linewarden backup before"))
		return nil
	case applied > newest:
		d.fail("schema", "", text(fmt.Sprintf("存储为第 %d 版，高于本版本的第 %d 版", applied, newest), fmt.Sprintf("the store has schema %d, newer than %d of this version", applied, newest)),
			text("使用更新的程序", "use the newer program"))
		return nil
	}
	differences, err := s.CheckSchema(ctx)
	if err != nil {
		return err
	}
	d.judgeSchema(applied, differences)
	if err := d.checkImports(ctx, s); err != nil {
		return err
	}
	if err := d.checkExporters(ctx, s); err != nil {
		return err
	}
	return d.checkCounters(ctx, s)
}

func (d *doctor) judgeSchema(version int, differences []storage.Difference) {
	var breaks, odd []string
	for _, x := range differences {
		switch {
		case x.Breaks:
			breaks = append(breaks, x.String())
		case x.What != "codec": // tables of older programs keep theirs
			odd = append(odd, x.String())
		}
	}
	remedy := text("撤销手工改动，或从备份恢复；用 linewarden schema check 复查", "undo what was changed by hand, or restore a backup; check again by linewarden schema check")
	switch {
	case len(breaks) > 0:
		list := strings.Join(breaks, "; ")
		d.fail("schema", "", text("表结构与程序不符，会丢失或误读数据："+list, "the tables do not fit, rows would be lost or misread: "+list), remedy)
	case len(odd) > 0:
		list := strings.Join(odd, "; ")
		d.warn("schema", "", text("表结构有差异："+list, "the tables differ: "+list), remedy)
	default:
		d.ok("schema", "", text(fmt.Sprintf("第 %d 版，表结构一致", version), fmt.Sprintf("schema %d, the tables fit", version)))
	}
}

// oldLedgers is the age from which ledgers are likely out of date: they are to
// be complete at the end of each quarter.
const oldLedgers = 92 * 24 * time.Hour

// checkImports looks at the age of what is in force, and whether the files
// have changed since.
func (d *doctor) checkImports(ctx context.Context, s *opened) error {
	versions, err := s.LedgerVersions(ctx)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		d.warn("ledgers", "in force", text("尚未导入任何台账，规则无从判断", "no ledgers were imported yet, and rules have nothing to judge by"),
			text("把台账放入 "+d.cfg.Registry.Dir+" 并启动 serve，或用 linewarden registry import", "put ledgers into "+d.cfg.Registry.Dir+" and start serve, or use linewarden registry import"))
		return nil
	}
	known := versions[len(versions)-1].Known
	age := d.now.Sub(known).Round(time.Minute)
	found := text("在用台账于 "+known.In(d.cfg.location).Format(time.DateTime)+" 导入", "imported at "+known.In(d.cfg.location).Format(time.RFC3339)+", "+age.String()+" ago")
	tables, problems := registry.Read(d.cfg.Registry.Dir, xlsx.Reader{})
	last, err := s.LedgerSource(ctx, "registry.dir")
	if err != nil {
		return err
	}
	switch {
	case firstError(problems) == nil && len(tables) > 0 && last != hashTables(tables):
		d.warn("ledgers", "in force", text(found.ZH+"；目录中的文件此后有改动", found.EN+"; the files have changed since"),
			text("向守护进程发送 SIGHUP（systemctl reload linewarden）", "send SIGHUP to the daemon (systemctl reload linewarden)"))
	case age > oldLedgers:
		d.warn("ledgers", "in force", found, text("超过一个季度没有更新，核对后重新导入", "older than a quarter: verify them and import again"))
	default:
		d.ok("ledgers", "in force", found)
	}
	return nil
}
