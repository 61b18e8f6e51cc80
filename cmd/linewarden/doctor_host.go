package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// checkSockets asks whether every address can be bound, or is by the daemon.
func (d *doctor) checkSockets(ctx context.Context) {
	var udp []string
	udp = append(append(udp, d.cfg.Collector.Netflow.Listen...), d.cfg.Collector.SFlow.Listen...)
	if d.daemon != nil {
		if d.daemon.metrics != nil {
			d.checkBound(udp)
		}
		return
	}
	for _, address := range udp {
		d.tryBind(ctx, "udp", address)
	}
	tcp := []string{d.cfg.HTTP.Listen, d.cfg.BGP.BMP.Listen}
	if len(d.cfg.BGP.Neighbors) > 0 {
		tcp = append(tcp, d.cfg.BGP.Listen)
	}
	for _, address := range tcp {
		if address != "" {
			d.tryBind(ctx, "tcp", address)
		}
	}
}

// checkBound compares the sockets of the daemon with the configuration.
func (d *doctor) checkBound(udp []string) {
	bound := d.daemon.metrics.of("linewarden_flow_socket_buffer_bytes", "listen")
	for _, address := range udp {
		if _, ok := bound[address]; ok {
			d.ok("sockets", "udp "+address, text("守护进程正在接收", "the daemon receives on it"))
			continue
		}
		d.fail("sockets", "udp "+address, text("配置要求监听，守护进程没有监听", "it is configured, and the daemon does not receive on it"),
			text("配置在启动后改变，重启守护进程", "the configuration changed after the start; restart the daemon"))
	}
}

// tryBind binds an address for a moment.
func (d *doctor) tryBind(ctx context.Context, network, address string) {
	var (
		lc  net.ListenConfig
		err error
	)
	if network == "udp" {
		var c net.PacketConn
		if c, err = lc.ListenPacket(ctx, network, address); err == nil {
			err = c.Close()
		}
	} else {
		var l net.Listener
		if l, err = lc.Listen(ctx, network, address); err == nil {
			err = l.Close()
		}
	}
	if err == nil {
		d.ok("sockets", network+" "+address, text("可以监听", "it can be bound"))
		return
	}
	remedy := text("检查地址是否属于本机", "check that the address is one of this machine")
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		remedy = text("用 ss -lntup 找到占用者并停止，或在配置中换一个地址", "find the holder by ss -lntup and stop it, or configure another address")
	case errors.Is(err, unix.EACCES):
		remedy = text("1024 以下端口需要 CAP_NET_BIND_SERVICE，或换一个更高的端口", "ports below 1024 need CAP_NET_BIND_SERVICE; or choose a higher one")
	}
	d.fail("sockets", network+" "+address, text("不能监听："+plain(err), "it cannot be bound: "+plain(err)), remedy)
}

// checkBuffers compares the buffer that is wanted with what the kernel gives.
func (d *doctor) checkBuffers() {
	wanted := d.cfg.Collector.ReceiveBuffer
	remedy := text(fmt.Sprintf("写入 /etc/sysctl.d/90-linewarden.conf：net.core.rmem_max = %d，执行 sysctl --system 后重启守护进程", wanted),
		fmt.Sprintf("put net.core.rmem_max = %d into /etc/sysctl.d/90-linewarden.conf, run sysctl --system and restart the daemon", wanted))
	if d.daemon != nil && d.daemon.metrics != nil {
		d.checkGiven(wanted, remedy)
		return
	}
	raw, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if err != nil {
		d.warn("buffers", "net.core.rmem_max", text("不可读："+plain(err), "it cannot be read: "+plain(err)), remedy)
		return
	}
	most, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	switch {
	case err != nil:
		d.warn("buffers", "net.core.rmem_max", text("不是数字："+plain(err), "is no number: "+plain(err)), remedy)
	case most >= wanted:
		d.ok("buffers", "net.core.rmem_max", text(fmt.Sprintf("%d 字节，满足所需 %d 字节", most, wanted), fmt.Sprintf("%d bytes, %d are wanted", most, wanted)))
	default:
		d.warn("buffers", "net.core.rmem_max",
			text(fmt.Sprintf("%d 字节，小于 collector.receive_buffer 的 %d 字节，突发时会丢报文", most, wanted),
				fmt.Sprintf("%d bytes are less than the %d of collector.receive_buffer, so that bursts are lost", most, wanted)), remedy)
	}
}

