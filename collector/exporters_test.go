package collector

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/linewarden/linewarden/flows"
)

// program returns the path of a real exporter, or skips the test where it is
// not installed.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, folder := range []string{"", "/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed: the test runs a real exporter, which Debian has in a package; "+
		"the same protocols are tested on captures elsewhere", name)
	return ""
}

// flowKey is what identifies a flow in the traffic that exporters are given.
type flowKey struct {
	src, dst netip.AddrPort
	proto    uint8
}

func (k flowKey) String() string { return fmt.Sprintf("%v > %v proto %d", k.src, k.dst, k.proto) }

type volume struct{ packets, bytes uint64 }

// traffic writes a capture of n UDP flows in both families, and returns what
// an exporter has to say about it.
func traffic(t *testing.T, n int) (path string, want map[flowKey]volume) {
	t.Helper()
	return capture(t, func(send func(key flowKey, payload int)) {
		for i := range n {
			for k := range i%4 + 1 {
				send(keyOf(i), 100+10*i+k)
			}
		}
	})
}

// conversations is traffic of n flows with answers.
func conversations(t *testing.T, n int) (path string, want map[flowKey]volume) {
	t.Helper()
	return capture(t, func(send func(key flowKey, payload int)) {
		for i := range n {
			key := keyOf(i)
			answer := flowKey{key.dst, key.src, key.proto}
			send(key, 100+i)
			for k := range i%3 + 1 {
				send(answer, 1000+i+k)
			}
		}
	})
}

// keyOf returns the flow with number i, every fifth of IPv6.
func keyOf(i int) flowKey {
	src, dst := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), netip.MustParseAddr("203.0.113.9")
	if i%5 == 4 {
		src, dst = netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i)), netip.MustParseAddr("2001:db8:1::9")
	}
	return flowKey{netip.AddrPortFrom(src, uint16(40000+i)), netip.AddrPortFrom(dst, 443), 17}
}

// capture writes what is sent into a file, a millisecond apart.
func capture(t *testing.T, fill func(send func(key flowKey, payload int))) (path string, want map[flowKey]volume) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "traffic.pcap")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := pcapgo.NewWriter(file)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	want = make(map[flowKey]volume)
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	fill(func(key flowKey, payload int) {
		frame, size := udpFrame(t, key, payload)
		at = at.Add(time.Millisecond)
		info := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(frame), Length: len(frame)}
		if err := w.WritePacket(info, frame); err != nil {
			t.Fatal(err)
		}
		want[key] = volume{want[key].packets + 1, want[key].bytes + uint64(size)}
	})
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path, want
}

// udpFrame returns an Ethernet frame and the size of the IP packet in it.
func udpFrame(t *testing.T, key flowKey, payload int) (frame []byte, size int) {
	t.Helper()
	link := &layers.Ethernet{
		SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2},
		EthernetType: layers.EthernetTypeIPv4,
	}
	udp := &layers.UDP{SrcPort: layers.UDPPort(key.src.Port()), DstPort: layers.UDPPort(key.dst.Port())}
	var ip gopacket.SerializableLayer
	if key.src.Addr().Is4() {
		v4 := &layers.IPv4{
			Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP,
			SrcIP: key.src.Addr().AsSlice(), DstIP: key.dst.Addr().AsSlice(),
		}
		ip = v4
		if err := udp.SetNetworkLayerForChecksum(v4); err != nil {
			t.Fatal(err)
		}
	} else {
		link.EthernetType = layers.EthernetTypeIPv6
		v6 := &layers.IPv6{
			Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP,
			SrcIP: key.src.Addr().AsSlice(), DstIP: key.dst.Addr().AsSlice(),
		}
		ip = v6
		if err := udp.SetNetworkLayerForChecksum(v6); err != nil {
			t.Fatal(err)
		}
	}
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, link, ip, udp, gopacket.Payload(make([]byte, payload))); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes(), len(buffer.Bytes()) - 14
}

// familyOf leaves out what the protocol cannot say: NetFlow v5 has no IPv6.
func familyOf(all map[flowKey]volume, protocol flows.Version) map[flowKey]volume {
	want := make(map[flowKey]volume)
	for key, v := range all {
		if protocol != flows.NetFlow5 || key.src.Addr().Is4() {
			want[key] = v
		}
	}
	return want
}

// check ends the collector and compares what it got with the traffic.
func check(t *testing.T, d *daemon, protocol flows.Version, want map[flowKey]volume) {
	t.Helper()
	// Programs that ended have sent everything: the datagrams are at least in
	// the kernel's buffer, and the end reads it.
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	records := d.sink.all()
	checkFlows(t, records, want)
	for i := range records {
		if records[i].Source.Version != protocol {
			t.Fatalf("version %v, want %v", records[i].Source.Version, protocol)
		}
	}
	if sum := total(d.books); sum.SequenceGaps != 0 || sum.TotalDatagramsLost() != 0 || sum.TotalLost() != 0 {
		t.Errorf("%d gaps, %d datagrams and %d records lost", sum.SequenceGaps, sum.TotalDatagramsLost(), sum.TotalLost())
	}
	balance(t, d.books)
}

