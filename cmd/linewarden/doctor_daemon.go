package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/console"
)

// daemonState is what a running daemon says of itself.
type daemonState struct {
	metrics samples // nil when it could not be asked
}

// samples are values of /metrics by the text of their series.
type samples map[string]float64

// parseSamples reads the text format of Prometheus, as the client writes it:
// labels ordered by name, no blank between them.
func parseSamples(metrics string) samples {
	s := make(samples)
	for line := range strings.Lines(metrics) {
		line = strings.TrimSpace(line)
		end := strings.LastIndexByte(line, ' ')
		if end < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := strconv.ParseFloat(line[end+1:], 64); err == nil {
			s[line[:end]] = v
		}
	}
	return s
}

// of returns the values of a metric with one label, by the value of the label.
func (s samples) of(metric, label string) map[string]float64 {
	found := make(map[string]float64)
	for series, v := range s {
		rest, ok := strings.CutPrefix(series, metric+"{"+label+"=")
		if !ok {
			continue
		}
		if name, err := strconv.Unquote(strings.TrimSuffix(rest, "}")); err == nil {
			found[name] = v
		}
	}
	return found
}

// askDaemon finds out whether a daemon runs on the data directory, and how it is.
func (d *doctor) askDaemon(ctx context.Context) {
	if !daemonRuns(d.cfg.DataDir) {
		d.ok("daemon", d.cfg.DataDir, text("该数据目录上没有守护进程运行，按启动前的状态检查", "no daemon runs on this data directory; checked as before a start"))
		return
	}
	d.daemon = &daemonState{}
	address := d.cfg.HTTP.Listen
	if _, port, err := net.SplitHostPort(address); err == nil && port == "0" {
		d.warn("daemon", address, text("守护进程在运行，但 http.listen 的端口为 0，无法询问", "a daemon runs, and cannot be asked as the port of http.listen is 0"),
			text("将 http.listen 设为固定端口", "give http.listen a fixed port"))
		return
	}
	metrics, checks, err := d.question(ctx)
	if err != nil {
		d.fail("daemon", address, text("守护进程在运行，但无法询问："+plain(err), "a daemon runs and cannot be asked: "+plain(err)),
			text("查看守护进程日志；确认本命令与守护进程使用同一配置，且 http.listen 包含本机回环地址", "see the log of the daemon; make sure that this command reads the daemon's configuration, and that http.listen takes the loopback address"))
		return
	}
	d.daemon.metrics = metrics
	ready := true
	for _, c := range checks {
		if !c.OK {
			ready = false
			d.fail("readyz", c.Name, text("未就绪："+c.Detail, "not ready: "+c.Detail), text("按说明处理，并查看守护进程日志", "do as it says, and see the log of the daemon"))
		}
	}
	if ready {
		d.ok("daemon", address, text("守护进程在运行且就绪", "a daemon runs and is ready"))
	}
	d.checkDaemonHistory()
}

// question asks the daemon for its metrics and the conditions of its readiness.
func (d *doctor) question(ctx context.Context) (samples, []console.Check, error) {
	client, base, err := consoleClient(d.cfg.HTTP)
	if err != nil {
		return nil, nil, err
	}
	defer client.CloseIdleConnections()
	metrics, err := answer(ctx, client, base+"/metrics")
	if err != nil {
		return nil, nil, err
	}
	body, err := answer(ctx, client, base+"/readyz")
	if err != nil {
		return nil, nil, err
	}
	var checks []console.Check
	if err := json.Unmarshal(body, &checks); err != nil {
		return nil, nil, fmt.Errorf("read the answer of the daemon to /readyz: %w", err)
	}
	return parseSamples(string(metrics)), checks, nil
}

// askTime bounds one question to the daemon.
const askTime = 10 * time.Second

// consoleClient returns a client for the console on this machine, which lets
// programs here see its health without an account. By TLS it trusts the
// certificate of the configuration and no other.
func consoleClient(c HTTPConfig) (client *http.Client, base string, err error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, "", fmt.Errorf("http.listen: %w", err)
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	transport := &http.Transport{}
	scheme := "http"
	if c.TLS != (TLSConfig{}) {
		leaf, err := certificateOf(c.TLS)
		if err != nil {
			return nil, "", err
		}
		scheme = "https"
		trusted := x509.NewCertPool()
		trusted.AddCert(leaf)
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted, ServerName: nameOf(leaf)}
	}
	client = &http.Client{
		Transport: transport, Timeout: askTime,
		// A login page is no answer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client, scheme + "://" + net.JoinHostPort(host, port), nil
}

// certificateOf returns the first certificate of the console.
func certificateOf(c TLSConfig) (*x509.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("http.tls: %w", err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("http.tls.cert_file: %w", err)
	}
	return leaf, nil
}

// nameOf returns a name that a certificate is for.
func nameOf(c *x509.Certificate) string {
	switch {
	case len(c.DNSNames) > 0:
		return strings.Replace(c.DNSNames[0], "*", "any", 1)
	case len(c.IPAddresses) > 0:
		return c.IPAddresses[0].String()
	}
	return c.Subject.CommonName
}

// answer returns what the daemon answers. One that is not ready answers too.
func answer(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return body, nil
}

// certificateTime is how long before its end a certificate is to be renewed.
const certificateTime = 21 * 24 * time.Hour

