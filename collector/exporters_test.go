package collector

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	for i := range n {
		src, dst := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), netip.MustParseAddr("203.0.113.9")
		if i%5 == 4 {
			src, dst = netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i)), netip.MustParseAddr("2001:db8:1::9")
		}
		key := flowKey{netip.AddrPortFrom(src, uint16(40000+i)), netip.AddrPortFrom(dst, 443), 17}
		for k := range i%4 + 1 {
			frame, size := udpFrame(t, key, 100+10*i+k)
			at = at.Add(time.Millisecond)
			info := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(frame), Length: len(frame)}
			if err := w.WritePacket(info, frame); err != nil {
				t.Fatal(err)
			}
			want[key] = volume{want[key].packets + 1, want[key].bytes + uint64(size)}
		}
	}
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

// TestPmacct has pmacctd meter a capture and export it: as NetFlow and IPFIX by
// its nfprobe plugin, as sFlow by its sfprobe plugin.
func TestPmacct(t *testing.T) {
	pmacctd := program(t, "pmacctd")
	capture, want := traffic(t, 40)
	for name, protocol := range map[string]flows.Version{
		"nfprobe 9": flows.NetFlow9, "nfprobe 10": flows.IPFIX, "sfprobe": flows.SFlow5,
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, testConfig(t), nil)
			to := d.Sockets()[0].Local.String()
			var plugin, version string
			_, _ = fmt.Sscan(name, &plugin, &version)
			text := "daemonize: false\npcap_savefile: " + capture + "\nplugins: " + plugin + "\n" +
				"aggregate: src_host, dst_host, src_port, dst_port, proto, tos\n"
			if plugin == "nfprobe" {
				text += "nfprobe_receiver: " + to + "\nnfprobe_version: " + version + "\n"
			} else {
				text += "sfprobe_receiver: " + to + "\nsfprobe_agentip: 127.0.0.1\nsampling_rate: 1\n"
			}
			config := filepath.Join(t.TempDir(), "pmacctd.conf")
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			execute(t, pmacctd, "-f", config)
			check(t, d, protocol, want)
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