// checkFlows compares what arrived with what was in the traffic. An exporter
// may split a flow over records, the sums have to be right.
func checkFlows(t *testing.T, records []flows.Record, want map[flowKey]volume) {
	t.Helper()
	got := make(map[flowKey]volume)
	for i := range records {
		r := &records[i]
		key := flowKey{netip.AddrPortFrom(r.Src, r.SrcPort), netip.AddrPortFrom(r.Dst, r.DstPort), r.Proto}
		got[key] = volume{got[key].packets + r.Packets, got[key].bytes + r.Bytes}
		if age := r.Received.Sub(r.Start); age < 0 || age > time.Hour {
			t.Errorf("%v began %v before it was received at %v", key, age, r.Received)
		}
	}
	for key, v := range want {
		if got[key] != v {
			t.Errorf("%v: got %+v, sent %+v", key, got[key], v)
		}
	}
	for key, v := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%v: got %+v, sent nothing", key, v)
		}
	}
}

func execute(t *testing.T, path string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), path, args...)
	command.Dir = t.TempDir()
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", path, args, err, out)
	}
}

// TestSoftflowd has softflowd meter a capture and export it to the collector.
func TestSoftflowd(t *testing.T) {
	softflowd := program(t, "softflowd")
	capture, all := traffic(t, 40)
	for version, protocol := range map[int]flows.Version{5: flows.NetFlow5, 9: flows.NetFlow9, 10: flows.IPFIX} {
		t.Run(protocol.String(), func(t *testing.T) {
			d := start(t, testConfig(t), nil)
			execute(t, softflowd, "-r", capture, "-n", d.Sockets()[0].Local.String(), "-v", strconv.Itoa(version),
				"-a", "-d", "-c", "none", "-p", filepath.Join(t.TempDir(), "pid"))
			check(t, d, protocol, familyOf(all, protocol))
		})
	}
}

// TestSoftflowdSampling has softflowd sample one packet in ten, which each
// protocol tells in another way.
func TestSoftflowdSampling(t *testing.T) {
	const rate = 10
	softflowd := program(t, "softflowd")
	capture, _ := traffic(t, 200)
	for version, told := range map[int]flows.SamplingSource{
		5: flows.SamplingRecord, 9: flows.SamplingOptions, 10: flows.SamplingOptions,
	} {
		t.Run(strconv.Itoa(version), func(t *testing.T) {
			d := start(t, testConfig(t), nil)
			execute(t, softflowd, "-r", capture, "-n", d.Sockets()[0].Local.String(), "-v", strconv.Itoa(version),
				"-s", strconv.Itoa(rate), "-a", "-d", "-c", "none", "-p", filepath.Join(t.TempDir(), "pid"))
			checkSampling(t, d, rate, told)
		})
	}
}

// checkSampling ends the collector and checks the rate of what it got.
func checkSampling(t *testing.T, d *daemon, rate uint64, told flows.SamplingSource) {
	t.Helper()
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	records := d.sink.all()
	if len(records) < 10 {
		t.Errorf("%d records of 500 packets, want more", len(records))
	}
	for i := range records {
		if r := &records[i]; r.SamplingRate != rate || r.SamplingSource != told {
			t.Fatalf("rate %d from %v, want %d from %v", r.SamplingRate, r.SamplingSource, rate, told)
		}
	}
	balance(t, d.books)
}

// TestSoftflowdBiflow has softflowd put both directions of a conversation into
// one IPFIX record (RFC 5103).
func TestSoftflowdBiflow(t *testing.T) {
	softflowd := program(t, "softflowd")
	capture, want := conversations(t, 30)
	d := start(t, testConfig(t), nil)
	execute(t, softflowd, "-r", capture, "-n", d.Sockets()[0].Local.String(), "-v", "10", "-b",
		"-a", "-d", "-c", "none", "-p", filepath.Join(t.TempDir(), "pid"))
	check(t, d, flows.IPFIX, want)
	reverse := 0
	for _, r := range d.sink.all() {
		if r.Biflow {
			reverse++
		}
	}
	if reverse != 30 {
		t.Errorf("%d records of reverse counters, want 30", reverse)
	}
}

// TestFprobe has fprobe meter a capture from its standard input. It goes on
// when that has ended, and sends what it has left when it is told to stop.
func TestFprobe(t *testing.T) {
	fprobe := program(t, "fprobe")
	capture, all := traffic(t, 40)
	want := familyOf(all, flows.NetFlow5)
	input, err := os.Open(capture)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = input.Close() }()
	d := start(t, testConfig(t), nil)
	command := exec.CommandContext(t.Context(), fprobe, "-i", "-", "-f", "ip", "-l", "2", "-s", "1", "-d", "1", "-e", "2",
		d.Sockets()[0].Local.String())
	command.Stdin, command.Stdout, command.Stderr, command.Dir = input, t.Output(), t.Output(), t.TempDir()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	d.sink.wait(t, len(want))
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Fatalf("%s: %v", fprobe, err)
	}
	check(t, d, flows.NetFlow5, want)
}