// checkGiven looks at what the sockets of the daemon were given, which is more
// than net.core.rmem_max where it has CAP_NET_ADMIN.
func (d *doctor) checkGiven(wanted int, remedy rules.Text) {
	given := d.daemon.metrics.of("linewarden_flow_socket_buffer_bytes", "listen")
	for _, l := range []collector.Listen{d.cfg.Collector.Netflow, d.cfg.Collector.SFlow} {
		workers := cmp.Or(l.Workers, runtime.GOMAXPROCS(0))
		for _, address := range l.Listen {
			total, ok := given[address]
			if !ok {
				continue // said already
			}
			each := int(total) / workers
			found := text(fmt.Sprintf("每个套接字 %d 字节，配置为 %d 字节", each, wanted), fmt.Sprintf("each socket has %d bytes, %d are configured", each, wanted))
			if each < wanted {
				d.warn("buffers", "udp "+address, found, remedy)
				continue
			}
			d.ok("buffers", "udp "+address, found)
		}
	}
}

// The least room on a disk, in bytes and as a share.
const (
	failRoom, warnRoom           = 512 << 20, 5 << 30
	failRoomShare, warnRoomShare = 0.01, 0.05
)

// checkDisks looks at the room for data, spool and engine.
func (d *doctor) checkDisks() {
	d.checkDisk("data", d.cfg.DataDir, 0)
	d.checkDisk("spool", d.cfg.Collector.Spool.Dir, int64(d.cfg.Collector.Spool.MaxBytes)-sizeOf(d.cfg.Collector.Spool.Dir))
	if len(d.cfg.Storage.ClickHouse.Addr) == 0 {
		d.checkDisk("engine", d.cfg.Storage.Embedded.Path, 0)
	}
}

// checkDisk looks at the disk of dir, or of the nearest directory above that
// is there. It wants room for need bytes.
func (d *doctor) checkDisk(what, dir string, need int64) {
	place, err := filepath.Abs(dir)
	if err != nil {
		d.fail("disk", what, text(plain(err), plain(err)), text("检查当前目录", "check the working directory"))
		return
	}
	for {
		if _, err := os.Stat(place); err == nil || place == "/" {
			break
		}
		place = filepath.Dir(place)
	}
	subject := what + " " + dir
	if err := unix.Access(place, unix.W_OK|unix.X_OK); err != nil {
		d.warn("disk", subject, text(fmt.Sprintf("当前用户不能写 %s", place), fmt.Sprintf("this user cannot write to %s", place)),
			text("以守护进程的用户运行本命令，或改正目录的属主", "run this command as the user of the daemon, or correct the owner of the directory"))
	}
	var st unix.Statfs_t
	if err := unix.Statfs(place, &st); err != nil {
		d.fail("disk", subject, text("无法读取磁盘空间："+plain(err), "its room cannot be read: "+plain(err)), text("检查挂载", "check the mount"))
		return
	}
	free, share := int64(st.Bavail)*st.Bsize, float64(st.Bavail)/float64(max(1, st.Blocks))
	found := text(fmt.Sprintf("剩余 %s（%.0f%%）", bytesText(free), 100*share), fmt.Sprintf("%s free (%.0f %%)", bytesText(free), 100*share))
	remedy := text("清理或扩容磁盘，或缩短 storage.retention", "make room or enlarge the disk, or shorten storage.retention")
	switch {
	case free < failRoom || share < failRoomShare:
		d.fail("disk", subject, found, remedy)
	case free < need:
		d.warn("disk", subject, text(found.ZH+fmt.Sprintf("，缓存写满还需 %s", bytesText(need)), found.EN+fmt.Sprintf(", and a full spool needs %s more", bytesText(need))),
			text("扩容磁盘，或调小 collector.spool.max_bytes", "enlarge the disk, or lower collector.spool.max_bytes"))
	case free < warnRoom || share < warnRoomShare:
		d.warn("disk", subject, found, remedy)
	default:
		d.ok("disk", subject, found)
	}
}

// sizeOf returns the bytes of the files below dir; what cannot be read counts
// as nothing.
func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error { // an absent directory is empty
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // a file that is gone again takes no room
		}
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}