// checkCertificate looks at the certificate of the console.
func (d *doctor) checkCertificate() {
	c := d.cfg.HTTP.TLS
	if c == (TLSConfig{}) {
		return
	}
	leaf, err := certificateOf(c)
	if err != nil {
		d.fail("tls", c.CertFile, text("证书不能使用："+plain(err), "the certificate cannot be used: "+plain(err)), text("改正 http.tls 的文件", "correct the files of http.tls"))
		return
	}
	end := leaf.NotAfter.In(d.cfg.location).Format(time.RFC3339)
	remedy := text("更新证书后发送 SIGHUP", "renew it and send SIGHUP")
	switch {
	case d.now.After(leaf.NotAfter), d.now.Before(leaf.NotBefore):
		d.fail("tls", c.CertFile, text("证书不在有效期内，到期 "+end, "the certificate is not valid now, its end is "+end), remedy)
	case d.now.Add(certificateTime).After(leaf.NotAfter):
		d.warn("tls", c.CertFile, text("证书将于 "+end+" 到期", "the certificate ends "+end), remedy)
	default:
		d.ok("tls", c.CertFile, text("证书有效至 "+end, "the certificate is valid until "+end))
	}
}

// checkDaemonHistory looks at what went wrong since the start.
func (d *doctor) checkDaemonHistory() {
	m := d.daemon.metrics
	if m["linewarden_reload_failed"] == 1 {
		d.fail("reload", "", text("最近一次重新加载失败，仍在使用之前的配置与台账", "the last reload failed; the configuration and ledgers before it are in use"),
			text("按守护进程日志改正文件（也可用 linewarden registry check），再发送 SIGHUP", "correct the file that the log names (linewarden registry check helps), and send SIGHUP again"))
	} else {
		d.ok("reload", "", text("最近一次加载成功", "the last load succeeded"))
	}
	if n := m["linewarden_engine_restarts_total"]; n > 0 {
		d.warn("engine", "", text(fmt.Sprintf("内嵌引擎自启动以来意外退出并重启 %.0f 次", n), fmt.Sprintf("the embedded engine ended by itself and was started again %.0f times", n)),
			text("查看日志中的退出原因；内存不足时调小 storage.embedded.memory 或增加内存", "see the log for why; where memory ran out, lower storage.embedded.memory or add memory"))
	}
	if n := m["linewarden_audit_failures_total"]; n > 0 {
		d.warn("audit", "", text(fmt.Sprintf("自启动以来有 %.0f 次规则运行失败", n), fmt.Sprintf("%.0f runs of the rules have failed since the start", n)),
			text("查看日志中的原因，再用 linewarden audit 补跑", "see the log for why, and run linewarden audit for those days"))
	}
	lost := 0.0
	for series, v := range m {
		if strings.HasPrefix(series, "linewarden_flow_datagrams_lost_total{") && strings.Contains(series, `reason="kernel_drop"`) {
			lost += v
		}
	}
	if lost > 0 {
		d.warn("sockets", "", text(fmt.Sprintf("内核因接收缓冲不足丢弃 %.0f 个报文", lost), fmt.Sprintf("the kernel dropped %.0f datagrams for want of receive buffer", lost)),
			text("增大 net.core.rmem_max 与 collector.receive_buffer，或增加 CPU 与采集器", "raise net.core.rmem_max and collector.receive_buffer, or add cores or a collector"))
	}
}

// checkSessions looks at BGP neighbours, BMP routers and RPKI caches.
func (d *doctor) checkSessions() {
	if d.daemon == nil || d.daemon.metrics == nil {
		return
	}
	up := d.daemon.metrics.of("linewarden_bgp_peer_up", "peer")
	down := 0
	for _, n := range d.cfg.BGP.Neighbors {
		peer := n.Address.String()
		state, known := up[peer]
		switch {
		case !known:
			d.warn("bgp", peer, text("守护进程不知道该邻居", "the daemon does not know this neighbour"), text("配置在启动后改变，重启守护进程", "the configuration changed after the start; restart the daemon"))
		case state != 1:
			down++
			d.warn("bgp", peer, text(fmt.Sprintf("与 AS%d 的会话未建立", n.ASN), fmt.Sprintf("the session with AS%d is not established", n.ASN)),
				text("在对端检查邻居地址、AS 号、TCP 端口与访问控制；本端只在 "+d.cfg.BGP.Listen+" 被动等待连接", "check address, AS number, TCP port and filters at the neighbour, which must connect to "+d.cfg.BGP.Listen+": this side only waits"))
		default:
			d.ok("bgp", peer, text(fmt.Sprintf("与 AS%d 的会话已建立", n.ASN), fmt.Sprintf("the session with AS%d is established", n.ASN)))
		}
	}
	routers := d.daemon.metrics["linewarden_bmp_routers"]
	switch {
	case routers > 0:
		d.ok("bmp", d.cfg.BGP.BMP.Listen, text(fmt.Sprintf("%.0f 台路由器已连接", routers), fmt.Sprintf("%.0f routers are connected", routers)))
	case down == len(d.cfg.BGP.Neighbors): // none at all is meant too
		d.warn("bgp", "", text("没有任何路由来源：依赖路由的规则无法判断", "there is no source of routes: rules that need them cannot judge"),
			text("配置 bgp.neighbors 或让路由器以 BMP 连接 "+d.cfg.BGP.BMP.Listen, "configure bgp.neighbors, or let routers connect by BMP to "+d.cfg.BGP.BMP.Listen))
	}
	caches := d.daemon.metrics.of("linewarden_rpki_cache_up", "cache")
	for _, cache := range slices.Sorted(maps.Keys(caches)) {
		if caches[cache] == 1 {
			d.ok("rpki", cache, text("缓存已连接", "the cache is connected"))
			continue
		}
		d.warn("rpki", cache, text("缓存未连接", "the cache is not connected"), text("检查缓存的地址、端口与进程", "check address, port and process of the cache"))
	}
}