// pmacct has pmacctd meter a capture and export it by a plugin: nfprobe, which
// has a version, or sfprobe.
func pmacct(t *testing.T, capture, plugin string, rate int, to netip.AddrPort) {
	t.Helper()
	name, version, _ := strings.Cut(plugin, " ")
	text := fmt.Sprintf("daemonize: false\npcap_savefile: %s\nplugins: %s\nsampling_rate: %d\n"+
		"aggregate: src_host, dst_host, src_port, dst_port, proto, tos\n%s_receiver: %v\n", capture, name, rate, name, to)
	if name == "nfprobe" {
		text += "nfprobe_version: " + version + "\n"
	} else {
		text += "sfprobe_agentip: 127.0.0.1\n"
	}
	config := filepath.Join(t.TempDir(), "pmacctd.conf")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program(t, "pmacctd"), "-f", config)
	command.Dir = t.TempDir()
	// At the end of the file its two processes race: where the plugin is first
	// to go, the other one calls that a failure. The flows tell.
	out, err := command.CombinedOutput()
	if err != nil && !strings.Contains(string(out), "no more plugins active. Shutting down.") {
		t.Fatalf("pmacctd: %v\n%s", err, out)
	}
}

// TestPmacct has pmacctd export as NetFlow and IPFIX by its nfprobe plugin, as
// sFlow by its sfprobe plugin.
func TestPmacct(t *testing.T) {
	capture, all := traffic(t, 40)
	for plugin, protocol := range map[string]flows.Version{
		"nfprobe 5": flows.NetFlow5, "nfprobe 9": flows.NetFlow9, "nfprobe 10": flows.IPFIX, "sfprobe": flows.SFlow5,
	} {
		t.Run(plugin, func(t *testing.T) {
			t.Parallel() // pmacctd takes seconds to end
			want := familyOf(all, protocol)
			for try := 1; ; try++ {
				d := start(t, testConfig(t), nil)
				pmacct(t, capture, plugin, 1, d.Sockets()[0].Local)
				if err := d.end(); err != nil {
					t.Fatal(err)
				}
				if try < 3 && packetsOf(d.sink.all()) < packetsIn(want) {
					t.Log("pmacctd has ended before its plugin had sent the last packets: once more")
					continue
				}
				check(t, d, protocol, want)
				return
			}
		})
	}
}

func packetsOf(records []flows.Record) (sum uint64) {
	for i := range records {
		sum += records[i].Packets
	}
	return sum
}

func packetsIn(volumes map[flowKey]volume) (sum uint64) {
	for _, v := range volumes {
		sum += v.packets
	}
	return sum
}

// TestPmacctSampling has pmacctd sample one packet in four, at random.
func TestPmacctSampling(t *testing.T) {
	capture, _ := traffic(t, 200)
	for plugin, told := range map[string]flows.SamplingSource{
		"nfprobe 5": flows.SamplingRecord, "nfprobe 9": flows.SamplingOptions, "nfprobe 10": flows.SamplingOptions,
		"sfprobe": flows.SamplingRecord,
	} {
		t.Run(plugin, func(t *testing.T) {
			t.Parallel() // pmacctd takes seconds to end
			d := start(t, testConfig(t), nil)
			pmacct(t, capture, plugin, 4, d.Sockets()[0].Local)
			checkSampling(t, d, 4, told)
		})
	}
}

// TestNfreplay passes flows through nfdump's own file, so that what arrives has
// been metered and exported by two other programs.
func TestNfreplay(t *testing.T) {
	nfpcapd, nfreplay := program(t, "nfpcapd"), program(t, "nfreplay")
	capture, all := traffic(t, 40)
	spool := t.TempDir()
	execute(t, nfpcapd, "-r", capture, "-w", spool)
	for version, protocol := range map[int]flows.Version{5: flows.NetFlow5, 9: flows.NetFlow9} {
		t.Run(protocol.String(), func(t *testing.T) {
			d := start(t, testConfig(t), nil)
			to := d.Sockets()[0].Local
			files, err := filepath.Glob(filepath.Join(spool, "nfcapd.*"))
			if err != nil || len(files) == 0 {
				t.Fatalf("nfpcapd wrote %d files, %v", len(files), err)
			}
			for _, file := range files {
				execute(t, nfreplay, "-r", file, "-H", to.Addr().String(), "-p", strconv.Itoa(int(to.Port())),
					"-v", strconv.Itoa(version))
			}
			check(t, d, protocol, familyOf(all, protocol))
		})
	}
}