// bytesText is an amount for people.
func bytesText(n int64) string {
	const unit = 1024
	value, i := float64(n), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for value >= unit && i < len(units)-1 {
		value /= unit
		i++
	}
	return fmt.Sprintf("%.4g %s", value, units[i])
}

// Clock sanity: nothing is older than the program, and files of the daemon are
// not from the future.
const (
	leastYear = 2025
	clockStep = time.Minute
)

// checkClock looks for a clock that is unset, was put back or runs freely.
func (d *doctor) checkClock() {
	remedy := text("启用时间同步（chrony 或 systemd-timesyncd），确认时间正确后再启动", "enable time synchronisation (chrony or systemd-timesyncd), and start when the time is right")
	sound := true
	if d.now.Year() < leastYear {
		sound = false
		d.fail("clock", "", text("系统时间早于本程序："+d.now.Format(time.RFC3339), "the system's time is before this program was made: "+d.now.Format(time.RFC3339)), remedy)
	}
	if name, at := newestFile(filepath.Dir(d.cfg.Collector.StateFile), d.cfg.DataDir); at.After(d.now.Add(clockStep)) {
		sound = false
		d.fail("clock", name, text("文件时间在未来："+at.Format(time.RFC3339)+"，系统时间可能被调回", "it was written in the future, at "+at.Format(time.RFC3339)+": the clock may have been put back"), remedy)
	}
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	if err == nil && (state == unix.TIME_ERROR || tx.Status&unix.STA_UNSYNC != 0) {
		d.warn("clock", "", text("内核时钟没有与时间源同步", "the kernel's clock is not synchronised with a source"), remedy)
		return
	}
	if sound {
		d.ok("clock", "", text(d.now.Format(time.RFC3339)+"，与文件时间一致", d.now.Format(time.RFC3339)+", in order with the files"))
	}
}

// newestFile returns the file written last in the directories themselves.
func newestFile(dirs ...string) (name string, at time.Time) {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.ModTime().After(at) {
				name, at = filepath.Join(dir, e.Name()), info.ModTime()
			}
		}
	}
	return name, at
}

// oldSpool is how long flows may wait before the store is behind.
const oldSpool = 5 * time.Minute

// checkSpool looks at what waits for the store, and whether more can be taken.
func (d *doctor) checkSpool() {
	dir := d.cfg.Collector.Spool.Dir
	if d.daemon == nil || d.daemon.metrics == nil {
		size := sizeOf(dir)
		d.ok("spool", dir, text(fmt.Sprintf("占用 %s，其中未入库的流量在下次启动时补发", bytesText(size)), fmt.Sprintf("%s on disk; what of it waits is sent at the next start", bytesText(size))))
		return
	}
	m := d.daemon.metrics
	states := m.of("linewarden_spool_state", "state")
	age := time.Duration(m["linewarden_spool_oldest_seconds"]) * time.Second
	lost := 0.0
	for _, n := range m.of("linewarden_spool_lost_entries_total", "reason") {
		lost += n
	}
	waiting := fmt.Sprintf("%s, %.0f", bytesText(int64(m["linewarden_spool_bytes"])), m["linewarden_spool_entries"])
	if states[storage.SpoolOpen.String()] != 1 {
		for state := range states {
			d.fail("spool", dir, text("状态为 "+state+"，流量正在等待或丢失", "its state is "+state+": flows wait or are lost"),
				text("清理磁盘、增大 collector.spool.max_bytes，并使存储恢复", "make room on its disk, raise collector.spool.max_bytes, and bring the store back"))
		}
		return
	}
	switch {
	case age > oldSpool:
		d.warn("spool", dir, text(fmt.Sprintf("最早的一批已等待 %s（%s 批）", age, waiting), fmt.Sprintf("the oldest batch has waited for %s (%s batches)", age, waiting)),
			text("查看存储是否可用、是否过慢", "see whether the store answers, and whether it is too slow"))
	case lost > 0:
		d.warn("spool", dir, text(fmt.Sprintf("自启动以来丢失 %.0f 批，已计入账目", lost), fmt.Sprintf("%.0f batches were lost since the start, and are in the books", lost)),
			text("增大 collector.spool.max_bytes 或磁盘", "raise collector.spool.max_bytes, or enlarge the disk"))
	default:
		d.ok("spool", dir, text("可写，等待入库："+waiting+" 批", "it takes flows; waiting: "+waiting+" batches"))
	}
}
